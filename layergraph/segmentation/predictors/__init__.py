"""Predictors: networks and wrappers that score the pixels of images."""
