"""Input layers: the size of the images, and how they are normalized."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import KW_ONLY, dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast, get_args

from layergraph.amounts import NOTHING, Amount
from layergraph.errors import ArgumentError
from layergraph.layers import arguments
from layergraph.layers.arithmetic import Step, constant_step
from layergraph.layers.fields import converter, one_of
from layergraph.layers.layer import Kind, Layer, Shape
from layergraph.sizes import Size, image_size
from layergraph.wording import times

if TYPE_CHECKING:
    from torch import nn

Normalization = Literal["zerocenter", "zscore", "rescale-symmetric", "rescale-zero-one", "none"]

# the statistics that each normalization needs
STATISTICS: dict[str, tuple[str, ...]] = {
    "zerocenter": ("mean",),
    "zscore": ("mean", "standard_deviation"),
    "rescale-symmetric": ("min", "max"),
    "rescale-zero-one": ("min", "max"),
    "none": (),
}

_INPUT_SIZE = converter(
    lambda layer, argument, value: arguments.image_numbers(layer, argument, value, layer.rank)
)
# fields are converted in their order, so that the last number of the size is the channels here
_STATISTIC = converter(
    lambda layer, argument, value: arguments.per_channel(layer, argument, value, layer.input_size[-1])
)


@dataclass(frozen=True, repr=False)
class InputLayer(Layer):
    """The base of input layers for images and volumes."""

    kind: ClassVar[Kind] = "input"
    rank: ClassVar[int]
    is_input: ClassVar[bool] = True
    example_arguments: ClassVar[tuple[Any, ...]] = ((5, 7, 3),)
    example_inputs: ClassVar[tuple[Shape, ...]] = ()

    input_size: Sequence[int] = field(metadata=_INPUT_SIZE)
    _: KW_ONLY
    normalization: Normalization = field(default="zerocenter", metadata=one_of(*get_args(Normalization)))
    mean: float | Sequence[float] | None = field(default=None, metadata=_STATISTIC)
    standard_deviation: float | Sequence[float] | None = field(default=None, metadata=_STATISTIC)
    min: float | Sequence[float] | None = field(default=None, metadata=_STATISTIC)
    max: float | Sequence[float] | None = field(default=None, metadata=_STATISTIC)

    def __post_init__(self) -> None:
        super().__post_init__()
        owner = type(self).__name__
        deviations = cast(tuple[float, ...] | None, self.standard_deviation)
        # "zscore" divides by the deviations
        if deviations is not None and any(value <= 0 for value in deviations):
            raise ArgumentError(
                f"{owner}: standard_deviation must be above 0 in every channel, got {deviations}"
            )
        low, high = (cast(tuple[float, ...] | None, value) for value in (self.min, self.max))
        # rescaling divides by the difference
        if low is not None and high is not None and any(a >= b for a, b in zip(low, high, strict=True)):
            raise ArgumentError(f"{owner}: min must be below max in every channel, got {low} and {high}")

    @property
    def note(self) -> str:
        end = "" if self.normalization == "none" else ", and normalizes them"
        return f"Takes pixels in the range of the training images, 0 to 255 for 8-bit images{end}."

    @property
    def input_names(self) -> tuple[str, ...]:
        return ()

    @property
    def description(self) -> str:
        end = "" if self.normalization == "none" else f" with '{self.normalization}' normalization"
        return f"{times(self.input_size)} images{end}"

    def output_sizes(self, inputs: Sequence[Size]) -> tuple[Size, ...]:
        return (image_size(tuple(self.input_size[:-1]), self.input_size[-1]),)

    def size_steps(self, inputs: Sequence[Size]) -> tuple[tuple[Step, ...], ...]:
        return (tuple(constant_step(number, "given") for number in self.input_size),)

    def gives_probabilities(self, inputs: Set[bool | None]) -> bool | None:
        # images may be scores of another network; only some normalizations rule that out
        return None if self.normalization in ("none", "rescale-zero-one") else False

    def missing_statistics(self) -> tuple[str, ...]:
        """The statistics that the normalization needs and that were not given."""
        return tuple(name for name in STATISTICS[self.normalization] if getattr(self, name) is None)

    def shares_memory(self, inputs: Sequence[Size], training: bool) -> bool:
        return self.normalization == "none"

    def workspace(self, inputs: Sequence[Size]) -> Amount:
        # each step of a normalization makes a new image, and the last one is the output
        numbers = prod(self.input_size)
        return {
            "zscore": Amount(numbers),  # the difference, while it is divided
            "rescale-zero-one": Amount(numbers, shared_numbers=self.input_size[-1]),
            # the rescaled image and its double
            "rescale-symmetric": Amount(2 * numbers),
        }.get(self.normalization, NOTHING)

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        from layergraph.modules.input_normalization import InputNormalization

        # only those in use become buffers, so that files and devices hold no others
        statistics = {name: getattr(self, name) for name in STATISTICS[self.normalization]}
        return InputNormalization(self.name, self.normalization, self.input_size[-1], self.rank, statistics)


@dataclass(frozen=True, repr=False)
class ImageInputLayer(InputLayer):
    """Input of 2-D images (MATLAB ``imageInputLayer``).

    It expects pixels in the range of the training images, 0 to 255 for 8-bit images, and normalizes them.

    Args:
        input_size: (height, width, channels); (height, width) means one channel.
        normalization: per channel: ``"zerocenter"`` (x - mean), ``"zscore"``
            ((x - mean) / standard deviation), ``"rescale-symmetric"`` (to [-1, 1] by min and max),
            ``"rescale-zero-one"`` (to [0, 1]), or ``"none"``.
        mean, standard_deviation, min, max: statistics in units of the pixels, one number or one per channel,
            also as an array 1×1×channels. Training computes those not given; until then they are neutral
            and leave the image unchanged.

    >>> from layergraph import ImageInputLayer
    >>> ImageInputLayer((360, 480, 3)).description
    "360×480×3 images with 'zerocenter' normalization"
    """

    type: ClassVar[str] = "Image Input"
    default_name: ClassVar[str] = "imageinput"
    rank: ClassVar[int] = 2


@dataclass(frozen=True, repr=False)
class Image3dInputLayer(InputLayer):
    """Input of volumes (MATLAB ``image3dInputLayer``): (height, width, depth, channels), else as 2-D.

    >>> from layergraph import Image3dInputLayer
    >>> Image3dInputLayer((128, 128, 64, 3), normalization="none").description
    '128×128×64×3 images'
    """

    type: ClassVar[str] = "3-D Image Input"
    default_name: ClassVar[str] = "image3dinput"
    rank: ClassVar[int] = 3
    example_arguments: ClassVar[tuple[Any, ...]] = ((4, 5, 6, 2),)
