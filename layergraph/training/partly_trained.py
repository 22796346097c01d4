"""The partly trained network in the error that ends its training."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layergraph.graph.layer_graph import LayerGraph
    from layergraph.network.network import Network


def keep_network(error: Exception, net: Network, iterations: int) -> None:
    """Store a network after some iterations in the error that ends its training."""
    error.trained_network = net  # type: ignore[attr-defined]
    count = "1 iteration" if iterations == 1 else f"{iterations} iterations"
    error.add_note(f"training ends after {count}; this error's trained_network is the network of that moment")


def kept_network(error: Exception) -> Network[LayerGraph] | None:
    """The network that :func:`keep_network` stored in an error, or ``None``.

    >>> kept_network(OSError("the disk is gone"))
    """
    return getattr(error, "trained_network", None)
