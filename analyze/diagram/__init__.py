"""Diagrams: a network arranged in boxes, and drawn by Graphviz."""
