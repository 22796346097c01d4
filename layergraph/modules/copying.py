"""The network's copy of a torch module, which leaves its inputs unchanged for their other readers."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from layergraph.modules.behavior import disable_inplace, run_in_both_modes
from layergraph.modules.trial import Shapes, deep_copy


class InputCopyHook:
    """A hook before ``forward`` that gives the module copies of the inputs that it writes to.

    It copies even an input that no other layer reads: autograd may need it, and a layer that does nothing,
    such as dropout in evaluation, passes on the caller's tensor.

    Attributes:
        in_evaluation: the indices of the inputs written to in evaluation.
        in_training: those written to while a part of the module is in training mode.
    """

    def __init__(self) -> None:
        self.in_evaluation: frozenset[int] = frozenset()
        self.in_training: frozenset[int] = frozenset()

    def __call__(self, module: nn.Module, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        written = self.in_evaluation
        if self.in_training and any(part.training for part in module.modules()):
            written = written | self.in_training
        return tuple([x.clone() if index in written else x for index, x in enumerate(inputs)])


def network_copy(module: nn.Module, shapes: Shapes, memo: dict[int, Any] | None = None) -> nn.Module:
    """Copy the module so that it leaves inputs of these shapes unchanged.

    Args:
        module: the user's module, which stays as it is.
        shapes: the shapes of its inputs, the batch first.
        memo: the copies made so far, for modules that share parts; as in ``copy.deepcopy``.
    """
    copied = deep_copy(module, memo)
    protect_inputs(copied, find_writes(module, shapes))
    return copied


class InputWrites(NamedTuple):
    """The indices of the inputs that a module writes to in evaluation, and of those in training.

    ``disables_inplace`` is True if this holds after :func:`disable_inplace`, which leaves fewer writes.
    """

    disables_inplace: bool = False
    in_evaluation: frozenset[int] = frozenset()
    in_training: frozenset[int] = frozenset()


NO_WRITES = InputWrites()


def all_inputs(shapes: Shapes) -> InputWrites:
    """Writes to all inputs, for a module that needs data: values decide on its writes, too."""
    inputs = frozenset(range(len(shapes)))
    return InputWrites(True, inputs, inputs)


def find_writes(module: nn.Module, shapes: Shapes) -> InputWrites:
    """Find the inputs that a module writes to, by trial runs in both modes."""
    # activations in place are the usual reason, and switching that off is cheaper than copying the input
    writes = _try_writes(module, shapes, in_place=True)
    if writes.disables_inplace or writes == NO_WRITES:
        return writes
    return _try_writes(module, shapes, in_place=False)


def _try_writes(module: nn.Module, shapes: Shapes, *, in_place: bool) -> InputWrites:
    evaluation, training = run_in_both_modes(module, shapes, in_place=in_place)
    if evaluation.is_measured or (training and training.is_measured):
        return all_inputs(shapes)
    return InputWrites(not in_place, evaluation.written, training.written if training else frozenset())


def protect_inputs(copied: nn.Module, writes: InputWrites) -> None:
    """Make a module write to copies of these inputs; layers that share the module share one hook."""
    if writes.disables_inplace:
        disable_inplace(copied)
    if writes.in_evaluation or writes.in_training:
        hooks = copied._forward_pre_hooks.values()
        hook = next((hook for hook in hooks if isinstance(hook, InputCopyHook)), None)
        if hook is None:
            hook = InputCopyHook()
            # before the user's own hooks, which may write to the inputs, too
            copied.register_forward_pre_hook(hook, prepend=True)
        hook.in_evaluation |= writes.in_evaluation
        hook.in_training |= writes.in_training
