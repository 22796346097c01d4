"""Edits of whole graphs: cut an encoder out, dilate it, make a classifier fully convolutional."""

from layergraph.edits.cut import cut_after
from layergraph.edits.dilate import dilate, multiply_dilation
from layergraph.edits.fully_convolutional import fully_convolutional
from layergraph.edits.input_size import with_input_size

__all__ = ["cut_after", "dilate", "fully_convolutional", "multiply_dilation", "with_input_size"]
