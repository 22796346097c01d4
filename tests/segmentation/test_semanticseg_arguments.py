"""The arguments of semanticseg: region, output type, scores, file names, fit, device, precision; volumes."""

import re

import numpy as np
import pytest
import torch
from PIL import Image

import layergraph as lg
from layergraph.builders import segnet_layers, unet3d_layers, unet_layers
from layergraph.data import ImageDatastore, PixelLabelDatastore, write_image
from layergraph.errors import ArgumentError, DataError
from layergraph.segmentation import PadToFit, distinct_colors, semanticseg


class Bands:
    """A network for gray images: the class is the brightness in three equal bands."""

    classes = ("dark", "middle", "bright")

    def __init__(self):
        self.batches = []

    def predict(self, batch):
        self.batches.append(batch.shape)
        middles = (np.arange(3, dtype=np.float32) + 0.5) * 256 / 3
        return -np.abs(batch - middles).astype(np.float32)


class Volumes(Bands):
    """The same for volumes."""

    input_sizes = ((4, 4, 4, 1),)


IMAGE = np.random.default_rng(0).integers(0, 256, (6, 5, 1), np.uint8)


def bands(image):
    return (image[..., 0].astype(int) * 3 // 256).astype(np.uint8)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "images").mkdir()
    for name in ("night", "day"):
        write_image(tmp_path / "images" / f"{name}.png", IMAGE)
    return tmp_path / "images"


def check(message, *arguments, error=ArgumentError, **options):
    with pytest.raises(error, match=f"^{re.escape(message)}"):
        semanticseg(*arguments, **options)


def test_a_region_alone_is_segmented():
    net = Bands()
    labels, scores = semanticseg(IMAGE, net, (1, 2, 3, 4), return_scores="all")
    assert net.batches == [(1, 4, 3, 1)]
    expected = np.full((6, 5), 255, np.uint8)
    expected[2:6, 1:4] = bands(IMAGE)[2:6, 1:4]
    np.testing.assert_array_equal(labels, expected)
    np.testing.assert_array_equal(np.isnan(scores[..., 0]), expected == 255)
    np.testing.assert_array_equal(scores[2:6, 1:4], net.predict(IMAGE[None])[0, 2:6, 1:4])


def test_a_region_of_files_has_the_size_of_each_image(folder, tmp_path):
    write_image(folder / "large.png", np.tile(IMAGE, (60, 1, 1)))
    written = semanticseg(folder, Bands(), (0, 3, 5, 2), write_location=tmp_path / "out")
    assert [labels.shape for labels in written] == [(6, 5), (360, 5), (6, 5)]
    for labels in written:
        np.testing.assert_array_equal(labels[3:5], bands(IMAGE)[3:5])
        assert (np.delete(labels, [3, 4], axis=0) == 255).all()


def test_regions_that_do_not_fit():
    for roi in ((0, 0, 0, 3), (0, 0, 1), 3, (-1, 0, 2, 2), "abcd"):
        check("semanticseg: roi must be ", IMAGE, Bands(), roi)
    text = (
        "semanticseg: roi must be within the image, got 4×3 from the position (3, 0) (row, column) for the "
    )
    check(text + "image, which is 6×5", IMAGE, Bands(), (0, 3, 3, 4), error=DataError)


def test_output_types():
    categorical = semanticseg(IMAGE, Bands(), (0, 0, 5, 3))
    assert categorical.classes == Bands.classes
    plain = semanticseg(IMAGE, Bands(), (0, 0, 5, 3), output_type="uint8")
    assert type(plain) is np.ndarray
    assert plain.dtype == np.uint8
    np.testing.assert_array_equal(plain, categorical)
    double = semanticseg(np.stack([IMAGE]), Bands(), (0, 0, 5, 3), output_type="double")
    assert double.dtype == np.float64
    np.testing.assert_array_equal(double[0, :3], categorical[:3])
    assert np.isnan(double[0, 3:]).all()


def test_the_scores_of_the_labels():
    labels, scores = semanticseg(IMAGE, Bands(), return_scores="chosen")
    _, all_scores = semanticseg(IMAGE, Bands(), return_scores="all")
    assert scores.shape == labels.shape
    np.testing.assert_array_equal(scores, all_scores.max(axis=2))


def test_a_folder_is_a_datastore(folder, tmp_path):
    assert [labels.shape for labels in semanticseg(folder, Bands())] == [(6, 5), (6, 5)]
    assert len(semanticseg(str(folder), Bands(), write_location=tmp_path / "out")) == 2


def test_the_names_of_label_files(folder, tmp_path):
    expected = {
        "prefixed": ["pixelLabel_day.png", "pixelLabel_night.png"],
        "source": ["day.png", "night.png"],
        "numbered": ["pixelLabel_001.png", "pixelLabel_002.png"],
    }
    for names, files in expected.items():
        written = semanticseg(folder, Bands(), write_location=tmp_path / names, names=names)
        assert [file.name for file in written.files] == files
    # one file is written as a folder of one is
    written = semanticseg(folder / "day.png", Bands(), write_location=tmp_path / "one", names="source")
    assert [file.name for file in written.files] == ["day.png"]


def test_label_files_open_in_color_and_read_back(folder, tmp_path):
    written = semanticseg(folder, Bands(), (0, 0, 5, 5), write_location=tmp_path / "out")
    colors = np.concatenate([distinct_colors(3), [[0, 0, 0]]])
    expected = np.where(np.arange(6)[:, None] < 5, bands(IMAGE), 255)
    with Image.open(written.files[0]) as image:
        assert image.mode == "P"
        np.testing.assert_array_equal(image, expected)
        np.testing.assert_array_equal(image.convert("RGB"), colors[np.minimum(expected, 3)])
    again = PixelLabelDatastore(tmp_path / "out", Bands.classes, range(3), ignored_ids=[255])
    np.testing.assert_array_equal(again[0], expected)


@pytest.fixture
def unet():
    torch.manual_seed(0)
    return unet_layers((16, 16, 1), 2, encoder_depth=2, num_first_encoder_filters=2).compile()


def test_padding_fits_any_size(unet):
    image = np.random.default_rng(1).random((18, 21)).astype(np.float32)
    labels, scores = semanticseg(image, unet, fit="pad", return_scores="all")
    padded = unet.predict(np.pad(image, ((0, 2), (0, 3)), mode="reflect"))
    np.testing.assert_array_equal(scores, padded[:18, :21])
    np.testing.assert_array_equal(labels, scores.argmax(axis=2))
    # an image that fits, too, and one of a single pixel
    np.testing.assert_array_equal(
        semanticseg(image[:16, :16], unet, fit="pad"), unet.predict(image[:16, :16]).argmax(2)
    )
    assert semanticseg(np.ones((1, 1)), unet, fit="pad").shape == (1, 1)


def test_resizing_fits_any_size(unet):
    assert semanticseg(np.zeros((18, 40), np.uint8), unet, fit="resize").shape == (18, 40)
    check("the image: images of 18×42 do not fit: at ", np.zeros((18, 42)), unet, error=DataError)


def test_a_network_that_cannot_be_padded(unet):
    check("semanticseg: fit must be 'error', 'pad' or 'resize', got 'crop'", IMAGE, unet, fit="crop")
    text = "semanticseg: fit must be 'error' for a predictor that is no network with one input, got 'pad'"
    check(text, IMAGE, Bands(), fit="pad")
    valid = [lg.ImageInputLayer((8, 8)), lg.Convolution2dLayer(3, 2, stride=2), lg.SoftmaxLayer()]
    net = lg.LayerGraph(valid).compile()
    # it takes the size, so that nothing is padded
    assert semanticseg(np.zeros((9, 9)), PadToFit(net)).shape == (4, 4)
    fixed = [
        lg.ImageInputLayer((8, 8)),
        lg.FullyConnectedLayer(2),
        lg.SoftmaxLayer(),
        lg.ClassificationLayer(),
    ]
    text = "the image: images of 9×9 must be padded to a size that the network takes, got none that is larger"
    check(text, np.zeros((9, 9)), lg.LayerGraph(fixed).compile(), fit="pad", error=DataError)


def test_volumes_are_segmented_whole(tmp_path):
    rng = np.random.default_rng(0)
    volume = rng.integers(0, 256, (4, 5, 6), np.uint8)
    net = Volumes()
    np.testing.assert_array_equal(semanticseg(volume, net), bands(volume[..., None]))
    np.testing.assert_array_equal(semanticseg(volume[..., None], net), bands(volume[..., None]))
    assert net.batches == [(1, 4, 5, 6, 1)] * 2
    assert semanticseg(np.stack([volume[..., None]] * 2), net).shape == (2, 4, 5, 6)
    part = semanticseg(volume, net, (1, 0, 2, 3, 4, 3))
    assert (part != 255).sum() == 3 * 4 * 3
    np.testing.assert_array_equal(part[0:4, 1:4, 2:5], bands(volume[..., None])[0:4, 1:4, 2:5])
    written = semanticseg([volume, volume[:2]], net, write_location=tmp_path / "out")
    assert [file.name for file in written.files] == ["pixelLabel_001.npy", "pixelLabel_002.npy"]
    np.testing.assert_array_equal(np.load(written.files[0]), bands(volume[..., None]))
    np.testing.assert_array_equal(written[1], bands(volume[:2, ..., None]))
    assert written.classes == Volumes.classes
    np.save(tmp_path / "volume.npy", volume)
    np.testing.assert_array_equal(semanticseg(tmp_path / "volume.npy", net), bands(volume[..., None]))


def test_an_image_is_no_volume(folder):
    rgb = folder / "rgb.png"
    write_image(rgb, np.zeros((4, 4, 3), np.uint8))
    text = f"semanticseg: {rgb} must be (H, W, D) or (H, W, D, C), got the shape (4, 4, 3)"
    check(text, ImageDatastore(rgb), Volumes(), error=DataError)


def test_a_network_of_volumes_pads(tmp_path):
    net = unet3d_layers((8, 8, 8, 1), 2, encoder_depth=1, num_first_encoder_filters=2).compile()
    assert semanticseg(np.zeros((7, 8, 9)), net, fit="pad").shape == (7, 8, 9)
    text = "semanticseg: fit must be 'error' or 'pad' for a network of volumes, got 'resize'"
    check(text, np.zeros((7, 8, 9)), net, fit="resize")


def test_the_network_is_where_it_was(unet):
    semanticseg(np.zeros((16, 16)), unet, execution_environment="cpu")
    assert {parameter.device.type for parameter in unet.parameters()} == {"cpu"}
    assert unet.training


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_missing_gpu(unet):
    text = "semanticseg: execution_environment must be 'auto' or 'cpu' where torch finds no such device, got "
    for environment in ("gpu", "cuda:1"):
        check(f"{text}{environment!r}", np.zeros((16, 16)), unet, execution_environment=environment)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_the_gpu_and_the_cpu_agree(unet):
    image = np.random.default_rng(0).random((16, 16)).astype(np.float32)
    results = [
        semanticseg(image, unet, execution_environment=environment, return_scores="all")[1]
        for environment in ("cpu", "gpu", "cuda:0", "auto")
    ]
    for scores in results[1:]:
        np.testing.assert_allclose(scores, results[0], atol=1e-3)
    assert {parameter.device.type for parameter in unet.parameters()} == {"cpu"}


def test_half_precision_changes_scores_a_little(unet):
    image = np.random.default_rng(0).random((16, 16)).astype(np.float32)
    _, exact = semanticseg(image, unet, return_scores="all", execution_environment="cpu")
    _, half = semanticseg(
        image, unet, return_scores="all", execution_environment="cpu", precision="bf16-mixed"
    )
    assert half.dtype == np.float32
    assert not np.array_equal(half, exact)
    np.testing.assert_allclose(half, exact, atol=0.05)


def test_unknown_words(unet):
    image = np.zeros((16, 16))
    text = "semanticseg: precision must be 'bf16-mixed' or None on the CPU, got '16-mixed'"
    check(text, image, unet, precision="16-mixed", execution_environment="cpu")
    text = "semanticseg: precision must be 'bf16-mixed', '16-mixed' or None, got 'half'"
    check(text, image, unet, precision="half")
    text = "semanticseg: execution_environment must be 'auto', 'cpu', 'gpu' or a device such as 'cuda:1', got"
    check(text, image, unet, execution_environment="tpu")
    check("semanticseg: precision must be the default", IMAGE, Bands(), precision="bf16-mixed")
    check("semanticseg: execution_environment must be the def", IMAGE, Bands(), execution_environment="gpu")
    text = "semanticseg: output_type must be 'categorical', 'uint8' or 'double', got 'int8'"
    check(text, image, unet, output_type="int8")
    text = "semanticseg: return_scores must be 'chosen', 'all' or True or False, got 'both'"
    check(text, image, unet, return_scores="both")
    text = "semanticseg: names must be 'prefixed', 'source' or 'numbered', got 'mine'"
    check(text, [IMAGE], Bands(), names="mine", write_location="out")
    text = "semanticseg: output_type must be 'categorical' with write_location, got 'uint8'"
    check(text, [IMAGE], Bands(), output_type="uint8", write_location="out")


def test_batches_fit_in_memory(monkeypatch):
    """Batches of images that need much memory are small."""
    net = segnet_layers((32, 32, 1), 2, 1).compile()
    shapes = []
    predict = type(net).predict

    def recorded(self, images, **options):
        shapes.append(images.shape)
        return predict(self, images, **options)

    monkeypatch.setattr(type(net), "predict", recorded)
    store = [np.zeros((32, 32), np.uint8)] * 9
    semanticseg(store, net, execution_environment="cpu")
    monkeypatch.setattr("layergraph.segmentation.batch_size._free_bytes", lambda device: 2**20)
    semanticseg(store[:2], net, execution_environment="cpu")
    assert [shape[0] for shape in shapes] == [8, 1, 1, 1]


def test_a_batch_that_does_not_fit_is_halved():
    class Small(Bands):
        def predict(self, batch):
            if len(batch) > 3:
                raise MemoryError
            return super().predict(batch)

    net = Small()
    labels = semanticseg([IMAGE] * 7, net)
    assert [shape[0] for shape in net.batches] == [3, 2, 2]
    for one in labels:
        np.testing.assert_array_equal(one, bands(IMAGE))
