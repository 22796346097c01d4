"""The start of the processes of a training."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import torch

from layergraph.training.options import TrainingOptions
from layergraph.training.processes.device_choice import DeviceChoice
from layergraph.training.processes.processes import Processes
from layergraph.training.quiet_lightning import quiet_lightning


@contextmanager
def processes_of(choice: DeviceChoice) -> Iterator[Processes]:
    """Start the other processes, if there are several and no one else starts them.

    Lightning runs the program of this process once more per device. Its connection outlives the block, for
    further trainings of the program. An error that the others do not have closes it, so that none waits
    forever.
    """
    if choice.num_processes == 1:
        yield Processes()
        return
    from lightning import Fabric

    with quiet_lightning():
        # before the Trainer starts them, which would be after the seed and the statistics are known
        fabric = Fabric(
            accelerator=choice.accelerator, devices=choice.devices, num_nodes=choice.num_nodes, strategy="ddp"
        )
        fabric.launch()
    processes = Processes(fabric.global_rank, fabric.world_size)
    try:
        yield processes
    except BaseException as error:
        if error is not processes.common_error:
            torch.distributed.destroy_process_group()
        raise


def quiet_options(options: TrainingOptions, processes: Processes) -> TrainingOptions:
    """The options, in all processes but the first without output: no log, page or output function."""
    if processes.rank == 0:
        return options
    return replace(options, verbose=False, plots="none", serve=False, logger=(), output_fcn=())


def is_first_process() -> bool:
    """Whether this process writes the results of a training, as the first of several or the only one."""
    if torch.distributed.is_available() and torch.distributed.is_initialized():
        return torch.distributed.get_rank() == 0
    return os.environ.get("LOCAL_RANK", "0") == "0"  # after an error that ends the connection
