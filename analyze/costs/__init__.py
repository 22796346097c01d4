"""Costs of a network: multiply-adds, memory, receptive fields."""
