"""A training that runs out of memory says what to do, and loses no network."""

import pytest
import torch

from layergraph import NotEnoughMemoryError
from layergraph.training import TrainingOptions
from layergraph.training.memory_advice import memory_advice
from layergraph.training.unfinished_network import unfinished_network

CUDA = torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nGPU 0 has a total capacity")
CPU = RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory")


@pytest.mark.parametrize("error", [CUDA, CPU, MemoryError("no room")])
def test_advice(error):
    options = TrainingOptions("sgdm", mini_batch_size=16, accumulate_grad_batches=2)
    text = str(memory_advice(error, options, 16))
    assert "mini_batch_size=8 for about half" in text
    assert "accumulate_grad_batches=4" in text
    assert "\n" not in text
    assert type(error).__name__ in text


def test_a_single_image_cannot_be_halved():
    text = str(memory_advice(CUDA, TrainingOptions("sgdm", mini_batch_size=1), 1))
    assert "one image must fit" in text
    assert "bf16-mixed" in text


def test_other_errors_have_no_advice():
    assert memory_advice(RuntimeError("shape"), TrainingOptions("sgdm"), 4) is None


def test_an_allocation_that_fails_ends_training_with_the_network(tiny, pairs, train):
    def allocate(record):
        if record.iteration == 2:
            torch.empty(2**60, dtype=torch.uint8)

    with pytest.raises(NotEnoughMemoryError, match=r"mini_batch_size=2 .*alloc") as caught:
        train(pairs(4), tiny(), max_epochs=5, output_fcn=allocate)
    assert isinstance(caught.value, MemoryError)
    assert caught.value.__cause__ is not None
    net = unfinished_network(caught.value)
    assert net is not None
    assert not net.training
