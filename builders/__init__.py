"""Builders: every network from its parameters, with the names and sizes of MATLAB's builders."""

from layergraph.builders.fcn import fcn_layers
from layergraph.builders.registry import BUILDERS, Builder, find_builder
from layergraph.builders.segnet import segnet_layers
from layergraph.builders.unet import unet_layers

__all__ = ["BUILDERS", "Builder", "fcn_layers", "find_builder", "segnet_layers", "unet_layers"]
