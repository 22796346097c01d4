"""Pixel counts per class, and what balances the classes."""
