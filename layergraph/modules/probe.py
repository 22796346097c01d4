"""What a torch module costs, measured on a copy of it without data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from layergraph.layers.memory import INDEX_BYTES, Amount
from layergraph.modules.meta import skeleton_of

Shapes = Sequence[tuple[int, ...]]


def multiply_adds(module: nn.Module, shapes: Shapes) -> int:
    """Half the operations that torch's ``FlopCounterMode`` counts in inference."""
    skeleton, dtype = skeleton_of(module)
    inputs = [torch.empty(shape, dtype=dtype, device="meta") for shape in shapes]
    counter = FlopCounterMode(display=False)
    with counter, torch.no_grad(), torch.random.fork_rng(devices=[]):
        skeleton.eval()(*inputs)
    return int(counter.get_total_flops()) // 2


@dataclass(frozen=True)
class Memory:
    """The memory of one run.

    Attributes:
        outputs: what each result takes.
        shares: whether the first result is in the memory of the first input.
        scratch: what is taken besides inputs and results, at its peak.
        kept_inputs, kept_outputs: which of them autograd keeps.
        private: what it keeps besides.
    """

    outputs: tuple[Amount, ...]
    shares: bool
    scratch: Amount
    kept_inputs: tuple[int, ...]
    kept_outputs: tuple[int, ...]
    private: Amount


def memory(module: nn.Module, shapes: Shapes, *, training: bool) -> Memory:
    """The memory that a run takes; ``shapes`` are those of the inputs, the batch first."""
    two, three = (_run(module, [(batch, *shape[1:]) for shape in shapes], training) for batch in (2, 3))
    return Memory(
        tuple(map(_growing, two.outputs, three.outputs)),
        two.shares,
        _growing(two.scratch, three.scratch),
        two.kept_inputs,
        two.kept_outputs,
        _growing(two.private, three.private),
    )


def _run(module: nn.Module, shapes: Shapes, training: bool) -> Memory:
    skeleton, dtype = skeleton_of(module)
    skeleton.train(training)
    inputs = [torch.empty(shape, dtype=dtype, device="meta", requires_grad=training) for shape in shapes]
    inputs = [x * 1 if training else x for x in inputs]  # as in a network, where they are results
    own = {_memory(tensor) for tensor in [*skeleton.parameters(), *skeleton.buffers()]}
    saved: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.dim() and _memory(tensor) not in own:  # Python's numbers have no dimension
            saved[_memory(tensor)] = tensor
        return tensor

    peak = _Peak()
    hooks = saved_tensors_hooks(pack, lambda tensor: tensor)
    with torch.set_grad_enabled(training), torch.random.fork_rng(devices=[]), hooks, peak:
        result = skeleton(*inputs)
    outputs = [result] if isinstance(result, Tensor) else list(result)
    given, made = [_memory(x) for x in inputs], [_memory(x) for x in outputs]
    private = [tensor for key, tensor in saved.items() if key not in {*given, *made}]
    scratch = peak.num_bytes - sum(
        {key: _num_bytes(x) for key, x in zip(made, outputs, strict=True) if key not in given}.values()
    )
    return Memory(
        tuple(_amount([x]) for x in outputs),
        made[0] == given[0],
        Amount(max(scratch, 0) // dtype.itemsize),
        tuple(index for index, key in enumerate(given) if key in saved),
        tuple(index for index, key in enumerate(made) if key in saved and key not in given),
        _amount(private),
    )


class _Peak(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """The most bytes of new tensors alive at once."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.alive: dict[Any, int] = {}
        self.num_bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {_weakly(x) for x in tree_leaves(args) if isinstance(x, Tensor)}
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                key = _weakly(tensor)
                if key not in given:
                    self.alive[key] = _num_bytes(tensor)
        self.alive = {key: size for key, size in self.alive.items() if not key.expired()}
        self.num_bytes = max(self.num_bytes, sum(self.alive.values()))
        return result


def _weakly(tensor: Tensor) -> Any:
    """The tensor's memory, without keeping it alive."""
    return cast(Any, StorageWeakRef)(tensor.untyped_storage())


def _memory(tensor: Tensor) -> int:
    return int(tensor.untyped_storage()._cdata)


def _num_bytes(tensor: Tensor) -> int:
    return int(tensor.untyped_storage().nbytes())


def _amount(tensors: Iterable[Tensor]) -> Amount:
    """The memory of these: what is no number of the network's dtype in words of 64 bits."""
    numbers = others = 0
    for tensor in tensors:
        if tensor.is_floating_point():
            numbers += _num_bytes(tensor) // tensor.dtype.itemsize
        else:
            others += _num_bytes(tensor)
    return Amount(numbers, -(-others // INDEX_BYTES))


def _growing(two: Amount, three: Amount) -> Amount:
    """An amount that grows with the batch, from that of two and that of three observations."""
    numbers, indices = three.numbers - two.numbers, three.indices - two.indices
    return Amount(numbers, indices, two.numbers - 2 * numbers, two.indices - 2 * indices)
