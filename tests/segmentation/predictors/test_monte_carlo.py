"""Samples of a network with dropout: their mean and their variance."""

import tracemalloc

import numpy as np
import torch

import layergraph as lg
from layergraph.segmentation import AtSize, MonteCarlo, MultiScale, WithDenseCRF, semanticseg

IMAGE = np.random.default_rng(0).integers(0, 256, (9, 7, 1), np.uint8)
CLASSES = ["sky", "road", "tree"]


def network(probability=0.5):
    layers = [lg.ImageInputLayer((8, 8, 1)), lg.Convolution2dLayer(3, 4, padding="same")]
    layers += [lg.BatchNormalizationLayer(), lg.DropoutLayer(probability), lg.Convolution2dLayer(1, 3)]
    output = lg.PixelClassificationLayer(classes=CLASSES)
    return lg.LayerGraph([*layers, lg.SoftmaxLayer(), output]).compile()


def samples(net, image, count, seed):
    torch.manual_seed(seed)
    return np.stack([net.predict(image, dropout=True) for _ in range(count)]).astype(np.float64)


def test_mean_and_variance_are_those_of_the_samples():
    net = network()
    drawn = samples(net, IMAGE, 12, seed=3)
    assert len(np.unique(drawn[:, 0, 0, 0])) > 2
    torch.manual_seed(3)
    scores, uncertainty = MonteCarlo(net, 12).predict_with_uncertainty(IMAGE)
    np.testing.assert_allclose(scores, drawn.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(uncertainty, drawn.var(axis=0).mean(axis=-1), atol=1e-7)
    np.testing.assert_allclose(scores.sum(axis=2), 1, atol=1e-5)
    assert (scores.dtype, uncertainty.dtype) == (np.float32, np.float32)


def test_torch_s_seed_repeats_it():
    net, results = network(), []
    for seed in (5, 5, 6):
        torch.manual_seed(seed)
        results.append(MonteCarlo(net, 3).predict(IMAGE))
    np.testing.assert_array_equal(results[0], results[1])
    assert (results[0] != results[2]).any()


def test_small_variances_are_not_lost():
    """float32 keeps few digits of these samples: the mean square less the squared mean would be noise."""
    drawn = iter(np.float32(1000) + np.float32(0.25) * np.arange(40, dtype=np.float32))

    class Drifting:
        classes = None

        def predict(self, batch, *, dropout):
            return np.full((1, 1, 1, 2), next(drawn), np.float32)

    _, uncertainty = MonteCarlo(Drifting(), 40).predict_with_uncertainty(np.zeros((1, 1, 1, 1)))
    np.testing.assert_allclose(uncertainty, 0.25**2 * (40**2 - 1) / 12, rtol=1e-4)


def test_labels_are_those_of_the_mean():
    net, stack = network(), np.stack([IMAGE] * 3)
    torch.manual_seed(4)
    labels, scores = semanticseg(stack, MonteCarlo(net, 2), return_scores=True)
    torch.manual_seed(4)
    mean, uncertainty = MonteCarlo(net, 2).predict_with_uncertainty(stack)
    np.testing.assert_array_equal(scores, mean)
    np.testing.assert_array_equal(labels, mean.argmax(axis=3))
    assert labels.classes == tuple(CLASSES)
    assert uncertainty.shape == labels.shape


def test_more_samples_come_nearer_to_the_mean_of_many():
    net = network()
    many = samples(net, IMAGE, 2000, seed=0).mean(axis=0)
    errors = []
    for count in (2, 200):
        torch.manual_seed(count)
        errors.append(np.abs(MonteCarlo(net, count).predict(IMAGE) - many).mean())
    assert errors[1] < errors[0] / 3


def test_memory_does_not_grow_with_the_samples():
    class Constant:
        classes = None

        def predict(self, batch, *, dropout):
            return np.ones((1, 100, 100, 8), np.float32)

    tracemalloc.start()
    MonteCarlo(Constant(), 30).predict_with_uncertainty(np.zeros((1, 100, 100, 1)))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (
        peak < 7 * 100 * 100 * 8 * 4
    )  # sample, mean, squares and intermediate arrays; 30 samples would be 30


def test_around_other_predictors():
    net = network()
    for predictor in (AtSize(net, (8, 8)), MultiScale(net, (0.5, 1))):
        torch.manual_seed(2)
        scores, uncertainty = MonteCarlo(predictor, 3).predict_with_uncertainty(IMAGE[None])
        torch.manual_seed(2)
        drawn = np.stack([predictor.predict(IMAGE[None], dropout=True) for _ in range(3)])
        np.testing.assert_allclose(scores, drawn.mean(axis=0), atol=1e-6)
        np.testing.assert_allclose(uncertainty, drawn.var(axis=0).mean(axis=-1), atol=1e-6)
        assert (uncertainty > 0).any()


def test_the_network_is_unchanged():
    net = network().train()
    before = {key: tensor.clone() for key, tensor in net.state_dict().items()}
    semanticseg(IMAGE, MonteCarlo(net, 2))
    assert all(module.training for module in net.modules())
    assert all(torch.equal(tensor, before[key]) for key, tensor in net.state_dict().items())


def test_texts_of_errors(golden_errors):
    class Fixed:
        classes = None

        def predict(self, batch):
            return np.zeros((*batch.shape[:3], 2), np.float32)

    without_dropout = lg.LayerGraph([lg.ImageInputLayer((8, 8)), lg.SoftmaxLayer()]).compile()
    golden_errors(
        "monte_carlo",
        {
            "a network without dropout": lambda: semanticseg(IMAGE, MonteCarlo(without_dropout)),
            "dropout that drops nothing": lambda: semanticseg(IMAGE, MonteCarlo(network(0))),
            "a predictor that takes no dropout": lambda: semanticseg(IMAGE, MonteCarlo(Fixed())),
            "one sample": lambda: MonteCarlo(network(), 1),
            "yes": lambda: MonteCarlo(network(), True),
            "half a sample": lambda: MonteCarlo(network(), 2.5),
            "channels": lambda: semanticseg(np.zeros((3, 3, 2)), MonteCarlo(network(), 2)),
        },
    )


def test_a_crf_refines_the_mean():
    torch.manual_seed(0)
    scores = WithDenseCRF(MonteCarlo(network(), 3)).predict(IMAGE[None])
    assert scores.shape == (1, 9, 7, 3)
