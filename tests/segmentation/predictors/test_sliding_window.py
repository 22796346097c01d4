"""Segmentation with a classifier of the patch around each pixel."""

import io
import sys
import tracemalloc

import numpy as np
import pytest

import layergraph as lg
from layergraph.data import ImageDatastore, PixelLabelDatastore, write_image
from layergraph.edits import fully_convolutional
from layergraph.errors import DataError
from layergraph.segmentation import MonteCarlo, SlidingWindow, semanticseg

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.integers(0, 256, (11, 13, 2), np.uint8)

pytestmark = pytest.mark.usefixtures("double_precision")


def classifier(size, channels=2, classes=3, *, output=True, dropout=False):
    layers = [lg.ImageInputLayer((*size, channels), mean=[100.0] * channels)]
    layers += [lg.DropoutLayer()] * dropout + [lg.FullyConnectedLayer(classes), lg.SoftmaxLayer()]
    layers += [lg.ClassificationLayer(classes=[f"class {i}" for i in range(classes)])] * output
    return lg.LayerGraph(layers).compile()


def mirrored(position, size):
    """The position in the image that mirrors ``position`` outside, by steps to and fro."""
    while not 0 <= position < size:
        position = -position if position < 0 else 2 * (size - 1) - position
        if size == 1:
            return 0
    return position


def patch_around(image, row, column, size):
    """Pixel by pixel; the center is at (size - 1) // 2."""
    rows = [mirrored(row + i - (size[0] - 1) // 2, image.shape[0]) for i in range(size[0])]
    columns = [mirrored(column + j - (size[1] - 1) // 2, image.shape[1]) for j in range(size[1])]
    return image[rows][:, columns]


def one_by_one(image, net, size, step=1):
    height, width = image.shape[:2]
    scores = [
        [net.predict(patch_around(image, i, j, size)).ravel() for j in range(0, width, step)]
        for i in range(0, height, step)
    ]
    return np.array(scores)


@pytest.mark.parametrize("size", [(5, 5), (4, 6), (3, 8), (1, 1), (30, 33)])
@pytest.mark.parametrize("output", [True, False])
def test_each_pixel_has_the_scores_of_the_patch_around_it(size, output):
    """Odd, even, oblong and single patches, and patches far larger than the image."""
    net = classifier(size, output=output)
    labels, scores = semanticseg(IMAGE, SlidingWindow(net, mini_batch_size=10), return_scores=True)
    wanted = one_by_one(IMAGE, net, size)
    np.testing.assert_allclose(scores, wanted, atol=1e-6)
    assert scores.dtype == np.float64  # the type of the network
    np.testing.assert_array_equal(labels, scores.argmax(axis=2))


@pytest.mark.parametrize("shape", [(1, 7, 2), (6, 1, 2), (1, 1, 2)])
def test_images_of_one_row_or_column(shape):
    image, net = RANDOM.integers(0, 256, shape, np.uint8), classifier((4, 5))
    scores = SlidingWindow(net).predict(image[None])[0]
    np.testing.assert_allclose(scores, one_by_one(image, net, (4, 5)), atol=1e-6)


def test_every_third_pixel():
    net = classifier((4, 4))
    scores = SlidingWindow(net, step=3).predict(IMAGE[None])
    assert scores.shape == (1, 4, 5, 3)
    np.testing.assert_allclose(scores[0], one_by_one(IMAGE, net, (4, 4), step=3), atol=1e-6)
    np.testing.assert_allclose(scores, SlidingWindow(net).predict(IMAGE[None])[:, ::3, ::3], atol=1e-6)


def test_a_convolution_over_the_mirrored_image_gives_the_same():
    """Another route: a fully connected layer on a patch is a convolution on the image around it."""
    import torch

    net = classifier((4, 5), output=False)
    weight = net.layer_module("fc").weight.view(3, 2, 4, 5)
    image = torch.from_numpy(IMAGE).permute(2, 0, 1)[None].double() - 100
    padded = torch.nn.functional.pad(image, (2, 2, 1, 2), mode="reflect")
    wanted = torch.nn.functional.conv2d(padded, weight, net.layer_module("fc").bias).softmax(dim=1)
    scores = SlidingWindow(net).predict(IMAGE[None])[0]
    np.testing.assert_allclose(scores, wanted[0].permute(1, 2, 0).detach(), atol=1e-6)


def test_the_fully_convolutional_network_gives_the_same_map_in_one_pass():
    """At the stride of its pooling, on the mirrored image."""
    layers = [
        lg.ImageInputLayer((16, 12, 2), normalization="none"),
        lg.Convolution2dLayer(5, 6),
        lg.ReluLayer(),
    ]
    layers += [lg.MaxPooling2dLayer(2, stride=2), lg.FullyConnectedLayer(9), lg.ReluLayer()]
    layers += [lg.FullyConnectedLayer(4), lg.SoftmaxLayer(), lg.ClassificationLayer()]
    net = lg.LayerGraph(layers).compile()
    dense = fully_convolutional(net.layer_graph()).compile()
    image = RANDOM.normal(0, 1, (30, 37, 2))
    labels, scores = semanticseg(image, SlidingWindow(net, step=2), return_scores=True)
    mirrored = np.pad(image, ((7, 8), (5, 6), (0, 0)), mode="reflect")
    wanted = dense.predict(mirrored)[: labels.shape[0], : labels.shape[1]]
    np.testing.assert_allclose(scores, wanted, atol=1e-6)
    assert labels.shape == (15, 19)
    assert np.ptp(scores, axis=(0, 1)).min() > 0.01  # pixels differ


def test_patches_go_in_batches():
    sizes = []

    class Darkest:
        classes = ("dark", "bright")

        def predict(self, batch):
            sizes.append(batch.shape)
            mean = batch.mean(axis=(1, 2, 3), keepdims=True)[..., 0, 0] / 255
            return np.concatenate([1 - mean, mean], axis=1)

    labels = SlidingWindow(Darkest(), (3, 5), mini_batch_size=50).predict(IMAGE[None]).argmax(axis=3)[0]
    assert sizes == [(50, 3, 5, 2), (50, 3, 5, 2), (43, 3, 5, 2)]
    assert labels[4, 6] == (IMAGE[3:6, 4:9].mean() > 127.5)


def test_stacks_lists_and_datastores(tmp_path):
    net, images = SlidingWindow(classifier((5, 5), 1)), [IMAGE[..., :1], IMAGE[:8, :, 1:]]
    (tmp_path / "images").mkdir()
    for number, image in enumerate(images):
        write_image(tmp_path / "images" / f"{number}.png", image)
    store = ImageDatastore(tmp_path / "images")
    alone = [semanticseg(image, net) for image in images]
    for many in (images, store):
        labels, scores = semanticseg(many, net, return_scores=True)
        for one, score, wanted in zip(labels, scores, alone, strict=True):
            np.testing.assert_array_equal(one, wanted)
            assert score.shape == (*wanted.shape, 3)
    stack = semanticseg(np.stack([images[0]] * 2), net)
    np.testing.assert_array_equal(stack, [alone[0]] * 2)
    written = semanticseg(store, net, write_location=tmp_path / "out")
    assert isinstance(written, PixelLabelDatastore)
    assert written.classes == ("class 0", "class 1", "class 2")
    for index, wanted in enumerate(alone):
        np.testing.assert_array_equal(written[index], wanted)


def test_memory_holds_one_batch_of_patches():
    image = np.zeros((60, 60, 3), np.uint8)

    class First:
        classes = None

        def predict(self, batch):
            return np.zeros((len(batch), 2), np.float32)

    window = SlidingWindow(First(), (41, 41), mini_batch_size=20)
    tracemalloc.start()
    window.predict(image[None])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    one_batch = 20 * 41 * 41 * 3
    assert peak < 4 * one_batch  # all 3600 patches would be 180 times


def test_samples_of_a_patch_classifier():
    import torch

    net = classifier((3, 3), dropout=True)
    torch.manual_seed(1)
    drawn = np.stack([SlidingWindow(net).predict(IMAGE[None], dropout=True) for _ in range(4)])
    torch.manual_seed(1)
    mean, uncertainty = MonteCarlo(SlidingWindow(net), 4).predict_with_uncertainty(IMAGE[None])
    np.testing.assert_allclose(mean, drawn.mean(axis=0), atol=1e-6)
    np.testing.assert_allclose(uncertainty, drawn.var(axis=0).mean(axis=-1), atol=1e-6)
    assert uncertainty.max() > 0


@pytest.mark.parametrize("verbose", [False, True])
def test_progress_counts_the_patches(verbose, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stderr = Terminal()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("TERM", "xterm")
    semanticseg(IMAGE, SlidingWindow(classifier((3, 3)), verbose=verbose))
    assert ("Classifying" in stderr.getvalue()) is verbose


def test_errors_for_other_networks(golden_errors, tmp_path):
    image = np.zeros((20, 20, 2), np.uint8)
    dense = lg.LayerGraph(
        [lg.ImageInputLayer((8, 8, 2)), lg.Convolution2dLayer(1, 3), lg.SoftmaxLayer()]
    ).compile()

    class Odd:
        classes = None

        def predict(self, batch):
            return np.zeros((1, 3), np.float32)

    patches = classifier((6, 8), dropout=True)
    golden_errors(
        "sliding_window",
        {
            "a patch classifier on an image": lambda: semanticseg(image, patches),
            "on an image of the size of its patches": lambda: semanticseg(image[:6, :8], patches),
            "on a datastore, to files": lambda: semanticseg([image], patches, write_location=tmp_path),
            "its samples": lambda: semanticseg(image, MonteCarlo(patches, 3)),
            "a network that scores pixels": lambda: semanticseg(image, SlidingWindow(dense)),
            "images of other channels": lambda: semanticseg(image[..., 0], SlidingWindow(patches)),
            "one row for all patches": lambda: SlidingWindow(Odd(), (3, 3)).predict(image[None]),
            "no size of patches": lambda: SlidingWindow(Odd()),
            "no step": lambda: SlidingWindow(patches, step=0),
            "half a pixel": lambda: SlidingWindow(patches, (3, 2.5)),
            "no patches at a time": lambda: SlidingWindow(patches, mini_batch_size=0),
        },
    )


def test_small_images_get_no_advice_to_slide():
    """Only a network that classifies patches gets the advice to slide a window."""
    layers = [lg.ImageInputLayer((8, 8, 2)), lg.MaxPooling2dLayer(4), lg.Convolution2dLayer(1, 3)]
    net = lg.LayerGraph([*layers, lg.SoftmaxLayer()]).compile()
    with pytest.raises(DataError, match=r"^the image: images of 2×2 do not fit: at 'maxpool' "):
        semanticseg(np.zeros((2, 2, 2)), net)
