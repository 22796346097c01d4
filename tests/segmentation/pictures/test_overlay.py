"""Labels over images, colors, and the sheet of both."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layergraph.data import LabelArray
from layergraph.errors import ArgumentError, DataError, WrongTypeError
from layergraph.segmentation import distinct_colors, labeloverlay, overlay_sheet

COLORS = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)


@given(st.integers(0, 2**32 - 1), st.floats(0, 1), st.sampled_from([1, 3]))
def test_each_pixel_follows_the_formula(seed, transparency, channels):
    random = np.random.default_rng(seed)
    image = random.integers(0, 256, (4, 5, channels), np.uint8)
    labels = random.choice([0, 1, 2, 255], (4, 5))
    overlay = labeloverlay(image, labels, colormap=COLORS, transparency=transparency)
    assert overlay.shape == (4, 5, 3)
    assert overlay.dtype == np.uint8
    for y, x in np.ndindex(4, 5):
        for c in range(3):
            value = float(image[y, x, c % channels])
            if labels[y, x] != 255:
                value = transparency * value + (1 - transparency) * float(COLORS[labels[y, x], c])
            assert abs(overlay[y, x, c] - value) <= 0.5 + 1e-9


def test_the_ends_of_transparency():
    image = np.arange(12, dtype=np.uint8).reshape(3, 4)
    labels = np.arange(12).reshape(3, 4) % 3
    plain = np.repeat(image[:, :, None], 3, axis=2)
    np.testing.assert_array_equal(labeloverlay(image, labels, transparency=1), plain)
    np.testing.assert_array_equal(
        labeloverlay(image, labels, transparency=0, colormap=COLORS), COLORS[labels]
    )


def test_unlabeled_and_excluded_pixels_stay():
    image = np.full((1, 4, 3), 100, np.uint8)
    labels = [[0, 1, 2, 255]]
    overlay = labeloverlay(image, labels, colormap=COLORS, transparency=0, included_labels=[1, 255])
    assert overlay.tolist() == [[[100] * 3, [0, 255, 0], [100] * 3, [100] * 3]]
    assert labeloverlay(image, [[255] * 4]).tolist() == image.tolist()
    assert labeloverlay(image, labels, included_labels=[]).tolist() == image.tolist()


def test_included_labels_are_names_or_indices():
    image, numbers, classes = np.full((1, 4, 3), 100, np.uint8), [[0, 1, 2, 255]], ("sky", "road", "car")
    labels, options = LabelArray(numbers, classes), {"colormap": COLORS, "transparency": 0}
    for included in (["road"], "road", [1], 1):
        overlay = labeloverlay(image, labels, included_labels=included, **options)
        assert overlay.tolist() == [[[100] * 3, [0, 255, 0], [100] * 3, [100] * 3]]
    again = labeloverlay(image, numbers, included_labels=["car", 0], classes=classes, **options)
    assert again.tolist() == [[[255, 0, 0], [100] * 3, [0, 0, 255], [100] * 3]]


def test_labels_of_one_class_may_be_unlabeled_elsewhere():
    image, numbers = np.full((1, 2), 100, np.uint8), [[0, 255]]
    wanted = [[[255, 0, 0], [100] * 3]]
    labels = LabelArray(numbers, ["sky", "road"])
    assert labeloverlay(image, labels, colormap=COLORS, transparency=0).tolist() == wanted
    assert labeloverlay(image, numbers, colormap=COLORS[:1], transparency=0).tolist() == wanted
    assert labeloverlay(image, numbers, classes=["sky"], colormap=COLORS, transparency=0).tolist() == wanted


def test_the_kinds_of_images_agree():
    image = np.array([[0, 51, 255]], np.uint8)
    labels = [[0, 1, 2]]
    wanted = labeloverlay(image, labels)
    for same in (image[:, :, None], image / 255, np.float32(image / 255), image.astype(np.uint16) * 257):
        np.testing.assert_array_equal(labeloverlay(same, labels), wanted)
    np.testing.assert_array_equal(
        labeloverlay(image, labels, colormap=COLORS), labeloverlay(image, labels, colormap=COLORS / 255)
    )


def test_arguments_are_not_changed():
    image, labels = np.full((2, 2, 3), 9, np.uint8), np.zeros((2, 2), np.uint8)
    labeloverlay(image, labels)
    assert (image == 9).all()
    assert (labels == 0).all()


def test_a_class_has_one_color_in_every_picture():
    image = np.zeros((1, 2))
    few, many = labeloverlay(image, [[0, 0]]), labeloverlay(image, [[0, 200]])
    assert few[0, 0].tolist() == many[0, 0].tolist()


def test_colors_are_distinct_and_start_equal():
    every = distinct_colors(255)
    assert len(np.unique(every, axis=0)) == 255
    for count in (0, 1, 11):
        np.testing.assert_array_equal(distinct_colors(count), every[:count])
    # eleven classes, as CamVid has: no two colors that are close in all three channels
    gaps = np.abs(every[:11, None].astype(int) - every[None, :11]).max(axis=2)
    assert gaps[~np.eye(11, dtype=bool)].min() >= 64
    for count in (5000, -1, 2.5):
        with pytest.raises(
            ArgumentError, match=f"^distinct_colors: count must be a whole number from 0 to .*{count}$"
        ):
            distinct_colors(count)


@pytest.mark.parametrize(
    ("image", "labels", "options", "error", "message"),
    [
        (
            np.zeros((2, 3)),
            np.zeros((3, 2), int),
            {},
            DataError,
            "labeloverlay: image and labels must have the same height and width, got (2, 3) and (3, 2)",
        ),
        (
            np.zeros((2, 2, 4)),
            np.zeros((2, 2), int),
            {},
            DataError,
            "labeloverlay: image must be (H, W), (H, W, 1) or (H, W, 3), got the shape (2, 2, 4); "
            "rgb_image(image, channels=(0, 1, 2)) chooses channels",
        ),
        (
            [[2.0]],
            [[0]],
            {},
            DataError,
            "labeloverlay: image must hold floats from 0 to 1, got 2 to 2; divide by 255, or "
            "rgb_image(image, display_range=[]) scales them",
        ),
        (
            [[np.nan]],
            [[0]],
            {},
            DataError,
            "labeloverlay: image must hold numbers, got NaN; np.nan_to_num makes them 0",
        ),
        (
            [[300]],
            [[0]],
            {},
            DataError,
            "labeloverlay: image must hold whole numbers from 0 to 255, got 300 to 300; "
            "rgb_image(image, display_range=[]) scales them",
        ),
        (
            [[0.0]],
            [[0.0]],
            {},
            WrongTypeError,
            "labeloverlay: labels must hold integer class indices, got an array of float64",
        ),
        ([[0.0]], [[-1]], {}, DataError, "labeloverlay: labels must be 0 or more, got -1"),
        (
            [[0.0]],
            [[0]],
            {"transparency": 1.5},
            ArgumentError,
            "labeloverlay: transparency must be a finite number from 0 to 1, got 1.5",
        ),
        (
            [[0.0]],
            [[3]],
            {"colormap": COLORS},
            ArgumentError,
            "labeloverlay: colormap must have a color for the label 3, got 3 colors",
        ),
        (
            [[0.0]],
            [[0]],
            {"colormap": [0, 0, 0]},
            ArgumentError,
            "labeloverlay: colormap must be (M, 3), one RGB row per class, got the shape (3,)",
        ),
        (
            [[0.0]],
            [[0]],
            {"colormap": [[0, 0, 256]]},
            ArgumentError,
            "labeloverlay: colormap must hold whole numbers from 0 to 255, got 0 to 256; give uint8",
        ),
        (
            [[0.0]],
            [[0]],
            {"colormap": [[1, 0, 0]]},
            ArgumentError,
            "labeloverlay: colormap must hold whole numbers from 0 to 255, got only 0 and 1, nearly black; "
            "give 0 to 255, or floats",
        ),
        (
            [[0.0]],
            [[True]],
            {},
            WrongTypeError,
            "labeloverlay: labels must hold class indices, got a boolean mask; np.where(mask, 1, 0) makes "
            "True class 1 and False class 0, np.where(mask, 0, 255) leaves what is False unlabeled",
        ),
        (
            [[0.0, 0.0]],
            [[0, 255]],
            {},
            DataError,
            "labeloverlay: labels must hold class indices, got 0 and 255 alone, as a mask has, and 255 means "
            "unlabeled; np.where(mask == 255, 1, 0) makes the mask class 1; for labels of the first class "
            "where 255 does mean unlabeled, give LabelArray(labels, classes)",
        ),
        (
            [[0.0], [0.0, 1.0]],
            [[0]],
            {},
            DataError,
            "labeloverlay: image must be an array, got rows of different lengths",
        ),
        (
            [[0.0]],
            [[0]],
            {"colormap": "jet"},
            WrongTypeError,
            "labeloverlay: colormap must hold numbers, got an array of <U3",
        ),
        (
            [[0.0]],
            [[0]],
            {"included_labels": 1.5},
            ArgumentError,
            "labeloverlay: included_labels must be a whole number from 0 to 255, got 1.5",
        ),
        (
            [[0.0]],
            [[0]],
            {"included_labels": ["sky"]},
            ArgumentError,
            "labeloverlay: included_labels must be class indices for labels without class names, got 'sky'; "
            "give classes too",
        ),
        (
            [[0.0]],
            [[0]],
            {"included_labels": "raod", "classes": ["sky", "road"]},
            ArgumentError,
            "labeloverlay: included_labels must be classes, got 'raod'; did you mean 'road'?",
        ),
        (
            [[0.0]],
            [[0]],
            {"included_labels": [2], "classes": ["sky", "road"]},
            ArgumentError,
            "labeloverlay: included_labels must be a whole number from 0 to 1, got 2",
        ),
    ],
)
def test_invalid_arguments(image, labels, options, error, message):
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        labeloverlay(image, labels, **options)


def test_a_sheet_holds_every_picture_enlarged():
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, (8, 6), np.uint8) for _ in range(2)]
    labels = [random.choice([0, 1, 255], (8, 6)) for _ in range(2)]
    sheet = overlay_sheet(images, labels, labels[::-1], ["sky", "road"], colormap=COLORS, scale=20)
    assert sheet.dtype == np.uint8
    windows = np.lib.stride_tricks.sliding_window_view(sheet, (160, 120, 3))[:, :, 0]
    for image, truth, predicted in zip(images, labels, labels[::-1], strict=True):
        overlays = [
            labeloverlay(image, some, colormap=COLORS, transparency=0.4) for some in (truth, predicted)
        ]
        lefts = []
        for picture in (np.repeat(image[:, :, None], 3, axis=2), *overlays):
            large = np.kron(picture, np.ones((20, 20, 1), np.uint8))
            corners = np.argwhere((windows[:, :, 0, 0] == large[0, 0]).all(axis=2))
            positions = [(y, x) for y, x in corners if np.array_equal(windows[y, x], large)]
            assert len(positions) == 1
            lefts.append(positions[0])
        assert len({y for y, _ in lefts}) == 1
        assert [x for _, x in lefts] == sorted(x for _, x in lefts)


def test_a_sheet_shows_the_legend():
    image, labels = np.zeros((32, 32)), np.full((32, 32), 255)
    sheet = overlay_sheet([image], [labels], [labels], ["sky", "road", "car"], colormap=COLORS)
    for color in COLORS:
        assert (sheet == color).all(axis=2).sum() >= 100


def test_the_scale_follows_the_largest_picture():
    def sheet_of(*sizes, **options):
        images, labels = [np.zeros(size) for size in sizes], [np.zeros(size, int) for size in sizes]
        return overlay_sheet(images, labels, labels, ["sky"], **options)

    assert sheet_of((32, 32)).shape == sheet_of((32, 32), scale=6).shape
    assert sheet_of((32, 32), (96, 20)).shape == sheet_of((32, 32), (96, 20), scale=2).shape
    assert sheet_of((300, 400)).shape == sheet_of((300, 400), scale=1).shape


def test_names_from_outside_are_on_one_line():
    image, labels = np.zeros((32, 32)), np.zeros((32, 32), int)
    sheets = [overlay_sheet([image], [labels], [labels], [name]) for name in ("a\nb\x1b[2J", "a\\nb\\x1b[2J")]
    np.testing.assert_array_equal(*sheets)


def test_long_and_many_class_names_fit():
    image, labels = np.zeros((32, 32)), np.zeros((32, 32), int)
    wide = overlay_sheet([image], [labels], [labels], ["a very long name of a class " * 6])
    narrow = overlay_sheet([image], [labels], [labels], ["sky"])
    assert wide.shape[1] > narrow.shape[1]
    many = overlay_sheet([image], [labels], [labels], [f"class {i}" for i in range(40)])
    assert many.shape[1] == narrow.shape[1]
    assert many.shape[0] > narrow.shape[0]


@pytest.mark.parametrize(
    ("count", "classes", "options", "message"),
    [
        (
            (1, 2, 1),
            ["sky"],
            {},
            "overlay_sheet: there must be one truth and one prediction per image, got 1 images, 2 truths and "
            "1 predictions",
        ),
        ((0, 0, 0), ["sky"], {}, "overlay_sheet: images must hold one image or more, got none"),
        (
            (1, 1, 1),
            ["sky", "road", "car", "sign"],
            {"colormap": COLORS},
            "overlay_sheet: colormap must have one color per class (4), got 3",
        ),
        (
            (1, 1, 1),
            ["sky"],
            {"scale": 0},
            "overlay_sheet: scale must be a whole number of at least 1, got 0",
        ),
        (
            (1, 1, 1),
            ["sky"],
            {"scale": "2"},
            "overlay_sheet: scale must be a whole number of at least 1, got '2'",
        ),
    ],
)
def test_invalid_sheets(count, classes, options, message):
    images, truths, predictions = ([np.zeros((2, 2), np.uint8)] * number for number in count)
    with pytest.raises((DataError, ArgumentError), match=f"^{re.escape(message)}$"):
        overlay_sheet(images, truths, predictions, classes, **options)


def test_a_boolean_image_is_black_and_white():
    drawn = labeloverlay(np.array([[True, False]]), [[255, 255]])
    assert drawn.tolist() == [[[255] * 3, [0] * 3]]
