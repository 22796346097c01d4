"""Segmenting images with a network, measuring how well it went, and showing it."""

from layergraph.segmentation.at_size import AtSize
from layergraph.segmentation.colors import distinct_colors
from layergraph.segmentation.confusion import (
    ConfusionMetrics,
    confusion_metrics,
    normalized_confusion_matrix,
    segmentation_confusion_matrix,
)
from layergraph.segmentation.metrics import evaluate_semantic_segmentation
from layergraph.segmentation.overlap import dice, jaccard
from layergraph.segmentation.overlay import labeloverlay
from layergraph.segmentation.results import SemanticSegmentationMetrics
from layergraph.segmentation.semanticseg import semanticseg
from layergraph.segmentation.sheet import overlay_sheet

__all__ = [
    "AtSize",
    "ConfusionMetrics",
    "SemanticSegmentationMetrics",
    "confusion_metrics",
    "dice",
    "distinct_colors",
    "evaluate_semantic_segmentation",
    "jaccard",
    "labeloverlay",
    "normalized_confusion_matrix",
    "overlay_sheet",
    "segmentation_confusion_matrix",
    "semanticseg",
]
