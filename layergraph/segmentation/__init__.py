"""Segment images with a network, measure the result, and display it."""

from typing import TYPE_CHECKING, Any

from layergraph.data.class_colors import distinct_colors
from layergraph.segmentation.evaluation.bfscore import BoundaryScores, bfscore
from layergraph.segmentation.evaluation.boundaries import BoundaryMatch
from layergraph.segmentation.evaluation.confusion import (
    ConfusionMetrics,
    confusion_metrics,
    normalized_confusion_matrix,
    segmentation_confusion_matrix,
)
from layergraph.segmentation.evaluation.confusionchart import confusionchart
from layergraph.segmentation.evaluation.evaluate_semantic_segmentation import evaluate_semantic_segmentation
from layergraph.segmentation.evaluation.metrics import SemanticSegmentationMetrics
from layergraph.segmentation.evaluation.overlap import dice, jaccard
from layergraph.segmentation.evaluation.results_sheet import results_sheet
from layergraph.segmentation.pictures.augmentation_sheet import augmentation_sheet
from layergraph.segmentation.pictures.heatmap import heatmap
from layergraph.segmentation.pictures.histeq import histeq
from layergraph.segmentation.pictures.imshow import imshow, pixel_label_colorbar
from layergraph.segmentation.pictures.imshowpair import imshowpair
from layergraph.segmentation.pictures.overlay import labeloverlay
from layergraph.segmentation.pictures.rgb_image import rgb_image
from layergraph.segmentation.pictures.sheet import overlay_sheet
from layergraph.segmentation.predictors.at_size import AtSize
from layergraph.segmentation.predictors.dense_crf import dense_crf
from layergraph.segmentation.predictors.monte_carlo import MonteCarlo
from layergraph.segmentation.predictors.pad_to_fit import PadToFit
from layergraph.segmentation.predictors.predictor import Predictor
from layergraph.segmentation.predictors.sliding_window import SlidingWindow
from layergraph.segmentation.predictors.tiles import Tiles
from layergraph.segmentation.predictors.with_dense_crf import WithDenseCRF
from layergraph.segmentation.semanticseg import semanticseg

if TYPE_CHECKING:
    from layergraph.segmentation.predictors.multi_scale import MultiScale

__all__ = [
    "AtSize",
    "BoundaryMatch",
    "BoundaryScores",
    "ConfusionMetrics",
    "MonteCarlo",
    "MultiScale",
    "PadToFit",
    "Predictor",
    "SemanticSegmentationMetrics",
    "SlidingWindow",
    "Tiles",
    "WithDenseCRF",
    "augmentation_sheet",
    "bfscore",
    "confusion_metrics",
    "confusionchart",
    "dense_crf",
    "dice",
    "distinct_colors",
    "evaluate_semantic_segmentation",
    "heatmap",
    "histeq",
    "imshow",
    "imshowpair",
    "jaccard",
    "labeloverlay",
    "normalized_confusion_matrix",
    "overlay_sheet",
    "pixel_label_colorbar",
    "results_sheet",
    "rgb_image",
    "segmentation_confusion_matrix",
    "semanticseg",
]


def __getattr__(name: str) -> Any:
    if name == "MultiScale":  # a torch module: the import of torch takes seconds, and no other name needs it
        from layergraph.segmentation.predictors.multi_scale import MultiScale

        return MultiScale
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
