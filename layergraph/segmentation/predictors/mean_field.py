"""Mean-field inference in a model that connects every pixel to every other."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import MissingExtraError
from layergraph.segmentation.predictors.permutohedral_lattice import PermutohedralLattice

Floats = NDArray[np.float32]
Gaussian = tuple[float, Floats]  # a weight, and features (pixels, d) in units of their standard deviations
Normalization = Literal["symmetric", "per-pixel"]
Backend = Literal["scipy", "pydensecrf2"]


def mean_field(
    energy: Floats,
    gaussians: Sequence[Gaussian],
    normalization: Normalization,
    iterations: int,
    backend: Backend,
) -> Floats:
    """The probabilities (pixels, classes) after some steps.

    Args:
        energy: (pixels, classes), the negative logarithms of the given probabilities.

    Raises:
        MissingExtraError: the package of the backend is not installed.
    """
    infer = _with_scipy if backend == "scipy" else _with_pydensecrf2
    return infer(energy, gaussians, normalization, iterations)


def _with_scipy(
    energy: Floats, gaussians: Sequence[Gaussian], normalization: Normalization, iterations: int
) -> Floats:
    terms = []
    for weight, features in gaussians:
        lattice = PermutohedralLattice(features)
        sums = lattice.filter(np.ones((len(energy), 1), np.float32))
        before = 1 / np.sqrt(sums) if normalization == "symmetric" else np.ones_like(sums)
        after = np.float32(weight) / (sums * before)
        terms.append((before, lattice, after))
    probabilities = _softmax(-energy)
    for _ in range(iterations):
        logits = -energy
        for before, lattice, after in terms:
            logits += after * lattice.filter(before * probabilities)
        probabilities = _softmax(logits)
    return probabilities


def _softmax(logits: Floats) -> Floats:
    # the maximum is subtracted, since the exponential of a large logit is infinite
    powers: Floats = np.exp(logits - logits.max(axis=1, keepdims=True))
    powers /= powers.sum(axis=1, keepdims=True)
    return powers


def _with_pydensecrf2(
    energy: Floats, gaussians: Sequence[Gaussian], normalization: Normalization, iterations: int
) -> Floats:
    try:
        library = import_module("pydensecrf.densecrf")
    except ModuleNotFoundError:
        raise MissingExtraError(
            "dense_crf needs the package pydensecrf2 for this backend, which is not installed: "
            'pip install "layergraph[crf]" (a C++ compiler compiles it), or take the backend "scipy"'
        ) from None
    kinds = {"symmetric": library.NORMALIZE_SYMMETRIC, "per-pixel": library.NORMALIZE_AFTER}
    # not DenseCRF2D, whose appearance term takes only uint8 images of three channels
    field = library.DenseCRF(*energy.shape)
    # the library takes C-contiguous float32 arrays (classes, pixels) only
    field.setUnaryEnergy(np.ascontiguousarray(energy.T))
    for weight, features in gaussians:
        field.addPairwiseEnergy(
            np.ascontiguousarray(features.T), compat=weight, normalization=kinds[normalization]
        )
    return np.array(field.inference(iterations), np.float32).T
