"""The shapes that a torch module returns, or what is wrong with them."""

from __future__ import annotations

from typing import Any

from torch import nn
from torch.nn.parameter import UninitializedBuffer, UninitializedParameter

from layergraph.errors import SizeError
from layergraph.modules.advice import advice
from layergraph.modules.behavior import TensorShape, run, run_in_both_modes
from layergraph.modules.trial import Shapes, with_batch_size
from layergraph.sizes import image_size
from layergraph.wording import visible

_MOST = 4  # tensors or keys that a message names


def output_shapes(module: nn.Module, shapes: Shapes, num_outputs: int) -> list[TensorShape]:
    """The shape of each output for one observation with inputs of these shapes.

    Raises:
        SizeError: the module cannot take the inputs, returns something else than that many tensors, or
            something else in training than in evaluation.
    """
    _expect_weights(module)
    try:
        found, training = run_in_both_modes(module, shapes)
    except Exception as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        given = ", ".join(str(image_size(shape[2:], shape[1])) for shape in shapes)
        text = f"the module cannot take {given}: {visible(lines[0])}"
        raise SizeError("LG-MODULE", text, advice=advice(module, shapes)) from error
    results = _tensors(found.returned)
    if len(results) != num_outputs:
        raise SizeError(
            "LG-MODULE",
            f"tensors the module returns: {len(results)}, outputs of the layer: {num_outputs}",
            advice=f"write ModuleLayer(module, num_outputs={len(results)})",
        )
    for shape in results:
        if len(shape) < 2 or shape[0] != 1:
            raise SizeError(
                "LG-MODULE",
                f"the module returns a tensor of shape {tuple(shape)} for one observation",
                advice="batch and channels come first: (1, channels, height, width), or (1, channels)",
            )
    if training is not None:
        _expect_same(module, shapes, found.returned, training.returned)
    return results


def _expect_weights(module: nn.Module) -> None:
    tensors = [*module.named_parameters(), *module.named_buffers()]
    lazy = [name for name, x in tensors if isinstance(x, (UninitializedParameter, UninitializedBuffer))]
    if lazy:
        raise SizeError(
            "LG-MODULE",
            f"the module's {visible(lazy[0])} has no shape yet",
            advice="run the module once on an image, so that its lazy layers take their shapes from it",
        )


def _expect_same(module: nn.Module, shapes: Shapes, evaluation: Any, training: Any) -> None:
    if describe_output(training) == describe_output(evaluation):
        return
    # in training more observations ran, and after others, which may be all there is to the difference
    for batch in (2, 1):
        try:
            runs = [run(module, with_batch_size(shapes, batch), training=mode) for mode in (True, False)]
        except Exception:  # not with so many
            continue
        in_training, in_evaluation = (describe_output(found.returned) for found in runs)
        if in_training != in_evaluation:
            text = f"the module returns {in_training} in training, and {in_evaluation} in evaluation"
            advice = "give a module that returns the same in both: one whose forward picks what both have"
            raise SizeError("LG-MODULE", text, advice=advice)
        return


def _tensors(returned: Any) -> list[TensorShape]:
    if isinstance(returned, TensorShape):
        return [returned]
    several = isinstance(returned, (tuple, list)) and len(returned) > 1
    if several and all(isinstance(item, TensorShape) for item in returned):
        return list(returned)
    first = "x"
    if isinstance(returned, dict) and returned:
        first = f"x[{next(iter(returned))!r:.40}]"
    elif isinstance(returned, (tuple, list)) and returned:
        first = "x[0]"
    raise SizeError(
        "LG-MODULE",
        f"the module returns {describe_output(returned)}, where a layer returns a tensor or several",
        advice=""
        if first == "x"
        else f"give a module whose forward returns a tensor of it: x = module(x); return {visible(first)}",
    )


def describe_output(returned: Any) -> str:
    """What a module returns, in words; sizes are those of one observation."""
    if isinstance(returned, TensorShape):
        return f"a tensor of {tuple(returned[1:])} for each observation"
    if isinstance(returned, dict):
        keys = ", ".join(visible(f"{key!r:.40}") for key in list(returned)[:_MOST])
        return f"a dict with the keys {keys}{', ...' * (len(returned) > _MOST)}"
    if isinstance(returned, (tuple, list)):
        if returned and all(isinstance(item, TensorShape) for item in returned):
            sizes = ", ".join(str(tuple(item[1:])) for item in returned[:_MOST])
            noun = "1 tensor in a tuple" if len(returned) == 1 else f"{len(returned)} tensors"
            return f"{noun}, of {sizes}{', ...' * (len(returned) > _MOST)} for each observation"
        kinds = ["a tensor" if isinstance(x, TensorShape) else type(x).__name__ for x in returned]
        return f"a {type(returned).__name__} of {', '.join(kinds[:_MOST])}{', ...' * (len(kinds) > _MOST)}"
    return "None" if returned is None else f"an object of type {type(returned).__name__}"
