"""The training run on Lightning."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from lightning import Callback, Trainer

from layergraph.errors import ArgumentError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.network.network import Network
from layergraph.training.batches.items import Items
from layergraph.training.batches.loader import BatchLoader
from layergraph.training.batches.mini_batches import MiniBatches
from layergraph.training.callbacks.callback_group import CallbackGroup
from layergraph.training.callbacks.checkpoint_writer import CheckpointWriter
from layergraph.training.callbacks.divergence_guard import DivergenceGuard
from layergraph.training.callbacks.final_statistics import FinalStatistics
from layergraph.training.callbacks.final_validation import FinalValidation
from layergraph.training.callbacks.monitoring import monitoring
from layergraph.training.callbacks.random_states import RandomStates
from layergraph.training.callbacks.recording import Recording
from layergraph.training.callbacks.same_ending import SameEnding
from layergraph.training.callbacks.signal_stop import SignalStop
from layergraph.training.callbacks.validator import Validator
from layergraph.training.checkpoints.checkpoint_file import CheckpointFiles
from layergraph.training.checkpoints.resume import Resume, recipe_of
from layergraph.training.ending import Ending
from layergraph.training.fitting_batch import fitting_batch
from layergraph.training.info import TrainingInfo
from layergraph.training.interrupts import stop_request
from layergraph.training.lightning_module import TrainingModule
from layergraph.training.memory_advice import memory_advice
from layergraph.training.monitor.log import TrainingLog
from layergraph.training.monitor.page_data import Plan
from layergraph.training.no_profiler import NoProfiler
from layergraph.training.optimization.solvers import frozen_parameters
from layergraph.training.options import TrainingOptions
from layergraph.training.processes.device_choice import DeviceChoice
from layergraph.training.processes.processes import Processes
from layergraph.training.processes.synchronized_norm import synchronized_norms
from layergraph.training.quiet_lightning import quiet_lightning
from layergraph.training.statistics.one_value import explain_one_value
from layergraph.training.torch_settings import same_flags, set_channels_last
from layergraph.training.unfinished_network import attach_network
from layergraph.training.validation.validation_set import ValidationSet


def run(
    net: Network,
    items: Items,
    options: TrainingOptions,
    log: TrainingLog,
    choice: DeviceChoice,
    processes: Processes,
    validation: ValidationSet | None = None,
    resume: Resume | None = None,
) -> TrainingInfo:
    """Train ``net``, the network of ``items.lgraph``, in place; then it is on the CPU, in evaluation mode.

    A signal that ends a process ends the training after the running iteration; a second Ctrl-C is a
    ``KeyboardInterrupt``. An error after the first iteration contains the network.
    """
    batches = MiniBatches(
        len(items),
        # its curvature must not change with the mini-batch
        len(items) if options.solver == "lbfgs" else options.mini_batch_size,
        options.shuffle,
        items.seed,
        start=resume.iterations if resume else 0,
        group=options.accumulate_grad_batches,
        processes=processes,
    )
    if batches.size < processes.count:
        raise ArgumentError(
            f"train_network: mini_batch_size must be at least the number of devices, {processes.count}, and "
            f"there must be as many items, got mini-batches of {batches.size}"
        )
    epoch_length = len(batches) // batches.group
    recipe = recipe_of(options, len(items), items.seed, epoch_length, processes.count)
    module = TrainingModule(net, items.lgraph, options, items.metric, epoch_length, processes)
    # pinned memory is a feature of CUDA; "gpu" may also be Apple's
    pinned = choice.accelerator == "gpu" and torch.cuda.is_available()
    num_workers = options.num_workers or int(options.dispatch_in_background)
    loader = BatchLoader(items, batches, num_workers=num_workers, pinned=pinned, processes=processes)
    frozen = frozen_parameters(net, items.lgraph)
    ending = Ending(resume.warnings if resume else ())
    plan = Plan(epoch_length, options.max_epochs)
    with (
        quiet_lightning(),
        same_flags(),
        stop_request() as stop,
        _normalization(net, items.lgraph, processes, batches.size, synchronized=options.sync_batchnorm),
        monitoring(options, log, items.metric, plan, ending) as monitor,
    ):
        # called in this order
        callbacks: list[Callback] = [
            Recording(items),
            DivergenceGuard(items, batches, ending),
            monitor,
            FinalStatistics(items, options, stop, ending),
            SignalStop(stop, ending),  # after the statistics, which a signal may end
        ]
        if validation is not None:
            callbacks.insert(2, Validator(validation, options, plan.iterations, stop, ending))
            callbacks.insert(-1, FinalValidation(validation, options, stop, ending))
        if processes.count > 1:
            callbacks.append(SameEnding(processes, stop, ending))
        if options.checkpoint_path:
            # after all that may stop the training, so that it can continue from there
            callbacks.append(CheckpointWriter(options, epoch_length, ending))
        if options.checkpoint_path or resume:
            callbacks.append(RandomStates(processes))
        group = CallbackGroup(callbacks)
        trainer = Trainer(
            accelerator=choice.accelerator,
            # by default, Lightning takes all GPUs, in one process each
            devices=choice.devices,
            num_nodes=choice.num_nodes,
            strategy=choice.strategy,
            # MiniBatches gives each process its part
            use_distributed_sampler=False,
            max_epochs=options.max_epochs,
            precision=options.precision,
            accumulate_grad_batches=batches.group,
            # None leaves the flags of the user as they are
            deterministic=options.deterministic or None,
            callbacks=[group],
            profiler=NoProfiler(),
            plugins=[CheckpointFiles(module, recipe, resume.state if resume else None)],
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        # Lightning trains in the mode that it finds
        net.train()
        if options.channels_last:
            set_channels_last(net, last=True)
        # the optimizer does not have these, so that it would not clear their gradients
        for parameter in frozen:
            parameter.requires_grad_(False)
        try:
            trainer.fit(module, loader, ckpt_path=str(resume.path) if resume else None)
            # Lightning calls no hook if the checkpoint is from the end of the training
            if not group.has_started:
                group.on_train_start(trainer, module)
                group.on_train_end(trainer, module)
        except SystemExit as error:
            if isinstance(error.__context__, KeyboardInterrupt):  # Lightning raises it for Ctrl-C
                raise KeyboardInterrupt from None
            raise
        except Exception as error:
            advice = memory_advice(
                error,
                options,
                batches.size,
                lambda: fitting_batch(items.sized_lgraph, options, trainer.strategy.root_device),
            )
            if trainer.global_step:  # before, there is no result to lose
                net.zero_grad()
                net.cpu().eval()
                attach_network(advice or error, net, trainer.global_step)
            if advice is not None:
                raise advice from error
            raise
        finally:
            loader.close()
            for parameter in frozen:
                parameter.requires_grad_(True)
            if options.channels_last:
                set_channels_last(net, last=False)
    net.zero_grad()
    net.eval()
    log.print_end(ending.reason)
    if ending.checkpoint is not None:
        log.print_checkpoint(ending.checkpoint)
    return TrainingInfo.of(
        module.series.numbers(),
        items.metric,
        ending.reason,
        ending.warnings,
        validation=validation is not None,
        final_validation=ending.final_validation,
        output_network_iteration=ending.output_iteration,
    )


def _normalization(
    net: Network, lgraph: LayerGraph, processes: Processes, batch_size: int, *, synchronized: bool
) -> AbstractContextManager[None]:
    """Batch normalization for the training: as options ask for it, or with an error for a single value."""
    if synchronized and processes.count > 1:
        return synchronized_norms(net)
    # two images give at least two values per channel: only mini-batches of one need the hooks
    return explain_one_value(net, lgraph) if batch_size < 2 * processes.count else nullcontext()
