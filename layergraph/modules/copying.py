"""The network's copy of a torch module: no other reader of its inputs finds them overwritten."""

from __future__ import annotations

from typing import Any, NamedTuple

from torch import Tensor, nn

from layergraph.modules.behavior import run_in_both, stop_working_in_place
from layergraph.modules.trial import Shapes, copy_of


class CopyInputs:
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
    copied = copy_of(module, memo)
    keep_inputs(copied, written_inputs(module, shapes))
    return copied


class Written(NamedTuple):
    """The inputs that a module writes to in evaluation, and those in training, counted from 0.

    ``stops`` says that its activations are told not to work in place, which leaves fewer or none.
    """

    stops: bool = False
    in_evaluation: frozenset[int] = frozenset()
    in_training: frozenset[int] = frozenset()


NOTHING = Written()


def everything(shapes: Shapes) -> Written:
    """All inputs: of a module that runs with data alone; where values decide, they decide on writing too."""
    inputs = frozenset(range(len(shapes)))
    return Written(True, inputs, inputs)


def written_inputs(module: nn.Module, shapes: Shapes) -> Written:
    """Which inputs a module writes to, by trial runs in both modes."""
    found = _written(module, shapes, in_place=True)
    if found.stops or found == NOTHING:
        return found
    return _written(module, shapes, in_place=False)


def _written(module: nn.Module, shapes: Shapes, *, in_place: bool) -> Written:
    evaluation, training = run_in_both(module, shapes, in_place=in_place)
    if evaluation.is_measured or (training and training.is_measured):
        return everything(shapes)
    return Written(not in_place, evaluation.written, training.written if training else frozenset())


def keep_inputs(copied: nn.Module, written: Written) -> None:
    """Let a module write to copies of these inputs; two layers that share it add theirs to the same hook."""
    if written.stops:
        stop_working_in_place(copied)
    if written.in_evaluation or written.in_training:
        hooks = copied._forward_pre_hooks.values()
        hook = next((hook for hook in hooks if isinstance(hook, CopyInputs)), None)
        if hook is None:
            hook = CopyInputs()
            copied.register_forward_pre_hook(hook, prepend=True)
        hook.in_evaluation |= written.in_evaluation
        hook.in_training |= written.in_training
