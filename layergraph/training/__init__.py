"""Training a layer graph on images: MATLAB's ``trainNetwork``, run by Lightning.

Importing this package imports neither torch nor Lightning; :func:`train_network` does.
"""

from layergraph.training.batches.training_data import TrainingData
from layergraph.training.info import StopReason, TrainingInfo, TrainingWarning
from layergraph.training.monitor.output_functions import TrainingRecord
from layergraph.training.optimization.schedules import (
    CosineLearnRate,
    ExponentialLearnRate,
    PiecewiseLearnRate,
    PolynomialLearnRate,
    WarmupLearnRate,
)
from layergraph.training.options import TrainingOptions
from layergraph.training.saved_training import load_training, save_trained_network
from layergraph.training.train_network import train_network
from layergraph.training.trainnet import trainnet

__all__ = [
    "CosineLearnRate",
    "ExponentialLearnRate",
    "PiecewiseLearnRate",
    "PolynomialLearnRate",
    "StopReason",
    "TrainingData",
    "TrainingInfo",
    "TrainingOptions",
    "TrainingRecord",
    "TrainingWarning",
    "WarmupLearnRate",
    "load_training",
    "save_trained_network",
    "train_network",
    "trainnet",
]
