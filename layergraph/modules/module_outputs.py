"""The shapes that a torch module returns, or the reason why it cannot be a layer."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from layergraph.errors import SizeError
from layergraph.modules.advice import advice
from layergraph.modules.behavior import TensorShape, run, run_in_both_modes
from layergraph.modules.trial import Shapes, with_batch_size
from layergraph.sizes import image_size
from layergraph.wording import counted, visible

_MOST_NAMED = 4  # tensors or keys in a message


def output_shapes(module: nn.Module, shapes: Shapes, num_outputs: int) -> list[TensorShape]:
    """Return the shape of each output for one observation with inputs of these shapes.

    Raises:
        SizeError: the module cannot take the inputs, does not return ``num_outputs`` tensors, or returns
            other shapes in training than in evaluation.
    """
    _check_weights(module)
    try:
        evaluation, training = run_in_both_modes(module, shapes)
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        given = ", ".join(str(image_size(shape[2:], shape[1])) for shape in shapes)
        text = f"the module cannot take {given}: {visible(lines[0])}"
        raise SizeError("LG-MODULE", text, advice=advice(module, shapes)) from error
    results = _tensor_shapes(evaluation.returned)
    if len(results) != num_outputs:
        raise SizeError(
            "LG-MODULE",
            f"the module must return {counted(num_outputs, 'tensor')}, one per output of the layer, got "
            f"{len(results)}",
            advice=f"write ModuleLayer(module, num_outputs={len(results)})",
        )
    for shape in results:
        if len(shape) < 2 or shape[0] != 1:
            raise SizeError(
                "LG-MODULE",
                f"the module must return the batch and channels first, got shape {tuple(shape)} for one "
                "observation",
                advice="return (1, channels, height, width), or (1, channels)",
            )
    if training is not None:
        _check_same(module, shapes, evaluation.returned, training.returned)
    return results


def _check_weights(module: nn.Module) -> None:
    tensors = [*module.named_parameters(), *module.named_buffers()]
    lazy = [name for name, x in tensors if isinstance(x, (UninitializedParameter, UninitializedBuffer))]
    if lazy:
        raise SizeError(
            "LG-MODULE",
            f"the module's {visible(lazy[0])} has no shape yet",
            advice="run the module once on an image, so that its lazy layers take their shapes from it",
        )


def _check_same(module: nn.Module, shapes: Shapes, evaluation: Any, training: Any) -> None:
    if describe_output(training) == describe_output(evaluation):
        return
    # the run in training had another batch size and came second, which may be the only reason for the
    # difference: compare again with equal batches, each run on a copy of its own
    for batch in (2, 1):
        try:
            runs = [run(module, with_batch_size(shapes, batch), training=mode) for mode in (True, False)]
        except Exception:  # it takes no batch of this size
            continue
        in_training, in_evaluation = (describe_output(result.returned) for result in runs)
        if in_training != in_evaluation:
            text = f"the module returns {in_training} in training, and {in_evaluation} in evaluation"
            advice = "give a module whose forward returns the same in both modes"
            raise SizeError("LG-MODULE", text, advice=advice)
        return


def _tensor_shapes(returned: Any) -> list[TensorShape]:
    if isinstance(returned, TensorShape):
        return [returned]
    several = isinstance(returned, (tuple, list)) and len(returned) > 1
    if several and all(isinstance(item, TensorShape) for item in returned):
        return list(returned)
    first = ""
    if isinstance(returned, dict) and returned:
        first = f"x[{next(iter(returned))!r:.40}]"
    elif isinstance(returned, (tuple, list)) and returned:
        first = "x[0]"
    raise SizeError(
        "LG-MODULE",
        f"the module must return one tensor or several, got {describe_output(returned)}",
        advice=f"give a module whose forward returns one of them: x = module(x); return {visible(first)}"
        if first
        else "",
    )


def describe_output(returned: Any) -> str:
    """Describe a returned object in words, with the sizes per observation."""
    if isinstance(returned, TensorShape):
        return f"a tensor of {tuple(returned[1:])} per observation"
    if isinstance(returned, dict):
        keys = [visible(f"{key!r:.40}") for key in returned]
        return f"a dict with the keys {_first(keys)}"
    if isinstance(returned, (tuple, list)):
        if returned and all(isinstance(item, TensorShape) for item in returned):
            noun = "a tuple of 1 tensor" if len(returned) == 1 else f"{len(returned)} tensors"
            return f"{noun}, of {_first([str(tuple(item[1:])) for item in returned])} per observation"
        kinds = ["a tensor" if isinstance(x, TensorShape) else type(x).__name__ for x in returned]
        return f"a {type(returned).__name__} of {_first(kinds)}"
    return "None" if returned is None else f"an object of type {type(returned).__name__}"


def _first(items: list[str]) -> str:
    return ", ".join(items[:_MOST_NAMED]) + ", ..." * (len(items) > _MOST_NAMED)
