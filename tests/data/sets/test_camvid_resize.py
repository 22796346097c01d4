import os

import numpy as np
import pytest
from PIL import Image

from layergraph.data import (
    ImageDatastore,
    PixelLabelDatastore,
    read_image,
    resize_camvid_images,
    resize_camvid_pixel_labels,
    write_image,
    write_labels,
)
from layergraph.data.sets import camvid_resize
from layergraph.errors import WrongTypeError


@pytest.fixture
def images(tmp_path):
    random = np.random.default_rng(1)
    for i in range(5):
        write_image(tmp_path / "images" / f"{i}.png", random.integers(0, 256, (12, 16, 3)))
    return ImageDatastore(tmp_path / "images")


@pytest.fixture
def labels(tmp_path):
    random = np.random.default_rng(2)
    for i in range(5):
        write_labels(tmp_path / "labels" / f"{i}_L.png", random.integers(0, 3, (12, 16)))
    return PixelLabelDatastore(tmp_path / "labels", ["b", "a"], [2, 1], ignored_ids=[0])


@pytest.fixture(autouse=True)
def folders(tmp_path):
    for name in ("images", "labels"):
        (tmp_path / name).mkdir()


def content(folder):
    return {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in folder.iterdir()}


def cubic(x):
    """The cubic convolution of Keys (1981) with a = -0.5."""
    x = np.abs(x)
    inner = 1.5 * x**3 - 2.5 * x**2 + 1
    outer = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, inner, np.where(x <= 2, outer, 0))


def matrix(old, new):
    """The weights of MATLAB's imresize: the kernel is as much wider as the image becomes smaller."""
    centers = (np.arange(new)[:, None] + 0.5) * old / new - 0.5
    weights = cubic((centers - np.arange(old)) * new / old)
    return weights / weights.sum(axis=1, keepdims=True)


def test_images_are_smoothed_as_imresize_does(tmp_path, images):
    small = resize_camvid_images(images, tmp_path / "small", (6, 8))
    assert [file.name for file in small.files] == [f"{i}.png" for i in range(5)]
    for before, after in zip(images, small, strict=True):
        expected = np.einsum("yr,xc,rck->yxk", matrix(12, 6), matrix(16, 8), before.astype(float))
        # Pillow rounds after each direction
        assert np.abs(np.clip(expected, 0, 255) - after).max() <= 2


def test_labels_take_the_nearest_pixel_and_keep_their_classes(tmp_path, labels):
    small = resize_camvid_pixel_labels(labels, tmp_path / "small", [6.0, 8])
    assert (small.classes, small.ignored_ids, small.label_ids) == (("b", "a"), (255,), ((0,), (1,)))
    for before, after in zip(labels, small, strict=True):
        np.testing.assert_array_equal(after, np.asarray(before)[1::2, 1::2])
    assert set(read_image(small.files[0]).ravel().tolist()) == {0, 1, 255}


def test_default_size(tmp_path, images):
    assert resize_camvid_images(images[:1], tmp_path / "small")[0].shape == (360, 480, 3)


def test_a_complete_folder_is_used_again_and_half_of_one_is_completed(tmp_path, images, labels):
    for function, store in ((resize_camvid_images, images), (resize_camvid_pixel_labels, labels)):
        folder = tmp_path / function.__name__
        first = function(store, folder, (6, 8))
        before = content(folder)
        # the order of the store, not that of the folder
        assert function(store[::-1], folder, (6, 8)).files == first.files[::-1]
        assert content(folder) == before
        first.files[1].unlink()
        first.files[3].write_bytes(b"damaged")
        function(store, folder, (6, 8))
        after = content(folder)
        changed = {name for name in before if before[name][1] != after[name][1]}
        assert changed == {first.files[1].name, first.files[3].name}
        assert {name: bytes for name, (bytes, _) in after.items()} == {
            name: bytes for name, (bytes, _) in before.items()
        }


def test_a_file_older_than_its_source_is_written_again(tmp_path, images):
    small = resize_camvid_images(images, tmp_path / "small", (6, 8))
    write_image(images.files[2], np.full((12, 16, 3), 7))
    os.utime(images.files[2], ns=(0, small.files[2].stat().st_mtime_ns + 10**9))
    assert (resize_camvid_images(images, tmp_path / "small", (6, 8))[2] == 7).all()


def test_an_error_leaves_whole_files_and_the_next_call_goes_on(tmp_path, images, monkeypatch, refusal):
    Image.new("I;16", (16, 12)).save(tmp_path / "images" / "3.png")
    assert "images must be 8-bit, got uint16 in" in refusal(
        resize_camvid_images, images, tmp_path / "s", (6, 8)
    )
    done = [*(tmp_path / "s").iterdir()]
    assert {"0.png", "1.png", "2.png"} <= {file.name for file in done}
    assert {read_image(file).shape for file in done} == {(6, 8, 3)}
    write_image(tmp_path / "images" / "3.png", np.zeros((12, 16, 3), int))
    assert len([*resize_camvid_images(images, tmp_path / "s", (6, 8))]) == 5


def test_refusals(tmp_path, images, labels, refusal):
    call = "resize_camvid_images"
    resize_camvid_images(images, tmp_path / "small", (6, 8))
    assert refusal(resize_camvid_images, images, tmp_path / "small", (3, 4)) == (
        f"{call}: '{tmp_path}/small/0.png' must have the size 3×4, got 6×8; delete it or give another folder"
    )
    assert refusal(resize_camvid_images, images, tmp_path / "images") == (
        f"{call}: folder must be another one than that of the images, got '{tmp_path}/images'"
    )
    (tmp_path / "more").mkdir()
    write_image(tmp_path / "more" / "0.png", [[1]])
    both = ImageDatastore([tmp_path / "images", tmp_path / "more"])
    assert "0.png', which would both be '0.png'; resize the folders one by one" in refusal(
        resize_camvid_images, both, tmp_path / "new"
    )
    assert not (tmp_path / "new").exists()
    with pytest.raises(
        WrongTypeError, match="first argument must be ImageDatastore, got PixelLabelDatastore"
    ):
        resize_camvid_images(labels, tmp_path / "new")


def test_labels_of_two_codings_never_mix(tmp_path, labels, refusal):
    folder = tmp_path / "small"
    resize_camvid_pixel_labels(labels[:2], folder, (6, 8))
    before = content(folder)
    other = PixelLabelDatastore(tmp_path / "labels", ["b", "a"], [1, 2], ignored_ids=[0])
    text = refusal(resize_camvid_pixel_labels, other, folder, (6, 8))
    assert text == (
        "resize_camvid_pixel_labels: folder must be empty or hold labels of the same classes, got others in "
        f"'{folder}/classes.txt'; give another folder"
    )
    (folder / camvid_resize.CLASSES_FILE).unlink()
    assert f"got others in '{folder}'; give" in refusal(resize_camvid_pixel_labels, labels, folder, (6, 8))
    del before["classes.txt"]
    assert content(folder) == before
