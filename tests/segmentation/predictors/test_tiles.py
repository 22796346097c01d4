"""The result in tiles is that of the whole image."""

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

import layergraph as lg
from layergraph.builders import (
    deeplabv3_layers,
    deeplabv3plus_layers,
    fcn_layers,
    segnet_layers,
    unet3d_layers,
    unet_layers,
)
from layergraph.data import write_image
from layergraph.errors import ArgumentError, DataError, DataWarning
from layergraph.segmentation import MonteCarlo, Tiles, semanticseg
from layergraph.segmentation.tiles.context import network_context
from layergraph.segmentation.tiles.grid import pieces


def compiled(lgraph):
    """In float64, where the order of additions decides no label."""
    torch.manual_seed(0)
    return lgraph.compile().eval().double()


def random_image(*shape):
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


UNET = {"encoder_depth": 2, "num_first_encoder_filters": 2}


@pytest.mark.parametrize(
    ("lgraph", "shape", "tile"),
    [
        (unet_layers((32, 32, 1), 3, **UNET), (120, 172, 1), (64, 72)),
        (unet_layers((32, 32, 1), 3, join="pad", **UNET), (100, 64, 1), 64),
        (segnet_layers((64, 64, 3), 3, 2), (96, 120, 3), 64),
        (unet3d_layers((8, 8, 8, 1), 2, encoder_depth=1, num_first_encoder_filters=2), (36, 30, 50, 1), 32),
    ],
    ids=["unet", "padded unet", "segnet", "unet3d"],
)
def test_tiles_give_the_labels_of_the_whole_image(lgraph, shape, tile):
    net = compiled(lgraph)
    image = random_image(*shape)
    labels, scores = semanticseg(image, net, return_scores="all")
    tiled, tiled_scores = semanticseg(image, Tiles(net, tile), return_scores="all")
    np.testing.assert_allclose(tiled_scores, scores, atol=1e-9)
    np.testing.assert_array_equal(tiled, labels)
    assert 0 < (labels == labels.flat[0]).mean() < 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lgraph", "side"),
    [
        (fcn_layers((224, 224, 3), 3, backbone="alexnet"), 960),
        (deeplabv3plus_layers((128, 128, 3), 3, "mobilenetv2"), 1408),
    ],
    ids=["fcn", "deeplabv3plus"],
)
def test_deep_networks_too(lgraph, side):
    net = compiled(lgraph)
    image = random_image(side, 256, 3)
    tiles = Tiles(net)
    # two rows of the smallest tile; the width is less than the tile
    tiles = Tiles(net, [sum(tiles.overlap[0]) + 64] * 2)
    assert side > tiles.tile_size[0]
    np.testing.assert_allclose(tiles.predict(image[None])[0], net.predict(image), atol=1e-9)


def test_a_side_that_is_no_multiple_of_the_stride():
    net = compiled(segnet_layers((64, 64, 1), 3, 2))
    image = random_image(101, 127, 1)
    labels = semanticseg(image, net)
    tiled = semanticseg(image, Tiles(net, 64))
    # the whole image ends earlier than the mirrored one
    away = 2 * sum(network_context(net.source_graph).after)
    np.testing.assert_array_equal(
        tiled[: 101 - away // 2, : 127 - away // 2], labels[: -(away // 2), : -(away // 2)]
    )
    # and the mirrored one gives the same labels whole
    padded = np.pad(image, ((0, 3), (0, 1), (0, 0)), mode="reflect")
    np.testing.assert_array_equal(tiled, semanticseg(padded, net)[:101, :127])


def test_less_overlap_changes_labels_near_seams_only():
    net = compiled(unet_layers((32, 32, 1), 3, **UNET))
    image = random_image(128, 128, 1)
    whole = semanticseg(image, net)
    differs = semanticseg(image, Tiles(net, 64, overlap=4)) != whole
    assert 0 < differs.mean() < 0.5


@given(st.integers(1, 90), st.integers(1, 9), st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=60, deadline=None)
def test_pieces_cover_a_side_once(strides, core, before, after):
    stride = 4
    tile = (core + before + after) * stride
    length, kept = strides * stride, 0
    for piece in pieces(length, tile, before * stride, after * stride):
        assert piece.kept_first == kept < piece.kept_last
        assert piece.first % stride == 0
        assert piece.last - piece.first == min(tile, length)
        assert piece.first == 0 or piece.kept_first - piece.first >= before * stride
        assert piece.last == length or piece.last - piece.kept_last >= after * stride
        kept = piece.kept_last
    assert kept == length


class Bright:
    """A predictor that labels bright pixels; it records its batches."""

    classes = ("dark", "bright")

    def __init__(self):
        self.batches = []

    def predict(self, batch):
        self.batches.append(batch.shape)
        bright = batch[..., :1].astype(np.float32)
        return np.concatenate([127.5 - bright, bright - 127.5], axis=-1)


@pytest.mark.parametrize("kind", ["png", "npy", "tiff", "tiled tiff", "zarr"])
def test_files_are_read_by_windows(tmp_path, kind):
    image = random_image(150, 170, 3)
    path = tmp_path / f"a.{'png' if kind == 'png' else kind.removeprefix('tiled ')}"
    if kind == "png":
        write_image(path, image)
    elif kind == "npy":
        np.save(path, image)
    elif kind == "zarr":
        zarr = pytest.importorskip("zarr")
        zarr.create_array(path, shape=image.shape, dtype=image.dtype, chunks=(64, 64, 3))[:] = image
    else:
        tifffile = pytest.importorskip("tifffile")
        pytest.importorskip("zarr")
        options = {"tile": (64, 64), "compression": "deflate"} if kind == "tiled tiff" else {}
        tifffile.imwrite(path, image, photometric="rgb", **options)
    expected = (image[..., 0] > 127).astype(np.uint8)
    net = Tiles(Bright(), 64, overlap=0)
    np.testing.assert_array_equal(semanticseg(path, net), expected)
    written = semanticseg([path], net, write_location=tmp_path / "out", names="source")
    assert [file.name for file in written.files] == ["a.png"]
    np.testing.assert_array_equal(written[0], expected)
    region = semanticseg(path, net, (10, 70, 65, 40))
    np.testing.assert_array_equal(region[70:110, 10:75], expected[70:110, 10:75])
    assert (region != 255).sum() == 65 * 40


def test_tiles_of_a_row_share_a_batch():
    net = Bright()
    semanticseg(np.zeros((64, 200, 1)), Tiles(net, 32, overlap=0), mini_batch_size=3)
    assert net.batches == [(3, 32, 32, 1), (3, 32, 32, 1), (1, 32, 32, 1)] * 2


def test_what_is_not_an_image(tmp_path):
    net = Tiles(Bright(), 32, overlap=0)
    for item, text in (
        (np.zeros((4, 4), "U1"), "semanticseg: the image must hold numbers, got an array of <U1"),
        (
            [np.zeros((3, 0, 1))],
            "semanticseg: the image must have 2 dimensions and channels, got the shape (3, 0, 1)",
        ),
    ):
        with pytest.raises((DataError, TypeError), match=f"^{re.escape(text)}$"):
            semanticseg(item, net)
    (tmp_path / "a.tif").write_bytes(b"II*\0damaged")
    with pytest.raises(DataError, match=r"a\.tif': "):
        semanticseg(tmp_path / "a.tif", net)


def test_nan_in_a_tile_leaves_no_file(tmp_path):
    image = np.zeros((96, 64))
    image[70, 40] = np.nan

    with pytest.raises(DataError) as caught:
        semanticseg([image], Tiles(Bright(), 32, overlap=0), write_location=tmp_path / "out")
    assert str(caught.value) == (
        "the image, tile at (64, 32): the network's scores must be numbers, got NaN; the image holds NaN or "
        "infinity"
    )
    assert list((tmp_path / "out").iterdir()) == []


def test_a_layer_that_looks_at_the_whole_image_is_named():
    lgraph = lg.LayerGraph(
        [lg.ImageInputLayer((64, 64)), lg.Convolution2dLayer(3, 2, padding="same", name="a")]
    )
    lgraph = lgraph.add_layers([lg.MultiplicationLayer(2, name="product"), lg.SoftmaxLayer()])
    lgraph = lgraph.add_layers(lg.GlobalAveragePooling2dLayer(name="mean"))
    for source, target in (("a", "product/in1"), ("a", "mean"), ("mean", "product/in2")):
        lgraph = lgraph.connect_layers(source, target)
    with pytest.warns(
        DataWarning, match=r"^Tiles: layer 'mean' looks at the whole image, and now at one tile"
    ):
        tiles = Tiles(lgraph.compile())
    assert tiles.overlap == ((1, 1), (1, 1))
    assert network_context(deeplabv3_layers((64, 64, 3), 2, "resnet50")).whole_image_layer


def check(message, *arguments, **options):
    with pytest.raises(ArgumentError, match=f"^{re.escape(message)}"):
        Tiles(*arguments, **options)


def test_wrong_tiles():
    net = unet_layers((32, 32, 1), 3, **UNET).compile()
    text = "Tiles: tile_size must be larger than the overlap of both sides (48×48), got 48×48; give a larger"
    check(text, net, 48)
    check(
        "Tiles: tile_size must be a multiple of the stride of the network (4×4), got 61×64; use 64×64",
        net,
        (61, 64),
    )
    check("Tiles: tile_size must be a whole number of at least 1, or 2 of them, got 'large'", net, "large")
    check("Tiles: overlap must be a whole number of at least 0, or 2 of them, got -1", net, overlap=-1)
    text = (
        "Tiles: overlap must be given for a network whose receptive field is unknown, got None for an object"
    )
    check(text, Bright())
    check(text, MonteCarlo(net, 2))
    module = lg.ModuleLayer(torch.nn.Conv2d(1, 2, 3, padding=1))
    unknown = lg.LayerGraph([lg.ImageInputLayer((8, 8)), module, lg.SoftmaxLayer()]).compile()
    check(text, unknown)
    assert Tiles(unknown, 128, overlap=1).overlap == ((32, 32), (32, 32))
    smaller = lg.LayerGraph([lg.ImageInputLayer((64, 64)), lg.Convolution2dLayer(3, 2), lg.SoftmaxLayer()])
    text = "Tiles: net must score every pixel of its image, got scores of 62×62 for images of 64×64"
    check(text, smaller.compile())


MEASURE = """
import resource, sys
import numpy as np
from layergraph.segmentation import Tiles, semanticseg

class Bright:
    classes = ("dark", "bright", *"abcdefghi")
    def predict(self, batch):
        bright = batch.astype(np.float32)
        return np.concatenate([127.5 - bright, bright - 127.5, *[bright - 999] * 9], axis=-1)

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

tiles = Tiles(Bright(), 256, overlap=32)
path, out = sys.argv[1:]
semanticseg(np.zeros((512, 512)), tiles, mini_batch_size=1)
before = peak()
semanticseg([path], tiles, write_location=out, names="source", mini_batch_size=1, verbose=False)
print(peak() - before)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_image(tmp_path):
    """All scores of this image would take 700 MB, and the image itself 16 MB."""
    path = tmp_path / "large.npy"
    image = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=(4000, 4000))
    image[:, 2000:] = 200
    image.flush()
    words = [sys.executable, "-c", MEASURE, str(path), str(tmp_path / "out")]
    process = subprocess.run(words, capture_output=True, text=True, check=True)
    # kilobytes on Linux, bytes on macOS; pages of the mapped file count too
    growth = int(process.stdout) * (1 if sys.platform == "darwin" else 1024)
    assert growth < 60 * 2**20
    (labels,) = (np.asarray(Image.open(file)) for file in (tmp_path / "out").iterdir())
    assert (labels[:, :2000] == 0).all()
    assert (labels[:, 2000:] == 1).all()
