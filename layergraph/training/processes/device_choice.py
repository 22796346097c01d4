"""The devices of a training, from its options."""

from __future__ import annotations

import os
import sys
from typing import Any, Literal, NamedTuple

import torch

from layergraph.errors import ArgumentError, LayergraphError
from layergraph.training.options import TrainingOptions
from layergraph.wording import counted, listed, quoted

STRATEGIES = ("auto", "ddp", "ddp_find_unused_parameters_true", "ddp_find_unused_parameters_false")


class DeviceChoice(NamedTuple):
    """The devices of each machine, as Lightning takes them, and the number of processes on all machines."""

    accelerator: Literal["cpu", "gpu"]
    devices: int | list[int]
    num_nodes: int
    strategy: str

    @property
    def num_processes(self) -> int:
        """The number of processes."""
        return self.num_nodes * (self.devices if isinstance(self.devices, int) else len(self.devices))


def choose_devices(options: TrainingOptions) -> DeviceChoice:
    """The devices that the options ask for.

    Raises:
        ArgumentError: there are fewer, or they cannot train together.
        LayergraphError: torch finds no GPU.
    """
    accelerator = _accelerator(options)
    strategy = options.strategy.lower() if isinstance(options.strategy, str) else options.strategy
    if strategy not in STRATEGIES:
        reason = "each process must have the whole network, and return it to its script"
        raise ArgumentError(
            f"train_network: strategy must be {listed(STRATEGIES, len(STRATEGIES))}, got "
            f"{quoted(options.strategy)}; {reason}"
        )
    devices = _devices(options, accelerator)
    choice = DeviceChoice(accelerator, devices, options.num_nodes, strategy)
    if choice.num_processes > 1 and strategy == "auto":
        choice = choice._replace(strategy="ddp")
    _check_environment(choice)
    return choice


def _accelerator(options: TrainingOptions) -> Literal["cpu", "gpu"]:
    environment, has_cuda = options.execution_environment, torch.cuda.is_available()
    if environment in ("auto", "parallel"):
        return "gpu" if has_cuda else "cpu"
    if environment == "cpu":
        return "cpu"
    if not (has_cuda or torch.backends.mps.is_available()):
        raise LayergraphError(
            "TrainingOptions: execution_environment must be 'auto' or 'cpu' where torch finds no GPU, got "
            f"{environment!r}"
        )
    return "gpu"


def _devices(options: TrainingOptions, accelerator: Literal["cpu", "gpu"]) -> int | list[int]:
    value: Any = options.devices
    # Apple's GPU is one device, which torch does not count
    available = max(torch.cuda.device_count(), 1) if accelerator == "gpu" else None
    if value == "auto":
        takes_all = options.execution_environment in ("multi-gpu", "parallel")
        return available if takes_all and available is not None else 1
    if value in (-1, "-1") and available is not None:
        return available
    is_list = isinstance(value, (list, tuple))
    numbers = list(value) if is_list else [value]
    is_whole = all(type(number) is int and number >= (0 if is_list else 1) for number in numbers)
    if not (numbers and is_whole and len({*numbers}) == len(numbers)):
        raise ArgumentError(
            "train_network: devices must be 'auto', a number of devices, -1 for all GPUs, or a list of "
            f"indices of GPUs, got {quoted(value)}"
        )
    if available is None:
        if is_list and numbers != [0]:
            raise ArgumentError(
                f"train_network: devices must be a number of processes on the CPU, got {quoted(value)}"
            )
        return 1 if is_list else int(value)
    if (max(numbers) + 1 if is_list else value) > available:
        raise ArgumentError(
            f"train_network: devices must be those that torch finds, {counted(available, 'GPU')}, got "
            f"{quoted(value)}"
        )
    return numbers if is_list else int(value)


def _check_environment(choice: DeviceChoice) -> None:
    """Raise where the processes could not start, or would train a network each."""
    from lightning.fabric.plugins.environments.slurm import SLURMEnvironment
    from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment

    is_torchrun = TorchElasticEnvironment.detect()
    if is_torchrun and (started := int(os.environ["WORLD_SIZE"])) != choice.num_processes:
        raise ArgumentError(
            f"train_network: devices × num_nodes must be the {started} processes that torchrun started, got "
            f"{choice.num_processes}; give TrainingOptions(..., devices=..., num_nodes=...) as to torchrun"
        )
    is_external = is_torchrun or SLURMEnvironment.detect() or "LOCAL_RANK" in os.environ
    if choice.num_nodes > 1 and not (is_external or "NODE_RANK" in os.environ):
        raise ArgumentError(
            f"train_network: num_nodes must be 1 in a program that only this machine runs, got "
            f"{choice.num_nodes}; start it on each machine with torchrun or srun"
        )
    # the processes run the program of this one anew, which must be a file
    if choice.num_processes > 1 and not is_external and not hasattr(sys.modules["__main__"], "__file__"):
        raise ArgumentError(
            "train_network: devices must be 1 in a notebook or a Python prompt, got "
            f"{choice.num_processes} devices; write the training to a file and run that, since each device "
            "runs the program"
        )
    is_connected = torch.distributed.is_available() and torch.distributed.is_initialized()
    if is_connected and choice.num_processes not in (1, before := torch.distributed.get_world_size()):
        raise ArgumentError(
            f"train_network: devices × num_nodes must stay {before} in this program, as before, got "
            f"{choice.num_processes}; train with other devices in another program"
        )
