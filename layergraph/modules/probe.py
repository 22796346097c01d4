"""The cost of a torch module, measured on a copy of it, without data where possible."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from layergraph.amounts import INDEX_BYTES, Amount
from layergraph.modules.behavior import WriteRecorder, storage_id
from layergraph.modules.copying import NO_WRITES, all_inputs, find_writes, protect_inputs
from layergraph.modules.trial import Inputs, Shapes, lacks_data, trial_run, with_batch_size


def multiply_adds(module: nn.Module, shapes: Shapes) -> int:
    """The multiply-adds in inference: half the operations that torch's ``FlopCounterMode`` counts."""

    def use(copied: nn.Module, inputs: Inputs) -> int:
        given = inputs()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            copied.eval()(*given)
        return int(counter.get_total_flops())

    return trial_run(module, shapes, use)[0] // 2


@dataclass(frozen=True)
class MeasuredMemory:
    """The memory of one run.

    Attributes:
        outputs: the memory of each output.
        shares: whether the first output is in the memory of the first input.
        workspace: the peak of all other memory during the run.
        saved_inputs, saved_outputs: the indices of those that autograd saves for backward.
        other_saved: the memory of all other tensors that it saves.
    """

    outputs: tuple[Amount, ...]
    shares: bool
    workspace: Amount
    saved_inputs: tuple[int, ...]
    saved_outputs: tuple[int, ...]
    other_saved: Amount


def memory(module: nn.Module, shapes: Shapes, *, training: bool) -> MeasuredMemory:
    """Measure the memory of the network's copy of a module, as it grows with the batch.

    Args:
        module: the module.
        shapes: the shapes of the inputs, the batch first.
        training: in training; for a module that cannot be trained, in evaluation, with gradients if it can.
    """
    # two batch sizes tell the memory that grows with the batch from the memory that does not
    modes = [(True, True), (False, True), (False, False)] if training else [(False, False)]
    for mode, gradients in modes:
        for batches in ((2, 3), (1,)):
            try:
                runs = [_run(module, with_batch_size(shapes, n), mode, gradients=gradients) for n in batches]
            except Exception as error:
                last_error = error
            else:
                return _fit_batch(*runs)
    raise last_error


def _fit_batch(two: MeasuredMemory, three: MeasuredMemory | None = None) -> MeasuredMemory:
    """The memory for any batch, from runs with two and three observations, or from one run alone."""
    if three is None:
        return two
    return MeasuredMemory(
        tuple(map(_linear_in_batch, two.outputs, three.outputs)),
        two.shares,
        _linear_in_batch(two.workspace, three.workspace),
        two.saved_inputs,
        two.saved_outputs,
        _linear_in_batch(two.other_saved, three.other_saved),
    )


def _run(module: nn.Module, shapes: Shapes, training: bool, *, gradients: bool) -> MeasuredMemory:
    writes = NO_WRITES

    def use(copied: nn.Module, inputs: Inputs) -> tuple[MeasuredMemory, bool]:
        protect_inputs(copied, writes)
        # no leaves: in a network the inputs are results of other layers
        given = [x.requires_grad_() * 1 if gradients else x for x in inputs()]
        with WriteRecorder(given) as recorder:
            return _measure(copied.train(training), given, gradients), bool(recorder.indices)

    try:
        (memory, has_written), _ = trial_run(module, shapes, use, with_data=False)
    except Exception as error:
        if not lacks_data(error):
            raise
        writes = all_inputs(shapes)
    else:
        if not has_written:
            return memory
        # few modules write to an input; they run again as the network's copy, which writes to copies
        writes = find_writes(module, shapes)
    return trial_run(module, shapes, use)[0][0]


def _measure(module: nn.Module, inputs: list[Tensor], gradients: bool) -> MeasuredMemory:
    dtype = inputs[0].dtype
    own = {storage_id(tensor) for tensor in [*module.parameters(), *module.buffers()]}
    saved: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        # weights are counted as learnables, and Python's numbers, which have no dimension, take no memory
        if tensor.dim() and storage_id(tensor) not in own:
            saved[storage_id(tensor)] = tensor
        return tensor

    peak = _PeakMemory()
    hooks = saved_tensors_hooks(pack, lambda tensor: tensor)
    with torch.set_grad_enabled(gradients), hooks, peak:
        result = module(*inputs)
    outputs = [result] if isinstance(result, Tensor) else list(result)
    given, made = [storage_id(x) for x in inputs], [storage_id(x) for x in outputs]
    other_saved = [tensor for key, tensor in saved.items() if key not in {*given, *made}]
    # a dict, because two outputs may be views of one tensor
    new_outputs = {key: _num_bytes(x) for key, x in zip(made, outputs, strict=True) if key not in given}
    workspace = peak.num_bytes - sum(new_outputs.values())
    return MeasuredMemory(
        tuple(_amount([x]) for x in outputs),
        made[0] == given[0],
        Amount(max(workspace, 0) // dtype.itemsize),
        tuple(index for index, key in enumerate(given) if key in saved),
        tuple(index for index, key in enumerate(made) if key in saved and key not in given),
        _amount(other_saved),
    )


class _PeakMemory(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records the peak of the bytes of new tensors.

    Weak references to their storages tell which are alive: fake tensors have no allocator that could tell.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.alive: dict[Any, int] = {}
        self.num_bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = {_storage_reference(x) for x in tree_leaves(args) if isinstance(x, Tensor)}
        result = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(result):
            if isinstance(tensor, Tensor):
                # a view, or a result in place, has the storage of an argument and takes no memory
                key = _storage_reference(tensor)
                if key not in given:
                    self.alive[key] = _num_bytes(tensor)
        self.alive = {key: size for key, size in self.alive.items() if not key.expired()}
        self.num_bytes = max(self.num_bytes, sum(self.alive.values()))
        return result


def _storage_reference(tensor: Tensor) -> Any:
    """A reference to the tensor's storage that does not keep it alive."""
    return cast(Any, StorageWeakRef)(tensor.untyped_storage())


def _num_bytes(tensor: Tensor) -> int:
    return int(tensor.untyped_storage().nbytes())


def _amount(tensors: Iterable[Tensor]) -> Amount:
    """The memory of these tensors: floating-point numbers, and all else in words of 64 bits."""
    numbers = others = 0
    for tensor in tensors:
        if tensor.is_floating_point():
            numbers += _num_bytes(tensor) // tensor.dtype.itemsize
        else:
            others += _num_bytes(tensor)
    return Amount(numbers, -(-others // INDEX_BYTES))


def _linear_in_batch(two: Amount, three: Amount) -> Amount:
    """The amount for any batch, from the amounts with two and with three observations."""
    numbers, indices = three.numbers - two.numbers, three.indices - two.indices
    return Amount(numbers, indices, two.numbers - 2 * numbers, two.indices - 2 * indices)
