"""Edits of whole graphs: cut an encoder out, dilate it, make it fully convolutional, fold normalization."""

from layergraph.edits.cut import cut_after
from layergraph.edits.dilate import dilate
from layergraph.edits.fully_convolutional import fully_convolutional
from layergraph.edits.input_size import with_input_size
from layergraph.edits.multiply_dilation import multiply_dilation
from layergraph.edits.pad_same import pad_same
from layergraph.graph.folding import fold_batch_normalization, remove_dropout

__all__ = [
    "cut_after",
    "dilate",
    "fold_batch_normalization",
    "fully_convolutional",
    "multiply_dilation",
    "pad_same",
    "remove_dropout",
    "with_input_size",
]
