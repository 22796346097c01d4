"""The network's copy of a torch module: no other reader of its inputs finds them overwritten."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from layergraph.modules.behavior import disable_inplace, run_in_both_modes
from layergraph.modules.trial import Shapes, deep_copy


class InputCopyHook:
    """A hook before ``forward``: the module gets copies of the inputs that it writes to.

    Whether an input has another reader does not matter: autograd may need it, a layer without work such as
    dropout in evaluation hands on the caller's tensor, and the copy takes what a layer takes that does not
    work in place.

    Attributes:
        in_evaluation: the inputs written to in evaluation.
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
    """A copy of the module that leaves inputs of these shapes as they are.

    Args:
        memo: what is copied already, for modules that share parts; as of ``copy.deepcopy``.
    """
    copied = deep_copy(module, memo)
    protect_inputs(copied, find_writes(module, shapes))
    return copied


class InputWrites(NamedTuple):
    """The inputs that a module writes to in evaluation, and those in training, counted from 0.

    ``stops`` says that its activations are told not to work in place, which leaves fewer or none.
    """

    stops: bool = False
    in_evaluation: frozenset[int] = frozenset()
    in_training: frozenset[int] = frozenset()


NO_WRITES = InputWrites()


def all_inputs(shapes: Shapes) -> InputWrites:
    """All inputs: of a module that runs with data alone; where values decide, they decide on writing too."""
    inputs = frozenset(range(len(shapes)))
    return InputWrites(True, inputs, inputs)


def find_writes(module: nn.Module, shapes: Shapes) -> InputWrites:
    """Which inputs a module writes to, by trial runs in both modes."""
    found = _written(module, shapes, in_place=True)
    if found.stops or found == NO_WRITES:
        return found
    return _written(module, shapes, in_place=False)


def _written(module: nn.Module, shapes: Shapes, *, in_place: bool) -> InputWrites:
    evaluation, training = run_in_both_modes(module, shapes, in_place=in_place)
    if evaluation.is_measured or (training and training.is_measured):
        return all_inputs(shapes)
    return InputWrites(not in_place, evaluation.written, training.written if training else frozenset())


def protect_inputs(copied: nn.Module, written: InputWrites) -> None:
    """Let a module write to copies of these inputs; two layers that share it add theirs to the same hook."""
    if written.stops:
        disable_inplace(copied)
    if written.in_evaluation or written.in_training:
        hooks = copied._forward_pre_hooks.values()
        hook = next((hook for hook in hooks if isinstance(hook, InputCopyHook)), None)
        if hook is None:
            hook = InputCopyHook()
            copied.register_forward_pre_hook(hook, prepend=True)
        hook.in_evaluation |= written.in_evaluation
        hook.in_training |= written.in_training
