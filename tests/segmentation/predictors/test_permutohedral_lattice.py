"""The lattice, against one in a dictionary, and against exact Gaussian sums."""

from collections import defaultdict
from itertools import product

import numpy as np
import pytest

from layergraph.segmentation.predictors import permutohedral_lattice
from layergraph.segmentation.predictors.permutohedral_lattice import PermutohedralLattice, elevate


def simplex(point):
    """The vertices around a point with their weights, by search.

    A vertex has integer coordinates with sum 0, all of one remainder modulo d + 1. Its weight falls with the
    difference between the largest and the smallest coordinate of the way to the point.
    """
    size = len(point)
    for remainder in range(size):
        below = np.floor((point - remainder) / size).astype(int) * size + remainder
        for ups in product((0, size), repeat=size):
            vertex = below + ups
            weight = 1 - np.ptp(point - vertex) / size
            if vertex.sum() == 0 and weight > 0:
                yield tuple(vertex.tolist()), weight


def filter_slowly(features, values):
    points = elevate(features)
    size = points.shape[1]
    lattice = defaultdict(lambda: np.zeros(values.shape[1]))
    for point, value in zip(points, values, strict=True):
        for vertex, weight in simplex(point):
            lattice[vertex] = lattice[vertex] + weight * value
    for axis in range(size):
        old = dict(lattice)
        for vertex in old:
            for way in (1, -1):
                step = -way * np.ones(size, int)
                step[axis] += way * size
                lattice[vertex] = lattice[vertex] + old.get(tuple((vertex + step).tolist()), 0) / 2
    factor = 1 / (1 + 2.0 ** (1 - size))
    return np.array(
        [factor * sum(weight * lattice[vertex] for vertex, weight in simplex(point)) for point in points]
    )


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_against_a_dictionary(dimensions):
    random = np.random.default_rng(dimensions)
    features = random.normal(0, 1, (40, dimensions))
    values = random.normal(0, 1, (40, 2))
    filtered = PermutohedralLattice(features).filter(values)
    np.testing.assert_allclose(filtered, filter_slowly(features, values), rtol=1e-9, atol=1e-12)


def test_coordinates_that_exceed_64_bits_side_by_side():
    random = np.random.default_rng(0)
    centers = random.normal(0, 1e6, (3, 5))
    features = (centers[:, None] + random.normal(0, 0.5, (3, 6, 5))).reshape(18, 5)
    values = random.normal(0, 1, (18, 2))
    filtered = PermutohedralLattice(features).filter(values)
    np.testing.assert_allclose(filtered, filter_slowly(features, values), rtol=1e-6, atol=1e-9)
    apart = PermutohedralLattice(features[:6]).filter(values[:6])
    np.testing.assert_allclose(filtered[:6], apart, rtol=1e-6, atol=1e-9)


def test_vertices_with_one_code_stay_apart(monkeypatch):
    random = np.random.default_rng(1)
    features, values = random.normal(0, 1, (50, 3)), random.normal(0, 1, (50, 2))
    wanted = PermutohedralLattice(features).filter(values)
    multipliers, seeds = permutohedral_lattice._multipliers, []

    def poor(seed, number):
        seeds.append(seed)
        return multipliers(seed, number) if seed else np.ones(number, np.uint64)

    monkeypatch.setattr(permutohedral_lattice, "_multipliers", poor)
    np.testing.assert_allclose(PermutohedralLattice(features).filter(values), wanted, rtol=1e-9, atol=1e-12)
    assert seeds == [0, 1]


@pytest.mark.parametrize("dimensions", [1, 2, 3, 5])
def test_against_exact_sums(dimensions):
    """After normalization, the mean error is 0.1 % to 1 % here, and the largest 0.3 % to 6 %."""
    random = np.random.default_rng(dimensions)
    features, values = random.uniform(0, 3, (300, dimensions)), random.random((300, 2))
    lattice = PermutohedralLattice(features)
    filtered = lattice.filter(values) / lattice.filter(np.ones((300, 1)))
    kernel = np.exp(-((features[:, None] - features) ** 2).sum(axis=2) / 2)
    errors = filtered / (kernel @ values / kernel.sum(axis=1, keepdims=True)) - 1
    assert np.abs(errors).mean() < 0.02
    assert np.abs(errors).max() < 0.15


@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_distances_after_elevation(dimensions):
    features = np.random.default_rng(0).normal(0, 1, (20, dimensions))
    points = elevate(features)
    np.testing.assert_allclose(points.sum(axis=1), 0, atol=1e-12)
    apart = np.linalg.norm(features[:, None] - features, axis=2)
    wanted = np.sqrt(2 / 3) * (dimensions + 1) * apart
    np.testing.assert_allclose(np.linalg.norm(points[:, None] - points, axis=2), wanted, atol=1e-12)


def test_the_type_of_the_features_stays():
    features = np.random.default_rng(0).normal(0, 1, (20, 2)).astype(np.float32)
    assert PermutohedralLattice(features).filter(np.ones((20, 3), np.float32)).dtype == np.float32
