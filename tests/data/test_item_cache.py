"""Caches: every item is read once, and wrong caches are refused."""

import collections
import shutil

import numpy as np
import pytest
import torch

from layergraph.data import Datastore, LabelArray, combine, triangle_images
from layergraph.errors import DataError, WrongTypeError


class Counted(Datastore):
    """Items from a list, with the number of reads of each."""

    def __init__(self, items):
        self.items, self.reads = items, collections.Counter()

    def __len__(self):
        return len(self.items)

    def read_item(self, index):
        self.reads[index] += 1
        return self.items[index]


class Random(Datastore):
    def __len__(self):
        return 4

    def read_item(self, index):
        return np.random.default_rng().normal(size=3)


@pytest.fixture(params=["memory", "folder"])
def place(request, tmp_path):
    return {} if request.param == "memory" else {"folder": tmp_path / "cache"}


def items():
    labels = LabelArray([[0, 1], [1, 255]], ["sky", "road"])
    return [
        np.array([[1.5, np.nan]], np.float32),
        (np.arange(6, dtype=np.uint16).reshape(2, 3), labels),
        (labels, 3, 0.5),
        np.zeros((2, 0)),
        7,
        np.float32(2.5),
        (np.ones(1, bool),),
    ]


def test_cached_items_are_the_items(place):
    store = Counted(items())
    cached = store.cache(**place)
    for _ in range(2):
        for index, expected in enumerate(items()):
            got = cached[index]
            assert type(got) is type(expected)
            parts = zip(
                *(item if isinstance(item, tuple) else (item,) for item in (got, expected)), strict=True
            )
            for part, wanted in parts:
                assert type(part) is type(wanted)
                assert getattr(part, "classes", None) == getattr(wanted, "classes", None)
                np.testing.assert_array_equal(part, wanted, strict=isinstance(wanted, np.ndarray))
    # two more at most for the check that items do not change
    assert max(store.reads.values()) <= 3
    before = store.reads.copy()
    list(cached), list(cached[::-1])
    assert store.reads == before


def test_a_change_of_an_item_does_not_reach_the_cache(place):
    cached = Counted([np.zeros(3), (np.zeros(2), np.zeros(1))]).cache(**place)
    cached[0][:] = 9
    cached[1][0][:] = 9
    assert cached[0].sum() == cached[1][0].sum() == 0


def test_random_items_are_refused(place, tmp_path, refusal):
    text = refusal(Random().cache, **place)
    assert text.startswith("cache: an item must be the same at each read, got two different items 0; cache ")
    assert not (tmp_path / "cache").exists()


def test_workers_share_a_cache(place, tmp_path):
    images, labels = triangle_images(tmp_path / "set", n=6)
    expected = [image.copy() for image in images]
    cached = combine(images, labels).cache(**place)
    batches = list(torch.utils.data.DataLoader(cached, batch_size=2, num_workers=2))
    np.testing.assert_array_equal(torch.cat([image for image, _ in batches]), expected)
    # after one pass no file is needed, whichever process read it
    shutil.rmtree(tmp_path / "set")
    assert len(list(torch.utils.data.DataLoader(cached, batch_size=2, num_workers=2))) == 3
    assert cached.classes == ("triangle", "background")


def test_a_folder_serves_the_next_run(tmp_path):
    images, _ = triangle_images(tmp_path / "set", n=3)
    list(images.cache(tmp_path / "cache"))
    before = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").iterdir()}
    again = images.cache(tmp_path / "cache")
    for image, expected in zip(again, images, strict=True):
        np.testing.assert_array_equal(image, expected)
    items = {n: t for n, t in before.items() if n.endswith(".npy")}
    after = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "cache").glob("*.npy")}
    assert after == items
    assert len(items) == 3


def test_a_folder_of_another_store_is_refused(tmp_path, refusal):
    images, labels = triangle_images(tmp_path / "set", n=3)
    folder = tmp_path / "cache"
    list(images.cache(folder))
    other = (
        f"cache: folder '{folder}' must be the cache of this store, got that of other or since changed "
        "files; delete it, or give another one"
    )
    for store in (labels, images[:2], images[::-1], combine(images, labels)):
        assert refusal(store.cache, folder) == other
    # the files of a transformed store are the same, its items are not
    half = images.transform(lambda image: image // 2)
    assert refusal(half.cache, folder) == (
        "cache: an item must be the same at each read, got two different items 0; cache before random "
        f"transforms; delete '{folder}'"
    )
    images.files[2].write_bytes(images.files[0].read_bytes())
    assert refusal(images.cache, folder) == other


def test_other_folders_are_refused(tmp_path, refusal):
    (tmp_path / "note.txt").write_text("mine")
    store = Counted([np.zeros(1)])
    assert refusal(store.cache, tmp_path) == (
        f"cache: folder '{tmp_path}' must be new, empty or a cache, got other files; give another one"
    )
    assert "got the file" in refusal(store.cache, tmp_path / "note.txt")
    assert [path.name for path in tmp_path.iterdir()] == ["note.txt"]


def test_a_folder_takes_arrays_and_numbers(tmp_path, refusal):
    for item in ("text", {"image": 1}, [1, 2], np.array([object()]), None):
        text = refusal(Counted([item]).cache, tmp_path / "cache", error=WrongTypeError)
        assert text.startswith("cache: with a folder, an item must be an array, a number or a tuple of these")
    assert not (tmp_path / "cache").exists()
    assert Counted(["text"]).cache()[0] == "text"


@pytest.mark.parametrize("damage", [b"", b"no array", None])
def test_a_damaged_file_is_named(tmp_path, damage, refusal):
    cached = Counted([np.zeros(100)]).cache(tmp_path / "cache")
    cached[0]
    path = tmp_path / "cache" / "item_000000.npy"
    path.write_bytes(path.read_bytes()[:-8] if damage is None else damage)
    assert refusal(cached.__getitem__, 0) == (
        f"cache: file '{path}' must be an item of the cache, got a damaged file; delete it"
    )


def test_an_interrupted_write_leaves_no_item(tmp_path, monkeypatch):
    cached = Counted([np.zeros(100)]).cache(tmp_path / "cache")
    monkeypatch.setattr(np, "save", lambda *args, **options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cached[0]
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["cache.json"]


def test_an_empty_store_has_an_empty_cache(place):
    assert list(Counted([]).cache(**place)) == []


def test_errors_of_the_store_pass(tmp_path):
    images, _ = triangle_images(tmp_path, n=3)
    images.files[1].write_bytes(b"")
    with pytest.raises(DataError, match="it is empty"):
        images.cache()
