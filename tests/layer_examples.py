"""Layers of every type with inputs that fit, for the contract: the example of each class, and many more."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn

from layergraph import (
    AdditionLayer,
    AveragePooling2dLayer,
    AveragePooling3dLayer,
    BatchNormalizationLayer,
    ClassificationLayer,
    ClippedReluLayer,
    ConcatenationLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    Crop2dLayer,
    Crop3dLayer,
    CrossChannelNormalizationLayer,
    DepthConcatenationLayer,
    DicePixelClassificationLayer,
    DropoutLayer,
    FocalLossLayer,
    FullyConnectedLayer,
    GlobalAveragePooling2dLayer,
    GroupedConvolution2dLayer,
    Image3dInputLayer,
    ImageInputLayer,
    Layer,
    LeakyReluLayer,
    MaxPooling2dLayer,
    MaxPooling3dLayer,
    MaxUnpooling2dLayer,
    ModuleLayer,
    MultiplicationLayer,
    Pad2dLayer,
    PixelClassificationLayer,
    RegressionLayer,
    ReluLayer,
    Resize2dLayer,
    ScalingLayer,
    SigmoidLayer,
    Size,
    SoftmaxLayer,
    TransposedConv2dLayer,
    TransposedConv3dLayer,
    TverskyPixelClassificationLayer,
)
from layergraph.layers import LAYER_TYPES
from layergraph.sizes import image_size


@dataclass(frozen=True)
class Example:
    """A layer and the (spatial, channels) of its inputs; for unpooling also the pooling layer upstream."""

    layer: Layer
    inputs: tuple[tuple[tuple[int, ...], int], ...]
    pooling: MaxPooling2dLayer | None = None

    @property
    def sizes(self) -> list[Size]:
        sizes = [image_size(spatial, channels) for spatial, channels in self.inputs]
        return sizes if self.pooling is None else list(self.pooling.output_sizes(sizes))

    def __str__(self) -> str:
        return f"{self.layer!r:.70}-{'+'.join('x'.join(map(str, (*s, c))) for s, c in self.inputs)}"


SMALL = (((5, 7), 3),)
WIDE = (((9, 12), 4),)
CUBE = (((5, 4, 6), 2),)
PIXEL = (((1, 1), 6),)
VECTOR = (((), 6),)


def _own_example(kind: type[Layer]) -> Example:
    """The example of a layer class."""
    layer, sizes = kind.example()
    if isinstance(layer, MaxUnpooling2dLayer):
        return Example(layer, SMALL, _max_pooling(2, stride=2))
    return Example(layer, tuple((size.spatial, size.channels) for size in sizes))


def _examples(*layers: Layer, on: tuple = (SMALL, WIDE)) -> list[Example]:
    """Each layer with each of these inputs."""
    return [Example(layer, inputs) for layer in layers for inputs in on]


def _unpooling_examples(pooling: MaxPooling2dLayer, *spatial: tuple[int, int]) -> list[Example]:
    return [Example(MaxUnpooling2dLayer(), ((s, 3),), pooling) for s in spatial]


def _max_pooling(size, **arguments) -> MaxPooling2dLayer:
    """A pooling layer with the outputs that unpooling needs."""
    return MaxPooling2dLayer(size, has_unpooling_outputs=True, **arguments)


_ALL: list[Example] = [
    *map(_own_example, LAYER_TYPES.values()),
    *_examples(
        ImageInputLayer((5, 7, 3)),
        ImageInputLayer((5, 7, 3), normalization="none"),
        ImageInputLayer((5, 7, 3), mean=[1, 2, 3]),
        ImageInputLayer((5, 7, 3), normalization="zscore", mean=0.5, standard_deviation=[1, 2, 3]),
        ImageInputLayer((5, 7, 3), normalization="rescale-symmetric", min=0, max=255),
        ImageInputLayer((5, 7, 3), normalization="rescale-zero-one"),
        on=((),),
    ),
    *_examples(ImageInputLayer((8, 9)), ImageInputLayer((1, 1, 1)), on=((),)),
    *_examples(
        Image3dInputLayer((4, 5, 6, 2)),
        Image3dInputLayer((4, 5, 6), normalization="zscore", mean=1, standard_deviation=2),
        on=((),),
    ),
    *_examples(
        Convolution2dLayer(3, 4),
        Convolution2dLayer((1, 3), 2, stride=(2, 1)),
        Convolution2dLayer(1, 5, weights_initializer="he", bias_initializer="ones"),
        Convolution2dLayer(3, 4, padding="same"),
        Convolution2dLayer(2, 4, padding="same"),
        Convolution2dLayer((4, 3), 4, padding="same", stride=2),
        Convolution2dLayer(3, 4, padding="same", stride=3, dilation_factor=(2, 1)),
        Convolution2dLayer(1, 4, padding="same", stride=3),
        Convolution2dLayer(3, 4, padding=2),
        Convolution2dLayer(3, 4, padding=(2, 1), padding_value=-1.5),
        Convolution2dLayer(3, 4, padding=(0, 3, 1, 2)),
        Convolution2dLayer(3, 4, padding=(1, 2, 0, 3), stride=(2, 3), dilation_factor=2),
        Convolution2dLayer(3, 4, weights_initializer="orthogonal", bias_initializer="narrow-normal"),
        Convolution2dLayer(
            3,
            4,
            name="conv",
            weights_initializer="zeros",
            weight_learn_rate_factor=0,
            bias_learn_rate_factor=2.5,
            weight_l2_factor=0.5,
            bias_l2_factor=1,
        ),
    ),
    *_examples(Convolution2dLayer(3, 4, num_channels=3), Convolution2dLayer(5, 1, padding=2), on=(SMALL,)),
    *_examples(
        Convolution3dLayer(3, 4),
        Convolution3dLayer((1, 2, 3), 3, stride=(2, 1, 2), padding="same"),
        Convolution3dLayer(2, 3, padding=((0, 1, 2), (3, 0, 1)), padding_value=2),
        Convolution3dLayer(2, 3, padding=(1, 0, 2), dilation_factor=(1, 2, 1), num_channels=2),
        on=(CUBE,),
    ),
    *_examples(
        GroupedConvolution2dLayer(3, 2, "channel-wise"),
        GroupedConvolution2dLayer(3, 1, "channel-wise", padding="same", stride=2),
        GroupedConvolution2dLayer((3, 1), 3, 1, padding=(1, 0, 2, 0), padding_value=1),
    ),
    *_examples(
        GroupedConvolution2dLayer(3, 3, 2, dilation_factor=2, padding=2),
        GroupedConvolution2dLayer(2, 1, 4, num_channels_per_group=1),
        GroupedConvolution2dLayer(2, 5, 2, num_channels_per_group=2, padding="same"),
        on=(WIDE,),
    ),
    *_examples(
        TransposedConv2dLayer(2, 4, stride=2),
        TransposedConv2dLayer(3, 4),
        TransposedConv2dLayer(4, 4, stride=2, cropping="same"),
        TransposedConv2dLayer(3, 4, stride=2, cropping="same"),
        TransposedConv2dLayer((2, 1), 4, stride=3, cropping="same"),
        TransposedConv2dLayer(5, 4, stride=(1, 3), cropping="same"),
        TransposedConv2dLayer(3, 2, cropping=1),
        TransposedConv2dLayer((3, 4), 2, stride=2, cropping=(0, 1)),
        TransposedConv2dLayer(4, 2, stride=2, cropping=(1, 2, 0, 3), weights_initializer="he"),
        TransposedConv2dLayer(1, 2, stride=2),
        TransposedConv2dLayer(4, 3, stride=2, weights_initializer="bilinear"),
    ),
    *_examples(TransposedConv2dLayer(2, 4, num_channels=3), on=(SMALL,)),
    *_examples(
        TransposedConv3dLayer(2, 3, stride=2),
        TransposedConv3dLayer((3, 2, 4), 3, stride=(2, 3, 2), cropping="same"),
        TransposedConv3dLayer(3, 2, stride=2, cropping=((0, 1, 1), (2, 0, 1))),
        on=(CUBE,),
    ),
    *_examples(
        BatchNormalizationLayer(),
        BatchNormalizationLayer(epsilon=1e-3, mean_decay=0.2, variance_decay=0.2, scale_l2_factor=0),
        on=(SMALL, WIDE, CUBE, VECTOR),
    ),
    *_examples(
        CrossChannelNormalizationLayer(5),
        CrossChannelNormalizationLayer(4, alpha=0.3, beta=0.5, k=1),
        on=(SMALL, WIDE, CUBE),
    ),
    *_examples(BatchNormalizationLayer(num_channels=3, offset_learn_rate_factor=0), on=(SMALL,)),
    *_examples(
        ReluLayer(),
        ReluLayer(name="a name"),
        LeakyReluLayer(),
        LeakyReluLayer(0.3),
        ScalingLayer(0.17),
        ScalingLayer(-2, 0.5),
        ClippedReluLayer(6),
        SigmoidLayer(),
        SoftmaxLayer(),
        DropoutLayer(),
        DropoutLayer(0.2),
        DropoutLayer(0),
        on=(SMALL, CUBE, VECTOR),
    ),
    *_examples(
        MaxPooling2dLayer(2, stride=2),
        MaxPooling2dLayer(3),
        MaxPooling2dLayer((3, 2), stride=(1, 3), padding=1),
        MaxPooling2dLayer(4, padding=3),
        MaxPooling2dLayer(3, stride=2, padding="same"),
        MaxPooling2dLayer(2, padding="same"),
        MaxPooling2dLayer(3, stride=2, padding=(0, 2, 1, 0)),
        MaxPooling2dLayer(2, dilation_factor=2),
        MaxPooling2dLayer((3, 2), dilation_factor=(1, 3), padding="same"),
        MaxPooling2dLayer(2, dilation_factor=3, padding=(0, 3, 1, 2)),
        _max_pooling(2, stride=2),
        _max_pooling(3, stride=3, padding=1),
        _max_pooling(3, stride=3, padding=(2, 0, 0, 1)),
        _max_pooling(4, stride=4, padding="same"),
    ),
    *_examples(
        MaxPooling3dLayer(2, stride=2),
        MaxPooling3dLayer((2, 3, 4), padding="same", stride=2),
        MaxPooling3dLayer(3, padding=((2, 0, 1), (0, 1, 2))),
        on=(CUBE,),
    ),
    *_examples(
        AveragePooling2dLayer(2, stride=2),
        AveragePooling2dLayer((2, 4), padding=1),
        AveragePooling2dLayer(3, padding=2),
        AveragePooling2dLayer(3, stride=2, padding="same"),
        AveragePooling2dLayer(3, stride=2, padding=(0, 2, 1, 0)),
        AveragePooling2dLayer(3, stride=2, padding=1, padding_value="mean"),
        AveragePooling2dLayer(3, stride=2, padding="same", padding_value="mean"),
        AveragePooling2dLayer(4, padding=(3, 0, 1, 2), padding_value="mean"),
    ),
    *_examples(
        AveragePooling3dLayer(2, stride=2),
        AveragePooling3dLayer(3, padding=((2, 0, 1), (0, 1, 2))),
        on=(CUBE,),
    ),
    *_examples(GlobalAveragePooling2dLayer()),
    *_unpooling_examples(_max_pooling(2, stride=2), (4, 6), (5, 7), (2, 3)),
    *_unpooling_examples(_max_pooling((3, 2), stride=(3, 2)), (7, 7), (3, 8)),
    *_unpooling_examples(_max_pooling(3, stride=3, padding=1), (5, 7), (7, 8)),
    *_unpooling_examples(_max_pooling(3, stride=3, padding=(2, 0, 0, 1)), (5, 7), (4, 8)),
    *_unpooling_examples(_max_pooling(4, stride=4, padding="same"), (5, 7), (8, 9)),
    *_examples(
        AdditionLayer(2),
        MultiplicationLayer(2),
        on=(SMALL * 2, CUBE * 2, VECTOR * 2, (*SMALL, ((1, 1), 3)), (((5, 1), 1), *SMALL)),
    ),
    *_examples(AdditionLayer(4), MultiplicationLayer(3, name="product"), on=()),
    Example(AdditionLayer(4), SMALL * 4),
    Example(MultiplicationLayer(3, name="product"), (((5, 1), 3), ((1, 7), 1), ((1, 1), 1))),
    *_examples(DepthConcatenationLayer(2), on=(SMALL * 2, CUBE * 2, VECTOR * 2, (*SMALL, ((5, 7), 1)))),
    Example(DepthConcatenationLayer(3), (((2, 2), 1), ((2, 2), 5), ((2, 2), 2))),
    *_examples(ConcatenationLayer(3, 2), on=(SMALL * 2, CUBE * 2, (((5, 7), 2), ((5, 7), 4)))),
    Example(ConcatenationLayer(1, 3), (((2, 3), 5), ((1, 3), 5), ((4, 3), 5))),
    Example(ConcatenationLayer(2, 2, name="wide"), (((2, 3, 4), 2), ((2, 1, 4), 2))),
    Example(ConcatenationLayer(4, 2), (((2, 3, 4), 2), ((2, 3, 4), 5))),
    Example(ConcatenationLayer(1, 2), VECTOR * 2),
    *_examples(
        Crop2dLayer(),
        Crop2dLayer("centercrop"),
        Crop2dLayer((3, 2)),
        on=((((9, 12), 4), ((5, 7), 3)), (((10, 11), 2), ((7, 8), 1))),
    ),
    Example(Crop2dLayer(), SMALL * 2),
    *_examples(Pad2dLayer(), Pad2dLayer(padding_value=-1.5), on=((((5, 7), 3), ((9, 12), 4)), SMALL * 2)),
    Example(Crop3dLayer(), (((6, 7, 5), 2), ((3, 4, 5), 3))),
    Example(Crop3dLayer((2, 4, 1)), (((6, 7, 5), 2), ((3, 4, 5), 3))),
    *_examples(
        *(
            Resize2dLayer(
                **target, method=method, geometric_transform_mode=mode, nearest_rounding_mode=rounding
            )
            for target in ({"output_size": (8, 3)}, {"scale": 2}, {"scale": (0.5, 1.7)})
            for method in ("nearest", "bilinear")
            for mode in ("half-pixel", "asymmetric")
            for rounding in ("round", "floor", "onnx-10")
        ),
        on=(SMALL,),
    ),
    Example(Resize2dLayer(enable_reference_input=True), (((5, 7), 3), ((9, 4), 2))),
    Example(Resize2dLayer(enable_reference_input=True, method="bilinear"), (((5, 7), 3), ((5, 7), 1))),
    *_examples(
        FullyConnectedLayer(4),
        FullyConnectedLayer(1, weights_initializer="narrow-normal", name="fc8"),
        on=(SMALL, VECTOR, CUBE, PIXEL),
    ),
    *_examples(FullyConnectedLayer(4, input_size=6), on=(VECTOR, PIXEL)),
    *_examples(
        PixelClassificationLayer(),
        PixelClassificationLayer(classes=["a", "b", "c"]),
        PixelClassificationLayer(classes=["a", "b", "c"], class_weights=[1, 0.5, 3]),
        on=(SMALL, (((2, 3, 4), 3),)),
    ),
    *_examples(ClassificationLayer(), ClassificationLayer(classes=list("abcdef")), on=(PIXEL, VECTOR)),
    *_examples(
        ClassificationLayer(classes=list("abcdef"), class_weights=[1, 2, 3, 4, 5, 6]),
        on=(PIXEL,),
    ),
    *_examples(
        DicePixelClassificationLayer(classes=["a", "b", "c"]),
        TverskyPixelClassificationLayer(0.5, 0),
        FocalLossLayer(alpha=1, gamma=0.5),
        on=(SMALL, (((2, 3, 4), 3),)),
    ),
    *_examples(RegressionLayer(), on=(SMALL, VECTOR, CUBE)),
    *_examples(
        ModuleLayer(nn.Conv2d(3, 5, 3, stride=2), name="stem"),
        ModuleLayer(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Dropout()), name="block"),
        on=(SMALL,),
    ),
    Example(ModuleLayer(nn.Bilinear(6, 6, 4), num_inputs=2), VECTOR * 2),
    Example(ModuleLayer(nn.MaxPool2d(2, return_indices=True), num_outputs=2), SMALL),
]

EXAMPLES = [*dict.fromkeys(_ALL)]  # the example of a class may be among the others
