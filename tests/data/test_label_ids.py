from itertools import chain

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layergraph.data.label_ids import LabelIds
from layergraph.errors import DataError, WrongTypeError

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)


@pytest.mark.parametrize(
    ("label_ids", "ids"),
    [
        ([255, 0], ((255,), (0,))),
        (range(2), ((0,), (1,))),
        (np.array([7, 65535], np.uint16), ((7,), (65535,))),
        ([np.int64(3), [4, 5]], ((3,), (4, 5))),
        ([range(3), (7, 8)], ((0, 1, 2), (7, 8))),
        ([(0, 1, 2), 9], ((0, 1, 2), (9,))),
        ([{1, 2, 3}, {4, 5, 6}], ((1, 2, 3), (4, 5, 6))),
        (np.array([[1, 2], [3, 4]]), ((1, 2), (3, 4))),
        ([[1, 1], [2]], ((1, 1), (2,))),
    ],
)
def test_forms_of_numbers(label_ids, ids):
    result = LabelIds(["a", "b"], label_ids)
    assert result.ids == ids
    assert not result.is_rgb


@pytest.mark.parametrize(
    ("label_ids", "ids"),
    [
        ([RED, GREEN], ((RED,), (GREEN,))),
        ([list(RED), np.array(GREEN)], ((RED,), (GREEN,))),
        (np.array([RED, GREEN]), ((RED,), (GREEN,))),
        ([RED, [GREEN, list(BLUE)]], ((RED,), (GREEN, BLUE))),
        ([np.array([RED, BLUE]), [GREEN]], ((RED, BLUE), (GREEN,))),
        ([[RED, (1, 2, 3), (4, 5, 6)], [BLUE]], ((RED, (1, 2, 3), (4, 5, 6)), (BLUE,))),
    ],
)
def test_forms_of_colors(label_ids, ids):
    result = LabelIds(("a", "b"), label_ids)
    assert result.ids == ids
    assert result.is_rgb


def naive(label_ids, pixel):
    return next((i for i, group in enumerate(label_ids) if pixel in group), 255)


def grouped(element):
    return st.lists(element, min_size=1, max_size=40, unique=True).flatmap(
        lambda all_ids: st.lists(st.integers(0, 9), min_size=len(all_ids), max_size=len(all_ids)).map(
            lambda owner: [
                [i for i, o in zip(all_ids, owner, strict=True) if o == own] for own in sorted({*owner})
            ]
        )
    )


@given(groups=grouped(st.integers(0, 65535)), others=st.lists(st.integers(0, 65535)))
def test_numbers_against_a_loop(groups, others):
    ids = LabelIds([f"class {i}" for i in range(len(groups))], [set(group) for group in groups])
    pixels = np.array([*others, *chain(*groups)], np.uint16)
    expected = [naive(groups, pixel) for pixel in pixels.tolist()]
    result = ids.indices(pixels)
    assert result.dtype == np.uint8
    assert result.tolist() == expected


@given(
    groups=grouped(st.tuples(*[st.integers(0, 255)] * 3)),
    others=st.lists(st.tuples(*[st.integers(0, 255)] * 3)),
)
def test_colors_against_a_loop(groups, others):
    ids = LabelIds([f"class {i}" for i in range(len(groups))], groups)
    pixels = [*others, *chain(*groups)]
    codes = np.array([r + 256 * g + 65536 * b for r, g, b in pixels], np.uint32)
    result = ids.indices(codes.reshape(1, -1))
    assert result.dtype == np.uint8
    assert result.tolist() == [[naive(groups, pixel) for pixel in pixels]]


def test_255_classes():
    ids = LabelIds([str(i) for i in range(255)], range(255))
    assert ids.indices(np.arange(256)).tolist() == list(range(256))


@pytest.mark.parametrize(
    ("classes", "label_ids", "text"),
    [
        (["a", "a"], [1, 2], "classes must be distinct, got 'a' twice"),
        (["a", " "], [1, 2], "classes must not be empty, got ' ' at position 1"),
        (
            ["a", "b"],
            [1],
            "label_ids must have one entry per class (2), an id or a list of ids, got 1",
        ),
        (
            ["a"],
            [1, 2],
            "label_ids must have one entry per class (1), an id or a list of ids, got 2",
        ),
        (
            ["a", "b"],
            [[1, 2], [4, 2]],
            "label_ids must give each id to one class, got 2 for 'a' and 'b'",
        ),
        (
            ["a", "b"],
            [RED, [BLUE, RED]],
            "label_ids must give each id to one class, got (255, 0, 0) for 'a' and 'b'",
        ),
        (
            ["a", "b"],
            [[RED, BLUE], 7],
            "label_ids must be numbers for every class, or RGB triplets for every class, got triplets for "
            "class 'a' and 7 for class 'b'",
        ),
        (
            ["a", "b"],
            [1, []],
            "label_ids must have an id for every class, got none for class 'b'; leave the class out, or "
            "give it an id",
        ),
        (["a"], [-1], "label_ids of class 'a' must be numbers from 0 to 65535, got -1"),
        (["a"], [65536], "label_ids of class 'a' must be numbers from 0 to 65535, got 65536"),
        (
            ["a"],
            [(0, 0, 256)],
            "label_ids of class 'a' must be RGB triplets of numbers from 0 to 255, got 256",
        ),
        (
            ["a"],
            [[RED, (1, 2)]],
            "label_ids of class 'a' must be RGB triplets of three numbers from 0 to 255, got [1, 2]",
        ),
        (
            [str(i) for i in range(256)],
            range(256),
            "classes must be 1 to 255 names, as labels are 8-bit numbers with 255 for unlabeled, got 256",
        ),
        (
            [],
            [],
            "classes must be 1 to 255 names, as labels are 8-bit numbers with 255 for unlabeled, got 0",
        ),
    ],
)
def test_invalid_ids(classes, label_ids, text):
    with pytest.raises(DataError) as caught:
        LabelIds(classes, label_ids)
    assert str(caught.value) == f"PixelLabelDatastore: {text}"


@pytest.mark.parametrize(
    ("classes", "label_ids", "text"),
    [
        ("ab", [1, 2], "classes must be a sequence of class names, got 'ab'"),
        (["a", 3], [1, 2], "classes must be text, got 3 at position 1"),
        (["a"], {1}, "label_ids must be a sequence with one entry per class, got {1}"),
        (["a"], 1, "label_ids must be a sequence with one entry per class, got 1"),
        (["a"], [1.5], "label_ids of class 'a' must be whole numbers or RGB triplets, got 1.5"),
        (["a"], [True], "label_ids of class 'a' must be whole numbers or RGB triplets, got True"),
        (["a"], ["1"], "label_ids of class 'a' must be whole numbers or RGB triplets, got '1'"),
        (
            ["a"],
            [(1, 2, None)],
            "label_ids of class 'a' must be whole numbers or RGB triplets, got None",
        ),
    ],
)
def test_wrong_types(classes, label_ids, text):
    with pytest.raises(WrongTypeError) as caught:
        LabelIds(classes, label_ids)
    assert str(caught.value) == f"PixelLabelDatastore: {text}"
