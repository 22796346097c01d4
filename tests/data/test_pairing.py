"""Which files belong together, by their names."""

import random
import re
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layergraph.data.pairing import PairingWarning, partners, unique_names
from layergraph.errors import DataError


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a/x.png"], ["x"]),
        (["a/x.png", "a/x.jpg"], ["x", "x_2"]),
        (["a/x.png", "a/X.png"], ["x", "X_2"]),
        (["a/x.png"] * 3, ["x", "x_2", "x_3"]),
        (["a/x.png", "a/x.jpg", "a/x_2.png"], ["x", "x_3", "x_2"]),
        (["a/x.png", "b/x.png", "b/a_x.png"], ["a_x", "b_x", "a_x_2"]),
        (["a/b/x.png", "a/c/x.png", "a/c/y.png"], ["b_x", "c_x", "y"]),
        (["x/y_z.png", "x_y/z.png", "w/z.png"], ["y_z", "x_y_z", "w_z"]),
    ],
)
def test_names_of_files_are_unique(files, names):
    assert unique_names([Path(file) for file in files]) == names


def paths(folder, names):
    return [Path(folder, f"{name}.png") for name in names]


@pytest.mark.parametrize(
    ("image", "mask"),
    [("{}", "{}"), ("scan{}", "scan{}_mask"), ("{}", "{}_m"), ("x{}y", "pixelLabel_x{}y"), ("{}a", "b{}")],
)
def test_files_are_paired_by_what_their_names_do_not_share(image, mask):
    numbers = range(1, 13)
    images = sorted(paths("images", map(image.format, numbers)))
    masks = sorted(paths("masks", map(mask.format, numbers)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [masks[place] for place in partners(images, masks, "combine")]
    wanted = {Path("images", f"{image.format(n)}.png"): mask.format(n) for n in numbers}
    assert [file.stem for file in found] == [wanted[file] for file in images]


@given(
    st.lists(st.text("a_1", max_size=4), min_size=2, max_size=6, unique=True),
    st.text("a_1", max_size=3),
    st.text("a_1", max_size=3),
    st.integers(0, 1000),
)
def test_no_pair_is_wrong_whatever_is_put_around_the_names(names, before, after, seed):
    """Where a file is not found, that is an error, and never another file."""
    images = paths("images", names)
    shuffled = random.Random(seed).sample(names, len(names))
    masks = paths("masks", (before + name + after for name in shuffled))
    if any(not file.stem for file in (*images, *masks)):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            found = partners(images, masks, "combine")
    except (DataError, PairingWarning):
        return
    assert [shuffled[place] for place in found] == names


def test_subfolders_of_equal_names():
    images = [Path("i", folder, "x.png") for folder in "abc"]
    masks = [Path("m", folder, "x.png") for folder in "cab"]
    assert partners(images, masks, "combine") == [1, 2, 0]
    results = paths("out", ["pixelLabel_c_x", "pixelLabel_a_x", "pixelLabel_b_x"])
    assert partners(images, results, "combine") == [1, 2, 0]


@pytest.mark.parametrize(
    ("images", "masks", "alone", "where"),
    [
        (["a1", "a2", "a3"], ["a1_m", "a2_m", "a4_m"], "images/a3.png", "masks"),
        (["a1", "a2"], ["a1_m", "a2_m", "a3_m"], "masks/a3_m.png", "images"),
        (["a1", "a2", "a3"], ["a1_m", "a2_m"], "images/a3.png", "masks"),
    ],
)
def test_a_file_without_a_partner_is_named(images, masks, alone, where):
    message = (
        f"combine: each file must have a partner of the same name, got none for '{alone}' in '{where}'; add "
        'it, leave the file out, or give pair="order"'
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        partners(paths("images", images), paths("masks", masks), "combine")


def test_names_without_anything_in_common_are_paired_in_order_with_a_warning():
    images, masks = paths("images", ["cat", "dog", "emu", "fox"]), paths("masks", "1234")
    message = (
        "combine: the names of the files have nothing in common, so that they are paired in their order: "
        "'cat.png' with '1.png', 'dog.png' with '2.png', 'emu.png' with '3.png'; pair=\"order\" says that "
        "this is right"
    )
    with pytest.warns(PairingWarning, match=f"^{re.escape(message)}$") as caught:
        assert partners(images, masks, "combine") == [0, 1, 2, 3]
    assert len(caught) == 1
    message = "combine: there must be as many files on both sides, got 4 in 'images' and 3 in 'masks'"
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        partners(images, masks[:3], "combine")
