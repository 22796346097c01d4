"""The bases of output layers: how scores and targets become a loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, ClassVar, Literal

from layergraph.amounts import Amount
from layergraph.errors import ArgumentError, SizeError
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.layers.fields import converter
from layergraph.layers.layer import Kind, Layer, expect_spatial
from layergraph.layers.saved_for_backward import SavedForBackward
from layergraph.sizes import Size

if TYPE_CHECKING:
    from torch import Tensor, nn


NO_CLASS = -100
"""The target of unlabeled pixels where 255 may be a class: torch's own."""


@dataclass(frozen=True, repr=False)
class OutputLayer(Layer):
    """The base of output layers: they pass the scores on, and their module computes the loss.

    A loss of one's own is a subclass with a method :meth:`loss`. A file holds its name and arguments, and
    ``load(path, modules={name: layer})`` gives the layer again. Where a loss needs no arguments,
    :class:`layergraph.LossLayer` takes a plain function.

    Attributes:
        per_pixel: what a target is: a class index per pixel (True), a class index per observation (False),
            or numbers of the size of the scores (None, the default), as for a regression.
        takes_logits: whether the loss computes a softmax before it itself, in one stable step with its
            logarithm; else it gets the probabilities.
        takes_probabilities: whether a target may be a probability per class instead of a class index.

    >>> from dataclasses import dataclass
    >>> from layergraph import Convolution2dLayer, ImageInputLayer, LayerGraph, OutputLayer
    >>> @dataclass(frozen=True, repr=False)
    ... class LogCoshLayer(OutputLayer):
    ...     steepness: float = 1.0
    ...
    ...     def loss(self, scores, target):
    ...         return (self.steepness * (scores - target)).cosh().log().mean()
    >>> net = LayerGraph([ImageInputLayer((8, 8, 1)), Convolution2dLayer(3, 1), LogCoshLayer(2)]).compile()
    >>> import torch
    >>> net.loss(torch.zeros(4, 1, 8, 8), torch.ones(4, 1, 6, 6)).shape
    torch.Size([])
    """

    type: ClassVar[str]
    kind: ClassVar[Kind] = "output"
    default_name: ClassVar[str] = "loss"
    is_output: ClassVar[bool] = True
    keeps_probabilities: ClassVar[bool | None] = True
    takes_logits: ClassVar[bool] = False
    takes_probabilities: ClassVar[bool] = False

    def __init_subclass__(cls) -> None:
        # as MATLAB's analyzer shows custom layers; the layers of this package have types of their own
        cls.type = cls.__dict__.get("type", cls.__name__)

    @property
    def per_pixel(self) -> bool | None:
        return None

    @property
    def unlabeled(self) -> int | None:
        """The class index that never counts; ``None`` without classes."""
        return {True: UNLABELED, False: NO_CLASS, None: None}[self.per_pixel]

    @property
    def output_names(self) -> tuple[str, ...]:
        # nothing comes after a loss
        return ()

    def shares_memory(self, inputs: Sequence[Size], training: bool) -> bool:
        # the module returns the scores, or a view of them
        return True

    def loss(self, scores: Tensor, target: Tensor) -> Tensor:
        """The loss as a scalar tensor; in a subclass of one's own.

        Args:
            scores: the input of the layer (batch, channels, height, width), in float32 or float64.
            target: class indices (batch, height, width) or (batch,) in int64, or a tensor like the scores.
        """
        raise NotImplementedError(f"{type(self).__name__} must define loss(self, scores, target)")

    def saved_by_loss(self, inputs: Sequence[Size], from_logits: bool) -> SavedForBackward:
        # the loss of a user is not known without a run: as much as a squared error saves
        return SavedForBackward(private=Amount(wide_numbers=inputs[0].num_elements))

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        """A module that passes the scores on; its method ``loss`` takes scores and target."""
        from layergraph.modules.losses import FunctionLoss

        return FunctionLoss(self.name, self.loss, per_pixel=self.per_pixel)


def _classes(layer: object, argument: str, value: object) -> str | tuple[str, ...]:
    # text is a word such as 'auto', never a sequence of names of one letter
    if isinstance(value, str):
        return arguments.choice(layer, argument, value, ("auto",), or_else="a list of names")
    names = arguments.names(value)
    if len(set(names)) < len(names) or not names:
        raise ArgumentError(f"{type(layer).__name__}: {argument} must be distinct names, got {value!r:.200}")
    return names


@dataclass(frozen=True, repr=False)
class ClassLossLayer(OutputLayer):
    """The base of output layers with classes: their scores are probabilities, and targets class indices."""

    per_pixel: ClassVar[bool] = True
    takes_logits: ClassVar[bool] = True

    _: KW_ONLY
    classes: Sequence[str] | Literal["auto"] = field(default="auto", metadata=converter(_classes))

    def classes_text(self) -> str:
        """The classes in words, as in MATLAB's tables."""
        if self.classes == "auto":
            return ""
        names = [repr(name) for name in self.classes]
        if len(names) <= 2:
            return " with " + " and ".join(names)
        return f" with {names[0]}, {names[1]}, and {len(names) - 2} other classes"

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        # pixels of images and volumes alike; only a vector has none, and this words the error
        if not inputs[0].spatial:
            expect_spatial(inputs[0], 2)
        self.check_classes(inputs[0])
        return (inputs[0],)

    def check_classes(self, scores: Size) -> None:
        """Raise unless there is one score channel per class."""
        if self.classes != "auto" and len(self.classes) != scores.channels:
            raise SizeError(
                "LG-CLASSES",
                f"the layer has {len(self.classes)} classes, its scores {scores} have "
                f"{scores.channels} channels",
                advice=f"give the last convolution {len(self.classes)} filters, or the loss other classes",
            )

    def unlabeled_index(self, scores: Size) -> int:
        """The target of unlabeled pixels; with more than 255 classes, 255 is the index of a class."""
        unlabeled = self.unlabeled
        return unlabeled if unlabeled is not None and unlabeled >= scores.channels else NO_CLASS
