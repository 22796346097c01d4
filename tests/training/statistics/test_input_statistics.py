"""Statistics of the training data, for input and for batch normalization."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layergraph import ImageInputLayer, Weights
from layergraph.training.statistics.channel_statistics import ChannelStatistics

NAMES = ("mean", "standard_deviation", "min", "max")


@settings(deadline=None, max_examples=30)
@given(st.integers(1, 5), st.integers(1, 3), st.sampled_from([0, 1e6]), st.integers(0, 1000))
def test_channel_statistics_equal_numpys(count, channels, shift, seed):
    random = np.random.default_rng(seed)
    images = [random.normal(shift, 1, (*random.integers(1, 5, 2), channels)) for _ in range(count)]
    statistics = ChannelStatistics()
    for image in images:
        statistics.add(image)
    pixels = np.concatenate([image.reshape(-1, channels) for image in images])
    np.testing.assert_allclose(statistics.moments.mean, pixels.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(np.sqrt(statistics.moments.variance), pixels.std(axis=0), rtol=1e-6)
    np.testing.assert_array_equal(statistics.min, pixels.min(axis=0))
    np.testing.assert_array_equal(statistics.max, pixels.max(axis=0))


def test_eight_bits_do_not_overflow():
    statistics = ChannelStatistics()
    for _ in range(3):
        statistics.add(np.full((100, 100, 3), 255, np.uint8))
    assert statistics.moments.mean.tolist() == [255.0] * 3


def test_a_constant_channel_gives_no_nan():
    statistics = ChannelStatistics()
    statistics.add(np.full((2, 2, 1), 7, np.uint8))
    values = statistics.select(NAMES)
    assert (values["standard_deviation"], values["min"], values["max"]) == ([1.0], [7.0], [8.0])


@pytest.mark.parametrize(
    ("normalization", "names"),
    [
        ("zerocenter", ["mean"]),
        ("zscore", ["mean", "standard_deviation"]),
        ("rescale-symmetric", ["min", "max"]),
        ("rescale-zero-one", ["min", "max"]),
        ("none", []),
    ],
)
def test_the_input_layer_gets_its_statistics(tiny, pairs, train, capsys, normalization, names):
    data = pairs(5, channels=2)
    net, _ = train(data, tiny(normalization, channels=2), verbose=True)
    pixels = np.concatenate([image.reshape(-1, 2) for image, _ in data]).astype(np.float64)
    expected = dict(zip(NAMES, [pixels.mean(0), pixels.std(0), pixels.min(0), pixels.max(0)], strict=True))
    weights = net.layer_graph()["image"].weights or {}
    assert [*weights] == names
    for name in names:
        assert weights[name].shape == (1, 2, 1, 1)
        np.testing.assert_allclose(weights[name].flatten().numpy(), expected[name], rtol=1e-6)
    assert ("Initializing input data normalization." in capsys.readouterr().out) == bool(names)


def test_given_statistics_stay(tiny, pairs, train, capsys):
    lgraph = tiny().replace_layer("image", ImageInputLayer((6, 6, 1), name="image", mean=3.0))
    net, _ = train(pairs(), lgraph, verbose=True)
    assert net.state_dict()["image.mean"].item() == 3
    assert "Initializing" not in capsys.readouterr().out


def test_only_missing_statistics_are_computed(tiny, pairs, train):
    layer = ImageInputLayer((6, 6, 1), name="image", normalization="zscore", mean=3.0)
    net, _ = train(pairs(), tiny().replace_layer("image", layer))
    assert net.state_dict()["image.mean"].item() == 3
    assert net.state_dict()["image.standard_deviation"].item() not in (0, 1)


@pytest.mark.parametrize("reset", [False, True])
def test_attached_statistics_stay_unless_they_are_reset(tiny, pairs, train, capsys, reset):
    lgraph = tiny("zerocenter").with_weights({"image": Weights({"mean": torch.full((1, 1, 1, 1), 5.0)})})
    net, _ = train(pairs(), lgraph, verbose=True, reset_input_normalization=reset)
    expected = np.mean([image for image, _ in pairs()]) if reset else 5
    assert net.state_dict()["image.mean"].item() == pytest.approx(expected, rel=1e-6)
    assert ("Initializing" in capsys.readouterr().out) == reset


def test_missing_statistics_are_computed_without_a_reset_too(tiny, pairs, train):
    net, _ = train(pairs(), tiny("zerocenter"), reset_input_normalization=0)
    assert net.state_dict()["image.mean"].item() != 0


def test_a_compiled_network_without_statistics_gets_them(tiny, pairs, train):
    net, _ = train(pairs(), tiny("zerocenter").compile())
    assert net.state_dict()["image.mean"].item() != 0


def test_images_with_nan(tiny, pairs, refusal):
    data = pairs()
    data[2][0][0, 0] = np.nan
    assert refusal(data, tiny("zerocenter")) == (
        "train_network: item 2 must hold finite numbers, got NaN or infinity"
    )
