"""Training a layer graph on images: MATLAB's ``trainNetwork``, run by Lightning.

Importing this package imports neither torch nor Lightning; :func:`train_network` does.
"""

from layergraph.training.info import TrainingInfo, TrainingWarning
from layergraph.training.options import TrainingOptions
from layergraph.training.train_network import train_network

training_options = TrainingOptions
"""MATLAB's name of :class:`TrainingOptions`."""

__all__ = ["TrainingInfo", "TrainingOptions", "TrainingWarning", "train_network", "training_options"]
