"""The fully connected conditional random field, which aligns scores with the edges of the image."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.errors import DataError
from layergraph.layers import arguments
from layergraph.segmentation.arrays import real_array
from layergraph.segmentation.predictors.mean_field import Backend, Normalization, mean_field
from layergraph.segmentation.predictors.predictor import Scores

_LARGEST_WEIGHT = 1e6  # a weight above 1e38 is infinite in float32, and the result NaN
_LARGEST_DEVIATION = 1e30  # of a Gaussian, in float32
_LARGEST_DISTANCE = 1e7  # in standard deviations; pydensecrf2 crashes if lattice positions exceed 2**31
_LEAST_PROBABILITY = 1e-5  # replaces 0, whose logarithm is infinite


def dense_crf(
    scores: ArrayLike,
    image: ArrayLike,
    *,
    appearance_weight: float = 4.0,
    appearance_distance: float = 67.0,
    appearance_color: float = 3.0,
    smoothness_weight: float = 3.0,
    smoothness_distance: float = 1.0,
    iterations: int = 10,
    normalization: Normalization = "symmetric",
    backend: Backend = "scipy",
) -> Scores:
    """Refine class probabilities: pixels that are close and of similar color tend to one class.

    The function takes ``iterations`` steps of mean-field inference in a model that connects every pixel to
    every other, with the energy

        E(x) = Σ_i -ln P_i(x_i) + Σ_{i<j} [x_i ≠ x_j] k(i, j)
        k(i, j) = w1 exp(-|p_i - p_j|² / 2σα² - |I_i - I_j|² / 2σβ²) + w2 exp(-|p_i - p_j|² / 2σγ²)

    with positions p in pixels and colors I. A permutohedral lattice approximates the Gaussian sums, so that
    the time grows with the number of pixels, not its square.

    ====================================  ============  ============  ============  ============  ============
    argument                              default       DeepLab v1    DeepLab v2    symbol        unit
    ====================================  ============  ============  ============  ============  ============
    appearance_weight                     4             5 to 10       3 to 6        w1
    appearance_distance                   67            50 to 100     30 to 100     σα            pixels
    appearance_color                      3             3 to 10       3 to 6        σβ            gray levels
    smoothness_weight                     3             3             3             w2
    smoothness_distance                   1             3             3             σγ            pixels
    iterations                            10            10            10
    ====================================  ============  ============  ============  ============  ============

    The papers search these ranges on 100 validation images: the best values depend on the network. The
    defaults are those of common ports of DeepLab v2.

    Args:
        scores: class probabilities (H, W, classes) or (N, H, W, classes); a pixel's need not sum to 1.
        image: (H, W, C), (H, W), or (N, H, W, C), not rescaled, so that ``appearance_color`` has the unit of
            the image; 3 is for 0 to 255.
        normalization: of the Gaussian sums. ``"symmetric"`` divides k(i, j) by the square roots of the sums
            of both pixels (the second release of Krähenbühl and Koltun's program, and ports of DeepLab);
            ``"per-pixel"`` by the sum of pixel i (their first release, which DeepLab uses). In both, the sum
            over j includes i. No value leaves the sums unnormalized: those of the lattice are too small, by
            an eighth for positions and by 40 % with colors, and only normalization corrects this.
        backend: ``"scipy"`` (extra ``train``), or ``"pydensecrf2"`` (extra ``crf``, compiled on installation,
            which takes half a minute and a C++ compiler), which takes half the time. Both compute the same
            sums on the same lattice in float32, so that probabilities differ by rounding, and labels only
            where two classes are as good as equal.

    Returns:
        float32 probabilities of the shape of ``scores``; those of each pixel sum to 1.

    Raises:
        MissingExtraError: the package of the backend is not installed.
        DataError: the scores are not probabilities, or the image has another size or unit.
        ArgumentError: another argument is out of range.

    Source: Krähenbühl, Koltun 2011, Efficient Inference in Fully Connected CRFs with Gaussian Edge
    Potentials; Chen et al. 2014 and 2016, DeepLab.

        labels, scores = semanticseg(image, net, return_scores=True)
        labels = dense_crf(scores, image).argmax(axis=2)
    """
    weights = [
        arguments.number("dense_crf", "appearance_weight", appearance_weight, 0, _LARGEST_WEIGHT),
        arguments.number("dense_crf", "smoothness_weight", smoothness_weight, 0, _LARGEST_WEIGHT),
    ]
    sigmas = [
        arguments.number("dense_crf", "appearance_distance", appearance_distance, 1e-3, _LARGEST_DEVIATION),
        arguments.number("dense_crf", "appearance_color", appearance_color, 1e-6, _LARGEST_DEVIATION),
        arguments.number("dense_crf", "smoothness_distance", smoothness_distance, 1e-3, _LARGEST_DEVIATION),
    ]
    iterations = arguments.whole("dense_crf", "iterations", iterations)
    normalization = arguments.choice("dense_crf", "normalization", normalization, ("symmetric", "per-pixel"))
    backend = arguments.choice("dense_crf", "backend", backend, ("scipy", "pydensecrf2"))
    given = _probabilities(scores)
    pictures = _pictures(image, given, sigmas[1])
    refined = np.empty_like(given)
    for number, (unary, picture) in enumerate(zip(given, pictures, strict=True)):
        energy = -np.log(np.maximum(unary, _LEAST_PROBABILITY)).reshape(-1, unary.shape[2])
        # a Gaussian of weight 0 changes nothing, but costs a lattice
        gaussians = [pair for pair in zip(weights, _features(picture, *sigmas), strict=True) if pair[0]]
        probabilities = mean_field(energy, gaussians, normalization, iterations, backend)
        refined[number] = probabilities.reshape(unary.shape)
    return refined if np.ndim(scores) == 4 else refined[0]


def _probabilities(scores: ArrayLike) -> Scores:
    """The scores as a batch of float32."""
    given = real_array(scores, "dense_crf: scores").astype(np.float32)
    if given.ndim not in (3, 4) or not given.size:
        raise DataError(
            f"dense_crf: scores must be (H, W, classes) or (N, H, W, classes), got the shape {given.shape}"
        )
    # 1.001: probabilities in float32 can exceed 1 by rounding
    if not (np.isfinite(given).all() and (given >= 0).all() and (given <= 1.001).all()):
        raise DataError(
            f"dense_crf: scores must be probabilities from 0 to 1, got {given.min():g} to {given.max():g}; "
            "take the network's scores after the softmax"
        )
    return given if given.ndim == 4 else given[None]


def _pictures(image: ArrayLike, scores: Scores, color: float) -> NDArray[np.float32]:
    """The images as a batch of float32 with channels."""
    given = real_array(image, "dense_crf: image")
    # a number that float32 cannot hold becomes infinite here, and the checks below refuse it
    with np.errstate(over="ignore"):
        pictures = given.astype(np.float32)
    # (H, W) gets a channel axis, and one image a batch axis
    if given.ndim == 2:
        pictures = pictures[:, :, None]
    if given.ndim < 4:
        pictures = pictures[None]
    if pictures.ndim != 4 or pictures.shape[:3] != scores.shape[:3] or not np.isfinite(pictures).all():
        size = " × ".join(map(str, scores.shape[1:3]))
        raise DataError(
            f"dense_crf: image must hold finite numbers and have the size of the scores ({len(scores)} of "
            f"{size}), got the shape {given.shape}"
        )
    # an image of one color has no contrast to lose, whatever its unit
    if given.dtype.kind == "f" and 0 < np.ptp(pictures) <= 1 <= color:
        raise DataError(
            f"dense_crf: appearance_color must be in the unit of the image, got {color:g} for an image from "
            f"{pictures.min():g} to {pictures.max():g}, whose colors would all look alike; divide it by 255"
        )
    if np.abs(pictures).max(initial=0) / color > _LARGEST_DISTANCE:
        raise DataError(
            f"dense_crf: image must hold numbers up to {_LARGEST_DISTANCE:g} times appearance_color, got "
            f"{pictures.min():g} to {pictures.max():g} for {color:g}; give a larger appearance_color"
        )
    return pictures


def _features(
    picture: NDArray[np.float32], distance: float, color: float, smoothness: float
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """The arguments of both Gaussians, (pixels, features), in units of their standard deviations."""
    height, width, channels = picture.shape
    rows, columns = np.mgrid[:height, :width].reshape(2, -1).astype(np.float32)
    positions = np.stack([columns, rows], axis=1)
    colors = picture.reshape(-1, channels)
    # the kernel is exp(-|f_i - f_j|² / 2), so that each coordinate is divided by its deviation
    appearance = np.concatenate([positions / distance, colors / color], axis=1)
    return appearance.astype(np.float32), (positions / smoothness).astype(np.float32)
