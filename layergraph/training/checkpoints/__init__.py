"""Checkpoints: files from which a training continues, and which hold the network of that moment."""
