"""Normalization of activations: over the batch, and over neighbouring channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from layergraph.errors import ArgumentError, SizeError
from layergraph.layers.arguments import channels, number, whole
from layergraph.layers.convolution import expect_channels
from layergraph.layers.layer import Layer, Shape
from layergraph.layers.memory_rule import Amount, SavedForBackward
from layergraph.sizes import Size

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, repr=False)
class BatchNormalizationLayer(Layer):
    """Batch normalization over the channels (MATLAB ``batchNormalizationLayer``).

    Args:
        epsilon: added to the variance.
        mean_decay, variance_decay: weight of the newest mini-batch in the running statistics; torch has
            one momentum for both, so they are equal.
        num_channels: ``"auto"`` takes those of the input.
        offset, scale, trained_mean, trained_variance: NumPy arrays, 1×1×channels or a vector, all four or
            none; they are put into ``weights``, in float32.

    Learnables: Offset and Scale, 1×1×channels each. States: TrainedMean and TrainedVariance.

    Source: S. Ioffe, C. Szegedy, "Batch Normalization", ICML 2015.

    >>> from layergraph import BatchNormalizationLayer
    >>> BatchNormalizationLayer(num_channels=64).description
    'Batch normalization with 64 channels'
    """

    type: ClassVar[str] = "Batch Normalization"
    default_name: ClassVar[str] = "batchnorm"

    _: KW_ONLY
    epsilon: float = 1e-5
    mean_decay: float = 0.1
    variance_decay: float = 0.1
    num_channels: int | Literal["auto"] = "auto"
    offset_learn_rate_factor: float = 1.0
    scale_learn_rate_factor: float = 1.0
    offset_l2_factor: float = 1.0
    scale_l2_factor: float = 1.0
    offset: object = None
    scale: object = None
    trained_mean: object = None
    trained_variance: object = None

    def __post_init__(self) -> None:
        self._set(epsilon=number(self, "epsilon", self.epsilon, 1e-12, 1))
        self._set(mean_decay=number(self, "mean_decay", self.mean_decay, 0, 1))
        self._set(variance_decay=number(self, "variance_decay", self.variance_decay, 0, 1))
        if self.mean_decay != self.variance_decay:
            raise ArgumentError(
                "BatchNormalizationLayer: mean_decay and variance_decay are equal (torch has one momentum "
                f"for both), got {self.mean_decay:g} and {self.variance_decay:g}"
            )
        self._set(num_channels=channels(self, "num_channels", self.num_channels))
        for kind in ("offset", "scale"):
            for what in ("learn_rate_factor", "l2_factor"):
                argument = f"{kind}_{what}"
                self._set(**{argument: number(self, argument, getattr(self, argument), 0)})
        given = {
            name: getattr(self, name) for name in ("offset", "scale", "trained_mean", "trained_variance")
        }
        if any(value is not None for value in given.values()):
            from layergraph.layers.matlab_order import statistics

            self._set(weights=statistics(self, given), **dict.fromkeys(given))

    @property
    def description(self) -> str:
        end = "" if self.num_channels == "auto" else f" with {self.num_channels} channels"
        return f"Batch normalization{end}"

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        if len(inputs[0].spatial) > 3:
            raise SizeError("LG-DIMENSIONS", f"the layer takes at most 3 spatial dimensions, got {inputs[0]}")
        expect_channels(inputs[0], self.num_channels)
        return (inputs[0],)

    def learnables(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        shape = (*(1,) * len(inputs[0].spatial), inputs[0].channels)
        return {"Offset": shape, "Scale": shape}

    def states(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        shape = (*(1,) * len(inputs[0].spatial), inputs[0].channels)
        return {"TrainedMean": shape, "TrainedVariance": shape}

    def factors(self) -> dict[str, tuple[float, float]]:
        return {
            "weight": (self.scale_learn_rate_factor, self.scale_l2_factor),
            "bias": (self.offset_learn_rate_factor, self.offset_l2_factor),
        }

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        # the input, and the mean and deviation of each channel in this batch
        return SavedForBackward(("in",), private=Amount(shared_numbers=2 * inputs[0].channels))

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        kinds = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
        kind = kinds[len(inputs[0].spatial)]
        return kind(inputs[0].channels, eps=self.epsilon, momentum=self.mean_decay)


@dataclass(frozen=True, repr=False)
class CrossChannelNormalizationLayer(Layer):
    """Divides each number by its neighbours in other channels (MATLAB ``crossChannelNormalizationLayer``).

    Args:
        window_channel_size: how many channels are sum_step, the number's own in the middle; of an even number
            one more after it than before.
        alpha, beta, k: the divisor is (k + alpha * sum of squares / window_channel_size) ^ beta.

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet Classification with Deep Convolutional Neural
    Networks", NIPS 2012, section 3.3.

    >>> from layergraph import CrossChannelNormalizationLayer
    >>> CrossChannelNormalizationLayer(5).description
    'cross channel normalization with 5 channels per element'
    """

    type: ClassVar[str] = "Cross Channel Normalization"
    default_name: ClassVar[str] = "crossnorm"

    window_channel_size: int
    _: KW_ONLY
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 2.0

    def __post_init__(self) -> None:
        self._set(window_channel_size=whole(self, "window_channel_size", self.window_channel_size))
        for argument, low in (("alpha", 0.0), ("beta", 0.0), ("k", 1e-5)):
            self._set(**{argument: number(self, argument, getattr(self, argument), low)})

    @property
    def description(self) -> str:
        return f"cross channel normalization with {self.window_channel_size} channels per element"

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        if not inputs[0].spatial:
            raise SizeError(
                "LG-DIMENSIONS", f"the layer takes an image or a volume, its input is {inputs[0]}"
            )
        return (inputs[0],)

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        # the padded squares while they are averaged, then two steps of the divisor
        return Amount(max(self._padded(inputs[0]), 2 * inputs[0].num_elements))

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        # the padded squares, the divisor and what it is a power of
        return SavedForBackward(("in",), private=Amount(self._padded(inputs[0]) + 2 * inputs[0].num_elements))

    def _padded(self, size: Size) -> int:
        beyond = self.window_channel_size - 1
        return size.num_elements // size.channels * (size.channels + beyond)

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        from layergraph.modules.cross_channel import CrossChannelNormalization

        window = self.window_channel_size
        kind = nn.LocalResponseNorm if window % 2 else CrossChannelNormalization
        return kind(window, self.alpha, self.beta, self.k)
