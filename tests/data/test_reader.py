"""Reading items in turn: positions, sizes, information, and what starts anew."""

import copy
from dataclasses import dataclass

import pytest

from layergraph.data import Datastore, ItemInfo, combine, triangle_images
from layergraph.errors import DataError


@dataclass(frozen=True)
class Letters(Datastore[str]):
    """A frozen store of a user, whose items are its letters."""

    letters: str

    def __len__(self):
        return len(self.letters)

    def read_item(self, index):
        return self.letters[index]


class Pairs(Letters):
    read_size = 2


def rest(store):
    items = []
    while store.hasdata():
        items.append(store.read())
    return items


def test_items_come_in_turn(refusal):
    store = Letters("abc")
    assert store.preview() == "a"
    assert store.read() == "a"
    assert store.preview() == "a"
    assert store.readall() == ["a", "b", "c"]
    assert rest(store) == ["b", "c"]
    assert refusal(store.read) == (
        "read: Letters must have an item left, got the end after 3; reset() starts again, and hasdata() "
        "tells whether there is one"
    )
    store.reset()
    assert rest(store) == ["a", "b", "c"]


def test_new_stores_start_at_their_first_item():
    store = Letters("abcd")
    store.read()
    new = store[1:], store.shuffle(0), store.transform(str.upper), combine(store, store), store.cache()
    assert [len(rest(other)) for other in new] == [3, 4, 4, 4, 4]
    assert rest(store) == ["b", "c", "d"]


def test_the_position_takes_no_part_in_equality():
    store = Letters("ab")
    store.read()
    assert store == Letters("ab")
    assert hash(store) == hash(Letters("ab"))
    # a copy is the same store at the same place
    assert rest(copy.copy(store)) == ["b"]


def test_training_and_indexing_leave_the_position(tmp_path):
    images, labels = triangle_images(tmp_path, n=3)
    pairs = combine(images, labels)
    pairs.read()
    list(pairs)
    pairs[2]
    assert len(rest(pairs)) == 2
    assert len(rest(images)) == 3


def test_a_read_size_gives_lists(refusal):
    store = Pairs("abcde")
    assert rest(store) == [["a", "b"], ["c", "d"], ["e"]]
    assert rest(store[3:]) == [["d", "e"]]
    assert rest(store.transform(str.upper)) == [["A", "B"], ["C", "D"], ["E"]]
    assert store.preview() == "a"
    assert rest(combine(store, store))[2] == [("e", "e")]
    mixed = combine(store, Letters("abcde"))
    assert refusal(mixed.read) == "read: all parts must have one read_size, got 2 and 1"


def test_information_comes_with_the_item(tmp_path):
    images, labels = triangle_images(tmp_path, n=2)
    image, info = images.read(return_info=1)
    assert image.shape == (32, 32, 1)
    assert info == ItemInfo(images.files[0], images.files[0].stat().st_size, None)
    _, infos = combine(images, labels).read(return_info=True)
    assert [part.filename for part in infos] == [images.files[0], labels.files[0]]
    assert Pairs("ab").read(return_info=True) == (["a", "b"], [ItemInfo(), ItemInfo()])
    assert images[::-1].info(0).filename == images.files[1]


def test_a_damaged_file_is_passed(tmp_path):
    images, _ = triangle_images(tmp_path, n=3)
    images.files[1].write_bytes(b"")
    read, failed = 0, 0
    while images.hasdata():
        try:
            images.read()
            read += 1
        except DataError:
            failed += 1
    assert (read, failed) == (2, 1)


def test_an_empty_store_has_no_items(refusal):
    store = Letters("")
    assert not store.hasdata()
    assert store.readall() == []
    assert refusal(store.preview) == "preview: Letters must have an item, got none"
    with pytest.raises(DataError):
        store.read()
