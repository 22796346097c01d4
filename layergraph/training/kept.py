"""The network that an error while training leaves, kept in the error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layergraph.network import Network


def keep_network(error: Exception, net: Network, iterations: int) -> None:
    """Put a network that was trained for some iterations into the error that ends its training."""
    error.trained_network = net  # type: ignore[attr-defined]
    count = "1 iteration" if iterations == 1 else f"{iterations} iterations"
    error.add_note(f"training ends after {count}; trained_network of this error is the network as it is then")


def kept_network(error: Exception) -> Network | None:
    """The network that :func:`keep_network` put into an error, if it did.

    >>> kept_network(OSError("the disk is gone"))
    """
    return getattr(error, "trained_network", None)
