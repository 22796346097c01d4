"""The result of each image of a store, in bands of rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import ArgumentError, NotEnoughMemoryError
from layergraph.labels import UNLABELED
from layergraph.progress import is_shown, with_progress
from layergraph.segmentation.batch_size import batch_size
from layergraph.segmentation.image_batches import ImageStore, batches, image_item, image_name
from layergraph.segmentation.image_scores import image_scores
from layergraph.segmentation.predictors.predictor import Predictor, Scores, image_rank
from layergraph.segmentation.predictors.tiles import Tiles
from layergraph.segmentation.region import Band, Region
from layergraph.segmentation.tiles.windows import open_windows


class Segmented(NamedTuple):
    """The size of the labels of an image, and their bands from top to bottom, computed as they are taken."""

    size: tuple[int, ...]
    bands: Iterator[Band]


def segmented_images(
    store: ImageStore,
    net: Predictor,
    names: Sequence[str] | None,
    *,
    region: Region | None = None,
    mini_batch_size: int | None = None,
    scores: bool = False,
    verbose: bool = False,
) -> Iterator[Segmented]:
    """Yield the result of each image; take all its bands before the next.

    Args:
        store: the images.
        net: the network; :class:`Tiles` reads images by windows.
        names: the class names, whose number must be that of the scores.
        region: the part of each image to segment.
        mini_batch_size: the number of images (or tiles) per call of the network; None for as many as fit.
        scores: whether the bands of tiles hold scores; those of whole images do in any case.
        verbose: show a progress bar on stderr if stderr is a terminal.

    Raises:
        ArgumentError: another number of classes than names, or more than labels hold.
        DataError: the errors of :func:`image_scores` and of the images.

    >>> from layergraph.builders import segnet_layers
    >>> net = segnet_layers((32, 32, 1), 2, 1).compile()
    >>> [image.size for image in segmented_images([np.zeros((32, 32))], net, None)]
    [(32, 32)]
    """
    if isinstance(net, Tiles):
        yield from _in_tiles(store, net, names, region, mini_batch_size, scores, verbose)
        return
    rank = image_rank(net)

    def size_of(spatial: Sequence[int]) -> int:
        return batch_size(net, spatial) if mini_batch_size is None else mini_batch_size

    for batch in batches(store, size_of, rank=rank, region=region, verbose=verbose):
        name = partial(_name_in_batch, store, batch.first)
        found = _scores(net, batch.images, name, may_halve=mini_batch_size is None)
        # here and not in semanticseg: the first scores show how many classes the network has
        check_count(found.shape[-1], names)
        # no check of the labels, since argmax cannot exceed the count
        labels = found.argmax(axis=-1).astype(np.uint8)
        for size, indices, numbers in zip(batch.sizes, labels, found, strict=True):
            bands = iter([Band(indices, numbers, found.shape[-1])])
            if region is None:  # scores may be smaller than the image
                yield Segmented(indices.shape, bands)
            else:
                yield Segmented(size, region.paste(bands, size))


def _in_tiles(
    store: ImageStore,
    net: Tiles,
    names: Sequence[str] | None,
    region: Region | None,
    mini_batch_size: int | None,
    scores: bool,
    verbose: bool,
) -> Iterator[Segmented]:
    # one bar at a time: of the tiles of a single image, or of the images
    of_tiles = is_shown(verbose) and len(store) == 1
    for index in with_progress(range(len(store)), "Segmenting", len(store), shown=verbose and not of_tiles):
        name = image_name(store, index)
        # items of a datastore are read whole, so its files are opened here instead
        is_plain = _has_plain_files(store, net.rank)
        item = getattr(store, "files", ())[index] if is_plain else image_item(store, index)
        with open_windows(item, name, net.rank) as windows:
            part = windows if region is None else windows.crop(region)
            bands = _checked(
                net.bands(part, name, scores=scores, size=mini_batch_size, verbose=of_tiles), names
            )
            if region is not None:
                bands = region.paste(bands, windows.spatial)
            yield Segmented(windows.spatial, bands)


def _has_plain_files(store: Any, rank: int) -> bool:
    """Whether the items of a store are what ``read_image`` reads from its files."""
    # imported here: arrays do not need the data package
    from layergraph.data import ImageDatastore

    return (
        isinstance(store, ImageDatastore)
        and store.read_fcn is None
        and store.volumes == "files"
        and not store.apply_orientation
        and store.pages == ("error" if rank == 2 else "volume")
    )


def _checked(bands: Iterator[Band], names: Sequence[str] | None) -> Iterator[Band]:
    for band in bands:
        check_count(band.num_classes, names)
        yield band


def check_count(count: int, names: Sequence[str] | None) -> None:
    """Raise ArgumentError for more classes than labels hold, or for another number than the names have."""
    if not 1 <= count <= UNLABELED:
        raise ArgumentError(
            f"semanticseg: net must score 1 to {UNLABELED} classes, as labels hold, got {count}"
        )
    if names is not None and len(names) != count:
        raise ArgumentError(
            f"semanticseg: classes must be one name per class that the network scores ({count}), got "
            f"{len(names)}"
        )


def _scores(net: Predictor, batch: NDArray[Any], name: Any, *, may_halve: bool) -> Scores:
    """The scores of a batch; a batch that does not fit in memory is halved if no size was asked for."""
    try:
        return image_scores(net, batch, name)
    except NotEnoughMemoryError:
        if not may_halve or len(batch) == 1:
            raise
    # after the except clause, whose error would hold the tensors of the failed call
    half = len(batch) // 2
    first = _scores(net, batch[:half], name, may_halve=True)
    rest = _scores(net, batch[half:], lambda index: name(half + index), may_halve=True)
    return np.concatenate([first, rest])


def _name_in_batch(store: ImageStore, first: int, index: int) -> str:
    return image_name(store, first + index)
