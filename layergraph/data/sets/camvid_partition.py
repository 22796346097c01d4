"""The random split of CamVid into training, validation and test data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np

from layergraph.data.datastore import Datastore, combine
from layergraph.errors import ArgumentError
from layergraph.layers.arguments import whole
from layergraph.wording import quoted

Store = TypeVar("Store", bound=Datastore[Any])


def partition_camvid_data(
    images: Datastore[Any],
    labels: Datastore[Any],
    fractions: Sequence[float] = (0.6, 0.4),
    *,
    seed: int = 0,
) -> tuple[Datastore[Any], ...]:
    """Split images and labels at random into disjoint parts: the lecture's ``partitionCamVidData``.

    Args:
        images: any store; ``labels`` is paired with it by name, as in ``combine``.
        fractions: the shares of the parts, each above 0, with the sum 1: (0.6, 0.4) for training and test
            data, (0.6, 0.2, 0.2) with validation data between them. Each part but the last has
            its share of the items, rounded half up; the last has the rest. 701 files give 421 and 280, or
            421, 140 and 140.
        seed: the same seed gives the same split. (MATLAB's generator draws other files.)

    Returns:
        The parts of the images, then the parts of the labels, as MATLAB's function returns them.

    Raises:
        ArgumentError: the fractions are out of range.
        DataError: a file has no partner.

    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.data import triangle_images
    >>> with TemporaryDirectory() as folder:
    ...     images, labels = triangle_images(folder, n=10)
    >>> train, test, train_labels, test_labels = partition_camvid_data(images, labels)
    >>> len(train), len(test), len(train_labels)
    (6, 4, 6)
    """
    shares = np.asarray(fractions, dtype=float)
    if shares.ndim != 1 or not len(shares) or not (shares > 0).all() or abs(shares.sum() - 1) > 1e-9:
        raise ArgumentError(
            "partition_camvid_data: fractions must be numbers above 0 with the sum 1, got "
            f"{quoted(fractions)}; such as (0.6, 0.4)"
        )
    pairs = combine(images, labels)
    count = len(pairs)
    order = np.random.default_rng(whole("partition_camvid_data", "seed", seed, 0)).permutation(count)
    # MATLAB's rounding: halves go up, where Python's go to the even number
    sizes = np.floor(shares[:-1] * count + 0.5).astype(int)
    parts = [tuple(part.tolist()) for part in np.split(order, np.cumsum(sizes))]
    return tuple(store.take(part) for store in pairs.stores for part in parts)
