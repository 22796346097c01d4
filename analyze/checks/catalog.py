"""The catalog: every code with its severity, its title and its check."""

from __future__ import annotations

from layergraph.analyze.checks import (
    activations,
    batch_normalization,
    loss_inputs,
    modules,
    names,
    reachability,
    window_coverage,
)
from layergraph.analyze.checks.check import Check
from layergraph.analyze.checks.checked_graph import CheckedGraph
from layergraph.issues import Issue

CATALOG: tuple[Check, ...] = (
    Check("LG-CHANNELS", "error", "numbers of channels do not fit"),
    Check("LG-CHECKERBOARD", "note", "uneven transposed convolution", window_coverage.checkerboard),
    Check("LG-CLASS-WEIGHTS", "error", "class weights that do not fit the classes or are not positive"),
    Check("LG-CLASSES", "error", "different numbers of classes and scores"),
    Check("LG-CROPPING", "error", "a crop that leaves nothing"),
    Check("LG-CYCLE", "error", "connections that make a cycle"),
    Check("LG-DEAD-BRANCH", "warning", "layers that no output needs", reachability.dead_branches),
    Check("LG-DILATION", "warning", "dilation beyond the feature map", window_coverage.degenerate_dilation),
    Check("LG-DIMENSIONS", "error", "an image where a volume or vector is needed, or the reverse"),
    Check("LG-DISCONNECTED", "error", "a part that is not connected to the rest"),
    Check("LG-DOUBLE-SOFTMAX", "warning", "a softmax of a softmax", loss_inputs.double_softmax),
    Check(
        "LG-DROPOUT-BEFORE-BATCHNORM",
        "warning",
        "dropout before batch normalization",
        batch_normalization.dropout_before_normalization,
    ),
    Check("LG-DUPLICATE-NAME", "error", "two layers with the same name"),
    Check("LG-GAPS", "warning", "a transposed convolution that leaves gaps", window_coverage.gaps),
    Check("LG-LARGE-ACTIVATION", "warning", "very large activations", activations.large_activations),
    Check("LG-MEASURED", "note", "a torch module that cannot run without data", modules.measured_modules),
    Check("LG-MISSING-INPUT", "error", "an input that is not connected"),
    Check("LG-MODULE", "error", "a torch module that cannot take its input"),
    Check("LG-NEAR-DUPLICATE", "warning", "names that are easily confused", names.near_duplicates),
    Check("LG-NO-INPUT", "error", "no input layer"),
    Check("LG-NO-OUTPUT", "error", "no loss to train with"),
    Check("LG-NO-SOFTMAX", "error", "no softmax before a loss", loss_inputs.missing_softmax),
    Check("LG-ONE-CLASS", "warning", "a softmax over a single channel", loss_inputs.one_class),
    Check("LG-OVERLAP", "warning", "unpooling of overlapping windows", window_coverage.overlaps),
    Check("LG-RECEPTIVE-FIELD", "note", "outputs with a small receptive field", reachability.narrow_fields),
    Check("LG-SPATIAL", "error", "heights and widths that do not fit"),
    Check("LG-TOO-LARGE", "error", "more elements than a tensor can hold"),
    Check("LG-UNPOOLING", "error", "an unpooling layer without its pooling layer"),
    Check("LG-UNUSED-OUTPUT", "error", "an output that is not used"),
    Check(
        "LG-WASTED-BIAS",
        "note",
        "a bias that batch normalization removes",
        batch_normalization.wasted_bias,
    ),
    Check("LG-WEIGHTS", "error", "attached weights of another shape or dtype"),
    Check("LG-WINDOW", "error", "a window larger than its input"),
)

_RANK = {"error": 0, "warning": 1, "note": 2}


def findings(checked: CheckedGraph) -> tuple[Issue, ...]:
    """All findings of a network: errors, then warnings, then notes; each in the order of the layers."""
    issues: list[Issue] = []
    if checked.inferred_sizes.issues:
        # imported only for a faulty network: for all others it would be the slowest part of the analysis
        from layergraph.analyze.checks.fixes import fix_faults

        issues = fix_faults(checked)
    checked.blamed = frozenset(name for issue in issues for name in (issue.layer, *issue.others))
    for check in CATALOG:
        if check.find is not None:
            issues.extend(check.find(checked))
    if len(issues) > 1:
        issues.sort(key=lambda issue: (_RANK[issue.severity], checked.position.get(issue.layer, -1)))
    return tuple(issues)
