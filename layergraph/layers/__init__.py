"""The layer types. ``LAYER_TYPES`` is the closed registry that files are read by."""

from layergraph.layers.activation import (
    ClippedReluLayer,
    DropoutLayer,
    LeakyReluLayer,
    ReluLayer,
    ScalingLayer,
    SigmoidLayer,
    SoftmaxLayer,
)
from layergraph.layers.classification import ClassificationLayer, PixelClassificationLayer
from layergraph.layers.combination import (
    AdditionLayer,
    ConcatenationLayer,
    DepthConcatenationLayer,
    MultiplicationLayer,
)
from layergraph.layers.convolution import Convolution2dLayer, Convolution3dLayer, GroupedConvolution2dLayer
from layergraph.layers.focal import FocalLossLayer
from layergraph.layers.fully_connected import FullyConnectedLayer
from layergraph.layers.input import Image3dInputLayer, ImageInputLayer
from layergraph.layers.layer import Layer as Layer
from layergraph.layers.loss_function import LossLayer
from layergraph.layers.module import ModuleLayer
from layergraph.layers.normalization import BatchNormalizationLayer, CrossChannelNormalizationLayer
from layergraph.layers.output import OutputLayer as OutputLayer
from layergraph.layers.pixel_overlap import DicePixelClassificationLayer, TverskyPixelClassificationLayer
from layergraph.layers.pooling import (
    AveragePooling2dLayer,
    AveragePooling3dLayer,
    GlobalAveragePooling2dLayer,
    MaxPooling2dLayer,
    MaxPooling3dLayer,
    MaxUnpooling2dLayer,
)
from layergraph.layers.regression import RegressionLayer
from layergraph.layers.resizing import Crop2dLayer, Crop3dLayer, Pad2dLayer, Resize2dLayer
from layergraph.layers.transposed import TransposedConv2dLayer, TransposedConv3dLayer

__all__ = [
    "AdditionLayer",
    "AveragePooling2dLayer",
    "AveragePooling3dLayer",
    "BatchNormalizationLayer",
    "ClassificationLayer",
    "ClippedReluLayer",
    "ConcatenationLayer",
    "Convolution2dLayer",
    "Convolution3dLayer",
    "Crop2dLayer",
    "Crop3dLayer",
    "CrossChannelNormalizationLayer",
    "DepthConcatenationLayer",
    "DicePixelClassificationLayer",
    "DropoutLayer",
    "FocalLossLayer",
    "FullyConnectedLayer",
    "GlobalAveragePooling2dLayer",
    "GroupedConvolution2dLayer",
    "Image3dInputLayer",
    "ImageInputLayer",
    "LeakyReluLayer",
    "LossLayer",
    "MaxPooling2dLayer",
    "MaxPooling3dLayer",
    "MaxUnpooling2dLayer",
    "ModuleLayer",
    "MultiplicationLayer",
    "Pad2dLayer",
    "PixelClassificationLayer",
    "RegressionLayer",
    "ReluLayer",
    "Resize2dLayer",
    "ScalingLayer",
    "SigmoidLayer",
    "SoftmaxLayer",
    "TransposedConv2dLayer",
    "TransposedConv3dLayer",
    "TverskyPixelClassificationLayer",
]

LAYER_TYPES: dict[str, type[Layer]] = {name: globals()[name] for name in __all__}
