"""Trial runs of a torch module: without data where that is possible, and without touching it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor, nn
from torch._guards import detect_fake_mode
from torch._subclasses.fake_tensor import FakeCopyMode, FakeTensor, FakeTensorMode, unset_fake_temporarily

from layergraph.modules.isolation import default_device, free_memory, preserve_random_state, silence

T = TypeVar("T")
Shapes = Sequence[tuple[int, ...]]


class Inputs(Protocol):
    """Makes new inputs, on request for another number of observations."""

    def __call__(self, batch: int | None = None) -> list[Tensor]: ...


# how much more than the inputs and the weights a run with data may take
_ROOM = 64

# in errors of torch that say no more than RuntimeError: x.numpy(), an operation of one's own, formatting
_MISSING = ("tensor subclasses", "FakeTensor", "fake impl", "data pointer", "'meta' device", "TorchScript")


def trial_run(
    module: nn.Module,
    shapes: Shapes,
    use: Callable[[nn.Module, Inputs], T],
    *,
    dtype: torch.dtype | None = None,
    with_data: bool = True,
) -> tuple[T, bool]:
    """What ``use`` returns for a copy of the module, and whether that took data.

    ``use`` gets the copy and a function that makes new inputs of these shapes. The copy has fake tensors,
    which have a device and no data. Where values decide, as in ``if x.max() > 0``, a copy with data runs, if
    memory allows. The module's mode, weights, device and all random states stay as they are.

    Args:
        dtype: that of the inputs; by default that of the module's weights.
        with_data: whether it may run with data.
    """
    tensors = [*module.parameters(), *module.buffers()]
    device = next((tensor.device for tensor in tensors), torch.device("cpu"))
    dtype = dtype or input_dtype(module)
    try:
        with preserve_random_state(), silence(), unset_fake_temporarily(), default_device(device):
            mode = detect_fake_mode(tensors) or FakeTensorMode(allow_non_fake_inputs=True)
            fake = _fake_copy(module, mode)

            def empty(batch: int | None = None) -> list[Tensor]:
                return [torch.empty(s, dtype=dtype, device=device) for s in with_batch_size(shapes, batch)]

            with mode:
                return use(fake, empty), False
    except Exception as fault:
        if not (with_data and device.type != "meta" and lacks_data(fault)):
            raise
        if not _fits_into_memory(tensors, shapes, dtype):
            raise MemoryError(
                "values decide what it does, and memory is too small to run it with data"
            ) from fault
    generator = torch.Generator().manual_seed(0)

    def random(batch: int | None = None) -> list[Tensor]:
        numbers = [
            torch.rand(shape, generator=generator, device="cpu") for shape in with_batch_size(shapes, batch)
        ]
        return [tensor.to(device, dtype) for tensor in numbers]

    with preserve_random_state(device), silence(), default_device(device):
        return use(deep_copy(module), random), True


def with_batch_size(shapes: Shapes, batch: int | None) -> Shapes:
    """The shapes with another number of observations."""
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
        # what the mode itself does for any tensor takes ten times as long
        if type(tensor) in (Tensor, nn.Parameter) and tensor.layout == torch.strided:
            empty: Any = FakeTensor(mode, torch.empty_like(tensor, device="meta"), tensor.device)
            if isinstance(tensor, nn.Parameter):  # as nn.Parameter marks it, which would copy it
                empty._is_param = True
            memo[id(tensor)] = empty.requires_grad_(tensor.requires_grad)
    with FakeCopyMode(mode):
        return deep_copy(module, memo)


def deep_copy(module: nn.Module, memo: dict[int, Any] | None = None) -> nn.Module:
    """A deep copy, also of a module that keeps results of computations, or random generators.

    ``copy.deepcopy`` refuses them: the weight that old weight normalization and pruning compute, for example.
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
        raise RuntimeError(f"it cannot be copied, as each network needs a copy: {error}") from error
    for parameter, original in zip(copied.parameters(), module.parameters(), strict=True):
        parameter.requires_grad_(original.requires_grad)
    return copied


def plain_attributes(module: nn.Module, kind: type[T]) -> Iterator[T]:
    """The attributes of this type that a module and its parts have; not parameters and buffers."""
    for part in module.modules():
        yield from (value for value in vars(part).values() if isinstance(value, kind))


def lacks_data(fault: BaseException | None) -> bool:
    """Whether a run failed because fake tensors have no values: no fault of the module."""
    while fault is not None:
        if type(fault).__module__ == FakeTensor.__module__:
            return True
        if any(words in str(fault) for words in _MISSING):
            return True
        fault = fault.__cause__ or fault.__context__
    return False


def _fits_into_memory(tensors: Sequence[Tensor], shapes: Shapes, dtype: torch.dtype) -> bool:
    """Whether a copy of the weights, inputs of these shapes and many times as much fit into free memory."""
    needed = sum(tensor.nbytes for tensor in tensors)
    for shape in shapes:
        number = dtype.itemsize * _ROOM
        for length in shape:
            number *= length
        needed += number
    return needed <= free_memory()
