"""Normalization of activations: over the batch, and over neighboring channels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from layergraph.amounts import Amount
from layergraph.errors import ArgumentError, SizeError
from layergraph.layers.convolution import channel_relaxations, expect_channels
from layergraph.layers.fields import CHANNELS, WHOLE, number_from
from layergraph.layers.layer import Kind, Layer, Shape
from layergraph.layers.learnable import FACTOR
from layergraph.layers.saved_for_backward import SavedForBackward
from layergraph.sizes import Size

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True, repr=False)
class NormalizationLayer(Layer):
    """The base of layers that normalize activations."""

    kind: ClassVar[Kind] = "normalization"
    is_part_of_previous: ClassVar[bool] = True


@dataclass(frozen=True, repr=False)
class BatchNormalizationLayer(NormalizationLayer):
    """Batch normalization over the channels (MATLAB ``batchNormalizationLayer``).

    Args:
        epsilon: added to the variance.
        mean_decay, variance_decay: weight of the newest mini-batch in the running statistics; torch has
            one momentum for both, so they must be equal.
        num_channels: ``"auto"``: as many as the input has.
        offset, scale, trained_mean, trained_variance: NumPy arrays, 1×1×channels or a vector, all four or
            none; they become ``weights``, in float32.

    Learnables: Offset and Scale, 1×1×channels each. States: TrainedMean and TrainedVariance.

    Source: S. Ioffe, C. Szegedy, "Batch Normalization", ICML 2015.

    >>> from layergraph import BatchNormalizationLayer
    >>> BatchNormalizationLayer(num_channels=64).description
    'Batch normalization with 64 channels'
    """

    type: ClassVar[str] = "Batch Normalization"
    default_name: ClassVar[str] = "batchnorm"

    _: KW_ONLY
    # above 0, because the variance of a constant channel is 0, and its root divides
    epsilon: float = field(default=1e-5, metadata=number_from(1e-12, 1))
    mean_decay: float = field(default=0.1, metadata=number_from(0, 1))
    variance_decay: float = field(default=0.1, metadata=number_from(0, 1))
    num_channels: int | Literal["auto"] = field(default="auto", metadata=CHANNELS)
    offset_learn_rate_factor: float = field(default=1.0, metadata=FACTOR)
    scale_learn_rate_factor: float = field(default=1.0, metadata=FACTOR)
    offset_l2_factor: float = field(default=1.0, metadata=FACTOR)
    scale_l2_factor: float = field(default=1.0, metadata=FACTOR)
    offset: object = None
    scale: object = None
    trained_mean: object = None
    trained_variance: object = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.mean_decay != self.variance_decay:
            raise ArgumentError(
                "BatchNormalizationLayer: mean_decay and variance_decay must be equal (torch has one momentum"
                f" for both), got {self.mean_decay:g} and {self.variance_decay:g}"
            )
        arrays = {
            name: getattr(self, name) for name in ("offset", "scale", "trained_mean", "trained_variance")
        }
        if any(value is not None for value in arrays.values()):
            from layergraph.layers.matlab_order import batch_normalization_weights

            self._set("weights", batch_normalization_weights(self, arrays))
            # the weights hold them now, and layers with arrays as fields could not be compared
            for name in arrays:
                self._set(name, None)

    @property
    def description(self) -> str:
        end = "" if self.num_channels == "auto" else f" with {self.num_channels} channels"
        return f"Batch normalization{end}"

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        # torch has no batch normalization for more dimensions
        if len(inputs[0].spatial) > 3:
            raise SizeError("LG-DIMENSIONS", f"the layer takes at most 3 spatial dimensions, got {inputs[0]}")
        expect_channels(inputs[0], self.num_channels)
        return (inputs[0],)

    def relaxations(self, inputs: Sequence[Size]) -> Iterator[tuple[Layer, Sequence[Size]]]:
        return channel_relaxations(self, inputs)

    def learnables(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        shape = (*(1,) * len(inputs[0].spatial), inputs[0].channels)
        return {"Offset": shape, "Scale": shape}

    def states(self, inputs: Sequence[Size]) -> dict[str, Shape]:
        shape = (*(1,) * len(inputs[0].spatial), inputs[0].channels)
        return {"TrainedMean": shape, "TrainedVariance": shape}

    def factors(self) -> dict[str, tuple[float, float]]:
        return {
            # torch's weight is MATLAB's scale, its bias MATLAB's offset
            "weight": (self.scale_learn_rate_factor, self.scale_l2_factor),
            "bias": (self.offset_learn_rate_factor, self.offset_l2_factor),
        }

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        # the input, and the mean and deviation of each channel in this batch
        return SavedForBackward(("in",), private=Amount(shared_numbers=2 * inputs[0].channels))

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        # torch's 1-D form also takes vectors, which have no spatial dimension
        kinds = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
        kind = kinds[len(inputs[0].spatial)]
        return kind(inputs[0].channels, eps=self.epsilon, momentum=self.mean_decay)


@dataclass(frozen=True, repr=False)
class CrossChannelNormalizationLayer(NormalizationLayer):
    """Divides each number by those of neighboring channels (MATLAB ``crossChannelNormalizationLayer``).

    Args:
        window_channel_size: number of channels that are summed, with the number's own in the middle; an even
            number has one more channel after it than before.
        alpha, beta, k: the divisor is (k + alpha * sum of squares / window_channel_size) ^ beta.

    Source: A. Krizhevsky, I. Sutskever, G. Hinton, "ImageNet Classification with Deep Convolutional Neural
    Networks", NIPS 2012, section 3.3.

    >>> from layergraph import CrossChannelNormalizationLayer
    >>> CrossChannelNormalizationLayer(5).description
    'cross channel normalization with 5 channels per element'
    """

    type: ClassVar[str] = "Cross Channel Normalization"
    default_name: ClassVar[str] = "crossnorm"
    example_arguments: ClassVar[tuple[Any, ...]] = (5,)

    window_channel_size: int = field(metadata=WHOLE)
    _: KW_ONLY
    alpha: float = field(default=1e-4, metadata=number_from(0))
    beta: float = field(default=0.75, metadata=number_from(0))
    # above 0, because a window of zeros would have the divisor 0
    k: float = field(default=2.0, metadata=number_from(1e-5))

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
        return Amount(max(self._padded_squares(inputs[0]), 2 * inputs[0].num_elements))

    def saved_for_backward(self, inputs: Sequence[Size], gradients: Sequence[bool]) -> SavedForBackward:
        # the padded squares, the divisor, and the base of which the divisor is a power
        numbers = self._padded_squares(inputs[0]) + 2 * inputs[0].num_elements
        return SavedForBackward(("in",), private=Amount(numbers))

    def _padded_squares(self, size: Size) -> int:
        # zeros before the first and after the last channel, so that every window is full
        padding = self.window_channel_size - 1
        return size.num_elements // size.channels * (size.channels + padding)

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from torch import nn

        from layergraph.modules.cross_channel import CrossChannelNormalization

        # of an even window torch has the additional channel before, and MATLAB after
        window = self.window_channel_size
        kind = nn.LocalResponseNorm if window % 2 else CrossChannelNormalization
        return kind(window, self.alpha, self.beta, self.k)
