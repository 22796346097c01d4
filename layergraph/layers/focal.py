"""The output layer with the focal loss."""

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


@older_fields(class_names="classes")
@dataclass(frozen=True, repr=False)
class FocalLossLayer(ClassLossLayer):
    """The focal loss of each labeled pixel (MATLAB ``focalLossLayer``).

    L = -(1/N) Σ alpha (1 - p)^gamma ln(p), with p the score of the true class and N the number of labeled
    pixels of the mini-batch. Unlabeled pixels (255) never count. The scores must be probabilities: a
    ``SoftmaxLayer`` comes before.

    Args:
        alpha: the factor of the loss, of at least 0.
        gamma: the exponent, of at least 0; the larger it is, the less well-classified pixels count.
        classes: names of the classes, or ``"auto"``.

    Source: Lin et al., "Focal loss for dense object detection", ICCV 2017.

    >>> from layergraph import FocalLossLayer
    >>> FocalLossLayer(classes=["triangle", "background"]).description
    "Focal loss with 'triangle' and 'background'"
    """

    type: ClassVar[str] = "Focal Loss Layer"
    default_name: ClassVar[str] = "focal-loss"

    _: KW_ONLY
    alpha: float = field(default=0.25, metadata=number_from(0))
    gamma: float = field(default=2.0, metadata=number_from(0))

    @property
    def description(self) -> str:
        return f"Focal loss{self.classes_text()}"

    def saved_by_loss(self, inputs: Sequence[Size], from_logits: bool) -> SavedForBackward:
        # as cross-entropy; and per pixel its loss, 1 - p in three forms, and the power
        scores, pixels = inputs[0].num_elements, prod(inputs[0].spatial)
        private = Amount(indices=pixels, wide_numbers=scores + 5 * pixels)
        if from_logits:
            return SavedForBackward(private=private)
        return SavedForBackward(("in",), private=private + Amount(wide_numbers=scores))

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        """A module that passes the scores on; its method ``loss`` takes scores and target."""
        from layergraph.modules.losses import Focal

        return Focal(self.name, self.alpha, self.gamma, unlabeled=self.unlabeled_index(inputs[0]))
