"""Sums with Gaussian weights over all pairs of points, in linear time, by a permutohedral lattice."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import MissingExtraError

F = TypeVar("F", bound=np.floating[Any])
Floats = NDArray[np.floating[Any]]
Integers = NDArray[np.int64]


class PermutohedralLattice:
    """A lattice for points in d dimensions, built once for any number of filterings.

    Args:
        features: (points, d), in units of the standard deviations. Results have its type.

    Raises:
        MissingExtraError: SciPy is not installed.

    Source: Adams, Baek, Davis 2010, Fast High-Dimensional Filtering Using the Permutohedral Lattice.
    """

    def __init__(self, features: Floats) -> None:
        sparse = _sparse()
        points, dimensions = features.shape
        multiples, ranks, weights = enclosing_simplices(elevate(features))
        keys, codes, multipliers, indices = _vertices(multiples, ranks)
        # one row per point with the weights of its d + 1 vertices: the matrix slices, its transpose splats
        ends = np.arange(points + 1) * (dimensions + 1)
        self._slice = sparse.csr_array(
            (weights.astype(features.dtype).ravel(), indices.ravel(), ends), shape=(points, len(keys))
        )
        self._splat = self._slice.T
        # vertices that no point touches are left out, as in pydensecrf2: the order of the axes matters
        self._blurs = []
        for step in _steps(dimensions):
            starts, stops = _neighbors(keys, codes, multipliers, step)
            halves = np.full(len(starts), 0.5, features.dtype)
            links = sparse.csr_array((halves, (starts, stops)), shape=(len(keys), len(keys)))
            self._blurs.append(links + links.T)
        # the blur with (1/2, 1, 1/2) along each axis gives a weight of about 1 at distance 0 with this factor
        self._scale = features.dtype.type(1 / (1 + 2.0**-dimensions))

    def filter(self, values: NDArray[F]) -> NDArray[F]:
        """Σ_j exp(-|f_i - f_j|² / 2) v_j for every point i, approximately.

        Args:
            values: (points, channels), of the type of the features.
        """
        spread = self._splat @ values
        for blur in self._blurs:
            spread = spread + blur @ spread
        filtered: NDArray[F] = self._scale * (self._slice @ spread)
        return filtered


def elevate(features: Floats) -> NDArray[np.float64]:
    """The points (points, d + 1) in the plane of coordinate sum 0, where the blur has deviation 1."""
    dimensions = features.shape[1]
    rows = np.arange(1, dimensions + 1)[:, None]
    # orthogonal rows (1, ..., 1, -row, 0, ..., 0), each divided by its length
    basis = np.tri(dimensions, dimensions + 1) - rows * np.eye(dimensions, dimensions + 1, k=1)
    basis *= np.sqrt(2 / 3) * (dimensions + 1) / np.sqrt(rows * (rows + 1))
    elevated: NDArray[np.float64] = features.astype(np.float64) @ basis
    return elevated


def enclosing_simplices(elevated: NDArray[np.float64]) -> tuple[Integers, Integers, NDArray[np.float64]]:
    """The simplex of the lattice around each point.

    Returns:
        The vertex of remainder 0, the ranks of the differences to it (0 is the largest), and the barycentric
        weights of the vertices of remainder 0 to d; each (points, d + 1).
    """
    size = elevated.shape[1]
    # 1. the nearest multiples of d + 1, whose sum may not be 0
    multiples = np.rint(elevated / size).astype(np.int64) * size
    order = np.argsort(multiples - elevated, axis=1, kind="stable")
    ranks = np.empty_like(multiples)
    np.put_along_axis(ranks, order, np.broadcast_to(np.arange(size), order.shape), axis=1)
    # 2. the coordinates that were rounded most go to the next multiple, until the sum is 0
    ranks += multiples.sum(axis=1, keepdims=True) // size
    turns = np.where(ranks < 0, size, np.where(ranks >= size, -size, 0))
    multiples += turns
    ranks += turns
    # 3. in the order of the ranks, each weight is the distance between two neighboring differences
    sorted_ = np.empty_like(elevated)
    np.put_along_axis(sorted_, ranks, (elevated - multiples) / size, axis=1)
    weights = np.empty_like(elevated)
    weights[:, 0] = 1 + sorted_[:, -1] - sorted_[:, 0]
    weights[:, 1:] = (sorted_[:, :-1] - sorted_[:, 1:])[:, ::-1]
    return multiples, ranks, weights


def _keys(multiples: Integers, ranks: Integers, remainder: int | Integers) -> Integers:
    """The vertices of a remainder; without the last coordinate, which the others determine."""
    size = multiples.shape[1]
    low = ranks[:, :-1] < size - remainder
    return multiples[:, :-1] + np.where(low, remainder, remainder - size)


def _vertices(
    multiples: Integers, ranks: Integers
) -> tuple[Integers, NDArray[np.uint64], NDArray[np.uint64], Integers]:
    """The different vertices of all simplices.

    Returns:
        Their keys (vertices, d), their codes in ascending order, the multipliers of the codes, and the
        indices (points, d + 1) of the vertices of each simplex.
    """
    points, size = multiples.shape
    codes = np.empty((points, size), np.uint64)
    # A code is the sum of the coordinates times random numbers, modulo 2**64, since the coordinates side by
    # side exceed 64 bits for narrow colors or many channels. Different keys of one code (in practice never)
    # lead to other random numbers.
    seed = 0
    while True:
        multipliers = _multipliers(seed, size - 1)
        for remainder in range(size):
            codes[:, remainder] = _encode(_keys(multiples, ranks, remainder), multipliers)
        found, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        indices = inverse.reshape(points, size)
        owners, remainders = np.divmod(first, size)
        keys = _keys(multiples[owners], ranks[owners], remainders[:, None])
        if all(np.array_equal(keys[indices[:, k]], _keys(multiples, ranks, k)) for k in range(size)):
            return keys, found, multipliers, indices
        seed += 1


def _multipliers(seed: int, number: int) -> NDArray[np.uint64]:
    return np.random.default_rng(seed).integers(2**64, size=number, dtype=np.uint64)


def _encode(keys: Integers, multipliers: NDArray[np.uint64]) -> NDArray[np.uint64]:
    codes: NDArray[np.uint64] = keys.astype(np.uint64) @ multipliers
    return codes


def _steps(dimensions: int) -> Integers:
    """The differences (d + 1, d) from a vertex to the next one along each axis."""
    return (dimensions + 1) * np.eye(dimensions + 1, dimensions, dtype=np.int64) - 1


def _neighbors(
    keys: Integers, codes: NDArray[np.uint64], multipliers: NDArray[np.uint64], step: Integers
) -> tuple[Integers, Integers]:
    """The vertices with a neighbor after one step, and these neighbors."""
    wanted = codes + _encode(step, multipliers)  # a code is linear in the coordinates
    stops = np.searchsorted(codes, wanted)
    stops[stops == len(codes)] = 0
    starts = np.flatnonzero((codes[stops] == wanted) & (keys[stops] == keys + step).all(axis=1))
    return starts, stops[starts]


def _sparse() -> Any:
    """SciPy's module of sparse matrices.

    Raises:
        MissingExtraError: SciPy is not installed.
    """
    try:
        # imported here: it costs 100 ms, and no other predictor needs it
        from scipy import sparse
    except ImportError:
        raise MissingExtraError(
            'dense_crf needs the package scipy, which is not installed: pip install "layergraph[train]"'
        ) from None
    return sparse
