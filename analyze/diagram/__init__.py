"""Diagrams: a network cut into boxes, and drawn."""
