"""The tensors of a layer that autograd saves for the backward pass."""

from __future__ import annotations

from dataclasses import dataclass

from layergraph.amounts import NOTHING, Amount


@dataclass(frozen=True)
class SavedForBackward:
    """What autograd saves of a layer's forward pass for the backward pass, without its weights.

    Amounts alone would count tensors twice: a ReLU saves its result, and the next convolution saves the same
    tensor as its input. So a layer names the ports whose tensors it saves, and counts only its own tensors.

    Attributes:
        inputs, outputs: the ports.
        private: the memory of tensors that no port has.
    """

    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    private: Amount = NOTHING
