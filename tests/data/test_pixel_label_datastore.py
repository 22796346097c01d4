import pickle
import struct

import numpy as np
import pytest
from PIL import Image

from layergraph.data import UNLABELED, PixelLabelDatastore, write_labels
from layergraph.errors import DataError

# values of no class are the subject of test_undeclared.py
pytestmark = pytest.mark.filterwarnings("ignore::layergraph.errors.DataWarning")

PALETTE = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30]


def read(path, *label_ids):
    labels = PixelLabelDatastore(path, [f"class {i}" for i in range(len(label_ids))], label_ids)[0]
    assert labels.dtype == np.uint8
    assert labels.ndim == 2
    return labels.tolist()


def test_gray_files(png):
    assert read(png("a.png", 0, 8, 4, [[255, 0, 7, 255]]), 255, 0) == [[0, 1, 255, 0]]
    assert read(png("b.png", 4, 8, 2, [[7, 0, 9, 255]]), 9, 7) == [[1, 0]]
    sixteen = struct.pack(">3H", 300, 44, 65535)  # 300 is 44 in its low byte
    assert read(png("c.png", 0, 16, 3, [sixteen]), 44, [300, 65535]) == [[1, 0, 1]]


def test_one_bit_files_mean_0_and_255_or_0_and_1(png):
    path = png("a.png", 0, 1, 3, [[0b10100000]])
    assert read(path, 255, 0) == [[0, 1, 0]]
    assert read(path, 1, 0) == [[0, 1, 0]]
    assert read(path, 1, 255) == [[1, 255, 1]]


def test_palette_files(png):
    path = png("a.png", 3, 8, 4, [[3, 0, 1, 2]], PALETTE)
    assert read(path, 0, [1, 3]) == [[1, 0, 1, 255]]
    assert read(path, (10, 20, 30), [(255, 0, 0), (0, 0, 255)]) == [[0, 1, 255, 1]]
    assert read(png("b.png", 3, 2, 4, [[0b00011011]], PALETTE), 0, 1, 2, 3) == [[0, 1, 2, 3]]
    clear = png("c.png", 3, 8, 2, [[1, 0]], PALETTE, transparency=[0, 128])
    assert read(clear, 0, 1) == [[1, 0]]
    assert read(clear, (0, 255, 0), (255, 0, 0)) == [[0, 1]]


def test_color_files(png):
    pixels = [128, 64, 128, 64, 0, 128, 128, 64, 127, 64, 128, 192]
    path = png("a.png", 2, 8, 4, [pixels])
    assert read(path, (128, 64, 128), [(64, 0, 128), (64, 128, 192)]) == [[0, 1, 255, 1]]
    clear = png("b.png", 6, 8, 2, [[1, 2, 3, 0, 3, 2, 1, 255]])
    assert read(clear, (3, 2, 1), (1, 2, 3)) == [[1, 0]]


def test_a_color_file_without_color_is_gray(png):
    assert read(png("a.png", 2, 8, 2, [[9, 9, 9, 4, 4, 4]]), 4, 9) == [[1, 0]]
    assert read(png("b.png", 6, 8, 2, [[9, 9, 9, 0, 4, 4, 4, 1]]), 4, 9) == [[1, 0]]


def test_numbers_on_color_and_triplets_on_gray(png, tmp_path, refusal):
    path = png("a.png", 2, 8, 2, [[9, 9, 9, 4, 4, 5]])
    store = PixelLabelDatastore(path, ["road", "car"], [4, 9])
    assert refusal(store.__getitem__, 0) == (
        f"label image '{path}' must hold gray or palette values, as the label ids are single numbers (class "
        "'road': 4), got colors (RGB); give each class RGB triplets, or gray or palette label images"
    )
    path = png("b.png", 0, 8, 2, [[9, 4]])
    store = PixelLabelDatastore(path, ["road", "car"], [(4, 4, 4), (9, 9, 9)])
    assert refusal(store.__getitem__, 0) == (
        f"label image '{path}' must hold colors, as the label ids are RGB triplets (class 'road': (4, 4, "
        "4)), got gray (L); give each class the gray values that mean it, or color label images; three gray "
        "values for every class are written as sets"
    )
    path = tmp_path / "c.tif"
    Image.fromarray(np.zeros((2, 2), np.float32)).save(path)
    assert refusal(PixelLabelDatastore(path, ["road"], [0]).__getitem__, 0).startswith(
        f"label image '{path}' must hold gray or palette values, as the label ids are single numbers (class "
        "'road': 0), got floating-point numbers (F);"
    )


def test_the_store(png, tmp_path, refusal):
    for name in ("b.png", "a.png"):
        png(f"set/{name}", 0, 8, 2, [[ord(name[0]), 0]])
    labels = PixelLabelDatastore(tmp_path / "set", ["a", "b"], [[97, 5], 98])
    assert labels.classes == ("a", "b")
    assert labels.label_ids == ((97, 5), (98,))
    assert [item.tolist() for item in labels] == [[[0, UNLABELED]], [[1, UNLABELED]]]
    assert [file.name for file in labels[::-1].files] == ["b.png", "a.png"]
    assert pickle.loads(pickle.dumps(labels))[1].tolist() == [[1, 255]]
    (tmp_path / "set" / "a.png").write_bytes(b"")
    assert refusal(labels.__getitem__, 0) == (
        f"cannot read image file '{tmp_path}/set/a.png': it is empty; repair the file or leave it out"
    )
    with pytest.raises(DataError, match="there is no file or folder"):
        PixelLabelDatastore(tmp_path / "none", ["a"], [1])


def test_written_labels_read_back(tmp_path, refusal):
    labels = np.random.default_rng(0).choice([0, 1, 2, 255], (9, 7))
    write_labels(tmp_path / "a.png", labels)
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "L"
    np.testing.assert_array_equal(
        PixelLabelDatastore(tmp_path, ["a", "b", "c"], range(3), ignored_ids=[255])[0], labels
    )
    assert [file.name for file in tmp_path.iterdir()] == ["a.png"]
    assert refusal(write_labels, tmp_path / "b.png", labels[None]) == (
        f"cannot write '{tmp_path}/b.png': labels must be (height, width), got the shape (1, 9, 7)"
    )
    assert refusal(write_labels, tmp_path / "b.png", labels + 1) == (
        f"cannot write '{tmp_path}/b.png': an 8-bit image must hold whole numbers from 0 to 255, "
        "got int64 from 1 to 256"
    )
