"""The view of a store in a notebook: its content, hostile names, damaged files, and no trace of it."""

import base64
import io
import random
import re
import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from layergraph.data import (
    ArrayDatastore,
    Datastore,
    ImageDatastore,
    LabelArray,
    PixelLabelDatastore,
    RandomPatchExtractionDatastore,
    combine,
    triangle_images,
    write_labels,
)
from layergraph.data.class_colors import distinct_colors
from layergraph.errors import DataWarning


def pictures(html):
    found = re.findall(r"data:image/png;base64,([^\"]+)", html)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(text)))) for text in found]


@pytest.fixture
def triangles(tmp_path):
    return triangle_images(tmp_path / "triangles", 6)


def test_pairs_are_pictures_and_labels_in_color(triangles):
    images, labels = triangles
    html = combine(images, labels)._repr_html_()
    assert "<b>CombinedDatastore of ImageDatastore and PixelLabelDatastore</b>, 6 items" in html
    assert html.count("image_00") == 4
    assert "32×32×1 uint8" in html
    assert "32×32 uint8" in html
    image, label, *_ = shown = pictures(html)
    assert len(shown) == 8
    np.testing.assert_array_equal(image, images[0][..., 0])
    np.testing.assert_array_equal(label[..., :3], distinct_colors(2)[labels[0]])
    for color in distinct_colors(2).tolist():
        assert f"rgb({','.join(map(str, color))})" in html


def test_at_most_four_items_are_read_and_nothing_moves(triangles):
    images, labels = triangles
    counted = []

    def noisy(pair):
        counted.append(1)
        return pair[0] + np.random.randint(2) + random.random() + torch.rand(1).item(), pair[1]

    store = combine(images, labels).transform(noisy)
    store.read()
    states = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
    counted.clear()
    assert len(pictures(store._repr_html_())) == 8
    assert len(counted) == 4
    assert states == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist())
    _, info = store.read(return_info=True)
    assert info[0].filename == images.files[1]
    # with the same random numbers the patches of an image would be equal
    patches = pictures(RandomPatchExtractionDatastore(images, labels, (16, 16))._repr_html_())
    assert not all((patches[0] == other).all() for other in patches[2::2])


def test_damaged_files_are_named(triangles):
    images, _ = triangles
    images.files[1].write_bytes(b"no image")
    images.files[2].unlink()
    html = images._repr_html_()
    assert len(pictures(html)) == 2
    assert re.search(r"cannot read image file .*image_002\.png", html)
    assert re.search(r"there is no image file .*image_003\.png", html)


def test_names_are_text(tmp_path):
    name = '"><img src=x onerror=alert(1)>'
    write_labels(tmp_path / f"{name}.png", [[0, 1]])
    labels = PixelLabelDatastore(tmp_path, [name, "<script>"], [0, 1])

    def fails(_):
        raise RuntimeError(f"<script>{name}</script>\x1b[2J")

    labeled = ImageDatastore(tmp_path, labels=["<script>"])
    html = "".join(store._repr_html_() for store in (labels, labels.transform(fails), labeled))
    assert "<script" not in html
    assert "<img src=x" not in html
    assert "\x1b" not in html
    assert "RuntimeError: &lt;script&gt;" in html


def test_warnings_wait_for_the_next_reading(tmp_path):
    write_labels(tmp_path / "a.png", [[0, 7]])
    labels = PixelLabelDatastore(tmp_path, ["sky"], [0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(pictures(labels._repr_html_())) == 1
    with pytest.warns(DataWarning, match=r"values that are of no class"):
        labels[0]


class Items(Datastore):
    classes = ("a", "b")

    def __init__(self, *items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def read_item(self, index):
        return self.items[index]


@pytest.mark.parametrize(
    "item",
    [
        np.full((3, 4), np.nan),
        np.array([[np.inf, -np.inf, 1.7e308, -1.7e308]]),
        np.zeros((0, 4, 3)),
        np.zeros((1, 9000, 3), np.uint8),
        np.zeros((9000, 1, 2), np.int64),
        np.zeros((3, 4), bool),
        np.zeros((4, 4, 4, 2), np.uint16),
        np.zeros((2, 2, 2, 2, 2)),
        np.zeros((2, 2), complex),
        np.array([["a", None]], object),
        np.array(3.0),
        LabelArray(np.full((3, 3), 255), ["a"]),
        (np.zeros((3, 3, 1)), np.array([[-5, 300, 255]], np.int64)),
        (np.zeros((3, 3)), 1),
        torch.zeros(3, 4, 4),
        {"image": 1},
        None,
        tuple(range(9)),
        (),
    ],
)
def test_any_item_has_a_view(item):
    html = Items(item)._repr_html_()
    assert html.startswith("<div><b>Items</b>, 1 item<br>")
    assert "Error" not in html


def test_numbers_beyond_bytes_go_from_black_to_white():
    low, high = pictures(ArrayDatastore(np.array([[[[-700]], [[300]]]], np.int16))._repr_html_())[0].ravel()
    assert (low, high) == (0, 255)
    [[[half]]] = [pictures(ArrayDatastore(np.full((1, 1, 1, 1), 0.5))._repr_html_())[0][None]]
    assert half == 127


def test_a_volume_shows_its_middle():
    volume = np.zeros((1, 5, 6, 8, 1), np.uint8)
    volume[:, :, :, 4] = 200
    html = ArrayDatastore(volume)._repr_html_()
    assert (pictures(html)[0] == 200).all()
    assert "5×6×8×1 uint8" in html


def test_a_store_without_items():
    assert ArrayDatastore(np.zeros((0, 3, 3)))._repr_html_() == "<div><b>ArrayDatastore</b>, 0 items</div>"


def test_the_view_of_files_needs_no_torch(triangles):
    folder = triangles[0].files[0].parent
    program = (
        "import sys; from layergraph.data import ImageDatastore\n"
        f"assert '<img' in ImageDatastore({str(folder)!r})._repr_html_(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
