"""Training a layer graph on images: MATLAB's ``trainNetwork``, run by Lightning.

Importing this package imports neither torch nor Lightning; :func:`train_network` does.
"""

from layergraph.training.batches.training_data import TrainingData
from layergraph.training.info import StopReason, TrainingInfo, TrainingWarning
from layergraph.training.options import TrainingOptions
from layergraph.training.train_network import train_network

__all__ = [
    "StopReason",
    "TrainingData",
    "TrainingInfo",
    "TrainingOptions",
    "TrainingWarning",
    "train_network",
]
