"""Builders: functions that make a layer graph from the parameters of an architecture."""

from layergraph.builders.bayesian_segnet import bayesian_segnet_layers
from layergraph.builders.deeplabv1 import deeplabv1_layers
from layergraph.builders.deeplabv2 import deeplabv2_layers
from layergraph.builders.deeplabv3 import deeplabv3_layers
from layergraph.builders.deeplabv3plus import deeplabv3plus_layers
from layergraph.builders.fcn import fcn_layers
from layergraph.builders.patch_classification import patch_classification_layers
from layergraph.builders.registry import BUILDERS, Builder, find_builder
from layergraph.builders.segnet import segnet_layers
from layergraph.builders.segnet_basic import segnet_basic_layers
from layergraph.builders.unet import unet_layers, unet_output_size
from layergraph.builders.unet3d import unet3d_layers, unet3d_output_size

__all__ = [
    "BUILDERS",
    "Builder",
    "bayesian_segnet_layers",
    "deeplabv1_layers",
    "deeplabv2_layers",
    "deeplabv3_layers",
    "deeplabv3plus_layers",
    "fcn_layers",
    "find_builder",
    "patch_classification_layers",
    "segnet_basic_layers",
    "segnet_layers",
    "unet3d_layers",
    "unet3d_output_size",
    "unet_layers",
    "unet_output_size",
]
