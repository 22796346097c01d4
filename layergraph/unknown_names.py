"""Explanations for names that :mod:`layergraph` does not have."""

from __future__ import annotations

import ast
import re
from importlib.util import find_spec
from pathlib import Path

from layergraph.errors import did_you_mean
from layergraph.graph.layer_graph import LayerGraph
from layergraph.wording import quoted

NAMESPACES = ("analyze", "builders", "data", "edits", "pretrained", "segmentation", "training")
_WITH_NAMES = ("layergraph", *(f"layergraph.{name}" for name in NAMESPACES), "layergraph.builders.backbones")

# MATLAB's layers for sequences, by the start of their names
_SEQUENCES = re.compile(
    r"(peephole)?(bi)?(lstm|gru)|sequence|wordembedding|\w*(pooling|convolution|conv)1d|\w*attention", re.I
)


def explanation(name: str) -> str:
    """The message for ``layergraph.name``, with the code to write instead.

    >>> explanation("unetLayers")
    "layergraph has no 'unetLayers'; write: from layergraph.builders import unet_layers"
    >>> explanation("lstmLayer")
    "layergraph has no 'lstmLayer': it has layers for images and volumes, and none for sequences"
    """
    text = f"layergraph has no {quoted(name)}"
    # reversed, so that the first namespace counts for a name that several have
    known = {public: namespace for namespace in reversed(_WITH_NAMES) for public in _public_names(namespace)}
    # MATLAB's functions split at their capitals, its layers are classes with a capital
    split = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
    for spelling in (name, split, name[:1].upper() + name[1:]):
        if spelling in known:
            return f"{text}; write: from {known[spelling]} import {spelling}"
    if not split.startswith("_") and hasattr(LayerGraph, split):
        return f"{text}; it is a method of a layer graph: lgraph.{split}(...)"
    if _SEQUENCES.match(name):
        return f"{text}: it has layers for images and volumes, and none for sequences"
    return text + did_you_mean(name, known)


def _public_names(namespace: str) -> list[str]:
    """The names in ``__all__``, read from the source, because importing a namespace imports all of it."""
    spec = find_spec(namespace)
    if spec is None or spec.origin is None:
        return []
    for node in ast.parse(Path(spec.origin).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return []
