"""Arguments of layers: accepted values have one normal form; the errors of others are in a golden file."""

import math
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
import torch

import layergraph
from layergraph import (
    AdditionLayer,
    ArgumentError,
    AveragePooling2dLayer,
    BatchNormalizationLayer,
    ClassificationLayer,
    ClippedReluLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    Crop2dLayer,
    DropoutLayer,
    FullyConnectedLayer,
    GroupedConvolution2dLayer,
    Image3dInputLayer,
    ImageInputLayer,
    LayerGraph,
    LeakyReluLayer,
    MaxPooling2dLayer,
    MaxPooling3dLayer,
    ModuleLayer,
    PixelClassificationLayer,
    Resize2dLayer,
    TransposedConv2dLayer,
    WrongTypeError,
)

# as users write them; evaluated below
BAD_ARGUMENTS = """
AdditionLayer(1)
AdditionLayer(2.5)
AdditionLayer("2")
AdditionLayer(10**9)
AdditionLayer(True)
MultiplicationLayer(0)
ConcatenationLayer(0, 2)
ConcatenationLayer(5, 2)
ConcatenationLayer(3, 1)
DepthConcatenationLayer(None)
AveragePooling2dLayer(0)
AveragePooling2dLayer(2, padding=2)
AveragePooling2dLayer(2, padding_value=1)
AveragePooling2dLayer(2, padding_value="zero")
AveragePooling2dLayer(2, padding_value=array([0, 1]))
AveragePooling3dLayer((2, 2))
BatchNormalizationLayer(epsilon=0)
BatchNormalizationLayer(epsilon="small")
BatchNormalizationLayer(mean_decay=2)
BatchNormalizationLayer(mean_decay=0.2)
BatchNormalizationLayer(num_channels=0)
BatchNormalizationLayer(scale_l2_factor=-1)
ClassificationLayer(classes=[])
ClassificationLayer(class_weights=[1, 2])
ClippedReluLayer(0)
ClippedReluLayer("6")
Convolution2dLayer(0, 8)
Convolution2dLayer(3, 0)
Convolution2dLayer(3, 8.5)
Convolution2dLayer((3, 3, 3), 8)
Convolution2dLayer(3, 10**30)
Convolution2dLayer(-(10**5000), 8)
Convolution2dLayer(3, 8, stride=0)
Convolution2dLayer(3, 8, stride="2")
Convolution2dLayer(3, 8, dilation_factor=(1, 0))
Convolution2dLayer(3, 8, padding=-1)
Convolution2dLayer(3, 8, padding="valid")
Convolution2dLayer(3, 8, padding=(1, 1, 1))
Convolution2dLayer(3, 8, padding=((1, 1), (1, 1)))
Convolution2dLayer(3, 8, padding=array([[1, 1], [1, 1]]))
Convolution2dLayer(3, 8, padding_value=nan)
Convolution2dLayer(3, 8, num_channels="all")
Convolution2dLayer(3, 8, weights_initializer="xavier")
Convolution2dLayer(3, 8, bias_initializer=0)
Convolution2dLayer(3, 8, weight_learn_rate_factor=-1)
Convolution2dLayer(3, 8, bias_l2_factor=inf)
Convolution3dLayer(3, 8, padding=(1, 1))
Convolution3dLayer(3, 8, padding=((1, 1, 1), (1, 1)))
Crop2dLayer("center")
Crop2dLayer((0, 1))
Crop3dLayer((1, 1))
DropoutLayer(1)
DropoutLayer(-0.1)
FullyConnectedLayer(0)
FullyConnectedLayer(10, input_size=2.5)
GroupedConvolution2dLayer(3, 1, "channelwise")
GroupedConvolution2dLayer(3, 0, 2)
GroupedConvolution2dLayer(3, 1, 2, num_channels_per_group=0)
Image3dInputLayer((8, 8))
ImageInputLayer(8)
ImageInputLayer((8, 8, 3, 1))
ImageInputLayer((8, 0, 3))
ImageInputLayer("8x8")
ImageInputLayer((8, 8, 3), normalization="imagenet")
ImageInputLayer((8, 8, 3), mean=[1, 2])
ImageInputLayer((8, 8, 3), mean="zero")
ImageInputLayer((8, 8, 3), standard_deviation=0)
ImageInputLayer((8, 8, 2), min=[0, 5], max=[1, 5])
ImageInputLayer((8, 8, 10**12), mean=0.5)
LeakyReluLayer(nan)
LeakyReluLayer(10**400)
MaxPooling2dLayer(2, padding=(0, 2, 0, 0))
MaxPooling2dLayer(2, has_unpooling_outputs="yes")
MaxPooling3dLayer(2, padding=((0, 0, 2), (0, 0, 0)))
ModuleLayer(Linear(2, 2), num_inputs=0)
ModuleLayer(Linear(2, 2), num_outputs=10**9)
PixelClassificationLayer(classes="sky")
PixelClassificationLayer(classes=5)
PixelClassificationLayer(classes=array("a"))
PixelClassificationLayer(classes=["a", "a"])
PixelClassificationLayer(class_weights=[1, 2])
PixelClassificationLayer(class_weights="median")
PixelClassificationLayer(classes=["a", "b"], class_weights=[1])
PixelClassificationLayer(classes=["a", "b"], class_weights=[1, 0])
PixelClassificationLayer(classes=["a", "b"], class_weights=[1, nan])
PixelClassificationLayer(classes=["a", "b"], class_weights=["1", "2"])
PixelClassificationLayer(classes=["a", "b"], class_weights=None)
PixelClassificationLayer(classes=["a", "b"], class_names=["a", "b"])
Resize2dLayer()
Resize2dLayer(scale=2, output_size=(8, 8))
Resize2dLayer(scale=0)
Resize2dLayer(scale=(1, 2, 3))
Resize2dLayer(output_size=0)
Resize2dLayer(enable_reference_input=2)
Resize2dLayer(scale=2, method="cubic")
Resize2dLayer(scale=2, geometric_transform_mode="align-corners")
Resize2dLayer(scale=2, nearest_rounding_mode="ceil")
TransposedConv2dLayer(2, 8, cropping=(1, -1))
TransposedConv2dLayer(2, 8, cropping="valid")
TransposedConv3dLayer(2, 8, stride=(1, 1))
"""
NAMES = {**vars(layergraph), "array": np.array, "nan": math.nan, "inf": math.inf, "Linear": torch.nn.Linear}


def test_the_texts(golden_errors):
    lines = BAD_ARGUMENTS.strip().splitlines()
    calls = {line: lambda line=line: eval(line, NAMES) for line in lines}
    golden_errors("layer_arguments", calls)
    for call in calls.values():
        with pytest.raises(ArgumentError):
            call()


def test_what_is_no_module():
    with pytest.raises(WrongTypeError) as caught:
        ModuleLayer(torch.relu)
    assert (
        str(caught.value) == "ModuleLayer: module must be a torch.nn.Module, got builtin_function_or_method"
    )


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        (Convolution2dLayer(3, 8), Convolution2dLayer((3, 3), 8, stride=(1, 1), padding=(0, 0, 0, 0))),
        (Convolution2dLayer(3, 8, padding=(1, 2)), Convolution2dLayer(3, 8, padding=[1, 1, 2, 2])),
        (Convolution2dLayer(np.int64(3), np.uint8(8)), Convolution2dLayer(3, 8)),
        (Convolution2dLayer(torch.tensor([3, 5]), 8), Convolution2dLayer((3, 5), 8)),
        (Convolution2dLayer(np.array([3, 5]), 8, padding=np.array([1, 2, 3, 4])),
         Convolution2dLayer((3, 5), 8, padding=(1, 2, 3, 4))),
        (Convolution3dLayer(3, 8, padding=2), Convolution3dLayer(3, 8, padding=((2, 2, 2), (2, 2, 2)))),
        (GroupedConvolution2dLayer(3, 1, np.int32(2)), GroupedConvolution2dLayer(3, 1, 2)),
        (TransposedConv2dLayer(4, 2, cropping=range(2)), TransposedConv2dLayer(4, 2, cropping=(0, 1))),
        (MaxPooling2dLayer([2, 3]), MaxPooling2dLayer((2, 3))),
        (MaxPooling3dLayer(2), MaxPooling3dLayer((2, 2, 2))),
        (AveragePooling2dLayer(2, padding_value=0.0), AveragePooling2dLayer(2)),
        (Crop2dLayer(np.array([3, 2])), Crop2dLayer((3, 2))),
        (ImageInputLayer((8, 9)), ImageInputLayer([8, 9, 1])),
        (ImageInputLayer((8, 9, 2), mean=1), ImageInputLayer((8, 9, 2), mean=np.array([1.0, 1.0]))),
        (Image3dInputLayer((8, 9, 7)), Image3dInputLayer((8, 9, 7, 1))),
        (Resize2dLayer(scale=2), Resize2dLayer(scale=(2.0, 2.0))),
        (Resize2dLayer(output_size=5), Resize2dLayer(output_size=[5, 5])),
        (DropoutLayer(Fraction(1, 4)), DropoutLayer(0.25)),
        (LeakyReluLayer(np.float32(0.5)), LeakyReluLayer(0.5)),
        (ClippedReluLayer(6), ClippedReluLayer(6.0)),
        (AdditionLayer(np.int8(2)), AdditionLayer(2)),
        (FullyConnectedLayer(torch.tensor(4)), FullyConnectedLayer(4)),
        (BatchNormalizationLayer(num_channels=np.int16(3)), BatchNormalizationLayer(num_channels=3)),
        (PixelClassificationLayer(classes=np.array(["a", "b"]), class_weights=np.array([1, 2])),
         PixelClassificationLayer(classes=("a", "b"), class_weights=(1.0, 2.0))),
        (PixelClassificationLayer(classes=range(2)), PixelClassificationLayer(classes=["0", "1"])),
        # whole floats, as of a division
        (Convolution2dLayer(6 / 2, 64 / 2, stride=2.0, padding=(1.0, 1.0)),
         Convolution2dLayer(3, 32, stride=2, padding=1)),
        (AdditionLayer(np.float64(2)), AdditionLayer(2)),
        (ImageInputLayer(np.array([480.0, 640.0, 3.0]) / 2.0 * 2), ImageInputLayer((480, 640, 3))),
        # arrays with dimensions of size 1, as MATLAB has vectors and numbers
        (Convolution2dLayer(np.array([[3, 5]]), np.array([[8]])), Convolution2dLayer((3, 5), 8)),
        (Convolution2dLayer(np.array([3]), 8, padding=np.array([[1], [2], [3], [4]])),
         Convolution2dLayer(3, 8, padding=(1, 2, 3, 4))),
        (MaxPooling3dLayer(2, padding=np.array([[0, 1, 1], [1, 0, 1]])),
         MaxPooling3dLayer(2, padding=((0, 1, 1), (1, 0, 1)))),
        (ImageInputLayer((8, 9, 3), mean=np.array([1, 2, 3]).reshape(1, 1, 3)),
         ImageInputLayer((8, 9, 3), mean=(1, 2, 3))),
        (ImageInputLayer((8, 9, 3), mean=np.array([[0.5]])), ImageInputLayer((8, 9, 3), mean=0.5)),
        (PixelClassificationLayer(classes=np.array([["a"], ["b"]]), class_weights=np.array([[1], [2]])),
         PixelClassificationLayer(classes=["a", "b"], class_weights=[1, 2])),
        (LeakyReluLayer(np.array([[0.5]])), LeakyReluLayer(0.5)),
        # text in any case
        (Convolution2dLayer(3, 8, padding="Same", num_channels="Auto", weights_initializer="He"),
         Convolution2dLayer(3, 8, padding="same", weights_initializer="he")),
        (TransposedConv2dLayer(2, 8, cropping="SAME"), TransposedConv2dLayer(2, 8, cropping="same")),
        (GroupedConvolution2dLayer(3, 1, "Channel-Wise"), GroupedConvolution2dLayer(3, 1, "channel-wise")),
        (ImageInputLayer((8, 9, 3), normalization="ZScore"),
         ImageInputLayer((8, 9, 3), normalization="zscore")),
        (AveragePooling2dLayer(2, padding_value="Mean"), AveragePooling2dLayer(2, padding_value="mean")),
        (Crop2dLayer("CenterCrop"), Crop2dLayer()),
        (PixelClassificationLayer(classes="Auto", class_weights="None"), PixelClassificationLayer()),
        (Resize2dLayer(scale=2, method="Bilinear"), Resize2dLayer(scale=2, method="bilinear")),
        # MATLAB's true and false as numbers
        (MaxPooling2dLayer(2, has_unpooling_outputs=1), MaxPooling2dLayer(2, has_unpooling_outputs=True)),
        (Resize2dLayer(enable_reference_input=np.True_), Resize2dLayer(enable_reference_input=True)),
        (Resize2dLayer(scale=2, enable_reference_input=0), Resize2dLayer(scale=2)),
        # an older name
        (PixelClassificationLayer(class_names=["a", "b"]), PixelClassificationLayer(classes=["a", "b"])),
        (ClassificationLayer(class_names=["a", "b"]), ClassificationLayer(classes=["a", "b"])),
    ],
    ids=lambda layer: f"{layer!r:.60}",
)  # fmt: skip
def test_arguments_have_one_normal_form(written, normal):
    assert written == normal
    assert hash(written) == hash(normal)
    assert repr(written) == repr(normal)


def test_padding_and_cropping_read_as_matlab_reports_them():
    lgraph = LayerGraph(
        [
            ImageInputLayer((32, 32, 3)),
            Convolution2dLayer(3, 8, padding="same", name="same"),
            Convolution2dLayer(3, 8, padding=(1, 2), name="manual"),
            MaxPooling2dLayer(3, padding=1, name="pool"),
            TransposedConv2dLayer(4, 8, stride=2, cropping="same", name="up"),
        ]
    )
    assert (lgraph["same"].padding_mode, lgraph["same"].padding_size) == ("same", ())
    assert (lgraph["manual"].padding_mode, lgraph["manual"].padding_size) == ("manual", (1, 1, 2, 2))
    assert (lgraph["pool"].padding_mode, lgraph["pool"].padding_size) == ("manual", (1, 1, 1, 1))
    assert (lgraph["up"].cropping_mode, lgraph["up"].cropping_size) == ("same", ())
    volume = Convolution3dLayer(3, 8, padding=((1, 2, 3), (4, 5, 6)))
    assert volume.padding_size == ((1, 2, 3), (4, 5, 6))
    assert TransposedConv2dLayer(4, 8, cropping=1).cropping_size == (1, 1, 1, 1)


def test_an_older_name_reads_as_the_argument_and_is_no_field():
    layer = PixelClassificationLayer(name="labels", class_names=["sky", "road"])
    assert layer.class_names == layer.classes == ("sky", "road")
    assert "class_names" not in repr(layer)
    assert replace(layer, classes=["a", "b"]).class_names == ("a", "b")


def test_layers_that_differ_are_unequal():
    assert Convolution2dLayer(3, 8) != Convolution2dLayer(3, 8, name="conv")
    assert Convolution2dLayer(3, 8) != TransposedConv2dLayer(3, 8)
    assert Convolution2dLayer(3, 8) != Convolution2dLayer(3, 8, stride=2)
