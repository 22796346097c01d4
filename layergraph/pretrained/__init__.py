"""Weights from elsewhere: published files, files on disk, and how their tensors map to layers."""

from layergraph.pretrained.loading import load_weights
from layergraph.pretrained.published import download
from layergraph.pretrained.reading import read_tensors
from layergraph.pretrained.report import LoadedTensor, SkippedTensor, WeightsReport

__all__ = ["LoadedTensor", "SkippedTensor", "WeightsReport", "download", "load_weights", "read_tensors"]
