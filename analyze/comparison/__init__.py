"""Comparisons of two networks, such as one before and after an edit."""
