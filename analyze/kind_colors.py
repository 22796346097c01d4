"""The color of each kind of layer, in diagrams and on pages."""

from __future__ import annotations

from typing import get_args

from layergraph.layers.layer import Kind

# light enough for black text; distinct in print and for color-blind readers
COLORS: dict[Kind, str] = {
    "input": "#dfe3e8",
    "convolution": "#bcd7f7",
    "transposed convolution": "#a8dcd9",
    "normalization": "#eef0c8",
    "activation": "#fbe7a6",
    "pooling": "#f6bfb0",
    "unpooling": "#f3d0e6",
    "joining": "#c3e6b5",
    "resizing": "#f9d3a0",
    "output": "#d5c6ee",
    "module": "#e6d3c0",
    "other": "#eeeeee",
}
# a new kind without a color fails on import, not on the first page that shows it
assert set(COLORS) == set(get_args(Kind))
