"""Stores of pairs (image, labels) ready for training: of one size, augmented, or cut into patches."""
