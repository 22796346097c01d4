"""The devices of a training: what the options ask for, and what they cannot have."""

import sys

import pytest

from layergraph import ArgumentError
from layergraph.training import TrainingOptions
from layergraph.training.processes.device_choice import DeviceChoice, choose_devices


@pytest.fixture(autouse=True)
def _outside_of_clusters(monkeypatch):
    for name in ("LOCAL_RANK", "NODE_RANK", "WORLD_SIZE", "TORCHELASTIC_RUN_ID", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "train.py", raising=False)


@pytest.fixture
def four_gpus(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.device_count", lambda: 4)


def choice(**options):
    return choose_devices(TrainingOptions("sgdm", **options))


def refusal(**options):
    with pytest.raises(ArgumentError) as caught:
        choice(**options)
    return str(caught.value)


@pytest.mark.parametrize(
    ("options", "expected", "count"),
    [
        ({}, ("gpu", 1, 1, "auto"), 1),
        ({"execution_environment": "multi-gpu"}, ("gpu", 4, 1, "ddp"), 4),
        ({"execution_environment": "parallel"}, ("gpu", 4, 1, "ddp"), 4),
        ({"devices": -1}, ("gpu", 4, 1, "ddp"), 4),
        ({"devices": [1, 3]}, ("gpu", [1, 3], 1, "ddp"), 2),
        ({"devices": [2]}, ("gpu", [2], 1, "auto"), 1),
        ({"devices": 3, "execution_environment": "cpu"}, ("cpu", 3, 1, "ddp"), 3),
        ({"devices": 2, "strategy": "DDP"}, ("gpu", 2, 1, "ddp"), 2),
    ],
)
def test_choices(four_gpus, options, expected, count):
    assert choice(**options) == DeviceChoice(*expected)
    assert choice(**options).num_processes == count


def test_parallel_without_a_gpu_is_the_cpu(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert choice(execution_environment="parallel") == DeviceChoice("cpu", 1, 1, "auto")


@pytest.mark.parametrize("value", [0, -2, "two", 1.5, True, [], [0, 0], [-1], ["0"]])
def test_devices_that_are_none(four_gpus, value):
    assert "devices must be 'auto', a number of devices, -1 for all GPUs, or" in refusal(devices=value)


def test_more_devices_than_there_are(four_gpus):
    assert refusal(devices=5).endswith("those that torch finds, 4 GPUs, got 5")
    assert refusal(devices=[4]).endswith("those that torch finds, 4 GPUs, got [4]")
    assert refusal(devices=[0, 1], execution_environment="cpu").endswith("on the CPU, got [0, 1]")


@pytest.mark.parametrize("strategy", ["fsdp", "ddp_spawn", "ddp_notebook", "deepspeed", 3])
def test_other_strategies(four_gpus, strategy):
    text = refusal(devices=2, strategy=strategy)
    assert text.startswith("train_network: strategy must be 'auto', 'ddp', 'ddp_find_unused_parameters_true'")


def test_a_notebook_has_no_program_to_run_again(four_gpus, monkeypatch):
    monkeypatch.delattr(sys.modules["__main__"], "__file__")
    assert "devices must be 1 in a notebook or a Python prompt, got 2 devices" in refusal(devices=2)


def test_several_machines_need_a_launcher(four_gpus, monkeypatch):
    assert "start it on each machine with torchrun or srun" in refusal(devices=2, num_nodes=2)
    monkeypatch.setenv("NODE_RANK", "0")
    assert choice(devices=2, num_nodes=2).num_processes == 4


def test_torchrun_must_start_as_many(four_gpus, monkeypatch):
    for name, value in {"TORCHELASTIC_RUN_ID": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}.items():
        monkeypatch.setenv(name, value)
    assert "must be the 2 processes that torchrun started, got 1" in refusal()
    assert choice(devices=2).num_processes == 2
