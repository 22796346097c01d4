"""What to do when a training needs more memory than the device has."""

from __future__ import annotations

from collections.abc import Callable

import torch

from layergraph.errors import NotEnoughMemoryError
from layergraph.training.fitting_batch import Fit
from layergraph.training.options import TrainingOptions
from layergraph.wording import byte_count, shortened, visible

# the allocator of the CPU has no error class of its own
_TEXTS = ("can't allocate memory", "not enough memory")


def memory_advice(
    error: Exception, options: TrainingOptions, batch_size: int, fit: Callable[[], Fit | None] = lambda: None
) -> NotEnoughMemoryError | None:
    """The error that says how to train in less memory; ``None`` if ``error`` has another cause.

    Args:
        error: what ended the training.
        options: those of the training.
        batch_size: the images of a mini-batch, which may be fewer than the options ask for.
        fit: estimates the mini-batch that fits.

    >>> options = TrainingOptions("sgdm", mini_batch_size=8, execution_environment="cpu")
    >>> print(memory_advice(MemoryError("no room"), options, 8))  # doctest: +ELLIPSIS
    train_network: mini_batch_size must be below 8 for the memory of this device, got 8; use ...
    >>> memory_advice(OSError("no file"), options, 8)
    """
    is_cpu = isinstance(error, RuntimeError) and any(text in str(error) for text in _TEXTS)
    if not (is_cpu or isinstance(error, (MemoryError, torch.OutOfMemoryError))):
        return None
    first_line = visible(str(error).partition("\n")[0])
    cause = f" ({type(error).__name__}: {shortened(first_line, 160)})"
    if options.solver == "lbfgs":
        return NotEnoughMemoryError(
            "train_network: solver must be one with mini-batches for the memory of this device, such as "
            f"'adam', got 'lbfgs', whose iterations take all {batch_size} images at once{cause}"
        )
    if batch_size == 1:
        return NotEnoughMemoryError(
            "train_network: one image must fit the memory of this device with all its features; train on "
            f"smaller images or patches, or with precision='bf16-mixed'{cause}"
        )
    # the features of the images take most of the memory, so that half of the images need about half of it
    parts, needs = 2, "for about half of the memory"
    try:
        found = fit()
    except Exception:  # such as that of a layer of the user's own; it must not hide the error of the training
        found = None
    if found is not None and found.batch_size < batch_size:
        # the fewest parts that fit, so that all of them are one step of the solver
        parts = next(n for n in range(2, batch_size + 1) if batch_size // n <= max(found.batch_size, 1))
        needs = f"(by estimate, {found.batch_size} fit the {byte_count(found.memory)} of this device)"
    smaller = batch_size // parts
    same = "the same" if smaller * parts == batch_size else "about the same"
    return NotEnoughMemoryError(
        f"train_network: mini_batch_size must be below {batch_size} for the memory of this device, got "
        f"{options.mini_batch_size}; use mini_batch_size={smaller} {needs}, with "
        f"accumulate_grad_batches={parts * options.accumulate_grad_batches} for steps of {same} number of "
        f"images{cause}"
    )
