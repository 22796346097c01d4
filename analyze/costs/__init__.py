"""The costs of a network: multiply-adds, memory, receptive fields."""
