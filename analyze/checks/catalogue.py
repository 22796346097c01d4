"""The catalogue: every code there is, with how bad it is, what it says, and which check finds it."""

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

CATALOGUE: tuple[Check, ...] = (
    Check("LG-CHANNELS", "error", "numbers of channels do not fit"),
    Check("LG-CHECKERBOARD", "note", "uneven transposed convolution", window_coverage.checkerboard),
    Check("LG-CLASS-WEIGHTS", "error", "class weights that do not fit the classes, or are not positive"),
    Check("LG-CLASSES", "error", "another number of classes than scores"),
    Check("LG-CROPPING", "error", "a crop that leaves nothing"),
    Check("LG-CYCLE", "error", "connections that lead back to where they came from"),
    Check("LG-DEAD-BRANCH", "warning", "layers that no output needs", reachability.dead_branches),
    Check("LG-DILATION", "warning", "dilation beyond the feature map", window_coverage.degenerate_dilation),
    Check("LG-DIMENSIONS", "error", "an image where a volume or vector is needed, or the reverse"),
    Check("LG-DISCONNECTED", "error", "a part that is not joined to the rest"),
    Check("LG-DOUBLE-SOFTMAX", "warning", "a softmax of a softmax", loss_inputs.double_softmax),
    Check(
        "LG-DROPOUT-BEFORE-BATCHNORM",
        "warning",
        "dropout before batch normalization",
        batch_normalization.dropout_before_normalization,
    ),
    Check("LG-DUPLICATE-NAME", "error", "two layers of one name"),
    Check("LG-GAPS", "warning", "a transposed convolution that leaves gaps", window_coverage.gaps),
    Check("LG-LARGE-ACTIVATION", "warning", "very large activations", activations.large_activations),
    Check("LG-MEASURED", "note", "a torch module that cannot run without data", modules.measured_modules),
    Check("LG-MISSING-INPUT", "error", "an input that nothing feeds"),
    Check("LG-MODULE", "error", "a torch module that cannot take its input"),
    Check("LG-NEAR-DUPLICATE", "warning", "names easily taken for each other", names.near_duplicates),
    Check("LG-NO-INPUT", "error", "no input layer"),
    Check("LG-NO-OUTPUT", "error", "no loss to train with"),
    Check("LG-NO-SOFTMAX", "error", "no softmax before a loss", loss_inputs.missing_softmax),
    Check("LG-ONE-CLASS", "warning", "a softmax over a single channel", loss_inputs.one_class),
    Check("LG-OVERLAP", "warning", "unpooling of windows that overlap", window_coverage.overlaps),
    Check("LG-RECEPTIVE-FIELD", "note", "outputs that see little of the image", reachability.narrow_fields),
    Check("LG-SPATIAL", "error", "heights and widths that do not fit"),
    Check("LG-TOO-LARGE", "error", "more elements than a tensor can hold"),
    Check("LG-UNPOOLING", "error", "an unpooling layer without its pooling layer"),
    Check("LG-UNUSED-OUTPUT", "error", "an output that feeds nothing"),
    Check(
        "LG-WASTED-BIAS",
        "note",
        "a bias that batch normalization takes away",
        batch_normalization.wasted_bias,
    ),
    Check("LG-WEIGHTS", "error", "attached weights of another shape or dtype"),
    Check("LG-WINDOW", "error", "a window larger than its input"),
)

_RANK = {"error": 0, "warning": 1, "note": 2}


def findings(checked: CheckedGraph) -> tuple[Issue, ...]:
    """All that is wrong with a network: errors, warnings, notes; each in the order of the layers."""
    found: list[Issue] = []
    if checked.inferred_sizes.issues:
        # imported where there is something to cure: most networks do without
        from layergraph.analyze.checks.fixes import fix_faults

        found = fix_faults(checked)
    checked.blamed = frozenset(name for issue in found for name in (issue.layer, *issue.others))
    for check in CATALOGUE:
        if check.find is not None:
            found.extend(check.find(checked))
    if len(found) > 1:
        found.sort(key=lambda issue: (_RANK[issue.severity], checked.position.get(issue.layer, -1)))
    return tuple(found)
