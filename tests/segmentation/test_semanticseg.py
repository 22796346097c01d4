"""Segmenting images, stacks, lists and datastores with a stand-in for a network."""

import gc
import io
import re
import sys

import numpy as np
import pytest

from layergraph.data import ImageDatastore, PixelLabelDatastore, combine, write_image
from layergraph.errors import DataError, SizeError, WrongTypeError
from layergraph.segmentation import evaluate_semantic_segmentation, semanticseg


class Bands:
    """A network for grey images: the class is the brightness in equal bands. It records what it is given."""

    def __init__(self, num_classes=3, classes=None):
        self.num_classes, self.classes, self.batches = num_classes, classes, []

    def predict(self, batch):
        self.batches.append(batch.shape)
        if batch.shape[3] != 1:
            raise SizeError("LG-X", f"the network takes images of 1 channel, got {batch.shape[3]}")
        middles = (np.arange(self.num_classes, dtype=np.float32) + 0.5) * 256 / self.num_classes
        return -np.abs(batch - middles).astype(np.float32)


class Constant:
    """A network that gives one score for every class of every pixel, or the scores it is made with."""

    classes = None

    def __init__(self, scores):
        self.scores = scores

    def predict(self, batch):
        return np.broadcast_to(np.float32(self.scores), (*batch.shape[:3], np.shape(self.scores)[-1]))


RANDOM = np.random.default_rng(0)
IMAGES = [RANDOM.integers(0, 256, (6, 5, 1), np.uint8) for _ in range(5)]


def banded(image, num_classes=3):
    return (image[:, :, 0].astype(int) * num_classes // 256).astype(np.uint8)


@pytest.fixture
def images(tmp_path):
    """A datastore of five grey images, the fourth larger than the others."""
    (tmp_path / "images").mkdir()
    for number, image in enumerate(IMAGES):
        write_image(
            tmp_path / "images" / f"image_{number}.png", image if number != 3 else np.tile(image, (2, 1, 1))
        )
    return ImageDatastore(tmp_path / "images")


def expected(images):
    return [banded(images[i]) for i in range(len(images))]


def assert_same(found, wanted):
    assert len(found) == len(wanted)
    for one, other in zip(found, wanted, strict=True):
        assert one.dtype == np.uint8
        np.testing.assert_array_equal(one, other)


def test_one_image():
    for image in (IMAGES[0], IMAGES[0][:, :, 0]):
        labels = semanticseg(image, Bands())
        assert labels.dtype == np.uint8
        np.testing.assert_array_equal(labels, banded(IMAGES[0]))


def test_one_image_with_scores():
    net = Bands()
    labels, scores = semanticseg(IMAGES[0], net, return_scores=True)
    np.testing.assert_array_equal(labels, banded(IMAGES[0]))
    np.testing.assert_array_equal(scores, net.predict(IMAGES[0][None])[0])
    assert scores.dtype == np.float32


def test_one_file(images):
    for path in (images.files[0], str(images.files[0])):
        np.testing.assert_array_equal(semanticseg(path, Bands()), banded(images[0]))


def test_a_stack():
    net, stack = Bands(), np.stack(IMAGES)
    labels = semanticseg(stack, net, mini_batch_size=2)
    assert labels.shape == (5, 6, 5)
    np.testing.assert_array_equal(labels, [banded(image) for image in IMAGES])
    assert [shape[0] for shape in net.batches] == [2, 2, 1]
    again, scores = semanticseg(stack, Bands(), return_scores=True)
    np.testing.assert_array_equal(again, labels)
    assert scores.shape == (5, 6, 5, 3)


def test_a_list_and_a_datastore(images):
    assert_same(semanticseg(IMAGES, Bands()), [banded(image) for image in IMAGES])
    assert_same(semanticseg(list(images.files), Bands()), expected(images))
    labels, scores = semanticseg(images, Bands(), return_scores=True)
    assert_same(labels, expected(images))
    assert [score.shape[:2] for score in scores] == [image.shape for image in labels]


def test_images_of_unequal_size_go_apart_and_come_back_in_order(images):
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
    found = semanticseg(images, net, write_location=out, mini_batch_size=2)
    assert isinstance(found, PixelLabelDatastore)
    assert [file.name for file in found.files] == [f"pixelLabel_00{number}.png" for number in range(1, 6)]
    assert sorted(path.name for path in out.iterdir()) == [file.name for file in found.files]
    assert found.classes == ("dark", "middle", "bright")
    assert_same([found[i] for i in range(len(found))], expected(images))
    metrics = evaluate_semantic_segmentation(found, expected(images))
    assert metrics.data_set_metrics.global_accuracy == (1.0,)
    assert metrics.image_metrics.name[0] == "pixelLabel_001.png"


def test_a_stack_can_be_written_too(tmp_path):
    found = semanticseg(np.stack(IMAGES), Bands(), write_location=tmp_path, name_prefix="night")
    assert [file.name for file in found.files] == [f"night_00{number}.png" for number in range(1, 6)]
    assert found.classes == ("C1", "C2", "C3")


def test_class_names_given_win(images, tmp_path):
    net = Bands(classes=("a", "b", "c"))
    found = semanticseg(images, net, write_location=tmp_path / "out", classes=["x", "y", "z"])
    assert found.classes == ("x", "y", "z")


def test_other_files_stay_and_are_not_in_the_result(images, tmp_path):
    out = tmp_path / "out"
    semanticseg(images, Bands(), write_location=out)
    (out / "notes.txt").write_text("mine")
    write_image(out / "foreign.png", np.zeros((2, 2), np.uint8))
    before = (out / "pixelLabel_005.png").read_bytes()
    found = semanticseg(images[3:], Bands(2), write_location=out)
    assert [file.name for file in found.files] == ["pixelLabel_001.png", "pixelLabel_002.png"]
    np.testing.assert_array_equal(found[0], banded(images[3], 2))
    assert (out / "pixelLabel_005.png").read_bytes() == before
    assert len(list(out.iterdir())) == 7


def test_memory_stays_flat_over_a_datastore(tmp_path):
    tracemalloc = pytest.importorskip("tracemalloc")

    class Many:
        def __len__(self):
            return 60

        def __getitem__(self, index):
            return np.full((100, 100, 1), index, np.uint8)

    one_batch = 4 * 100 * 100 * 8 * 4  # 4 images, 8 float32 scores
    peaks = []
    for _ in range(3):  # the first also imports what it needs, and any may meet the garbage of other tests
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


def test_scores_that_are_no_scores():
    check(
        "images[0]: the network's scores hold NaN; its weights or the image may hold NaN",
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
    check("labels have room for 1 to 255 classes, the network scores 256", IMAGES[0], Constant([0.0] * 256))


def test_a_wrong_number_of_classes(images, tmp_path):
    text = "there are 2 class names and the network scores 3 classes"
    check(text, images, Bands(), classes=["a", "b"])
    check(text, images, Bands(classes=("a", "b")), write_location=tmp_path / "out")


def test_class_names_a_store_cannot_have_stop_before_the_work(images, tmp_path):
    net = Bands(classes=("a", "b", "a"))
    with pytest.raises(DataError, match="class name 'a' stands twice"):
        semanticseg(images, net, write_location=tmp_path / "out")
    assert net.batches == []
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_segmented(images, tmp_path):
    net = Bands()
    check("there are no images to segment", [], net)
    check("mini_batch_size must be 1 or more, got 0", images, net, mini_batch_size=0)
    check(
        "write_location is for datastores; for one image, save the labels that come back",
        IMAGES[0],
        net,
        write_location=tmp_path,
    )
    check(
        "scores are not written to files; leave out return_scores or write_location",
        images,
        net,
        return_scores=True,
        write_location=tmp_path,
    )
    check("images must be (H, W), (H, W, C) or a stack (N, H, W, C), got the shape (3,)", np.zeros(3), net)
    check("images[1] must be (H, W) or (H, W, C), got the shape (3,)", [IMAGES[0], np.zeros(3)], net)
    check(
        "images must be an array, a path or a datastore, got an object of type int",
        5,
        net,
        error=WrongTypeError,
    )
    check("the image must hold numbers, got an array of <U1", np.array([["a"]]), net, error=WrongTypeError)
    for prefix in ("", "../up", "a/b"):
        check(
            f"name_prefix must be the beginning of a file name, got {prefix!r}",
            images,
            net,
            write_location=tmp_path / "out",
            name_prefix=prefix,
        )
    (tmp_path / "file").write_text("in the way")
    check(
        f"cannot make the folder '{tmp_path / 'file'}' of write_location: File exists",
        images,
        net,
        write_location=tmp_path / "file",
    )
    assert net.batches == []
