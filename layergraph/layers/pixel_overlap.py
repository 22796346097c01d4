"""Output layers whose loss is the overlap of regions: generalized Dice and Tversky."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from math import prod
from typing import TYPE_CHECKING, ClassVar

from layergraph.amounts import Amount
from layergraph.layers.fields import number_from
from layergraph.layers.older_names import older_fields
from layergraph.layers.output import ClassLossLayer
from layergraph.layers.saved_for_backward import SavedForBackward
from layergraph.sizes import Size

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, repr=False)
class OverlapLayer(ClassLossLayer):
    """The base of output layers with a loss of overlaps."""

    small_numbers: ClassVar[int]  # numbers per class that autograd saves
    image_numbers: ClassVar[int] = 0  # numbers per image
    image_flags: ClassVar[int]  # truth values per image
    saves_scores: ClassVar[bool] = True

    def saved_by_loss(self, inputs: Sequence[Size], from_logits: bool) -> SavedForBackward:
        # the probabilities, which pixel is of which class, and which has a label
        size, channels = inputs[0].num_elements, inputs[0].channels
        flags = size + prod(inputs[0].spatial) + self.image_flags
        numbers = self.small_numbers * channels + self.image_numbers
        private = Amount(flags=flags, wide_numbers=numbers)
        if from_logits:
            return SavedForBackward(private=private + Amount(wide_numbers=size))
        return SavedForBackward(("in",) * self.saves_scores, private=private)


@older_fields(class_names="classes")
@dataclass(frozen=True, repr=False)
class DicePixelClassificationLayer(OverlapLayer):
    """The generalized Dice loss (MATLAB ``dicePixelClassificationLayer``).

    L = 1 - 2 Σ w(k) Σ y t / Σ w(k) Σ (y² + t²) of an image, with the outer sums over the classes k, the inner
    ones over its labeled pixels, and w(k) = 1 / (pixels of the class)². A class that an image does not have
    has the weight 0 there. The loss is the mean over the images of the mini-batch that have labeled pixels;
    without any it is 0. Unlabeled pixels (255) never count. The scores must be probabilities: a
    ``SoftmaxLayer`` comes before.

    Args:
        classes: names of the classes, or ``"auto"``.

    Source: Sudre et al., "Generalised Dice overlap as a deep learning loss function", 2017.

    >>> from layergraph import DicePixelClassificationLayer
    >>> DicePixelClassificationLayer(classes=["triangle", "background"]).description
    "Generalized Dice loss with 'triangle' and 'background'"
    """

    type: ClassVar[str] = "Dice Pixel Classification Layer"
    default_name: ClassVar[str] = "dice-pixel-class"
    small_numbers: ClassVar[int] = 1  # the weights
    image_numbers: ClassVar[int] = 2  # numerator and denominator
    image_flags: ClassVar[int] = 2  # whether it has labels, and whether the denominator is above 0

    @property
    def description(self) -> str:
        return f"Generalized Dice loss{self.classes_text()}"

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        """A module that passes the scores on; its method ``loss`` takes scores and target."""
        from layergraph.modules.overlap_losses import GeneralizedDice

        return GeneralizedDice(self.name, unlabeled=self.unlabeled_index(inputs[0]))


@older_fields(class_names="classes")
@dataclass(frozen=True, repr=False)
class TverskyPixelClassificationLayer(OverlapLayer):
    """The Tversky loss (MATLAB's example of a custom layer, ``tverskyPixelClassificationLayer``).

    L = Σ (1 - TP / (TP + alpha FP + beta FN)) of an image, summed over the classes, with TP = Σ y t,
    FP = Σ y (1 - t) and FN = Σ (1 - y) t over its labeled pixels; both sides of the fraction have 1e-8 more.
    So a class that an image does not have adds nearly 1. The loss is the mean over the images of the
    mini-batch that have labeled pixels; without any it is 0. Unlabeled pixels (255) never count. The scores
    must be probabilities: a ``SoftmaxLayer`` comes before.

    Args:
        alpha: the weight of false positives, of at least 0.
        beta: the weight of false negatives, of at least 0. Both 0.5 give the Dice coefficient of each class,
            both 1 its Jaccard index (IoU).
        classes: names of the classes, or ``"auto"``.

    Source: Salehi, Erdogmus, Gholipour, "Tversky loss function for image segmentation", 2017.

    >>> from layergraph import TverskyPixelClassificationLayer
    >>> TverskyPixelClassificationLayer(0.3, 0.7).description
    'Tversky loss with alpha 0.3 and beta 0.7'
    """

    type: ClassVar[str] = "Tversky Pixel Classification Layer"
    default_name: ClassVar[str] = "tversky-pixel-class"
    small_numbers: ClassVar[int] = 3  # both sides of the fraction, and the denominator before its limit
    image_flags: ClassVar[int] = 1  # whether it has labels
    saves_scores: ClassVar[bool] = False  # sums alone

    alpha: float = field(default=0.3, metadata=number_from(0))
    beta: float = field(default=0.7, metadata=number_from(0))
    _: KW_ONLY

    @property
    def description(self) -> str:
        return f"Tversky loss with alpha {self.alpha:g} and beta {self.beta:g}{self.classes_text()}"

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        """A module that passes the scores on; its method ``loss`` takes scores and target."""
        from layergraph.modules.overlap_losses import Tversky

        return Tversky(self.name, self.alpha, self.beta, unlabeled=self.unlabeled_index(inputs[0]))
