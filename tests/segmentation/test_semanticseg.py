"""Segmentation of images, stacks, lists and datastores with a substitute for a network."""

import gc
import io
import re
import sys

import numpy as np
import pytest

from layergraph.data import ImageDatastore, PixelLabelDatastore, combine, write_image
from layergraph.errors import ArgumentError, DataError, NotEnoughMemoryError, WrongTypeError
from layergraph.segmentation import AtSize, MonteCarlo, evaluate_semantic_segmentation, semanticseg


class Bands:
    """A network for gray images: the class is the brightness in equal bands. It records its batches."""

    def __init__(self, num_classes=3, classes=None):
        self.num_classes, self.classes, self.batches = num_classes, classes, []

    def predict(self, batch):
        self.batches.append(batch.shape)
        if batch.shape[3] != 1:
            raise DataError(f"the network takes images of 1 channel, got {batch.shape[3]}")
        middles = (np.arange(self.num_classes, dtype=np.float32) + 0.5) * 256 / self.num_classes
        return -np.abs(batch - middles).astype(np.float32)


class Constant:
    """A network that returns equal scores, or the scores of its constructor."""

    classes = None

    def __init__(self, scores):
        self.scores = scores

    def predict(self, batch):
        return np.broadcast_to(np.float32(self.scores), (*batch.shape[:3], np.shape(self.scores)[-1]))


RANDOM = np.random.default_rng(0)
IMAGES = [RANDOM.integers(0, 256, (6, 5, 1), np.uint8) for _ in range(5)]


def bands(image, num_classes=3):
    return (image[:, :, 0].astype(int) * num_classes // 256).astype(np.uint8)


@pytest.fixture
def images(tmp_path):
    """A datastore of five gray images, the fourth larger than the others."""
    (tmp_path / "images").mkdir()
    for number, image in enumerate(IMAGES):
        write_image(
            tmp_path / "images" / f"image_{number}.png", image if number != 3 else np.tile(image, (2, 1, 1))
        )
    return ImageDatastore(tmp_path / "images")


def expected(images):
    return [bands(images[i]) for i in range(len(images))]


def assert_same(actual, wanted):
    assert len(actual) == len(wanted)
    for one, other in zip(actual, wanted, strict=True):
        assert one.dtype == np.uint8
        np.testing.assert_array_equal(one, other)


def test_one_image():
    for image in (IMAGES[0], IMAGES[0][:, :, 0]):
        labels = semanticseg(image, Bands())
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, bands(IMAGES[0]))


def test_one_image_with_scores():
    net = Bands()
    labels, scores = semanticseg(IMAGES[0], net, return_scores=True)
    np.testing.assert_array_equal(labels, bands(IMAGES[0]))
    np.testing.assert_array_equal(scores, net.predict(IMAGES[0][None])[0])
    assert scores.dtype == np.float32


def test_one_file(images):
    for path in (images.files[0], str(images.files[0])):
        np.testing.assert_array_equal(semanticseg(path, Bands()), bands(images[0]))


def test_a_stack():
    net, stack = Bands(), np.stack(IMAGES)
    labels = semanticseg(stack, net, mini_batch_size=2)
    assert labels.shape == (5, 6, 5)
    np.testing.assert_array_equal(labels, [bands(image) for image in IMAGES])
    assert [shape[0] for shape in net.batches] == [2, 2, 1]
    again, scores = semanticseg(stack, Bands(), return_scores=True)
    np.testing.assert_array_equal(again, labels)
    assert scores.shape == (5, 6, 5, 3)


def test_a_list_and_a_datastore(images):
    assert_same(semanticseg(IMAGES, Bands()), [bands(image) for image in IMAGES])
    assert_same(semanticseg(list(images.files), Bands()), expected(images))
    labels, scores = semanticseg(images, Bands(), return_scores=True)
    assert_same(labels, expected(images))
    assert [score.shape[:2] for score in scores] == [image.shape for image in labels]


def test_images_of_unequal_size_keep_their_order(images):
    net = Bands()
    assert_same(semanticseg(images, net, mini_batch_size=4), expected(images))
    assert net.batches == [(3, 6, 5, 1), (1, 12, 5, 1), (1, 6, 5, 1)]


def test_a_combined_store_gives_its_first_part(images, tmp_path):
    labels = semanticseg(images, Bands(), write_location=tmp_path / "out")
    assert_same(semanticseg(combine(images, labels), Bands()), expected(images))


def test_ties_go_to_the_first_class():
    assert semanticseg(np.zeros((2, 2)), Constant([0.25, 0.5, 0.5])).tolist() == [[1, 1], [1, 1]]


def test_written_labels_read_back(images, tmp_path):
    net = Bands(classes=("dark", "middle", "bright"))
    out = tmp_path / "deep" / "out"
    written = semanticseg(images, net, write_location=out, mini_batch_size=2)
    assert isinstance(written, PixelLabelDatastore)
    assert [file.name for file in written.files] == [f"pixelLabel_image_{number}.png" for number in range(5)]
    assert sorted(path.name for path in out.iterdir()) == [file.name for file in written.files]
    assert written.classes == ("dark", "middle", "bright")
    assert_same([written[i] for i in range(len(written))], expected(images))
    metrics = evaluate_semantic_segmentation(written, expected(images))
    assert metrics.data_set_metrics.global_accuracy.tolist() == [1.0]
    assert metrics.image_metrics.name[0] == "pixelLabel_image_0.png"


def test_a_stack_can_be_written_too(tmp_path):
    written = semanticseg(np.stack(IMAGES), Bands(), write_location=tmp_path, name_prefix="night")
    assert [file.name for file in written.files] == [f"night_00{number}.png" for number in range(1, 6)]
    assert written.classes == ("C1", "C2", "C3")


def test_results_have_the_names_of_their_images(tmp_path):
    paths = [
        tmp_path / name for name in ("b/scan10.png", "b/scan2.png", "a/scan2.png", "scan2.PNG", "x.y.png")
    ]
    for value, path in enumerate(paths):
        path.parent.mkdir(exist_ok=True)
        write_image(path, np.full((2, 2), value * 50, np.uint8))
    written = semanticseg(paths, Bands(), write_location=tmp_path / "out", name_prefix="")
    names = ["scan10", "b_scan2", "a_scan2", "scan2", "x.y"]
    assert [file.name for file in written.files] == [f"{name}.png" for name in names]
    assert [int(labels[0, 0]) for labels in written] == [0, 0, 1, 1, 2]


def test_labels_know_their_classes(images, tmp_path):
    names = ("dark", "middle", "bright")
    results = [
        semanticseg(IMAGES[0], Bands(classes=names)),
        semanticseg(np.stack(IMAGES), Bands(classes=names)),
        *semanticseg(IMAGES, Bands(), classes=names),
        *semanticseg(images, Bands(classes=names), write_location=tmp_path / "out"),
    ]
    for labels in results:
        assert labels.classes == names
        np.testing.assert_array_equal(labels == "bright", np.asarray(labels) == 2)
        with pytest.raises(
            ArgumentError, match=r"^LabelArray: a name must be .*, got 'brihgt'; did you mean 'bright'\?$"
        ):
            labels == "brihgt"  # noqa: B015
    nameless = semanticseg(IMAGES[0], Bands())
    with pytest.raises(
        ArgumentError, match=r"^LabelArray: classes must be known to compare with 'bright', got None; "
    ):
        nameless == "bright"  # noqa: B015


def test_the_argument_classes_has_precedence(images, tmp_path):
    net = Bands(classes=("a", "b", "c"))
    written = semanticseg(images, net, write_location=tmp_path / "out", classes=["x", "y", "z"])
    assert written.classes == ("x", "y", "z")


def test_other_files_remain_and_are_not_in_the_result(images, tmp_path):
    out = tmp_path / "out"
    semanticseg(images, Bands(), write_location=out)
    (out / "notes.txt").write_text("mine")
    write_image(out / "foreign.png", np.zeros((2, 2), np.uint8))
    before = (out / "pixelLabel_image_1.png").read_bytes()
    written = semanticseg(images[3:], Bands(2), write_location=out)
    assert [file.name for file in written.files] == ["pixelLabel_image_3.png", "pixelLabel_image_4.png"]
    np.testing.assert_array_equal(written[0], bands(images[3], 2))
    assert (out / "pixelLabel_image_1.png").read_bytes() == before
    assert len(list(out.iterdir())) == 7


@pytest.mark.slow
def test_memory_stays_flat_over_a_datastore(tmp_path):
    tracemalloc = pytest.importorskip("tracemalloc")

    class Many:
        def __len__(self):
            return 60

        def __getitem__(self, index):
            return np.full((100, 100, 1), index, np.uint8)

    one_batch = 4 * 100 * 100 * 8 * 4  # 4 images, 8 float32 scores
    peaks = []
    for _ in range(3):  # the first run also imports modules, and any run may include garbage of other tests
        gc.collect()
        tracemalloc.start()
        semanticseg(Many(), Bands(8), write_location=tmp_path, mini_batch_size=4)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert min(peaks) < 6 * one_batch  # all 15 batches would be 15 times


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stream", "verbose", "shown"),
    [(Terminal, True, True), (Terminal, False, False), (io.StringIO, True, False)],
)
def test_progress_is_shown_on_a_terminal_only(stream, verbose, shown, monkeypatch, capsys):
    stderr = stream()
    monkeypatch.setattr(sys, "stderr", stderr)
    monkeypatch.setenv("TERM", "xterm")
    semanticseg(IMAGES, Bands(), verbose=verbose)
    assert ("Segmenting" in stderr.getvalue()) is shown
    assert capsys.readouterr().out == ""


def check(message, *arguments, error=DataError, **options):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        semanticseg(*arguments, **options)


def test_an_image_the_network_cannot_take_is_named(tmp_path, images):
    write_image(tmp_path / "images" / "image_4.png", np.zeros((6, 5, 3), np.uint8))
    text = "the network takes images of 1 channel, got 3"
    check(f"{images.files[4]}: {text}", images, Bands())
    check(f"{images.files[4]}: {text}", images.files[4], Bands())
    check(f"images[1]: {text}", [IMAGES[0], np.zeros((2, 2, 3))], Bands())
    check(f"the image: {text}", np.zeros((2, 2, 3)), Bands())


def test_invalid_scores():
    check(
        "images[0]: the network's scores must be numbers, got NaN; the image holds finite numbers, so "
        "weights of the network may be NaN",
        np.stack(IMAGES),
        Constant([0.5, np.nan]),
    )

    class Flat(Constant):
        def predict(self, batch):
            return np.zeros((len(batch), 3), np.float32)

    check(
        "the image: the network's scores must be (N, H, W, num_classes) with N = 1, got (1, 3)",
        IMAGES[0],
        Flat([0]),
    )
    text = "semanticseg: net must score 1 to 255 classes, as labels hold, got 256"
    check(text, IMAGES[0], Constant([0.0] * 256), error=ArgumentError)

    class Two(Constant):
        def predict(self, batch, dropout=False):
            return super().predict(batch), super().predict(batch)

    text = "predict: net must have one output, got 2; remove the others from its graph"
    for net in (Two([0]), AtSize(Two([0]), (3, 3)), MonteCarlo(AtSize(Two([0]), (3, 3)), 2)):
        check(text, IMAGES[0], net, error=ArgumentError)


class Same:
    """A network whose one score is the image."""

    classes = None

    def predict(self, batch):
        return batch.astype(np.float32)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_the_image_with_nan_is_named_not_the_first_of_its_batch(value):
    class Less(Same):
        def predict(self, batch):
            with np.errstate(invalid="ignore"):
                return super().predict(batch) - super().predict(batch)

    images = [np.zeros((2, 3)) for _ in range(5)]
    images[3][1, 2] = value
    check(
        "images[3]: the network's scores must be numbers, got NaN; the image holds NaN or infinity",
        images,
        Less(),
    )


class Fails(Same):
    """A network that raises an error for large images."""

    def __init__(self, error):
        self.error = error

    def predict(self, batch):
        if batch.size > 8:
            raise self.error
        return super().predict(batch)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 9.2 GiB"),
        RuntimeError(
            "[enforce fail] data. DefaultCPUAllocator: can't allocate memory: you tried to allocate 9"
        ),
        RuntimeError("CUDA out of memory. Tried to allocate 9.00 GiB."),
        RuntimeError("cuDNN error: CUDNN_STATUS_ALLOC_FAILED"),
    ],
)
def test_too_little_memory(error):
    tiles = (
        "the image: not enough memory for an image of 9×8; segment it in tiles: Tiles(net), or give the "
        "network a smaller image: AtSize(net, (height, width))"
    )
    check(tiles, np.zeros((9, 8)), Fails(error), error=NotEnoughMemoryError)
    check(
        "images[0]: not enough memory for a batch of 5 images of 4×3; give a smaller mini_batch_size, such "
        "as 2",
        [np.zeros((4, 3))] * 5,
        Fails(error),
        mini_batch_size=5,
        error=NotEnoughMemoryError,
    )


def test_too_little_memory_of_torch():
    torch = pytest.importorskip("torch")

    class Huge(Same):
        def predict(self, batch):
            return torch.empty(2**50).numpy()

    with pytest.raises(
        NotEnoughMemoryError, match=r"^the image: not enough memory for an image of 2×2; segment it in tiles"
    ):
        semanticseg(np.zeros((2, 2)), Huge())


def test_other_errors_of_a_network_name_the_image():
    with pytest.raises(RuntimeError, match=r"^mine") as caught:
        semanticseg([np.zeros((2, 2)), np.zeros((5, 5))], Fails(RuntimeError("mine")))
    assert caught.value.__notes__ == ["raised by the network for images[1], an array of shape (5, 5, 1)"]


def test_a_wrong_number_of_classes(images, tmp_path):
    text = "semanticseg: classes must be one name per class that the network scores (3), got 2"
    check(text, images, Bands(), classes=["a", "b"], error=ArgumentError)
    check(text, images, Bands(classes=("a", "b")), write_location=tmp_path / "out", error=ArgumentError)
    for classes in ("abc", 3):
        text = f"semanticseg: classes must be a sequence of class names, got {classes!r}"
        check(text, images, Bands(), classes=classes, error=WrongTypeError)


def test_class_names_a_store_cannot_have_stop_before_the_work(images, tmp_path):
    net = Bands(classes=("a", "b", "a"))
    with pytest.raises(DataError, match=r"^semanticseg: classes must be distinct, got 'a' twice$"):
        semanticseg(images, net, write_location=tmp_path / "out")
    assert net.batches == []
    assert not (tmp_path / "out").exists()


def test_invalid_arguments(images, tmp_path):
    net = Bands()
    check("semanticseg: images must hold one image or more, got none", [], net)
    for size in (0, -1, 2.5, "2", True):
        text = f"semanticseg: mini_batch_size must be a whole number of at least 1, got {size!r}"
        check(text, images, net, mini_batch_size=size, error=ArgumentError)
    check(
        "semanticseg: write_location must be None for a single array, got "
        f"{str(tmp_path)!r}; give a list of one image, or write the returned labels: "
        "write_labels(path, labels)",
        IMAGES[0],
        net,
        write_location=tmp_path,
        error=ArgumentError,
    )
    check(
        "semanticseg: return_scores must be False with write_location, got True; scores are not written",
        images,
        net,
        return_scores=True,
        write_location=tmp_path,
        error=ArgumentError,
    )
    check(
        "semanticseg: images must be (H, W), (H, W, C) or a stack (N, H, W, C), got the shape (3,)",
        np.zeros(3),
        net,
    )
    check(
        "semanticseg: images[1] must be (H, W) or (H, W, C), got the shape (3,)",
        [IMAGES[0], np.zeros(3)],
        net,
    )
    check(
        "semanticseg: images must be an array, a path or a datastore, got an object of type int; "
        "np.asarray(image) makes an array of an opened image",
        5,
        net,
        error=WrongTypeError,
    )
    check(
        "semanticseg: images must be an array, a path or a datastore, got a Tensor; "
        "x.permute(0, 2, 3, 1).numpy() makes an array with the channels last, and net(x) takes tensors",
        pytest.importorskip("torch").zeros(1, 1, 6, 5),
        net,
        error=WrongTypeError,
    )
    check(
        "semanticseg: images[1] must be an array (H, W, C), got a Tensor; x.permute(1, 2, 0).numpy() makes "
        "one of a tensor (C, H, W)",
        [IMAGES[0], pytest.importorskip("torch").zeros(1, 6, 5)],
        net,
        error=WrongTypeError,
    )
    check(
        "semanticseg: the image must hold numbers, got an array of <U1",
        np.array([["a"]]),
        net,
        error=WrongTypeError,
    )
    for prefix in ("../up", "a/b", "a\0", None):
        check(
            f"semanticseg: name_prefix must be the beginning of a file name, got {prefix!r}",
            images,
            net,
            write_location=tmp_path / "out",
            name_prefix=prefix,
            error=ArgumentError,
        )
    check(
        f"semanticseg: labels must not overwrite an image, got the file '{images.files[0]}' for both; "
        "give another write_location or name_prefix",
        images,
        net,
        write_location=tmp_path / "images",
        name_prefix="",
    )
    (tmp_path / "file").write_text("in the way")
    check(
        f"semanticseg: write_location must be a folder to write to, got '{tmp_path / 'file'}': File exists",
        images,
        net,
        write_location=tmp_path / "file",
    )
    assert net.batches == []
