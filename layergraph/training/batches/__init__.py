"""The items of the training data, checked, and their mini-batches."""
