"""The callbacks of a training, one per concern, which Lightning calls in the order of its list."""
