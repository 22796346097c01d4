"""The metrics that can be chosen, and their columns in the tables of results."""

from __future__ import annotations

from collections.abc import Iterable

from layergraph.errors import ArgumentError, WrongTypeError, did_you_mean
from layergraph.wording import quoted

# per metric: its column in the tables of the data set and the images, and its column in the table of classes
COLUMNS = {
    "global-accuracy": ("global_accuracy", None),
    "accuracy": ("mean_accuracy", "accuracy"),
    "iou": ("mean_iou", "iou"),
    "weighted-iou": ("weighted_iou", None),
    "bfscore": ("mean_bf_score", "mean_bf_score"),
}


def metric_names(metrics: str | Iterable[str], call: str) -> tuple[str, ...]:
    """The names of the chosen metrics, ``"all"`` or some, in the order of the tables.

    >>> metric_names(["iou", "accuracy"], "evaluate_semantic_segmentation")
    ('accuracy', 'iou')
    """
    if not isinstance(metrics, str | Iterable):
        raise WrongTypeError(f"{call}: metrics must be names of metrics, got {quoted(metrics)}")
    # a string is iterable too: list("iou") would be three names
    wanted = list(COLUMNS) if metrics == "all" else [metrics] if isinstance(metrics, str) else list(metrics)
    for metric in wanted:
        if metric not in COLUMNS:
            advice = did_you_mean(str(metric), COLUMNS)
            raise ArgumentError(f"{call}: metrics must be names of metrics, got {quoted(metric)}{advice}")
    if not wanted:
        raise ArgumentError(f"{call}: metrics must be names of metrics, got none{did_you_mean('', COLUMNS)}")
    return tuple(metric for metric in COLUMNS if metric in wanted)


def table_columns(metrics: Iterable[str]) -> tuple[list[str], list[str]]:
    """The columns of the data set and the images, and those of the classes.

    >>> table_columns(["global-accuracy", "iou"])
    (['global_accuracy', 'mean_iou'], ['iou'])
    """
    pairs = [COLUMNS[metric] for metric in metrics]
    return [wide for wide, _ in pairs], [narrow for _, narrow in pairs if narrow]
