"""Edits of whole graphs: cut an encoder out, dilate it, pad, make it fully convolutional."""

from layergraph.edits.cut import cut_after
from layergraph.edits.dilate import dilate
from layergraph.edits.fully_convolutional import fully_convolutional
from layergraph.edits.input_size import with_input_size
from layergraph.edits.multiply_dilation import multiply_dilation
from layergraph.edits.pad_same import pad_same

__all__ = [
    "cut_after",
    "dilate",
    "fully_convolutional",
    "multiply_dilation",
    "pad_same",
    "with_input_size",
]
