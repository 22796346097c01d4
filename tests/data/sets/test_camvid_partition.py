from pathlib import Path

import numpy as np
import pytest

from layergraph.data import ImageDatastore, PixelLabelDatastore, partition_camvid_data
from layergraph.errors import ArgumentError


@pytest.fixture
def stores(tmp_path):
    for i in range(701):
        for name in (f"images/{i:03}.png", f"labels/{i:03}_L.png"):
            file = tmp_path / name
            file.parent.mkdir(exist_ok=True)
            file.touch()
    return ImageDatastore(tmp_path / "images"), PixelLabelDatastore(tmp_path / "labels", ["a"], [0])


def number(file):
    return int(Path(file).stem[:3])


@pytest.mark.parametrize(
    ("fractions", "sizes"), [((0.6, 0.4), [421, 280]), ((0.6, 0.2, 0.2), [421, 140, 140]), ([1], [701])]
)
def test_sizes_of_matlab(stores, fractions, sizes):
    parts = partition_camvid_data(*stores, fractions)
    images, labels = parts[: len(sizes)], parts[len(sizes) :]
    assert [len(part) for part in images] == [len(part) for part in labels] == sizes
    assert sorted(number(file) for part in images for file in part.files) == [*range(701)]
    for one, other in zip(images, labels, strict=True):
        assert [*map(number, one.files)] == [*map(number, other.files)]
    assert all(isinstance(part, PixelLabelDatastore) for part in labels)


def test_a_seed_gives_one_split_and_no_global_random_state_is_read(stores):
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    one = partition_camvid_data(*stores)
    assert one[0].files == partition_camvid_data(*stores)[0].files
    assert one[0].files != partition_camvid_data(*stores, seed=1)[0].files
    # the parts of a random split are no runs of the folder
    assert np.abs(np.diff([number(file) for file in one[0].files])).mean() > 100
    assert (np.random.get_state()[1] == before).all()


def test_labels_in_another_order_stay_with_their_images(stores):
    images, labels = stores
    train, _, train_labels, _ = partition_camvid_data(images, labels.shuffle(3))
    assert [*map(number, train.files)] == [*map(number, train_labels.files)]


@pytest.mark.parametrize("fractions", [(0.6, 0.3), (1.2, -0.2), (), 1.0, ((0.5, 0.5),)])
def test_wrong_fractions(stores, refusal, fractions):
    text = refusal(partition_camvid_data, *stores, fractions, error=ArgumentError)
    assert text.startswith("partition_camvid_data: fractions must be numbers above 0 with the sum 1, got")
