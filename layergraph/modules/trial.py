"""Trial runs of a copy of a torch module: without data where possible, with no trace in the module."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from math import prod
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch._guards import detect_fake_mode
from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensor, FakeTensorMode, unset_fake_temporarily

from layergraph.free_memory import free_memory
from layergraph.modules.isolation import default_device, preserve_random_state, silence

T = TypeVar("T")
Shapes = Sequence[tuple[int, ...]]


class Inputs(Protocol):
    """Makes new inputs, by default as many observations as the shapes have."""

    def __call__(self, batch: int | None = None) -> list[Tensor]: ...


# a run with data may take this many times the memory of its inputs
_MEMORY_FACTOR = 64

# parts of messages that torch raises as plain RuntimeError when an operation needs data: x.numpy(), a custom
# operation, formatting
_NO_DATA = ("tensor subclasses", "FakeTensor", "fake impl", "data pointer", "'meta' device", "TorchScript")


def trial_run(
    module: nn.Module,
    shapes: Shapes,
    use: Callable[[nn.Module, Inputs], T],
    *,
    dtype: torch.dtype | None = None,
    with_data: bool = True,
) -> tuple[T, bool]:
    """Return ``use(copy of the module, function that makes inputs)``, and whether that took data.

    The module's mode, weights and device stay as they are, and so do all random states.

    Args:
        module: the module.
        shapes: the shapes of the inputs, the batch first.
        use: what to run.
        dtype: the dtype of the inputs; by default that of the module's weights.
        with_data: run with data if the module cannot run without.
    """
    tensors = [*module.parameters(), *module.buffers()]
    device = next((tensor.device for tensor in tensors), torch.device("cpu"))
    dtype = dtype or input_dtype(module)
    # 1. with fake tensors, which have a device and no data. The meta device would be simpler, but a module
    # that makes a tensor on the device of its weights would get one with data, and mixing them fails
    try:
        with preserve_random_state(), silence(), unset_fake_temporarily(), default_device(device):
            mode = detect_fake_mode(tensors) or FakeTensorMode(allow_non_fake_inputs=True)
            fake = _fake_copy(module, mode)

            def empty(batch: int | None = None) -> list[Tensor]:
                return [torch.empty(s, dtype=dtype, device=device) for s in with_batch_size(shapes, batch)]

            with mode:
                return use(fake, empty), False
    except Exception as error:
        if not (with_data and device.type != "meta" and lacks_data(error)):
            raise
        if not _fits_into_memory(tensors, shapes, dtype):
            raise MemoryError(
                "its values decide what it does, and memory is too small to run it with data"
            ) from error
    # 2. with random data, where values decide, as in ``if x.max() > 0``: the same numbers on every device
    generator = torch.Generator().manual_seed(0)

    def random(batch: int | None = None) -> list[Tensor]:
        sizes = with_batch_size(shapes, batch)
        numbers = [torch.rand(size, generator=generator, device="cpu") for size in sizes]
        return [tensor.to(device, dtype) for tensor in numbers]

    with preserve_random_state(device), silence(), default_device(device):
        return use(deep_copy(module), random), True


def with_batch_size(shapes: Shapes, batch: int | None) -> Shapes:
    """The shapes with this number of observations, or as they are for ``None``."""
    return shapes if batch is None else [(batch, *shape[1:]) for shape in shapes]


def input_dtype(module: nn.Module) -> torch.dtype:
    """The dtype of the module's inputs: that of its weights."""
    tensors = [*module.parameters(), *module.buffers()]
    return next((t.dtype for t in tensors if t.is_floating_point()), torch.float32)


def _fake_copy(module: nn.Module, mode: FakeTensorMode) -> nn.Module:
    """A copy with fake tensors, also for tensors that are plain attributes."""
    memo: dict[int, Any] = {}
    attributes = [x for x in plain_attributes(module, Tensor) if not isinstance(x, FakeTensor)]
    for tensor in [*module.parameters(), *module.buffers(), *attributes]:
        # the mode could convert any tensor, but takes ten times as long
        if type(tensor) in (Tensor, nn.Parameter) and tensor.layout == torch.strided:
            empty: Any = FakeTensor(mode, torch.empty_like(tensor, device="meta"), tensor.device)
            if isinstance(tensor, nn.Parameter):  # the mark that nn.Parameter sets; calling it would copy
                empty._is_param = True
            memo[id(tensor)] = empty.requires_grad_(tensor.requires_grad)
    with FakeCopyMode(mode):
        return deep_copy(module, memo)


def deep_copy(module: nn.Module, memo: dict[int, Any] | None = None) -> nn.Module:
    """Copy a module, also one that keeps results of computations or random generators.

    ``copy.deepcopy`` alone refuses both: for example the weight that pruning and the old weight
    normalization compute.
    """
    memo = {} if memo is None else memo
    for tensor in plain_attributes(module, Tensor):
        if not tensor.is_leaf and id(tensor) not in memo:
            memo[id(tensor)] = tensor.detach().clone()
    for generator in plain_attributes(module, torch.Generator):
        memo.setdefault(id(generator), generator.clone_state())
    try:
        with torch.no_grad():  # with gradients TorchScript makes parameters that no solver takes
            copied = copy.deepcopy(module, memo)
    except Exception as error:
        raise RuntimeError(f"it cannot be copied, and a network needs a copy: {error}") from error
    for parameter, original in zip(copied.parameters(), module.parameters(), strict=True):
        parameter.requires_grad_(original.requires_grad)
    return copied


def plain_attributes(module: nn.Module, kind: type[T]) -> Iterator[T]:
    """The attributes of this type of a module and its parts, without parameters and buffers."""
    for part in module.modules():
        yield from (value for value in vars(part).values() if isinstance(value, kind))


def lacks_data(error: BaseException | None) -> bool:
    """Whether a run failed because fake tensors have no values, which is no fault of the module."""
    while error is not None:
        if type(error).__module__ == FakeTensor.__module__ or any(text in str(error) for text in _NO_DATA):
            return True
        error = error.__cause__ or error.__context__
    return False


def _fits_into_memory(tensors: Sequence[Tensor], shapes: Shapes, dtype: torch.dtype) -> bool:
    weights = sum(tensor.nbytes for tensor in tensors)
    inputs = dtype.itemsize * sum(map(prod, shapes))
    return weights + _MEMORY_FACTOR * inputs <= free_memory()
