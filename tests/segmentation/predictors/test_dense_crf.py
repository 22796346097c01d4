"""The dense CRF, against mean field with exact sums, on noisy pictures, and with both backends."""

import sys
from functools import partial

import numpy as np
import pytest

from layergraph import MissingExtraError
from layergraph.segmentation import MonteCarlo, WithDenseCRF, dense_crf, semanticseg


@pytest.fixture(params=["scipy", "pydensecrf2"])
def backend(request):
    if request.param == "pydensecrf2":
        pytest.importorskip("pydensecrf.densecrf")
    return request.param


def mean_field(scores, image, w1, alpha, beta, w2, gamma, iterations, normalization):
    """All pairs of pixels, one by one: Q_i(l) ~ P_i(l) exp(Σ_j k(i, j) Q_j(l))."""
    height, width, classes = scores.shape
    positions = [(i, j) for i in range(height) for j in range(width)]
    appearance, smoothness = np.zeros((2, len(positions), len(positions)))
    for a, p in enumerate(positions):
        for b, q in enumerate(positions):
            apart = (p[0] - q[0]) ** 2 + (p[1] - q[1]) ** 2
            unlike = ((image[p].astype(float) - image[q]) ** 2).sum()
            appearance[a, b] = np.exp(-apart / (2 * alpha**2) - unlike / (2 * beta**2))
            smoothness[a, b] = np.exp(-apart / (2 * gamma**2))
    kernel = np.zeros_like(appearance)
    for weight, one in ((w1, appearance), (w2, smoothness)):
        sums = one.sum(axis=1, keepdims=True)
        if normalization == "symmetric":
            one = one / np.sqrt(sums * sums.T)
        elif normalization == "per-pixel":
            one = one / sums
        kernel += weight * one
    unary = scores.reshape(-1, classes)
    probabilities = unary / unary.sum(axis=1, keepdims=True)
    for _ in range(iterations):
        probabilities = unary * np.exp(kernel @ probabilities)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    return probabilities.reshape(scores.shape)


def halves(height, width, noise=4.0, seed=0):
    """A picture dark at the left and bright at the right, its classes, and unsure scores of them."""
    random = np.random.default_rng(seed)
    truth = np.zeros((height, width), int)
    truth[:, width // 2 :] = 1
    image = np.clip(40 + 60 * truth[..., None] + random.normal(0, noise, (height, width, 3)), 0, 255)
    scores = random.dirichlet((1, 1, 1), (height, width)) + 0.4 * np.eye(3)[truth]
    return image.astype(np.uint8), truth, (scores / scores.sum(axis=2, keepdims=True)).astype(np.float32)


PARAMETERS = [  # w1, σα, σβ, w2, σγ: smooth ones, which the lattice approximates well
    (5, 50, 10, 3, 3),
    (4, 5, 20, 3, 2),
    (3, 8, 30, 0, 1),
    (0, 50, 10, 3, 3),
]
NAMES = [
    "appearance_weight",
    "appearance_distance",
    "appearance_color",
    "smoothness_weight",
    "smoothness_distance",
]


@pytest.mark.parametrize("iterations", [1, 5])
@pytest.mark.parametrize("parameters", PARAMETERS)
@pytest.mark.parametrize("normalization", ["symmetric", "per-pixel"])
def test_against_exact_mean_field(backend, parameters, normalization, iterations):
    """The lattice is approximate. Its mean error is 0.0002 to 0.008 here; another formula gives more."""
    image, _, scores = halves(8, 9)
    refined = dense_crf(
        scores,
        image,
        **dict(zip(NAMES, parameters, strict=True)),
        iterations=iterations,
        normalization=normalization,
        backend=backend,
    )
    errors = {}
    for other in ("symmetric", "per-pixel", "none"):
        wanted = mean_field(scores, image, *parameters, iterations, other)
        errors[other] = np.abs(refined - wanted).mean()
    assert errors[normalization] < 0.012
    assert np.abs(refined - scores).mean() > 10 * errors[normalization]  # the scores changed
    assert min(errors, key=errors.get) == normalization


def test_the_default_parameters():
    image, _, scores = halves(12, 10)
    wanted = mean_field(scores, image, 4, 67, 3, 3, 1, 10, "symmetric")
    assert np.abs(dense_crf(scores, image) - wanted).mean() < 0.01


@pytest.mark.parametrize("normalization", ["symmetric", "per-pixel"])
def test_backends_agree(normalization):
    pytest.importorskip("pydensecrf.densecrf")
    image, _, scores = halves(60, 80, noise=12)
    one, other = (
        dense_crf(scores, image, normalization=normalization, backend=backend)
        for backend in ("scipy", "pydensecrf2")
    )
    np.testing.assert_array_equal(one.argmax(axis=2), other.argmax(axis=2))
    assert np.abs(one - other).mean() < 1e-4


def test_noise_vanishes_and_the_edge_stays():
    image, truth, scores = halves(40, 50, noise=8)
    refined = dense_crf(scores, image, appearance_color=10)
    before, after = ((one.argmax(axis=2) == truth).mean() for one in (scores, refined))
    assert before < 0.75
    assert after > 0.99
    blind = dense_crf(scores, np.zeros_like(image))
    assert (blind.argmax(axis=2) == truth).mean() < after  # colors matter


def test_the_result_is_a_distribution(backend):
    image, _, scores = halves(9, 14)
    scores[0, 0] = (0, 0, 1)  # an impossible class has no finite energy
    for given in (scores, scores.astype(np.float64), 0.3 * scores):
        refined = dense_crf(given, image, backend=backend)
        assert (refined.shape, refined.dtype) == ((9, 14, 3), np.float32)
        assert (refined >= 0).all()
        np.testing.assert_allclose(refined.sum(axis=2), 1, atol=1e-5)
    one, other = (dense_crf(factor * scores.clip(0.01), image, backend=backend) for factor in (0.3, 1))
    np.testing.assert_allclose(one, other, atol=1e-3)


def test_zero_weights_keep_the_scores(backend):
    image, _, scores = halves(6, 5)
    refined = dense_crf(scores, image, appearance_weight=0, smoothness_weight=0, backend=backend)
    np.testing.assert_allclose(refined, scores, atol=1e-4)


def test_batches_and_channels(backend):
    refine = partial(dense_crf, backend=backend)
    image, _, scores = halves(9, 14)
    other, _, scores_2 = halves(9, 14, seed=1)
    batch = refine(np.stack([scores, scores_2]), np.stack([image, other]), iterations=3)
    np.testing.assert_array_equal(batch[0], refine(scores, image, iterations=3))
    np.testing.assert_array_equal(batch[1], refine(scores_2, other, iterations=3))
    np.testing.assert_array_equal(refine(scores, image.astype(float), iterations=3), batch[0])
    gray = refine(scores, image[..., 0])
    np.testing.assert_array_equal(gray, refine(scores, image[..., :1]))
    exact = mean_field(scores, image[..., :1], 3, 8, 30, 2, 2, 2, "symmetric")
    parameters = dict(zip(NAMES, (3, 8, 30, 2, 2), strict=True))
    assert np.abs(refine(scores, image[..., 0], **parameters, iterations=2) - exact).mean() < 0.01
    in_units = refine(scores, image / 255, **{**parameters, "appearance_color": 30 / 255})
    np.testing.assert_allclose(in_units, refine(scores, image, **parameters), atol=1e-3)


class Fixed:
    """A network that returns the scores of its constructor."""

    classes = ("left", "right", "nowhere")

    def __init__(self, scores):
        self.scores = scores

    def predict(self, batch):
        return np.stack([self.scores] * len(batch))


def test_semanticseg_with_a_crf_is_one_line(tmp_path):
    image, truth, scores = halves(20, 24)
    net = WithDenseCRF(Fixed(scores), appearance_color=10)
    written = semanticseg([image, image], net, write_location=tmp_path)
    wanted = dense_crf(scores, image, appearance_color=10).argmax(axis=2)
    assert written.classes == Fixed.classes
    for index in range(2):
        np.testing.assert_array_equal(written[index], wanted)
    labels, plain = semanticseg(image, Fixed(scores), return_scores=True)
    np.testing.assert_array_equal(dense_crf(plain, image, appearance_color=10).argmax(axis=2), wanted)
    assert (wanted == truth).mean() > (labels == truth).mean()


def test_small_scores_are_enlarged_first():
    image, truth, _ = halves(24, 32)
    small = np.zeros((6, 8, 3), np.float32)
    small[:, :4, 0] = small[:, 4:, 1] = 1
    refined = WithDenseCRF(Fixed(small)).predict(image[None])
    assert refined.shape == (1, 24, 32, 3)
    np.testing.assert_array_equal(refined[0].argmax(axis=2), truth)


@pytest.mark.parametrize("factor", [257, 1e6])
def test_colors_of_any_unit(backend, factor):
    image, _, scores = halves(8, 9)
    wanted = mean_field(scores, image, 4, 67, 3, 3, 1, 10, "symmetric")
    refined = dense_crf(scores, image * float(factor), appearance_color=3 * factor, backend=backend)
    assert np.abs(refined - wanted).mean() < 0.01
    widest = dense_crf(scores, image, appearance_distance=1e30, smoothness_distance=1e30, backend=backend)
    assert np.isfinite(widest).all()


def test_texts_of_errors(golden_errors):
    image, _, scores = halves(4, 5)
    golden_errors(
        "dense_crf",
        {
            "labels": lambda: dense_crf(image[..., 0], image),
            "scores before the softmax": lambda: dense_crf(scores - 2, image),
            "percent": lambda: dense_crf(50 * np.ones_like(scores), image),
            "not a number": lambda: dense_crf(scores * np.nan, image),
            "another image": lambda: dense_crf(scores, image[1:]),
            "one image for two": lambda: dense_crf(np.stack([scores] * 2), image),
            "no numbers": lambda: dense_crf(scores, np.full((4, 5), np.inf)),
            "an image from 0 to 1": lambda: dense_crf(scores, np.linspace(0, 1, 20).reshape(4, 5)),
            "a weight below zero": lambda: dense_crf(scores, image, appearance_weight=-1),
            "no distance": lambda: dense_crf(scores, image, smoothness_distance=0),
            "a weight that float32 cannot hold": lambda: dense_crf(scores, image, appearance_weight=1e39),
            "colors far apart": lambda: dense_crf(scores, image * 1e9),
            "scores in words": lambda: dense_crf([[["a"]]], image),
            "an image in complex numbers": lambda: dense_crf(scores, image * 1j),
            "no iteration": lambda: dense_crf(scores, image, iterations=0),
            "an unknown normalization": lambda: dense_crf(scores, image, normalization="none"),
            "an unknown backend": lambda: dense_crf(scores, image, backend="torch"),
            "a wrapper, before any image": lambda: WithDenseCRF(Fixed(scores), appearance_color="red"),
            "samples of refined scores": lambda: semanticseg(image, MonteCarlo(WithDenseCRF(Fixed(scores)))),
        },
    )


def test_a_misspelled_parameter_is_refused_by_the_constructor():
    with pytest.raises(TypeError, match="iteration"):
        WithDenseCRF(Fixed(None), iteration=3)


def test_the_errors_without_the_packages_name_the_commands(monkeypatch, golden_errors):
    for package in ("scipy", "pydensecrf", "pydensecrf.densecrf"):
        monkeypatch.setitem(sys.modules, package, None)
    image, _, scores = halves(4, 5)
    golden_errors(
        "dense_crf_missing",
        {
            "the function": lambda: dense_crf(scores, image),
            "the wrapper": lambda: WithDenseCRF(Fixed(scores)),
            "the other backend": lambda: dense_crf(scores, image, backend="pydensecrf2"),
            "a wrapper with the other backend": lambda: WithDenseCRF(Fixed(scores), backend="pydensecrf2"),
        },
    )
    with pytest.raises(MissingExtraError, match='pip install "layergraph\\[train\\]"'):
        dense_crf(scores, image)
