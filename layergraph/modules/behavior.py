"""What a torch module does in evaluation and in training: what it returns, and which inputs it writes to."""

from __future__ import annotations

from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

from layergraph.modules.trial import Inputs, Shapes, lacks_data, trial_run, with_batch_size


class Run(NamedTuple):
    """One run of a module.

    Attributes:
        returned: what it returns, with shapes in place of tensors.
        written: the inputs that it writes to, counted from 0.
        is_measured: whether it ran with data, as for a module that looks at values.
    """

    returned: Any
    written: frozenset[int]
    is_measured: bool


Observation = tuple[Any, frozenset[int]]
"""What a run returned, and the inputs that it wrote to."""


class TensorShape(tuple[int, ...]):
    """The shape of a tensor in what a module returns, told apart from a tuple of numbers."""


def run(
    module: nn.Module,
    shapes: Shapes,
    *,
    training: bool = False,
    in_place: bool = True,
    with_data: bool = True,
) -> Run:
    """A copy of the module runs once; without ``in_place`` its activations do not work in place.

    ``with_data`` says whether it may run with data, where it cannot run without.
    """

    def use(copied: nn.Module, inputs: Inputs) -> Observation:
        if not in_place:
            disable_inplace(copied)
        return _observe(copied.train(training), inputs())

    found, is_measured = trial_run(module, shapes, use, with_data=with_data)
    return Run(*found, is_measured)


def run_in_training(module: nn.Module, shapes: Shapes, *, in_place: bool = True) -> Run | None:
    """The same in training mode; ``None`` where the module cannot be trained.

    Two observations run, because batch normalization cannot train with one; one, where two are too many.
    """
    for batch in (2, 1):
        try:
            return run(module, with_batch_size(shapes, batch), training=True, in_place=in_place)
        except Exception:
            continue
    return None


def run_in_both_modes(module: nn.Module, shapes: Shapes, *, in_place: bool = True) -> tuple[Run, Run | None]:
    """A run in evaluation and one in training. The same copy does both, unless that fails."""

    def use(copied: nn.Module, inputs: Inputs) -> tuple[Observation, Observation | None]:
        if not in_place:
            disable_inplace(copied)
        evaluation = _observe(copied.eval(), inputs())
        try:
            return evaluation, _observe(copied.train(), inputs(2))
        except Exception:  # a module may keep what it made for one observation
            return evaluation, None

    (evaluation, training), is_measured = trial_run(module, shapes, use)
    if training is None:
        return Run(*evaluation, is_measured), run_in_training(module, shapes, in_place=in_place)
    return Run(*evaluation, is_measured), Run(*training, is_measured)


def needs_data(module: nn.Module, shapes: Shapes) -> bool:
    """Whether the module cannot run without data."""
    try:
        run(module, shapes, with_data=False)
    except Exception as fault:
        return lacks_data(fault)
    return False


def _observe(module: nn.Module, inputs: list[Tensor]) -> Observation:
    """What a module returns, as shapes, and which inputs it writes to."""
    with torch.no_grad(), WriteRecorder(inputs) as writes:
        result = module(*inputs)
    return tree_map_only(Tensor, lambda tensor: TensorShape(tensor.shape), result), frozenset(writes.found)


class WriteRecorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Finds which of these tensors are written to, also through views, ``.data`` and ``out=``."""

    def __init__(self, tensors: list[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._indices = {storage_id(tensor): index for index, tensor in enumerate(tensors)}
        self.found: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        schema = getattr(func, "_schema", None)  # operations of higher order have none
        if schema is not None and schema.is_mutable:
            for index, argument in enumerate(schema.arguments):
                if argument.alias_info is not None and argument.alias_info.is_write:
                    value = args[index] if index < len(args) else kwargs.get(argument.name)
                    places = (storage_id(x) for x in tree_leaves(value) if isinstance(x, Tensor))
                    self.found.update(self._indices[place] for place in places if place in self._indices)
        return func(*args, **kwargs)


def storage_id(tensor: Tensor) -> int:
    """What tensors that are views of each other have in common."""
    return int(tensor.untyped_storage()._cdata)


def disable_inplace(module: nn.Module) -> bool:
    """Turn off ``inplace`` where that changes no result; whether the module is nothing else than activations.

    That is a module that is one of torch's own activations, and a sequence of them up to the first other
    module. Further inside, a second reader may rely on what is overwritten, as in a residual block that adds
    its input after a ReLU.
    """
    if type(module) is nn.Sequential:
        return all(disable_inplace(part) for part in module)
    inplace = getattr(module, "inplace", None)
    if not (type(module).__module__.startswith("torch.nn.modules.") and isinstance(inplace, bool)):
        return False
    cast(Any, module).inplace = False
    return True
