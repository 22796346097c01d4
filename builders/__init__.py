"""Builders: every network from its parameters, with the names and sizes of MATLAB's builders."""

from layergraph.builders.segnet import segnet_layers
from layergraph.builders.unet import unet_layers

__all__ = ["segnet_layers", "unet_layers"]
