"""The unfinished network in the error that ends its training."""

from __future__ import annotations

from typing import TYPE_CHECKING

from layergraph.wording import counted

if TYPE_CHECKING:
    from layergraph.graph.layer_graph import LayerGraph
    from layergraph.network.network import Network


def attach_network(error: Exception, net: Network, iterations: int) -> None:
    """Add the network after some iterations to the error that ends its training."""
    error.trained_network = net  # type: ignore[attr-defined]
    error.add_note(
        f"training ends after {counted(iterations, 'iteration')}; this error's trained_network is the "
        "network of that moment"
    )


def unfinished_network(error: Exception) -> Network[LayerGraph] | None:
    """The network that :func:`attach_network` added to an error, or ``None``.

    >>> unfinished_network(OSError("the disk is gone"))
    """
    return getattr(error, "trained_network", None)
