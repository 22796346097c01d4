"""Torch modules for the layers that torch has none for. This is where the layers import torch."""
