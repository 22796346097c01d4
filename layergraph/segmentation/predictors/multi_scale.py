"""A network that scores each image at several sizes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, Self

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from layergraph.errors import ArgumentError, DataError
from layergraph.layers import arguments
from layergraph.network.modes import inference
from layergraph.network.network import Network
from layergraph.network.own_code import with_own_code
from layergraph.network.tensors import to_images
from layergraph.segmentation.predictors.predictor import require_predictor
from layergraph.wording import quoted


class MultiScale(nn.Module):
    """Applies a network to its input at several scales, and fuses the scores.

    The input is resized bilinearly to each scale, and the scores before the softmax back to the input's size.
    ``fuse="max"`` takes the largest score before the softmax, as DeepLab v2 does in training and inference;
    ``"mean"`` takes the mean of the probabilities after the softmax, as DeepLab v3 and v3+ do in inference,
    with the scales 0.5, 0.75, 1, 1.25, 1.5, 1.75 and flips. The network must score every pixel of its input.

    ``semanticseg(image, MultiScale(net))`` segments an image. The module shares the weights of ``net``: after
    training, ``net.layer_graph()`` has the trained weights.

    Args:
        net: a compiled network with one input, and one output layer with a softmax before it.
        scales: factors of the input's height and width; sizes are rounded, halves up.
        fuse: ``"max"`` or ``"mean"``.
        flip: also apply the network to each scale mirrored left to right. (The loss omits this.)

    Raises:
        ArgumentError: another network, a scale that is not positive, or an unknown ``fuse``.

    Source: Chen et al. 2016, DeepLab (v2), section 4.1; 2017, Rethinking Atrous Convolution (v3).

    >>> from layergraph.builders import segnet_layers
    >>> net = MultiScale(segnet_layers((32, 32, 1), 2, 1).compile(), scales=(0.5, 1))
    >>> net(torch.zeros(1, 1, 33, 35)).shape
    torch.Size([1, 2, 33, 35])
    """

    def __new__(cls, *arguments: object, **options: object) -> Self:
        # a class per object, so that torch.compile counts compiled versions per object
        return object.__new__(with_own_code(cls))

    def __init__(
        self,
        net: Network,
        scales: Sequence[float] = (0.5, 0.75, 1.0),
        *,
        fuse: Literal["max", "mean"] = "max",
        flip: bool = False,
    ) -> None:
        super().__init__()
        require_predictor("MultiScale", net)
        if isinstance(scales, str) or not isinstance(scales, Iterable):
            raise ArgumentError(f"MultiScale: scales must be a sequence of numbers, got {quoted(scales)}")
        self.scales = tuple(arguments.number("MultiScale", "scales", scale, 1e-3, 1e3) for scale in scales)
        if not self.scales:
            raise ArgumentError("MultiScale: scales must be one number or more, got none")
        self.fuse = arguments.choice("MultiScale", "fuse", fuse, ("max", "mean"))
        self.flip = arguments.flag("MultiScale", "flip", flip)
        if not _has_logits(net):
            raise ArgumentError(
                "MultiScale: net must be a compiled network with one input, and one output layer with a "
                f"softmax before it, got {_description(net)}"
            )
        self.net = net

    @property
    def classes(self) -> tuple[str, ...] | None:
        """The class names of the network."""
        return self.net.classes

    def forward(self, x: Tensor) -> Tensor:
        """The fused scores (N, classes, H, W), after the softmax, of images (N, C, H, W)."""
        scores_by_scale = [self._at_scale(x, scale) for scale in self.scales]
        if self.flip:
            # mirrored back after the network, so that scores of all passes align
            scores_by_scale += [self._at_scale(x.flip(3), scale).flip(3) for scale in self.scales]
        return self._fuse(scores_by_scale, x).softmax(dim=1)

    def predict(self, images: NDArray[Any], /, *, dropout: bool = False) -> NDArray[np.float32]:
        """Scores (N, H, W, classes) of NumPy images, as :meth:`Network.predict` returns them."""
        (x,), single = self.net.to_tensors(images)
        try:
            with inference(self, dropout=dropout):
                return to_images(self(x), single)
        # sizes are checked only after a failure: a check may take longer than the network
        except RuntimeError:
            # torch's error names no scale: find the first one whose images the network does not take
            for scale in self.scales:
                try:
                    self.net.check_sizes(self._scaled_size(x, scale))
                except DataError as error:
                    raise DataError(f"MultiScale: at the scale {scale:g}, {error}") from None
            raise

    def loss(self, x: Tensor, target: Tensor) -> Tensor:
        """The sum of the losses of the fused scores and of the scores at each scale, as a scalar tensor.

        Args:
            x: images (N, C, H, W).
            target: class indices (N, H, W), as in ``net.loss(x, target)``. For each scale, they are resized
                to its scores by the nearest pixel.
        """
        scores_by_scale = [self._at_scale(x, scale) for scale in self.scales]
        output: Any = self.net.layer_module(self.net.output_names[0])
        total: Tensor = output.loss(self._fuse(scores_by_scale, x), target)
        for scores in scores_by_scale:
            # torch's "nearest" takes the first pixel of each cell, "nearest-exact" the central one;
            # torch interpolates no int64, and float32 holds all class indices exactly
            resized = F.interpolate(target[:, None].float(), scores.shape[2:], mode="nearest-exact")
            total = total + output.loss(scores, resized[:, 0].to(target.dtype))
        return total

    def _at_scale(self, x: Tensor, scale: float) -> Tensor:
        """The scores before the softmax, at the size of the network's output."""
        scores: Tensor = self.net.logits(_resize(x, self._scaled_size(x, scale)))
        return scores

    def _scaled_size(self, x: Tensor, scale: float) -> list[int]:
        # halves go up, at every parity; Python's round takes the even number
        # a scale such as 0.001 of a small image would give no pixel
        return [max(1, math.floor(number * scale + 0.5)) for number in x.shape[2:]]

    def _fuse(self, scores_by_scale: Sequence[Tensor], x: Tensor) -> Tensor:
        """The fused scores, before the softmax and at the input's size."""
        # the scales differ in size, so that scores can only be compared at the size of the input
        resized = torch.stack([_resize(scores, x.shape[2:]) for scores in scores_by_scale])
        if self.fuse == "max":
            return resized.amax(dim=0)
        # the softmax of these scores is the mean of the probabilities
        return resized.log_softmax(dim=2).logsumexp(dim=0) - math.log(len(scores_by_scale))


def _resize(x: Tensor, size: Sequence[int]) -> Tensor:
    # nothing to interpolate at the scale 1
    if list(x.shape[2:]) == list(size):
        return x
    return F.interpolate(x, list(size), mode="bilinear", align_corners=False)


def _has_logits(net: object) -> bool:
    if not isinstance(net, Network) or len(net.input_names) != 1 or len(net.output_names) != 1:
        return False
    # logits exist only where the loss computes the softmax itself
    return getattr(net.layer_module(net.output_names[0]), "from_logits", False) is True


def _description(net: object) -> str:
    if not isinstance(net, Network):
        return f"an object of type {type(net).__name__}"
    return f"one with the inputs {', '.join(net.input_names)} and the outputs {', '.join(net.output_names)}"
