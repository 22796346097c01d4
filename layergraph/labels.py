"""The class index of unlabeled pixels."""

UNLABELED = 255
"""The class index of a pixel without a class: the largest 8-bit value, so that an 8-bit label image can hold
255 classes, 0 to 254, and losses and metrics ignore one fixed number."""

ROUNDING = 0.01
"""How far rounding in half precision may take the probabilities of classes, or their sum, out of range."""
