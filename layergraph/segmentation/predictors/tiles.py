"""A network that gets an image in tiles, so that the image and its scores need not fit in memory."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import ArgumentError, DataWarning
from layergraph.layers import arguments
from layergraph.progress import progress
from layergraph.segmentation.batch_size import batch_size
from layergraph.segmentation.image_scores import image_scores
from layergraph.segmentation.predictors.predictor import (
    Predictor,
    PredictorWrapper,
    Scores,
    image_rank,
    require_predictor,
)
from layergraph.segmentation.region import Band
from layergraph.segmentation.tiles.context import Context, check_tile, network_context
from layergraph.segmentation.tiles.grid import Piece, pieces, rounded_up
from layergraph.segmentation.tiles.windows import Windows
from layergraph.wording import quoted, times

_LEAST = {2: 512, 3: 64}  # pixels of a tile in each dimension
_UNKNOWN_STRIDE = 32  # that of most networks


class Tiles(PredictorWrapper):
    """Wraps a network for :func:`semanticseg`: cuts images into tiles that overlap, and joins their labels.

    By default the overlap is the receptive field of the network, and tiles start at multiples of its stride:
    the result then equals that of the whole image, up to the last digits of the scores. (A side that is no
    multiple of the stride is mirrored to the next one, as :class:`PadToFit` does.) Each tile at the border of
    the image ends there, so that the network sees the same border.

    ``semanticseg(path, Tiles(net), write_location=...)`` reads the image by windows and writes labels row by
    row: memory holds the tiles of one call of the network and the labels of one row of tiles, whatever the
    size of the image. NumPy files, zarr arrays, and plain and tiled TIFF files are read in parts (extra
    ``tiles``), other files whole.

    Args:
        net: a compiled network that scores every pixel, or another predictor.
        tile_size: (height, width), or one number for both, of what the network gets, with the overlap. By
            default twice the receptive field, at least 512 pixels (64 for volumes).
        overlap: the pixels of context around the kept part of a tile, instead of the receptive field. Fewer
            are faster, and change labels near the seams. Required where the receptive field is unknown: for
            predictors that are no networks, and for networks with a ``ModuleLayer``.

    A layer that looks at the whole image, such as the image pooling of DeepLab v3, sees only a tile: then a
    :class:`DataWarning` says that results differ from those of the whole image.

    Raises:
        ArgumentError: a tile that the network does not take or that is not larger than the overlap, an
            unknown receptive field, or a network that does not score every pixel.

    >>> from layergraph.builders import unet_layers
    >>> from layergraph.segmentation import semanticseg
    >>> net = unet_layers((32, 32, 1), 2, encoder_depth=1, num_first_encoder_filters=2).compile()
    >>> tiles = Tiles(net, 64)
    >>> tiles.tile_size, tiles.overlap
    ((64, 64), ((10, 10), (10, 10)))
    >>> semanticseg(np.zeros((100, 150), np.uint8), tiles).shape
    (100, 150)
    """

    def __init__(
        self,
        net: Predictor,
        tile_size: int | Sequence[int] | None = None,
        *,
        overlap: int | Sequence[int] | None = None,
    ) -> None:
        super().__init__(require_predictor("Tiles", net))
        self.rank = image_rank(net)
        graph: Any = getattr(net, "source_graph", None)
        context = None if graph is None else network_context(graph)
        if overlap is not None:
            margin = arguments.per_dimension("Tiles", "overlap", overlap, self.rank, 0)
            stride = context.stride if context else (_UNKNOWN_STRIDE,) * self.rank
            context = Context(margin, margin, stride)
        if context is None:
            raise ArgumentError(
                "Tiles: overlap must be given for a network whose receptive field is unknown, got None for "
                f"an object of type {type(net).__name__}; give the pixels around a tile that its labels need"
            )
        if context.whole_image_layer:
            warnings.warn(
                f"Tiles: layer {quoted(context.whole_image_layer)} looks at the whole image, and now at one "
                "tile, so that labels differ from those of the whole image; larger tiles differ less",
                DataWarning,
                stacklevel=2,
            )
        self._stride = context.stride
        # multiples of the stride, so that every tile starts at one
        self._before, self._after = (
            tuple(rounded_up(n, s) for n, s in zip(side, context.stride, strict=True))
            for side in (context.before, context.after)
        )
        self.overlap = tuple(zip(self._before, self._after, strict=True))
        self.tile_size = self._checked_size(tile_size)
        if graph is not None:
            check_tile(graph, self.tile_size)

    def _checked_size(self, tile_size: int | Sequence[int] | None) -> tuple[int, ...]:
        both = tuple(before + after for before, after in self.overlap)
        if tile_size is None:
            wanted = [max(_LEAST[self.rank], 2 * n) for n in both]
            return tuple(rounded_up(n, s) for n, s in zip(wanted, self._stride, strict=True))
        size = arguments.per_dimension("Tiles", "tile_size", tile_size, self.rank)
        if any(n % s for n, s in zip(size, self._stride, strict=True)):
            nearest = tuple(rounded_up(n, s) for n, s in zip(size, self._stride, strict=True))
            raise ArgumentError(
                f"Tiles: tile_size must be a multiple of the stride of the network ({times(self._stride)}), "
                f"got {times(size)}; use {times(nearest)}"
            )
        if any(n <= context for n, context in zip(size, both, strict=True)):
            raise ArgumentError(
                f"Tiles: tile_size must be larger than the overlap of both sides ({times(both)}), got "
                f"{times(size)}; give a larger tile, or a smaller overlap, which changes labels near seams"
            )
        return size

    def predict(self, batch: NDArray[Any], /) -> Scores:
        """Scores (N, H, W, classes) of images (N, H, W, C), joined from those of their tiles."""
        results = []
        for index, image in enumerate(batch):
            bands = self.bands(Windows(image, f"images[{index}]", self.rank), f"images[{index}]", scores=True)
            results.append(np.concatenate([band.scores for band in bands if band.scores is not None]))
        return np.stack(results)

    def bands(
        self, image: Windows, name: str, *, scores: bool, size: int | None = None, verbose: bool = False
    ) -> Iterator[Band]:
        """Yield the labels of each row of tiles, with their scores if ``scores`` is True.

        Args:
            image: the image, read by windows.
            name: its name in errors.
            scores: whether to join scores too, which take many times the memory of labels.
            size: the number of tiles per call of the network, by default as many as fit in memory.
            verbose: show a progress bar on stderr if stderr is a terminal.
        """
        grid = zip(image.spatial, self._stride, self.tile_size, self._before, self._after, strict=True)
        # a tile larger than the image is the image
        rows, *others = [
            list(pieces(rounded_up(length, stride), tile, before, after))
            for length, stride, tile, before, after in grid
        ]
        tiles = list(itertools.product(*others))
        shape = tuple(axis[0].last - axis[0].first for axis in (rows, *others))
        size = batch_size(self.net, shape) if size is None else size
        with progress("Segmenting tiles", len(rows) * len(tiles), shown=verbose) as advance:
            for row in rows:
                band: Band | None = None
                for first in range(0, len(tiles), size):
                    group = [(row, *tile) for tile in tiles[first : first + size]]
                    found = self._scores(image, name, group)
                    band = band or _empty(row, image.spatial, found, scores)
                    for tile, result in zip(group, found, strict=True):
                        _keep(band, tile, result)
                    advance(len(group))
                assert band is not None  # there is at least one tile
                yield band

    def _scores(self, image: Windows, name: str, group: Sequence[tuple[Piece, ...]]) -> Scores:
        windows = [tuple(slice(piece.first, piece.last) for piece in tile) for tile in group]
        batch = np.stack([image.read(window) for window in windows])

        def name_tile(index: int) -> str:
            return f"{name}, tile at {tuple(piece.first for piece in group[index])}"

        scores = image_scores(self.net, batch, name_tile)
        if scores.shape[1:-1] != batch.shape[1:-1]:
            raise ArgumentError(
                "Tiles: net must score every pixel of its image, got scores of "
                f"{times(scores.shape[1:-1])} for tiles of {times(batch.shape[1:-1])}"
            )
        return scores


def _empty(row: Piece, spatial: tuple[int, ...], found: Scores, has_scores: bool) -> Band:
    """A band for the kept rows of a row of tiles, without those after the end of the image."""
    shape = (min(row.kept_last, spatial[0]) - row.kept_first, *spatial[1:])
    scores = np.empty((*shape, found.shape[-1]), found.dtype) if has_scores else None
    return Band(np.empty(shape, np.uint8), scores, found.shape[-1])


def _keep(band: Band, tile: tuple[Piece, ...], result: Scores) -> None:
    """Write the kept part of a tile's result to a band."""
    # the band starts at the first kept row
    inside = [slice(0, len(band.labels))]
    inside += [
        slice(piece.kept_first, min(piece.kept_last, length))
        for piece, length in zip(tile[1:], band.labels.shape[1:], strict=True)
    ]
    kept = result[tuple(piece.kept for piece in tile)]
    # the rest was mirrored beyond the end of the image
    kept = kept[tuple(slice(s.stop - s.start) for s in inside)]
    band.labels[tuple(inside)] = kept.argmax(axis=-1)
    if band.scores is not None:
        band.scores[tuple(inside)] = kept
