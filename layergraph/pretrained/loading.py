"""Putting the tensors of a file onto the layers of a graph."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from layergraph.graph import LayerGraph

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class WeightsReport:
    """What was loaded, what was skipped, and why."""

    loaded: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]


def load_weights(
    lgraph: LayerGraph,
    source: str | os.PathLike[str] | Mapping[str, Tensor],
    keys: Mapping[str, str] | None = None,
) -> tuple[LayerGraph, WeightsReport]:
    """The graph with the weights of a file, and a report.

    Args:
        source: the file, or its tensors by name.
        keys: for each layer name what its tensors' names begin with in the file; by default the layer names.
    """
    raise NotImplementedError
