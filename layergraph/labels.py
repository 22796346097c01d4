"""The one number that every module shares about label images."""

UNLABELLED = 255
"""The class index of a pixel without a class: the largest 8-bit value, so that classes 0, 1, 2, ... stay
dense, 255 of them fit into an 8-bit label image, and a loss or a metric leaves out one fixed number."""
