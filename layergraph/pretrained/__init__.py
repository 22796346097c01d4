"""Weights from elsewhere: published files, files on disk, and how their tensors map to layers."""

from layergraph.pretrained.loading import WeightsReport, load_weights
from layergraph.pretrained.published import download
from layergraph.pretrained.reading import read_tensors

__all__ = ["WeightsReport", "download", "load_weights", "read_tensors"]
