"""The behavior of a torch module in evaluation and training: its outputs, and the inputs it writes to."""

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
        returned: the returned object, with shapes in place of tensors.
        written: the indices of the inputs that the module writes to.
        is_measured: whether the module ran with data, because it looks at values.
    """

    returned: Any
    written: frozenset[int]
    is_measured: bool


Observation = tuple[Any, frozenset[int]]
"""The first two fields of a :class:`Run`."""


class TensorShape(tuple[int, ...]):
    """The shape of a tensor in a returned object, where a plain tuple is a tuple of numbers."""


def run(
    module: nn.Module,
    shapes: Shapes,
    *,
    training: bool = False,
    in_place: bool = True,
    with_data: bool = True,
) -> Run:
    """Run a copy of the module once.

    Args:
        module: the module, which stays as it is.
        shapes: the shapes of the inputs, the batch first.
        training: run in training mode.
        in_place: let activations work in place.
        with_data: run with data if the module cannot run without.
    """

    def use(copied: nn.Module, inputs: Inputs) -> Observation:
        if not in_place:
            disable_inplace(copied)
        return _observe(copied.train(training), inputs())

    observation, is_measured = trial_run(module, shapes, use, with_data=with_data)
    return Run(*observation, is_measured)


def run_in_training(module: nn.Module, shapes: Shapes, *, in_place: bool = True) -> Run | None:
    """Run a copy of the module in training mode; ``None`` if the module cannot be trained."""
    # batch normalization cannot train with one observation, and some modules take no more than one
    for batch in (2, 1):
        try:
            return run(module, with_batch_size(shapes, batch), training=True, in_place=in_place)
        except Exception:
            continue
    return None


def run_in_both_modes(module: nn.Module, shapes: Shapes, *, in_place: bool = True) -> tuple[Run, Run | None]:
    """Run a copy of the module in evaluation, then in training; the second is ``None`` if it cannot train."""

    def use(copied: nn.Module, inputs: Inputs) -> tuple[Observation, Observation | None]:
        if not in_place:
            disable_inplace(copied)
        evaluation = _observe(copied.eval(), inputs())
        # the same copy again: making a copy takes longer than the run
        try:
            return evaluation, _observe(copied.train(), inputs(2))
        except Exception:  # a module may keep a tensor that it made for one observation
            return evaluation, None

    (evaluation, training), is_measured = trial_run(module, shapes, use)
    if training is None:
        return Run(*evaluation, is_measured), run_in_training(module, shapes, in_place=in_place)
    return Run(*evaluation, is_measured), Run(*training, is_measured)


def needs_data(module: nn.Module, shapes: Shapes) -> bool:
    """Whether the module cannot run without data."""
    try:
        run(module, shapes, with_data=False)
    except Exception as error:
        return lacks_data(error)
    return False


def _observe(module: nn.Module, inputs: list[Tensor]) -> Observation:
    with torch.no_grad(), WriteRecorder(inputs) as writes:
        result = module(*inputs)
    shapes = tree_map_only(Tensor, lambda tensor: TensorShape(tensor.shape), result)
    return shapes, frozenset(writes.indices)


class WriteRecorder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Records which of these tensors are written to, also through views, ``.data`` and ``out=``.

    Every write ends in an operation whose schema marks the argument that it changes. Comparing tensors
    before and after would need data, and ``Tensor._version`` misses writes through ``.data``.
    """

    def __init__(self, tensors: list[Tensor]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._index = {storage_id(tensor): index for index, tensor in enumerate(tensors)}
        self.indices: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        schema = getattr(func, "_schema", None)  # operations of higher order have none
        if schema is not None and schema.is_mutable:
            for position, argument in enumerate(schema.arguments):
                if argument.alias_info is not None and argument.alias_info.is_write:
                    value = args[position] if position < len(args) else kwargs.get(argument.name)
                    storages = {storage_id(x) for x in tree_leaves(value) if isinstance(x, Tensor)}
                    self.indices.update(self._index[key] for key in storages & self._index.keys())
        return func(*args, **kwargs)


def storage_id(tensor: Tensor) -> int:
    """A number that all views of one tensor share."""
    return int(tensor.untyped_storage()._cdata)


def disable_inplace(module: nn.Module) -> bool:
    """Turn off ``inplace`` where that changes no result; return whether the module is only activations.

    That holds for one of torch's own activations, and for those in a sequence before its first other module.
    Inside other modules a second reader may rely on the overwritten tensor, as in a residual block that adds
    its input after a ReLU.
    """
    if type(module) is nn.Sequential:
        return all(disable_inplace(part) for part in module)
    inplace = getattr(module, "inplace", None)
    if not (type(module).__module__.startswith("torch.nn.modules.") and isinstance(inplace, bool)):
        return False
    cast(Any, module).inplace = False
    return True
