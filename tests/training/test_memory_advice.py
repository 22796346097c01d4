"""A training that runs out of memory says what to do, and loses no network."""

import pytest
import torch

from layergraph import NotEnoughMemoryError
from layergraph.analyze import analyze_network
from layergraph.training import TrainingOptions
from layergraph.training.fitting_batch import Fit, fitting_batch
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


def test_the_estimate_of_what_fits():
    """The parts are the fewest that fit, so that all of them are one step of the solver."""
    options = TrainingOptions("sgdm", mini_batch_size=16)
    for fitting, smaller, group, same in [
        (6, 5, 3, "about the same"),
        (5, 5, 3, "about the same"),
        (4, 4, 4, "the same"),
    ]:
        text = str(memory_advice(CUDA, options, 16, lambda count=fitting: Fit(count, 2**30, 3 * 2**29)))
        assert (
            f"use mini_batch_size={smaller} (by estimate, {fitting} fit the 1.5 GiB of this device), " in text
        )
        assert f"with accumulate_grad_batches={group} for steps of {same} number of images (" in text
    assert "use mini_batch_size=1 (by estimate, 0 fit" in str(
        memory_advice(CUDA, options, 16, lambda: Fit(0, 2**30, 2**30))
    )
    # an estimate that contradicts the error, or fails, is no help
    for fit in (lambda: Fit(16, 2**30, 2**31), lambda: 1 / 0, lambda: None):
        assert "mini_batch_size=8 for about half" in str(memory_advice(CUDA, options, 16, fit))


@pytest.mark.parametrize(("precision", "item_bytes"), [("32-true", 4), ("64-true", 8)])
def test_the_fitting_batch_needs_the_memory_that_the_analysis_estimates(
    tiny, monkeypatch, precision, item_bytes
):
    lgraph, memory = tiny(batch_norm=True), 10**6
    monkeypatch.setattr("layergraph.training.fitting_batch._memory_of", lambda device: memory)
    fit = fitting_batch(lgraph, TrainingOptions("adam", precision=precision), torch.device("cpu"))
    costs = analyze_network(lgraph).costs(fit.batch_size, f"float{8 * item_bytes}")
    # two copies in the state of Adam, and two to go back to
    expected = costs.peak_bytes_training - costs.state_bytes + 4 * costs.learnable_bytes
    assert fit.step == expected
    assert expected <= 0.9 * memory < expected + expected / fit.batch_size


def test_no_image_fits(tiny, monkeypatch):
    monkeypatch.setattr("layergraph.training.fitting_batch._memory_of", lambda device: 100)
    assert fitting_batch(tiny(), TrainingOptions("sgdm"), torch.device("cpu")).batch_size == 0


def test_lbfgs_has_no_mini_batches():
    assert "such as 'adam', got 'lbfgs', whose iterations take all 16 images" in str(
        memory_advice(CUDA, TrainingOptions("lbfgs"), 16)
    )


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
