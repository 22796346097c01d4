"""Output layers: how scores and targets become a loss."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import KW_ONLY, dataclass
from math import prod
from typing import TYPE_CHECKING, ClassVar, Literal, cast

from layergraph.errors import ArgumentError, SizeError
from layergraph.labels import UNLABELLED
from layergraph.layers import arguments
from layergraph.layers.layer import Layer, expect_spatial
from layergraph.layers.memory_rule import Amount, SavedForBackward
from layergraph.sizes import Size, image_size

if TYPE_CHECKING:
    from torch import nn


NO_CLASS = -100
"""The target that never counts where 255 may be a class: torch's own."""


@dataclass(frozen=True, repr=False)
class ClassOutput:
    """What cross-entropy output layers share: classes and their weights."""

    is_output: ClassVar[bool] = True
    unlabelled: ClassVar[int]  # the target that never counts, unless a class has that index
    per_pixel: ClassVar[bool]

    _: KW_ONLY
    classes: Sequence[str] | Literal["auto"] = "auto"
    class_weights: Sequence[float] | Literal["none"] = "none"

    def __post_init__(self) -> None:
        owner = type(self).__name__
        if isinstance(self.classes, str):
            arguments.choice(self, "classes", self.classes, ("auto",), or_else="a list of names")
        else:
            classes = tuple(map(str, self.classes)) if isinstance(self.classes, Iterable) else ()
            if len(set(classes)) < len(classes) or not classes:
                raise ArgumentError(f"{owner}: classes are distinct names, got {self.classes!r:.200}")
            object.__setattr__(self, "classes", classes)
        if isinstance(self.class_weights, str) or self.class_weights is None:
            choices = ("none",)
            arguments.choice(self, "class_weights", self.class_weights, choices, or_else="a number a class")
            return
        if self.classes == "auto":
            raise ArgumentError(f"{owner}: class_weights need classes; give the class names too")
        given = self.class_weights
        shape = getattr(given, "shape", None) or ([len(given)] if isinstance(given, (list, tuple)) else [])
        if len(shape) == 1 and shape[0] != len(self.classes):
            raise ArgumentError(
                f"{owner}: class_weights are one number a class, expected {len(self.classes)} of them, "
                f"got {shape[0]} [LG-CLASS-WEIGHTS]"
            )
        weights = arguments.per_channel(self, "class_weights", given, len(self.classes), "class")
        if min(weights or (0,)) <= 0:
            raise ArgumentError(f"{owner}: class_weights are above 0, got {given!r:.200} [LG-CLASS-WEIGHTS]")
        object.__setattr__(self, "class_weights", weights)

    @property
    def output_names(self) -> tuple[str, ...]:
        return ()

    def classes_text(self) -> str:
        """The classes in words, as MATLAB's tables have them."""
        if self.classes == "auto":
            return ""
        names = [repr(name) for name in self.classes]
        if len(names) <= 2:
            return " with " + " and ".join(names)
        return f" with {names[0]}, {names[1]}, and {len(names) - 2} other classes"

    def check_classes(self, scores: Size) -> None:
        """Raise unless there is one score channel for each class."""
        if self.classes != "auto" and len(self.classes) != scores.channels:
            raise SizeError(
                "LG-CLASSES",
                f"the layer has {len(self.classes)} classes, its scores {scores} have "
                f"{scores.channels} channels",
                advice=f"give the last convolution {len(self.classes)} filters, or the loss other classes",
            )

    def shares_memory(self, inputs: Sequence[Size], training: bool) -> bool:
        return True

    def saved_by_loss(self, inputs: Sequence[Size], from_logits: bool) -> SavedForBackward:
        scores, target = inputs[0].num_elements, Amount(indices=prod(inputs[0].spatial))
        if from_logits:
            return SavedForBackward(private=target + Amount(wide_numbers=scores))
        return SavedForBackward(("in",), private=target + Amount(wide_numbers=2 * scores))

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        """Passes the scores on; its method ``loss`` takes them and the target."""
        from layergraph.modules.losses import CrossEntropy

        weights = None if self.class_weights == "none" else cast("tuple[float, ...]", self.class_weights)
        unlabelled = self.unlabelled if self.unlabelled >= inputs[0].channels else NO_CLASS
        return CrossEntropy(cast(Layer, self).name, weights, unlabelled=unlabelled, per_pixel=self.per_pixel)


@dataclass(frozen=True, repr=False)
class PixelClassificationLayer(ClassOutput, Layer):
    """Cross-entropy of each labelled pixel (MATLAB ``pixelClassificationLayer``).

    L = -(1/N) Σ w(class) ln(score of the true class), N the number of labelled pixels of the mini-batch:
    weights are not renormalized, and unlabelled pixels never count: those of index 255 or, where there are
    more than 255 classes, so that 255 is one of them, of index -100. The scores must be probabilities: a
    ``SoftmaxLayer`` comes before.

    Args:
        classes: names of the classes, or ``"auto"``.
        class_weights: a positive weight for each class, or ``"none"``.

    >>> from layergraph import PixelClassificationLayer
    >>> PixelClassificationLayer(classes=["triangle", "background"], class_weights=[9, 1]).description
    "Class weighted cross-entropy loss with 'triangle' and 'background'"
    """

    type: ClassVar[str] = "Pixel Classification Layer"
    default_name: ClassVar[str] = "pixel-class"
    unlabelled: ClassVar[int] = UNLABELLED
    per_pixel: ClassVar[bool] = True

    @property
    def description(self) -> str:
        kind = "Cross-entropy" if self.class_weights == "none" else "Class weighted cross-entropy"
        return f"{kind} loss{self.classes_text()}"

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        if not inputs[0].spatial:
            expect_spatial(inputs[0], 2)
        self.check_classes(inputs[0])
        return (inputs[0],)


@dataclass(frozen=True, repr=False)
class ClassificationLayer(ClassOutput, Layer):
    """Cross-entropy of each observation (MATLAB ``classificationLayer``); arguments as for pixels.

    Its input is 1×1×classes; the network returns one row of scores for each observation.

    >>> from layergraph import ClassificationLayer
    >>> ClassificationLayer().description
    'crossentropyex'
    """

    type: ClassVar[str] = "Classification Output"
    default_name: ClassVar[str] = "classoutput"
    unlabelled: ClassVar[int] = NO_CLASS  # 255 is a class where there are a thousand
    per_pixel: ClassVar[bool] = False

    @property
    def description(self) -> str:
        return f"crossentropyex{self.classes_text()}"

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        if set(inputs[0].spatial) - {1}:
            raise SizeError(
                "LG-SPATIAL",
                f"the layer takes one score a class, its input is {inputs[0]}",
                advice="pool globally or add a FullyConnectedLayer before the softmax",
            )
        self.check_classes(inputs[0])
        return (image_size((), inputs[0].channels),)


@dataclass(frozen=True, repr=False)
class RegressionLayer(Layer):
    """Half mean squared error: Σ (t - y)² / 2, over each observation (MATLAB ``regressionLayer``).

    The sum is divided by the number of observations.

    >>> from layergraph import RegressionLayer
    >>> RegressionLayer().description
    'mean-squared-error'
    """

    type: ClassVar[str] = "Regression Output"
    default_name: ClassVar[str] = "regressionoutput"
    is_output: ClassVar[bool] = True
    description: ClassVar[str] = "mean-squared-error"

    @property
    def output_names(self) -> tuple[str, ...]:
        return ()

    def shares_memory(self, inputs: Sequence[Size], training: bool) -> bool:
        return True

    def saved_by_loss(self, inputs: Sequence[Size], from_logits: bool) -> SavedForBackward:
        target = Amount(inputs[0].num_elements)
        if from_logits:
            return SavedForBackward(private=target + target)
        return SavedForBackward(("in",), private=target)

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        """Passes the prediction on; its method ``loss`` takes it and the target."""
        from layergraph.modules.losses import HalfMeanSquaredError

        return HalfMeanSquaredError()
