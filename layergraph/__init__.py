"""layergraph: neural networks as graphs of named layers, on PyTorch.

Build a graph of layers (or take one from ``layergraph.builders``), edit it by name, look at it with
``layergraph.analyze``, compile it to a torch module, train it with ``layergraph.training`` and use it
with ``layergraph.segmentation``. Importing this module imports no torch.
"""

from layergraph.errors import (
    BadNameError,
    CycleError,
    DataError,
    DuplicateNameError,
    FileFormatError,
    InvalidNetworkError,
    LayerArgumentError,
    LayergraphError,
    PortTakenError,
    SizeError,
    UnknownConnectionError,
    UnknownLayerError,
    UnknownPortError,
    WrongTypeError,
)
from layergraph.files import load, save
from layergraph.graph import Connection, LayerGraph
from layergraph.issues import Issue
from layergraph.labels import UNLABELLED
from layergraph.layers import (
    AdditionLayer,
    AveragePooling2dLayer,
    AveragePooling3dLayer,
    BatchNormalizationLayer,
    ClassificationLayer,
    ClippedReluLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    Crop2dLayer,
    Crop3dLayer,
    DepthConcatenationLayer,
    DropoutLayer,
    FullyConnectedLayer,
    GlobalAveragePooling2dLayer,
    GroupedConvolution2dLayer,
    Image3dInputLayer,
    ImageInputLayer,
    LeakyReluLayer,
    MaxPooling2dLayer,
    MaxPooling3dLayer,
    MaxUnpooling2dLayer,
    ModuleLayer,
    MultiplicationLayer,
    PixelClassificationLayer,
    RegressionLayer,
    ReluLayer,
    Resize2dLayer,
    SigmoidLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
    TransposedConv3dLayer,
)
from layergraph.layers.layer import Layer
from layergraph.sizes import Size
from layergraph.tables import Table
from layergraph.weights import Weights

__version__ = "0.1.0"

__all__ = [
    "UNLABELLED",
    "AdditionLayer",
    "AveragePooling2dLayer",
    "AveragePooling3dLayer",
    "BadNameError",
    "BatchNormalizationLayer",
    "ClassificationLayer",
    "ClippedReluLayer",
    "Connection",
    "Convolution2dLayer",
    "Convolution3dLayer",
    "Crop2dLayer",
    "Crop3dLayer",
    "CycleError",
    "DataError",
    "DepthConcatenationLayer",
    "DropoutLayer",
    "DuplicateNameError",
    "FileFormatError",
    "FullyConnectedLayer",
    "GlobalAveragePooling2dLayer",
    "GroupedConvolution2dLayer",
    "Image3dInputLayer",
    "ImageInputLayer",
    "InvalidNetworkError",
    "Issue",
    "Layer",
    "LayerArgumentError",
    "LayerGraph",
    "LayergraphError",
    "LeakyReluLayer",
    "MaxPooling2dLayer",
    "MaxPooling3dLayer",
    "MaxUnpooling2dLayer",
    "ModuleLayer",
    "MultiplicationLayer",
    "PixelClassificationLayer",
    "PortTakenError",
    "RegressionLayer",
    "ReluLayer",
    "Resize2dLayer",
    "SigmoidLayer",
    "Size",
    "SizeError",
    "SoftmaxLayer",
    "Table",
    "TransposedConv2dLayer",
    "TransposedConv3dLayer",
    "UnknownConnectionError",
    "UnknownLayerError",
    "UnknownPortError",
    "Weights",
    "WrongTypeError",
    "load",
    "save",
]
