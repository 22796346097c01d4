"""Statistics of the training data: those of input normalization and of batch normalization."""
