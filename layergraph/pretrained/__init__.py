"""Pretrained weights: published files, files on disk, and the mapping of their tensors to layers."""

from layergraph.pretrained.loading import load_weights
from layergraph.pretrained.loading_report import LoadedTensor, SkippedTensor, WeightsReport
from layergraph.pretrained.published import download
from layergraph.pretrained.reading import read_tensors

__all__ = ["LoadedTensor", "SkippedTensor", "WeightsReport", "download", "load_weights", "read_tensors"]
