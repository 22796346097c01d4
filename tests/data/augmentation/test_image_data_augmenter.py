"""Affine augmentation: exact where slicing is, equal to SciPy elsewhere, and alike for image and labels."""

import pickle

import numpy as np
import pytest
import scipy.ndimage

from layergraph.data.augmentation.affine import Affine
from layergraph.data.augmentation.image_data_augmenter import ImageDataAugmenter, augment_image_and_label
from layergraph.data.augmentation.parts import Parts
from layergraph.data.label_array import LabelArray
from layergraph.data.randomness import item_randomness
from layergraph.errors import ArgumentError, DataError, WrongTypeError

RANDOM = np.random.default_rng(0)
IMAGE = RANDOM.integers(0, 256, (9, 12, 3), np.uint8)
LABELS = LabelArray(RANDOM.integers(0, 4, (9, 12)), ["a", "b", "c", "d"])
TYPES = [np.uint8, np.uint16, np.int32, np.float16, np.float32, np.float64, bool]


def constant(number):
    return lambda: number


def moved(array, affine, fill_value=0):
    return affine.apply(Parts("test", array), fill_value)


# -- exact maps ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", TYPES)
def test_whole_translations_equal_slices_in_every_type(dtype):
    image = (RANDOM.random((9, 12, 5)) * 200).astype(dtype)
    result = moved(image, Affine(translation=(2, -3, 0)))
    expected = np.zeros_like(image)
    expected[:6, 2:] = image[3:, :10]
    assert result.dtype == image.dtype
    np.testing.assert_array_equal(result, expected)


def test_reflections_equal_reversed_slices():
    for x, y in ((True, False), (False, True), (True, True)):
        image, labels = moved((IMAGE, LABELS), Affine(reflection=(x, y, False)))
        step = (slice(None, None, -1 if y else 1), slice(None, None, -1 if x else 1))
        np.testing.assert_array_equal(image, IMAGE[step])
        np.testing.assert_array_equal(labels, LABELS[step])


def test_a_reflection_comes_before_a_translation():
    image, labels = moved((IMAGE, LABELS), Affine(reflection=(True, False, False), translation=(3, 0, 0)), 7)
    np.testing.assert_array_equal(image[:, 3:], IMAGE[:, ::-1][:, :-3])
    assert (image[:, :3] == 7).all()
    assert (np.asarray(labels)[:, :3] == 255).all()


def test_a_translation_beyond_the_image_leaves_the_fill_value():
    image, labels = moved((IMAGE, LABELS), Affine(translation=(12, -40, 0)), (1, 2, 3))
    assert (image == (1, 2, 3)).all()
    assert (np.asarray(labels) == 255).all()


@pytest.mark.parametrize("dtype", TYPES)
def test_a_quarter_turn_of_a_square_equals_rot90(dtype):
    image = (RANDOM.random((8, 8, 2)) * 200).astype(dtype)
    result, labels = moved((image, LABELS[:8, :8]), Affine(rotation=90))
    np.testing.assert_array_equal(result, np.rot90(image, -1))
    np.testing.assert_array_equal(labels, np.rot90(LABELS[:8, :8], -1))


def test_the_input_is_unchanged():
    before = IMAGE.copy(), np.array(LABELS)
    moved((IMAGE, LABELS), Affine(rotation=10, translation=(1, 0, 0)))
    moved((IMAGE, LABELS), Affine(translation=(1, 0, 0)))
    np.testing.assert_array_equal(IMAGE, before[0])
    np.testing.assert_array_equal(LABELS, before[1])


def test_read_only_arrays_move():
    image = RANDOM.random((9, 12, 1), np.float32)
    image.flags.writeable = False
    assert moved((image, LABELS), Affine(rotation=10))[0].shape == image.shape


# -- against SciPy -------------------------------------------------------------------------------------

GENERAL = Affine(
    reflection=(True, False, False),
    scale=(1.3, 0.8, 1.1),
    x_shear=12,
    y_shear=-7,
    rotation=25,
    translation=(1.25, -0.7, 0.4),
)


def scipy_moved(array, affine, order):
    """The map by SciPy in float64, axis order (y, x[, z]); positions beyond the outer centers are clamped."""
    rank = array.ndim - 1
    swap = [1, 0, 2][:rank]
    inverse = np.linalg.inv(affine.matrix(rank))[np.ix_(swap, swap)]
    shift = np.array(affine.translation)[swap]
    center = (np.array(array.shape[:rank]) - 1) / 2
    offset = center - inverse @ (center + shift)
    channels = [
        scipy.ndimage.affine_transform(
            array[..., c].astype(float), inverse, offset, order=order, mode="nearest"
        )
        for c in range(array.shape[-1])
    ]
    index = np.indices(array.shape[:rank]).reshape(rank, -1)
    source = inverse @ index + offset[:, None]
    limits = np.array(array.shape[:rank])[:, None]
    covered = ((source >= -0.5) & (source <= limits - 0.5)).all(axis=0).reshape(array.shape[:rank])
    return np.stack(channels, axis=-1), covered


@pytest.mark.parametrize("shape", [(9, 12, 3), (12, 7, 1), (6, 9, 5, 2)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float64])
def test_a_general_map_equals_scipys(shape, dtype):
    image = (RANDOM.random(shape) * (250 if dtype == np.uint8 else 60000)).astype(dtype)
    labels = RANDOM.integers(0, 9, shape[:-1], np.uint8)
    result, result_labels = moved((image, labels), GENERAL, fill_value=3)
    expected, covered = scipy_moved(image, GENERAL, order=1)
    assert 0.3 < covered.mean() < 1
    np.testing.assert_allclose(result[covered], expected[covered], atol=0.51 if dtype != np.float64 else 1e-6)
    assert (result[~covered] == 3).all()
    nearest, _ = scipy_moved(labels[..., None], GENERAL, order=0)
    np.testing.assert_array_equal(result_labels[covered], nearest[..., 0][covered])
    assert (result_labels[~covered] == 255).all()


def test_labels_of_every_integer_type_stay_exact():
    wide = RANDOM.integers(0, 2**30, (9, 12))
    _, result = moved((IMAGE, wide), GENERAL)
    assert result.dtype == np.int64
    assert set(result.ravel().tolist()) <= {*wide.ravel().tolist(), 255}


def test_image_and_labels_move_alike():
    labels = np.zeros((40, 50), np.uint8)
    labels[10:30, 15:33] = 1
    image = np.stack([labels * 200] * 3, axis=-1)
    augmenter = ImageDataAugmenter(
        rand_rotation=(-30, 30), rand_scale=(0.7, 1.5), rand_x_shear=(-20, 20), rand_x_translation=(-9, 9)
    )
    for _ in range(5):
        result, moved_labels = augmenter((image, labels))
        # the nearest of four pixels has at least a quarter of the weight
        assert (result[moved_labels == 1] >= 49).all()
        assert (result[moved_labels == 0] <= 151).all()
        assert (result[moved_labels == 255] == 0).all()


# -- roles of parts ------------------------------------------------------------------------------------


def test_class_names_shapes_and_values_stay():
    gray = IMAGE[..., 0]
    image, labels, response, number = GENERAL.apply(Parts("test", (gray, LABELS, gray / 255, 3)), 0)
    assert labels.classes == LABELS.classes
    assert image.shape == response.shape == gray.shape
    assert response.dtype == np.float64
    assert number == 3
    assert not isinstance(number, np.ndarray)


def test_a_response_is_interpolated_as_the_image():
    image, response = moved((IMAGE, IMAGE.astype(np.float64)), GENERAL)
    np.testing.assert_array_equal(image, np.rint(response))


def test_a_volume_without_channels_is_known_by_its_labels():
    volume = RANDOM.random((5, 6, 4))
    labels = LabelArray(RANDOM.integers(0, 2, (5, 6, 4)), ["a", "b"])
    image, moved_labels = moved((volume, labels), Affine(translation=(0, 0, 1)))
    np.testing.assert_array_equal(image[..., 1:], volume[..., :-1])
    np.testing.assert_array_equal(moved_labels[..., 1:], labels[..., :-1])


@pytest.mark.parametrize(
    ("item", "error", "text"),
    [
        ((IMAGE, LABELS[:5]), DataError, "one size, got 9×12 and uint8 of shape"),
        ((IMAGE, LABELS == "a"), WrongTypeError, "boolean mask"),
        ((IMAGE, IMAGE[..., :1]), DataError, "labels without channels"),
        ((IMAGE, IMAGE), DataError, "labels without channels"),
        ((IMAGE, np.zeros((9, 12), np.int8)), DataError, "holds 255"),
        (np.zeros(5), DataError, "an image must be"),
        ((), DataError, "an empty item"),
        ("image.png", WrongTypeError, "arrays of numbers, got str"),
    ],
)
def test_wrong_items_raise(item, error, text):
    with pytest.raises(error, match=text):
        ImageDataAugmenter()(item)


def test_a_tensor_raises_since_its_channels_come_first():
    import torch

    with pytest.raises(WrongTypeError, match="got a tensor of shape"):
        ImageDataAugmenter()(torch.zeros(3, 8, 8))


# -- options -------------------------------------------------------------------------------------------


def test_functions_give_the_numbers():
    augmenter = ImageDataAugmenter(rand_x_translation=constant(2), rand_y_translation=constant(-1))
    np.testing.assert_array_equal(augmenter(IMAGE)[:-1, 2:], IMAGE[1:, :-2])


def test_each_option_is_the_map_of_its_name():
    cases = {
        "rand_rotation": Affine(rotation=1.5),
        "rand_scale": Affine(scale=(1.5, 1.5, 1.5)),
        "rand_x_scale": Affine(scale=(1.5, 1, 1)),
        "rand_y_scale": Affine(scale=(1, 1.5, 1)),
        "rand_z_scale": Affine(scale=(1, 1, 1.5)),
        "rand_x_shear": Affine(x_shear=1.5),
        "rand_y_shear": Affine(y_shear=1.5),
        "rand_x_translation": Affine(translation=(1.5, 0, 0)),
        "rand_y_translation": Affine(translation=(0, 1.5, 0)),
        "rand_z_translation": Affine(translation=(0, 0, 1.5)),
    }
    volume = RANDOM.random((6, 7, 5, 1))
    for name, affine in cases.items():
        result = ImageDataAugmenter(**{name: (1.5, 1.5)})(volume)
        np.testing.assert_array_equal(result, moved(volume, affine), err_msg=name)


def test_ranges_are_filled_and_reflections_are_half():
    augmenter = ImageDataAugmenter(rand_x_reflection=1, rand_z_translation=(-2, 2))
    volume = np.arange(20.0).reshape(1, 4, 5, 1)
    rows, depths = [], []
    for index in range(200):
        with item_randomness(0, 0, index):
            result = augmenter(volume)
        rows.append(bool(result[0, 0, 2, 0] > result[0, 3, 2, 0]))
        depths.append(result[0, :, :, 0].sum())
    assert 70 < sum(rows) < 130
    assert len(set(depths)) > 150


def test_equal_items_are_equal_and_others_differ():
    augmenter = ImageDataAugmenter(rand_rotation=(-20, 20))

    def result(epoch, index):
        with item_randomness(1, epoch, index):
            return augmenter(IMAGE).tolist()

    assert result(1, 1) == result(1, 1)
    assert result(1, 1) != result(2, 1)
    assert result(1, 1) != result(1, 2)


def test_augmenters_are_values():
    augmenter = ImageDataAugmenter(rand_rotation=[-20, 20], rand_x_reflection=np.True_)
    assert augmenter == ImageDataAugmenter(rand_rotation=(-20.0, 20), rand_x_reflection=1)
    assert pickle.loads(pickle.dumps(augmenter)) == augmenter


def test_augment_takes_one_image_or_a_list():
    augmenter = ImageDataAugmenter(rand_x_translation=(-3, 3))
    one, two = augmenter.augment([IMAGE, IMAGE])
    assert one.tolist() != two.tolist()
    assert augmenter.augment(IMAGE).shape == IMAGE.shape


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rand_rotation": (5, -5)}, "rand_rotation must be .min, max. with min at most max"),
        ({"rand_rotation": 5}, "rand_rotation must be"),
        ({"rand_rotation": "10"}, "rand_rotation must be"),
        ({"rand_scale": (0, 1)}, "rand_scale must be a finite number from 1e-06"),
        ({"rand_x_shear": (-90, 90)}, "rand_x_shear must be a finite number from -89.9"),
        ({"rand_x_reflection": 2}, "rand_x_reflection must be True or False"),
        ({"rand_scale": (1, 2), "rand_x_scale": (1, 2)}, "must not be given with rand_x_scale"),
    ],
)
def test_wrong_options_raise(options, text):
    with pytest.raises(ArgumentError, match=text):
        ImageDataAugmenter(**options)


def test_wrong_results_of_functions_and_fill_values_raise():
    with pytest.raises(ArgumentError, match="the result of rand_scale must be a finite number"):
        ImageDataAugmenter(rand_scale=constant(-1))(IMAGE)
    with pytest.raises(ArgumentError, match=r"fill_value must be one number, or 3 of them"):
        ImageDataAugmenter(rand_rotation=(3, 3), fill_value=(1, 2))(IMAGE)
    with pytest.raises(DataError, match="the z options are for volumes"):
        ImageDataAugmenter(rand_z_reflection=True)(IMAGE)


# -- the function of the lecture -----------------------------------------------------------------------


def test_the_lectures_augmentation():
    offsets = set()
    for index in range(50):
        with item_randomness(0, 0, index):
            image, labels = augment_image_and_label((IMAGE, LABELS), (-10, 10), (-10, 10))
        assert image.shape == IMAGE.shape
        assert labels.classes == LABELS.classes
        offsets.add(tuple((np.asarray(labels) == 255).sum(axis=0).tolist()))
    assert len(offsets) > 20


def test_its_errors_name_it():
    with pytest.raises(DataError, match="augment_image_and_label: image and labels"):
        augment_image_and_label((IMAGE, LABELS[:5]), (-1, 1), (-1, 1))
