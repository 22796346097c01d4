"""LossLayer: any function of scores and target as an output layer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from layergraph.errors import WrongTypeError
from layergraph.layers.fields import one_of
from layergraph.layers.layer import Layer
from layergraph.layers.output import OutputLayer
from layergraph.sizes import Size, image_size

if TYPE_CHECKING:
    from torch import Tensor


def _half_squares(scores: Tensor, target: Tensor) -> Tensor:
    return (scores - target).square().sum() / 2


@dataclass(frozen=True, repr=False)
class LossLayer(OutputLayer):
    """A loss of one's own: a function of scores and target that returns a scalar tensor.

    The function gets the input of the layer in float32 or float64: probabilities after a softmax. A file
    does not hold it: ``load(path, modules={name: function})`` gives it again.

    Args:
        function: takes scores (batch, channels, height, width), and the target.
        target: what a target is: ``"pixels"``, class indices (batch, height, width) in int64, 255 where
            unlabeled; ``"observations"``, class indices (batch,), -100 where unlabeled; or ``"responses"``,
            numbers of the size of the scores.

    >>> import torch
    >>> from layergraph import LossLayer
    >>> LossLayer(torch.nn.functional.l1_loss, target="responses")
    LossLayer(l1_loss, target='responses')
    """

    type: ClassVar[str] = "Loss Function"

    function: Callable[..., Any]
    _: KW_ONLY
    target: Literal["pixels", "observations", "responses"] = field(
        default="pixels", metadata=one_of("pixels", "observations", "responses")
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if not callable(self.function):
            raise WrongTypeError(
                "LossLayer: function must be a function of scores and target, got "
                f"{type(self.function).__name__}"
            )

    @property
    def per_pixel(self) -> bool | None:
        return {"pixels": True, "observations": False, "responses": None}[self.target]

    @classmethod
    def example(cls) -> tuple[Layer, list[Size]]:
        return cls(_half_squares, target="responses"), [image_size((5, 7), 3)]

    @property
    def description(self) -> str:
        return f"loss function {_name_of(self.function)}"

    def loss(self, scores: Tensor, target: Tensor) -> Tensor:
        result: Tensor = self.function(scores, target)
        return result

    def __repr__(self) -> str:
        # the function's own text has its address in memory, which differs between runs
        parts = [_name_of(self.function)]
        parts += [f"name={self.name!r}"] * bool(self.name)
        parts += [f"target={self.target!r}"] * (self.target != "pixels")
        return f"LossLayer({', '.join(parts)})"


def _name_of(function: object) -> str:
    return getattr(function, "__name__", type(function).__name__)
