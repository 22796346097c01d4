"""Elastic deformation: image and labels alike, smooth, of the displacement that was asked for."""

import pickle

import numpy as np
import pytest

from layergraph.data import ElasticDeformation
from layergraph.data.augmentation.elastic_deformation import _refine
from layergraph.data.randomness import item_randomness
from layergraph.errors import ArgumentError


def test_the_refined_grid_passes_through_its_points_and_is_smooth():
    coarse = np.random.default_rng(0).normal(0, 10, (2, 3, 3))
    fine = _refine(coarse, (41, 61))
    np.testing.assert_allclose(fine[:, ::20, ::30], coarse, atol=1e-9)
    # of 60 pixels between two points no step is a large part of the whole distance
    assert np.abs(np.diff(fine, axis=2)).max() < np.abs(np.diff(coarse, axis=2)).max() / 10


@pytest.mark.parametrize("spatial", [(40, 56), (20, 24, 16)])
def test_a_ramp_shows_the_displacement_along_each_axis(spatial):
    # the coordinates themselves as channels: where a pixel comes from is its new value
    ramp = np.stack(np.indices(spatial), axis=-1).astype(float)
    labels = np.zeros(spatial, np.uint8)
    with item_randomness(0, 0, 1):
        moved, moved_labels = ElasticDeformation(standard_deviation=2, fill_value=-1)((ramp, labels))
    with item_randomness(0, 0, 1) as generator:
        shift = _refine(generator.normal(0, 2, (len(spatial), *[3] * len(spatial))), spatial)
    source = np.moveaxis(np.indices(spatial) + shift, 0, -1)
    limit = np.array(spatial) - 1
    inside = ((source >= 0) & (source <= limit)).all(axis=-1)
    assert inside.mean() > 0.5
    np.testing.assert_allclose(moved[inside], source[inside], atol=1e-9)
    outside = ((source < -0.5) | (source > limit + 0.5)).any(axis=-1)
    assert (moved[outside] == -1).all()
    assert (moved_labels[outside] == 255).all()
    assert (moved_labels[inside] == 0).all()


def test_no_displacement_changes_nothing():
    image = np.random.default_rng(0).integers(0, 256, (30, 31, 3), np.uint8)
    np.testing.assert_array_equal(ElasticDeformation(standard_deviation=0)(image), image)


def test_deformations_are_values_and_wrong_ones_raise():
    deformation = ElasticDeformation(grid_size=4.0)
    assert pickle.loads(pickle.dumps(deformation)) == deformation
    with pytest.raises(ArgumentError, match="grid_size must be a whole number of at least 2"):
        ElasticDeformation(grid_size=1)
    with pytest.raises(ArgumentError, match="standard_deviation must be a finite number of at least 0"):
        ElasticDeformation(standard_deviation=-1)
