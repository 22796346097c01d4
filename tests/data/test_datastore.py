import subprocess
import sys

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from layergraph.data import (
    ArrayDatastore,
    CombinedDatastore,
    Datastore,
    ImageDatastore,
    combine,
    transform,
    triangle_images,
    write_image,
)
from layergraph.errors import ArgumentError, DataError, WrongTypeError


class Numbers(Datastore[int]):
    """A minimal store, whose items are its numbers."""

    def __init__(self, numbers):
        self.numbers = tuple(numbers)

    def __len__(self):
        return len(self.numbers)

    def read_item(self, index):
        return self.numbers[index]


def every_kind(count):
    """A plain, a transformed and a combined store, each with a function from its item to the plain item."""
    plain = Numbers(range(count))
    return [
        (plain, lambda item: item),
        (plain.transform(lambda item: -item), lambda item: -item),
        (combine(plain, plain.transform(str)), lambda item: item[0] if str(item[0]) == item[1] else None),
        (combine(plain, plain).transform(sum), lambda item: item // 2),
    ]


@given(count=st.integers(0, 30), parts=st.integers(1, 40), seed=st.integers(0, 2**40))
def test_partition_and_shuffle_keep_items_and_pairs(count, parts, seed):
    for store, plain in every_kind(count):
        pieces = [store.partition(parts, index) for index in range(parts)]
        assert [plain(item) for piece in pieces for item in piece] == list(range(count))
        assert max(map(len, pieces)) - min(map(len, pieces)) <= 1
        shuffled = [plain(item) for item in store.shuffle(seed)]
        assert sorted(shuffled) == list(range(count))
        assert shuffled == [plain(item) for item in store.shuffle(seed)]
        assert [plain(item) for item in store] == list(range(count)), "the store itself has changed"


@given(data=st.data(), count=st.integers(1, 20))
def test_indexing_is_that_of_a_list(data, count):
    indices = data.draw(st.lists(st.integers(-count, count - 1)))
    cut = data.draw(st.slices(count))
    for store, plain in every_kind(count):
        assert [plain(item) for item in store.subset(indices)] == [range(count)[i] for i in indices]
        assert [plain(item) for item in store[np.array(indices, int)]] == [range(count)[i] for i in indices]
        assert [plain(item) for item in store[cut]] == list(range(count))[cut]
        for index in indices:
            assert plain(store[index]) == range(count)[index]


def test_orders_differ_between_seeds_and_without():
    store = Numbers(range(50))
    assert list(store.shuffle(0)) != list(store.shuffle(1))
    assert list(store.shuffle()) != list(store.shuffle())


def test_numbers_of_numpy_and_torch_are_positions():
    store = Numbers(range(5))
    assert store[np.int64(2)] == store[torch.tensor(2)] == store[np.array(2)] == 2
    assert list(store[torch.tensor([3])]) == list(store[np.array([3])]) == [3]
    assert list(store[(4, 0)]) == [4, 0]


@pytest.mark.parametrize("index", [5, -6])
def test_past_the_end(index, refusal):
    store, text = Numbers(range(5)), f"Numbers: a position must be within its 5 items, got {index}"
    assert refusal(store.__getitem__, index, error=IndexError) == text
    assert refusal(store.subset, [0, index], error=IndexError) == text


@pytest.mark.parametrize("index", [1.0, True, None, np.True_, torch.tensor(True)])
def test_invalid_positions(index, refusal):
    store = Numbers(range(5))
    text = f"Numbers: a position must be a whole number, got {index!r}"
    assert refusal(store.__getitem__, index, error=WrongTypeError) == text
    # among whole numbers, a boolean is no mask either
    assert refusal(store.__getitem__, [0, index], error=WrongTypeError) == text


def test_masks_select_items():
    store = Numbers(range(4))
    for mask in ([True, False, True, False], np.array([1, 0, 1, 0], bool), torch.tensor([1, 0, 1, 0]) == 1):
        assert list(store.subset(mask)) == list(store[mask]) == [0, 2]
    assert list(store.subset([False] * 4)) == list(store.subset([])) == []


@pytest.mark.parametrize("length", [1, 3, 5])
def test_masks_of_other_lengths_are_refused(length, refusal):
    for mask in ([True] * length, np.ones(length, bool), torch.ones(length) == 1):
        assert refusal(Numbers(range(4)).subset, mask) == (
            f"Numbers: a mask must have one boolean per item (4), got {length}; give whole numbers to select "
            "by position"
        )


def test_invalid_subsets(refusal):
    store = Numbers(range(5))
    text = "subset: indices must be a slice, a mask or a sequence of whole numbers, got"
    assert refusal(store.__getitem__, "ab", error=WrongTypeError) == f"{text} 'ab'"
    assert refusal(store.subset, 3, error=WrongTypeError) == f"{text} 3"
    assert "whole number, got [True" in refusal(store.subset, [[True] * 5], error=WrongTypeError)


@given(count=st.integers(8, 60), seed=st.integers(0, 2**40))
def test_split_gives_every_item_once(count, seed):
    for store, plain in every_kind(count):
        parts = store.split(0.6, 0.2, 0.2, seed=seed)
        assert sorted(plain(item) for part in parts for item in part) == list(range(count))
        assert [*map(len, parts)] == [int(0.6 * count + 0.5), int(0.2 * count + 0.5), len(parts[2])]
        again = store.split(0.6, 0.2, 0.2, seed=seed)
        assert [[*map(plain, part)] for part in parts] == [[*map(plain, part)] for part in again]


def test_the_parts_of_a_split():
    store = Numbers(range(10))
    sizes = {(0.6, 0.4): [6, 4], (0.5,): [5, 5], (0.25, 0.25): [3, 3, 4], (7, 3): [7, 3], (7,): [7, 3]}
    for parts, expected in sizes.items():
        assert [*map(len, store.split(*parts))] == expected, parts
    assert set(store.split(5, seed=1)[0]) != set(store.split(5, seed=2)[0])
    assert [*map(len, Numbers(range(701)).split(0.6, 0.2, 0.2))] == [421, 140, 140]


def test_invalid_splits(refusal):
    split = Numbers(range(10)).split
    kinds = "split: parts must be fractions of a sum of at most 1, or whole numbers of items, got"
    for parts in ((0.6, 0.6), (0.5, 3), (-0.5,), (1.5,), (0, 0.5)):
        assert refusal(split, *parts) == f"{kinds} ({', '.join(map(str, parts))})"
    assert refusal(split, 8, 3) == "split: parts must be at most 10 items in all, got (8, 3)"
    for parts in ((), ("0.5",), (True,), (float("nan"),)):
        assert refusal(split, *parts, error=(WrongTypeError, DataError)).startswith("split: parts must be")
    assert refusal(split, 0.96, 0.04) == (
        "split: each part must get an item, got 10 + 0 of 10 items; give other parts, or a larger store"
    )


def test_numbers_out_of_range(refusal):
    for parts, index in ((0, 0), (3, 3), (3, -1)):
        assert refusal(Numbers(range(5)).partition, parts, index) == (
            "partition: num_parts must be at least 1 and index from 0 to num_parts - 1, "
            f"got num_parts={parts} and index={index}"
        )
    assert refusal(Numbers(range(5)).shuffle, -1) == "shuffle: seed must be 0 or more, got -1"


def test_unequal_lengths_are_refused(tmp_path, refusal):
    for name in ("images/a.png", "images/b.png", "labels/a.png"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        write_image(tmp_path / name, [[1]])
    images, labels = ImageDatastore(tmp_path / "images"), ImageDatastore(tmp_path / "labels")
    assert refusal(combine, images, labels) == (
        f"combine: '{tmp_path}/images/b.png' has no partner among the files such as "
        f"'{tmp_path}/labels/a.png'; files are paired by the part of their names that differs, here 'b'; "
        "add or remove a file, or give pair='order' to pair them in order"
    )
    assert refusal(combine, images, labels, pair="order") == (
        "combine: all stores must have one length, got "
        f"ImageDatastore(2 items, first file '{tmp_path}/images/a.png') and "
        f"ImageDatastore(1 item, first file '{tmp_path}/labels/a.png'); "
        "give each the same items in the same order"
    )
    numbers = Numbers(range(3))
    assert "got Numbers(3 items) and SubsetDatastore(1 item); give" in refusal(numbers.combine, numbers[:1])


def test_combine_and_transform_take_stores(refusal):
    one = Numbers([1])
    assert refusal(combine) == "combine: there must be at least one datastore, got none"
    assert refusal(combine, one, [1], error=WrongTypeError) == "combine: stores must be datastores, got list"
    assert (
        refusal(transform, [1], str, error=WrongTypeError) == "transform: store must be a datastore, got list"
    )
    text = refusal(transform, one, 3, error=WrongTypeError)
    assert text == "transform: function must be a function of one item, got 3"


def test_a_combined_store_counts_as_its_parts():
    one = Numbers([1, 2])
    nested = combine(combine(one, one.transform(str)), one)
    assert nested[1] == (2, "2", 2)
    assert len(nested.stores) == 3
    assert nested[:1][0] == (1, "1", 1)
    assert isinstance(nested.shuffle(0), CombinedDatastore)


def test_classes_and_files_come_from_the_parts(tmp_path):
    images, labels = triangle_images(tmp_path, n=3)
    pairs = combine(Numbers(range(3)), images, labels).transform(lambda item: item)[1:]
    assert pairs.classes == ("triangle", "background")
    assert [file.name for file in pairs.files] == ["image_002.png", "image_003.png"]
    assert Numbers([1]).classes is None
    assert Numbers([1]).files is None
    assert images.classes is None


def test_a_transform_gets_the_information_of_the_item(tmp_path):
    images, labels = triangle_images(tmp_path, n=2)
    store = combine(images, labels).transform(lambda item, info: (item, info), include_info=1)
    _, infos = store[1:][0]
    assert [info.filename for info in infos] == [images.files[1], labels.files[1]]
    assert infos == store.info(1)


def test_an_error_in_a_transform_names_the_item(tmp_path):
    images, _ = triangle_images(tmp_path, n=2)
    with pytest.raises(ZeroDivisionError) as caught:
        images.transform(lambda image: 1 / 0)[1]
    file = tmp_path / "images" / "image_002.png"
    assert caught.value.__notes__ == [f"raised by the transform of item 1 (file '{file}')"]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_torch_loader_reads_pairs(tmp_path, workers):
    images, labels = triangle_images(tmp_path, n=10)
    loader = torch.utils.data.DataLoader(combine(images, labels), batch_size=4, num_workers=workers)
    batches = list(loader)
    assert [tuple(batch[0].shape) for batch in batches] == [(4, 32, 32, 1), (4, 32, 32, 1), (2, 32, 32, 1)]
    np.testing.assert_array_equal(torch.cat([batch[1] for batch in batches]), np.stack(list(labels)))


def test_the_import_loads_nothing_heavy():
    heavy = "torch", "lightning", "scipy", "matplotlib", "rich", "PIL.Image"
    code = f"import sys, layergraph.data; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_numpartitions_is_the_number_of_useful_parts():
    store = ArrayDatastore(np.arange(7))
    assert (store.numpartitions(), store.numpartitions(2), store.numpartitions(100)) == (7, 6, 7)
    parts = [store.partition(store.numpartitions(2), index) for index in range(store.numpartitions(2))]
    assert [int(item) for part in parts for item in part] == list(range(7))
    assert all(map(len, parts))
    assert store[:0].numpartitions() == 0
    with pytest.raises(ArgumentError, match="num_workers must be a whole number of at least 1, got 0"):
        store.numpartitions(0)
