"""Torch modules of which an analysis cannot say all."""

from __future__ import annotations

from collections.abc import Iterator

from layergraph.analyze.checks.subject import Subject
from layergraph.analyze.sized_network import known_inputs
from layergraph.issues import Issue
from layergraph.layers import ModuleLayer


def measured(subject: Subject) -> Iterator[Issue]:
    """Modules that ran with data, because values decide what they do: other values may give other sizes."""
    for layer in subject.of(ModuleLayer):
        inputs = known_inputs(subject.lgraph, layer, subject.propagation)
        if inputs and layer.is_measured(inputs):
            text = (
                "values decide what the module does; sizes and costs are those of one run with random numbers"
            )
            hint = "other images may give others; a module that looks at no value is analyzed without data"
            yield Issue("LG-MEASURED", "hint", layer.name, "", text, hint)
