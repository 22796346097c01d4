"""Comparison of predicted label images with the truth."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import DataError
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.progress import with_progress
from layergraph.segmentation.evaluation.bfscore import image_bfscores
from layergraph.segmentation.evaluation.boundaries import ndimage
from layergraph.segmentation.evaluation.counting import class_counts, count_pairs, refuse_masks
from layergraph.segmentation.evaluation.evaluated_images import EvaluatedImages
from layergraph.segmentation.evaluation.label_stores import (
    LabelStore,
    files_of,
    label_image,
    label_store,
    numbered_classes,
    pair_name,
    pair_order,
    set_classes,
)
from layergraph.segmentation.evaluation.metric_names import metric_names
from layergraph.segmentation.evaluation.metrics import SemanticSegmentationMetrics
from layergraph.segmentation.evaluation.scores import pixel_counts, scores
from layergraph.segmentation.evaluation.worst_images import WorstImage, is_among_worst, reduced, worst
from layergraph.segmentation.image_batches import ImageStore, image_at
from layergraph.segmentation.pictures.rgb_image import rgb_bytes

_CALL = "evaluate_semantic_segmentation"


def evaluate_semantic_segmentation(
    predicted: LabelStore,
    truth: LabelStore,
    *,
    classes: Sequence[str] | None = None,
    metrics: str | Iterable[str] = "all",
    pair: Literal["name", "order"] = "name",
    images: ImageStore | None = None,
    verbose: bool = True,
) -> SemanticSegmentationMetrics:
    """Compare predicted label images with the true ones, pair by pair.

    ``predicted`` and ``truth`` are pixel label datastores, or sequences of (H, W) integer arrays with
    class indices or 255 (unlabeled), such as the results of :func:`semanticseg`; an array (H, W) is one
    image, and of a combined store of images and labels only the labels are read. Class names come from labels
    that know them or from ``classes``; with neither, they are C1, C2, ... up to the highest label. Pixels
    unlabeled in the truth are skipped; pixels predicted as unlabeled are wrong for their class. Images are
    read one at a time.

    Two datastores are paired by the names of their files: ``scan1.png`` belongs to ``scan1_mask.png`` and to
    ``pixelLabel_scan1.png`` (:func:`~layergraph.data.pairing.partners` has the rule). Names that have nothing
    in common are paired by their order, with a warning. ``pair="order"`` pairs datastores by order, as
    arrays always are. The results have the order of ``truth``.

    ``metrics`` is ``"all"`` or some of ``"global-accuracy"``, ``"accuracy"``, ``"iou"``,
    ``"weighted-iou"``, ``"bfscore"``. The first four are those of :func:`confusion_metrics`, applied to the
    confusion matrix of the data set and to that of each image; the boundary score is that of :func:`bfscore`
    with its default threshold, of a class the mean over the images, of an image the mean over the classes, of
    the data set the mean over the images. Means run over the values that exist: a class that does not occur
    (in the data set, or in that image) is NaN in the table and not part of the mean. (MATLAB's mean boundary
    score is NaN as soon as an image lacks the class.)

    ``images``, one for each pair, are for the page of results, :meth:`SemanticSegmentationMetrics.to_html`;
    only those with the lowest mean IoU are read.
    ``verbose`` shows a progress bar on stderr if stderr is a terminal.

    Raises DataError for different numbers of images, a file without a partner, different class names, a pair
    of different sizes, images without pixels, labels outside the classes and plain arrays that hold only 0
    and 255 (masks), WrongTypeError for arrays that do not hold integers, ArgumentError for unknown metrics,
    MissingExtraError for ``"bfscore"`` without SciPy.
    Source: MATLAB, evaluateSemanticSegmentation.

    >>> predicted = [[[0, 0], [1, 1]], [[1, 1], [1, 0]]]
    >>> truth = [[[0, 1], [1, 1]], [[1, 1], [1, 1]]]
    >>> metrics = evaluate_semantic_segmentation(predicted, truth, classes=["triangle", "background"])
    >>> print(metrics.class_metrics)
    name          accuracy      iou    mean_bf_score
    ----------  ----------  -------  ---------------
    triangle       1        0.33333          0.33333
    background     0.71429  0.71429          0.82857
    >>> metrics.data_set_metrics[0]["global_accuracy"]
    0.75
    """
    # arguments and pairs, before the first image is read
    chosen = metric_names(metrics, _CALL)
    if has_boundaries := "bfscore" in chosen:
        ndimage()
    predicted, truth = label_store(predicted, f"{_CALL}: predicted"), label_store(truth, f"{_CALL}: truth")
    pair_by = arguments.choice(_CALL, "pair", pair, ("name", "order"))
    if not len(truth) and not len(predicted):
        raise DataError(f"{_CALL}: predicted and truth must hold one label image or more, got none")
    # order[i] is the prediction of true image i
    order = pair_order(_CALL, "predicted", predicted, truth, pair_by, "label image")
    image_order = order
    if images is not None:
        image_order = pair_order(_CALL, "images", images, truth, pair_by, "image")
    known_names = set_classes(predicted, truth, classes, _CALL)
    names = numbered_classes(predicted, truth) if known_names is None else known_names
    size = len(names)
    true_files, predicted_files = files_of(truth), files_of(predicted)
    # all 256 labels, since the check for masks below needs those unlabeled in the truth
    all_pairs = np.zeros((UNLABELED + 1, UNLABELED + 1), np.int64)
    pixels: list[NDArray[np.int64]] = []
    boundaries: list[Any] = []
    lowest: tuple[WorstImage, ...] = ()
    # image by image, so that memory holds one pair of images and a few numbers of the others
    for index in with_progress(range(len(truth)), "Evaluating", len(truth), shown=verbose):
        pair_files = [predicted_files[order[index]]] if predicted_files else []
        place = pair_name(index, [*pair_files, *(true_files[index : index + 1] if true_files else [])])
        found = label_image(predicted[order[index]], names, f"{place}: predicted")
        true = label_image(truth[index], names, f"{place}: truth")
        pairs = count_pairs(found, true, size, place)
        all_pairs += pairs
        pixels.append(pixel_counts(class_counts(pairs, size, unlabeled_column=True)))
        if has_boundaries:
            boundaries.append(image_bfscores(found, true, size))
        mean_iou = float(scores(pixels[-1]).mean_iou)
        # volumes have no one picture
        if true.ndim == 2 and is_among_worst(mean_iou, lowest):
            picture = None if images is None else _picture(images, image_order[index], true.shape, place)
            labels = (reduced(array.astype(np.uint8)) for array in (true, found))
            lowest = worst([*lowest, WorstImage(index, mean_iou, picture, *labels)])
    # over all images: one image of 0 and 255 alone may be right, a whole set is of masks; of one class, they
    # are all labels that there are, but only if the caller says that it is one
    refuse_masks(all_pairs, size if known_names else max(size, 2), predicted, truth, _CALL)
    total = class_counts(all_pairs, size, unlabeled_column=True)
    # the truth gives the names, since its order is that of the results
    image_names: list[str | None] = [None] * len(truth)
    if true_files:
        image_names = [file.name for file in true_files]
    elif predicted_files:
        image_names = [predicted_files[position].name for position in order]
    bfscores = np.array(boundaries) if has_boundaries else None
    return SemanticSegmentationMetrics(
        classes=names,
        metrics=chosen,
        confusion_matrix=total[:, :size].copy(),
        unlabeled_predictions=total[:, size].copy(),
        images=EvaluatedImages(
            tuple(image_names),
            np.array(pixels),
            None if bfscores is None else bfscores[:, 0],
            None if bfscores is None else bfscores[:, 1],
        ),
        worst_images=lowest,
    )


def _picture(store: ImageStore, index: int, shape: tuple[int, ...], place: str) -> NDArray[np.uint8]:
    """The image of a pair, which must have the size of its labels."""
    picture = rgb_bytes(image_at(store, index, f"{place}: the image"), f"{place}: the image")
    if picture.shape[:2] != shape:
        raise DataError(
            f"{place}: the image must have the size of the truth ({shape[0]}×{shape[1]}), got "
            f"{picture.shape[0]}×{picture.shape[1]}"
        )
    return reduced(picture)
