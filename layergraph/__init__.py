"""layergraph: neural networks as graphs of named layers, on PyTorch.

Build a graph of layers (or take one from ``layergraph.builders``), edit it by name, look at it with
``layergraph.analyze``, compile it to a torch module, train it with ``layergraph.training`` and use it
with ``layergraph.segmentation``. Importing this module imports no torch.
"""

import importlib.util
import sys
from typing import TYPE_CHECKING, Any

from layergraph.errors import (
    ArgumentError,
    BadNameError,
    CycleError,
    DataError,
    DataWarning,
    DownloadError,
    DuplicateNameError,
    FileFormatError,
    InvalidNetworkError,
    LayergraphError,
    MissingExtraError,
    NotEnoughMemoryError,
    PortTakenError,
    SizeError,
    UnknownConnectionError,
    UnknownLayerError,
    UnknownPortError,
    WeightsMismatchError,
    WrongTypeError,
)
from layergraph.graph.graph import Connection
from layergraph.graph.layer_graph import LayerGraph, load
from layergraph.issues import Issue
from layergraph.labels import UNLABELED
from layergraph.layers import (
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
    LeakyReluLayer,
    LossLayer,
    MaxPooling2dLayer,
    MaxPooling3dLayer,
    MaxUnpooling2dLayer,
    ModuleLayer,
    MultiplicationLayer,
    OutputLayer,
    Pad2dLayer,
    PixelClassificationLayer,
    RegressionLayer,
    ReluLayer,
    Resize2dLayer,
    ScalingLayer,
    SigmoidLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
    TransposedConv3dLayer,
    TverskyPixelClassificationLayer,
)
from layergraph.layers.layer import Layer
from layergraph.sizes import Size
from layergraph.tables import Table
from layergraph.weights import Weights

if TYPE_CHECKING:
    # type checkers do not run __getattr__; "import x as x" marks a name as public (PEP 484)
    from layergraph import analyze as analyze
    from layergraph import builders as builders
    from layergraph import data as data
    from layergraph import edits as edits
    from layergraph import pretrained as pretrained
    from layergraph import segmentation as segmentation
    from layergraph import training as training
    from layergraph.network.network import Network as Network

__version__ = "0.1.0"

# without Network: "from layergraph import *" would import torch
__all__ = [
    "UNLABELED",
    "AdditionLayer",
    "ArgumentError",
    "AveragePooling2dLayer",
    "AveragePooling3dLayer",
    "BadNameError",
    "BatchNormalizationLayer",
    "ClassificationLayer",
    "ClippedReluLayer",
    "ConcatenationLayer",
    "Connection",
    "Convolution2dLayer",
    "Convolution3dLayer",
    "Crop2dLayer",
    "Crop3dLayer",
    "CrossChannelNormalizationLayer",
    "CycleError",
    "DataError",
    "DataWarning",
    "DepthConcatenationLayer",
    "DicePixelClassificationLayer",
    "DownloadError",
    "DropoutLayer",
    "DuplicateNameError",
    "FileFormatError",
    "FocalLossLayer",
    "FullyConnectedLayer",
    "GlobalAveragePooling2dLayer",
    "GroupedConvolution2dLayer",
    "Image3dInputLayer",
    "ImageInputLayer",
    "InvalidNetworkError",
    "Issue",
    "Layer",
    "LayerGraph",
    "LayergraphError",
    "LeakyReluLayer",
    "LossLayer",
    "MaxPooling2dLayer",
    "MaxPooling3dLayer",
    "MaxUnpooling2dLayer",
    "MissingExtraError",
    "ModuleLayer",
    "MultiplicationLayer",
    "NotEnoughMemoryError",
    "OutputLayer",
    "Pad2dLayer",
    "PixelClassificationLayer",
    "PortTakenError",
    "RegressionLayer",
    "ReluLayer",
    "Resize2dLayer",
    "ScalingLayer",
    "SigmoidLayer",
    "Size",
    "SizeError",
    "SoftmaxLayer",
    "Table",
    "TransposedConv2dLayer",
    "TransposedConv3dLayer",
    "TverskyPixelClassificationLayer",
    "UnknownConnectionError",
    "UnknownLayerError",
    "UnknownPortError",
    "Weights",
    "WeightsMismatchError",
    "WrongTypeError",
    "load",
]

_LAZY = {"Network": "layergraph.network.network"}  # imports torch


def __getattr__(name: str) -> Any:
    # called only for names that the module does not have (PEP 562)
    if name in _LAZY:
        return getattr(importlib.import_module(_LAZY[name]), name)
    is_import = sys._getframe(1).f_code.co_name == "_handle_fromlist"  # of ``from layergraph import name``
    # tools such as inspect ask for private names, which need no search for a file
    if not name.startswith("_") and importlib.util.find_spec(f"layergraph.{name}") is not None:
        if is_import:
            raise AttributeError(name)  # then Python imports the module
        return importlib.import_module(f"layergraph.{name}")
    from layergraph.unknown_names import explanation

    # for an AttributeError Python would write a message of its own
    error = ImportError if is_import and not name.startswith("_") else AttributeError
    raise error(explanation(name))


def __dir__() -> list[str]:
    from layergraph.unknown_names import NAMESPACES

    # for completion in a console: globals alone would hide what is not imported yet
    return sorted({*globals(), *_LAZY, *NAMESPACES})
