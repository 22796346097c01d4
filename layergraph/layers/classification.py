"""Output layers with cross-entropy, of pixels and of whole images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from layergraph.amounts import Amount
from layergraph.errors import ArgumentError, SizeError
from layergraph.layers import arguments
from layergraph.layers.fields import converter
from layergraph.layers.layer import Shape
from layergraph.layers.older_names import older_fields
from layergraph.layers.output import ClassLossLayer
from layergraph.layers.saved_for_backward import SavedForBackward
from layergraph.sizes import Size, image_size

if TYPE_CHECKING:
    from torch import nn


def _class_weights(layer: CrossEntropyLayer, argument: str, value: object) -> str | tuple[float, ...]:
    if isinstance(value, str) or value is None:
        return arguments.choice(layer, argument, value, ("none",), or_else="a number per class")
    # already in its normal form: fields are converted in their order
    owner, classes = type(layer).__name__, layer.classes
    if classes == "auto":
        raise ArgumentError(f"{owner}: classes must be given with {argument}, got classes='auto'")
    # None is a single number, which is repeated below, or a wrong type, which is refused there
    if (count := arguments.length(value)) not in (None, len(classes)):
        raise ArgumentError(
            f"{owner}: {argument} must be {len(classes)} numbers, one per class, got {count} "
            "[LG-CLASS-WEIGHTS]"
        )
    weights = arguments.per_channel(layer, argument, value, len(classes), "class") or ()
    if min(weights) <= 0:
        raise ArgumentError(f"{owner}: {argument} must be above 0, got {value!r:.200} [LG-CLASS-WEIGHTS]")
    return weights


@dataclass(frozen=True, repr=False)
class CrossEntropyLayer(ClassLossLayer):
    """The base of output layers with cross-entropy: classes and their weights."""

    takes_probabilities: ClassVar[bool] = True

    _: KW_ONLY
    class_weights: Sequence[float] | Literal["none"] = field(
        default="none", metadata=converter(_class_weights)
    )

    def saved_by_loss(self, inputs: Sequence[Size], from_logits: bool) -> SavedForBackward:
        # from logits the logarithm of the softmax; from scores these, a clamped copy and its logarithm
        # the target becomes int64 in the loss, whatever integers it comes in
        scores, target = inputs[0].num_elements, Amount(indices=prod(inputs[0].spatial))
        if from_logits:
            return SavedForBackward(private=target + Amount(wide_numbers=scores))
        return SavedForBackward(("in",), private=target + Amount(wide_numbers=2 * scores))

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        """A module that passes the scores on; its method ``loss`` takes scores and target."""
        from layergraph.modules.losses import CrossEntropy

        weights = None if self.class_weights == "none" else cast("tuple[float, ...]", self.class_weights)
        unlabeled = self.unlabeled_index(inputs[0])
        return CrossEntropy(self.name, weights, unlabeled=unlabeled, per_pixel=self.per_pixel)


@older_fields(class_names="classes")
@dataclass(frozen=True, repr=False)
class PixelClassificationLayer(CrossEntropyLayer):
    """Cross-entropy of each labeled pixel (MATLAB ``pixelClassificationLayer``).

    L = -(1/N) Σ w(class) ln(score of the true class), N the number of labeled pixels of the mini-batch:
    weights are not renormalized, and unlabeled pixels never count. Their index is 255; where there are more
    than 255 classes, 255 is a class, and unlabeled pixels have the index -100. The scores must be
    probabilities: a ``SoftmaxLayer`` comes before.

    A target may have a probability t per class instead, one-hot or soft: L = -(1/N) Σ w(k) t(k) ln y(k),
    summed over pixels and classes k. The probabilities of a pixel have the sum 1, or are all 0 or all NaN
    where it is unlabeled.

    Args:
        classes: names of the classes, or ``"auto"``; MATLAB's older name ``class_names`` works too.
        class_weights: a positive weight per class, or ``"none"``.

    >>> from layergraph import PixelClassificationLayer
    >>> PixelClassificationLayer(classes=["triangle", "background"], class_weights=[9, 1]).description
    "Class weighted cross-entropy loss with 'triangle' and 'background'"
    """

    type: ClassVar[str] = "Pixel Classification Layer"
    default_name: ClassVar[str] = "pixel-class"

    @property
    def description(self) -> str:
        loss = "Cross-entropy" if self.class_weights == "none" else "Class weighted cross-entropy"
        return f"{loss} loss{self.classes_text()}"


@older_fields(class_names="classes")
@dataclass(frozen=True, repr=False)
class ClassificationLayer(CrossEntropyLayer):
    """Cross-entropy of each observation (MATLAB ``classificationLayer``); arguments as for pixels.

    Its input is 1×1×classes; the network returns one row of scores per observation. Unlabeled observations
    have the index -100, because 255 may be a class.

    >>> from layergraph import ClassificationLayer
    >>> ClassificationLayer().description
    'crossentropyex'
    """

    type: ClassVar[str] = "Classification Output"
    default_name: ClassVar[str] = "classoutput"
    per_pixel: ClassVar[bool] = False
    example_inputs: ClassVar[tuple[Shape, ...]] = ((1, 1, 6),)

    @property
    def description(self) -> str:
        return f"crossentropyex{self.classes_text()}"

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        if set(inputs[0].spatial) - {1}:
            raise SizeError(
                "LG-SPATIAL",
                f"the layer takes one score per class, its input is {inputs[0]}",
                advice="pool globally or add a FullyConnectedLayer before the softmax",
            )
        self.check_classes(inputs[0])
        # the module flattens the scores, so that height and width are gone
        return (image_size((), inputs[0].channels),)
