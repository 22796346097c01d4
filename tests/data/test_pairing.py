"""Pairs of files by their names."""

import random
import re
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layergraph.data import ImageDatastore, combine, write_image
from layergraph.data.pairing import partners
from layergraph.data.unique_names import unique_names
from layergraph.errors import DataError, DataWarning


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
def test_files_are_paired_by_the_different_parts_of_names(image, mask):
    numbers = range(1, 13)
    images = sorted(paths("images", map(image.format, numbers)))
    masks = sorted(paths("masks", map(mask.format, numbers)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        paired = [masks[position] for position in partners(images, masks, "combine")]
    wanted = {Path("images", f"{image.format(n)}.png"): mask.format(n) for n in numbers}
    assert [file.stem for file in paired] == [wanted[file] for file in images]


@given(
    st.lists(st.text("a_1", max_size=4), min_size=2, max_size=6, unique=True),
    st.text("a_1", max_size=3),
    st.text("a_1", max_size=3),
    st.integers(0, 1000),
)
def test_no_pair_is_wrong_for_any_prefix_and_suffix(names, before, after, seed):
    """A missing partner is an error, and never another file."""
    images = paths("images", names)
    shuffled = random.Random(seed).sample(names, len(names))
    masks = paths("masks", (before + name + after for name in shuffled))
    if any(not file.stem for file in (*images, *masks)):
        return
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            positions = partners(images, masks, "combine")
    except (DataError, DataWarning):
        return
    assert [shuffled[position] for position in positions] == names


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
    message = f"combine: '{alone}' has no partner among the files such as '{where}/"
    with pytest.raises(DataError, match=f"^{re.escape(message)}"):
        partners(paths("images", images), paths("masks", masks), "combine")


def test_unrelated_names_are_paired_in_order_with_a_warning():
    images, masks = paths("images", ["cat", "dog", "emu", "fox"]), paths("masks", "1234")
    message = (
        "combine: the names of the files have nothing in common, so their order pairs them: 'cat.png' with "
        "'1.png', 'dog.png' with '2.png', 'emu.png' with '3.png', ...; check the pairs, and give "
        "pair='order' if they are right"
    )
    with pytest.warns(DataWarning, match=f"^{re.escape(message)}$") as caught:
        assert partners(images, masks, "combine") == [0, 1, 2, 3]
    assert len(caught) == 1
    message = (
        "combine: both stores must have the same number of files, got 4 ('images/cat.png' first) and 3 "
        "('masks/1.png' first); give each file a partner"
    )
    with pytest.raises(DataError, match=f"^{re.escape(message)}$"):
        partners(images, masks[:3], "combine")


@pytest.mark.parametrize(
    ("images", "masks", "order"),
    [
        # numbers are not split: with a cut at characters, both stores would have the keys 0 to 9
        ([f"scan{n}" for n in range(10, 20)], [f"scan{n}_m" for n in range(19, 9, -1)], range(9, -1, -1)),
        (["img_001", "img_010"], ["label_10", "label_1"], [1, 0]),
        (["1", "01"], ["01", "1"], [1, 0]),
        (["Ä", "b"], ["B", "a\u0308"], [1, 0]),  # one letter, or two as macOS writes it
        (["scan", "scan_2"], ["scan_2_mask", "scan_mask"], [1, 0]),
        (["2019_1", "2020_1"], ["2020_1_m", "2019_1_m"], [1, 0]),
        (["a", "a", "b"], ["b_m", "a_m", "a_m"], [1, 2, 0]),
        (["cat"], ["7"], [0]),
    ],
)
def test_hard_names(images, masks, order):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert partners(paths("images", images), paths("masks", masks), "combine") == [*order]


def test_stores_of_other_numbers_are_paired_with_a_warning():
    images, masks = (
        paths("images", ["patient1_1", "patient1_2"]),
        paths("masks", ["patient2_1", "patient2_2"]),
    )
    with pytest.warns(DataWarning, match="all files of a store share"):
        assert partners(images, masks, "combine") == [0, 1]
    images, masks = (
        paths("images", [f"s{n}" for n in range(10, 20)]),
        paths("masks", [f"s{n}" for n in range(20, 30)]),
    )
    with pytest.warns(DataWarning, match="nothing in common"):
        partners(images, masks, "combine")


@pytest.fixture
def scans(tmp_path):
    """Twelve images and their masks; in alphabetical order 10 comes before 2, and 1_mask after 12_mask."""
    for n in range(1, 13):
        for name in (f"images/scan{n}.png", f"masks/scan{n}_mask.png"):
            (tmp_path / name).parent.mkdir(exist_ok=True)
            write_image(tmp_path / name, [[n]])
    return ImageDatastore(tmp_path / "images"), ImageDatastore(tmp_path / "masks")


def test_combined_stores_are_paired_by_name(scans):
    images, masks = scans
    assert [path.name for path in masks.files][:2] != ["scan1_mask.png", "scan10_mask.png"]
    for pairs in (combine(images, masks), images.combine(masks), combine(images.shuffle(3), masks)):
        assert all(image == mask for image, mask in pairs)
        assert all(image == mask for image, mask in pairs.shuffle(1)[2:7])
    assert [int(image[0, 0, 0]) for image, _ in combine(masks, images)] == [
        int(mask[0, 0, 0]) for mask in masks
    ]
    by_order = combine(images, masks, pair="order")
    assert not all(image == mask for image, mask in by_order)
    assert [int(mask[0, 0, 0]) for _, mask in by_order[3:]] == [int(mask[0, 0, 0]) for mask in masks][3:]


def test_transformed_and_combined_stores_have_the_same_order(scans):
    images, masks = scans
    doubled = masks.transform(lambda mask: 2 * mask)
    three = combine(images, combine(doubled, masks))
    assert all(2 * image == double and image == mask for image, double, mask in three)
    with pytest.raises(DataError, match="pair"):
        combine(images, masks[:11])
    assert len(combine(images[:11], masks[1:], pair="order")) == 11
