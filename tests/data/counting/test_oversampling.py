import numpy as np
import pytest

from layergraph.data import (
    ArrayDatastore,
    ImageDatastore,
    LabelArray,
    PixelLabelDatastore,
    combine,
    count_each_label,
    item_randomness,
    oversample_rare_classes,
    repeat_factors,
    write_labels,
)
from layergraph.errors import ArgumentError, DataError, WrongTypeError

NUMBER = 20
# class 1 in 10 of 20 images, class 2 in 5, class 3 in 1, class 4 in none
IMAGES = [[[0, int(i % 2 == 0), 2 * (i % 4 == 0), 3 * (i == 7), 255]] for i in range(NUMBER)]


@pytest.fixture
def labels(tmp_path):
    for index, image in enumerate(IMAGES):
        write_labels(tmp_path / f"{index:02}.png", image)
    return PixelLabelDatastore(tmp_path, list("abcde"), range(5), ignored_ids=[255])


def factors(threshold):
    """The factors of the paper, by a loop."""
    shares = {c: sum(c in image[0] for image in IMAGES) / NUMBER for c in range(5)}
    return [max(max(1, (threshold / shares[c]) ** 0.5) for c in set(image[0]) - {255}) for image in IMAGES]


@pytest.mark.parametrize("threshold", [0.04, 0.3, 1, None])
def test_factors_of_the_paper(labels, threshold):
    # the shares are 1, 1/2, 1/4 and 1/20, of which the median is 3/8
    np.testing.assert_allclose(repeat_factors(labels, threshold), factors(threshold or 0.375))


def test_each_item_comes_as_often_as_its_factor_says(labels):
    expected = factors(0.8)
    stores = [oversample_rare_classes(labels, 0.8, seed=seed) for seed in range(60)]
    for index, file in enumerate(labels.files):
        repeats = [store.files.count(file) for store in stores]
        assert set(repeats) <= {int(expected[index]), int(expected[index]) + 1}
        assert np.mean(repeats) == pytest.approx(expected[index], abs=0.25)


def test_rare_classes_have_a_larger_share(labels):
    before, after = count_each_label(labels), count_each_label(oversample_rare_classes(labels, 1))
    share = (after.pixel_count / after.pixel_count.sum()) / (
        before.pixel_count / before.pixel_count.sum()
    ).clip(1e-9)
    assert share[3] > 1.8
    assert share[2] > share[1]
    assert share[0] < 1


def test_pairs_stay_together_in_order_and_a_seed_gives_one_store(labels, tmp_path):
    pairs = combine(ImageDatastore(tmp_path), labels)
    more = oversample_rare_classes(pairs, 1, seed=3)
    assert type(more) is type(pairs)
    images, masks = more.stores
    assert images.files == masks.files
    assert [*images.files] == sorted(images.files)
    assert set(images.files) == set(labels.files)
    assert oversample_rare_classes(pairs, 1, seed=3).files == more.files
    assert oversample_rare_classes(pairs, 1, seed=4).files != more.files
    image, label = more[5]
    np.testing.assert_array_equal(image[:, :, 0], np.where(label == 255, 255, label))


def epoch_items(store, epoch):
    """The image numbers of all items in an epoch."""
    numbers = []
    for index in range(len(store)):
        with item_randomness(5, epoch, index):
            numbers.append(int(store[index][0][0, 0, 0]))
    return numbers


def test_repetitions_of_each_epoch_are_as_often_as_the_factors_say(labels, tmp_path):
    numbers = ArrayDatastore(np.arange(NUMBER).reshape(NUMBER, 1, 1, 1))
    pairs = oversample_rare_classes(combine(numbers, labels), 0.8, each_epoch=True)
    expected = np.array(factors(0.8))
    assert len(pairs) == np.ceil(expected.sum().round(9))
    epochs = [epoch_items(pairs, epoch) for epoch in range(60)]
    counts = np.array([np.bincount(epoch, minlength=NUMBER) for epoch in epochs])
    assert (counts >= np.floor(expected)).all()
    np.testing.assert_allclose(counts.mean(axis=0), expected, atol=0.25)
    assert epochs[0] != epochs[1]
    assert epochs[3] == epoch_items(pairs, 3)
    # image and labels are of one item
    with item_randomness(5, 0, len(pairs) - 1):
        image, label = pairs[-1]
    np.testing.assert_array_equal(label, labels[int(image[0, 0, 0])])


def test_a_store_for_each_epoch_counts_and_names_files_of_errors(labels, tmp_path):
    store = oversample_rare_classes(labels, 1, each_epoch=True)
    assert count_each_label(store, num_workers=2).pixel_count[3] in (4, 5)
    assert (store.files, store.classes) == (None, labels.classes)
    assert store.info(0).filename == labels.files[0]
    assert store.info(len(store) - 1).filename is None
    assert len(oversample_rare_classes(labels[:0], each_epoch=True)) == 0
    assert len(oversample_rare_classes(labels, 0.01, each_epoch=True)) == NUMBER
    (tmp_path / "00.png").write_bytes(b"damaged")
    with pytest.raises(DataError) as caught:
        store[0]
    assert "00.png" in caught.value.__notes__[0]


def test_nothing_rare_and_nothing_at_all(labels, tmp_path):
    assert oversample_rare_classes(labels, 0.01).files == labels.files
    assert len(oversample_rare_classes(labels[:0])) == 0
    unlabeled = labels.transform(lambda label: LabelArray(label * 0 + 255, list("abcde")))
    assert repeat_factors(unlabeled).tolist() == [1] * NUMBER


def test_refusals(labels, tmp_path, refusal):
    for threshold in (0, 1.5, "half"):
        text = refusal(oversample_rare_classes, labels, threshold, error=ArgumentError)
        assert text.startswith("oversample_rare_classes: threshold must be")
    assert refusal(repeat_factors, ImageDatastore(tmp_path), error=WrongTypeError).startswith(
        "repeat_factors: "
    )


def test_training_takes_the_repeated_items(labels, tmp_path):
    from layergraph.builders import segnet_layers
    from layergraph.training import TrainingOptions, train_network

    (tmp_path / "four").mkdir()
    for index in range(4):
        write_labels(tmp_path / "four" / f"{index}.png", np.full((8, 8), int(index == 1)))
    few = PixelLabelDatastore(tmp_path / "four", ["a", "b"], range(2))
    few_pairs = combine(ImageDatastore(tmp_path / "four"), few)
    options = TrainingOptions("sgdm", max_epochs=1, mini_batch_size=1, verbose=False, seed=0)
    # the factors are 2 and three times 1.15
    for each_epoch, number in ((False, 5), (True, 6)):
        pairs = oversample_rare_classes(few_pairs, 1, each_epoch=each_epoch)
        assert len(pairs) == number
        _, info = train_network(pairs, segnet_layers((8, 8), 2, 1), options)
        assert len(info.training_loss) == number
