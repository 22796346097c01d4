"""Counts and weights of real label images against independent figures.

The images are no part of the repository; without them beside it, these tests are skipped.
"""

from pathlib import Path

import numpy as np
import pytest

from layergraph.data import (
    ImageDatastore,
    PixelLabelDatastore,
    combine,
    count_each_label,
    median_frequency_weights,
)

DATA = Path(__file__).parents[2].parent / "shared/data"
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the image sets are not here")

GROUPS = {
    "Sky": "Sky",
    "Building": "Bridge Building Wall Tunnel Archway",
    "Pole": "Column_Pole TrafficCone",
    "Road": "Road LaneMkgsDriv LaneMkgsNonDriv",
    "Pavement": "Sidewalk ParkingBlock RoadShoulder",
    "Tree": "Tree VegetationMisc",
    "SignSymbol": "SignSymbol Misc_Text TrafficLight",
    "Fence": "Fence",
    "Car": "Car SUVPickupTruck Truck_Bus Train OtherMoving",
    "Pedestrian": "Pedestrian Child CartLuggagePram Animal",
    "Bicyclist": "Bicyclist MotorcycleScooter",
}


def camvid(*parts):
    folders = [DATA / "camvid" / part / "labels" for part in parts]
    return PixelLabelDatastore(folders, list(GROUPS), range(11), ignored_ids=[11])


def check(labels, pixels, images_with_it, image_size, weights):
    counts = count_each_label(labels)
    assert tuple(counts.name) == labels.classes
    assert counts.pixel_count.tolist() == [*pixels]
    assert counts.image_pixel_count.tolist() == [count * image_size for count in images_with_it]
    np.testing.assert_allclose(median_frequency_weights(counts), weights, atol=5.1e-5, rtol=0)


# fmt: off
TRAIN = [10682767, 14750079, 623349, 20076880, 2845085, 6166762, 743859, 714595, 3719877, 405385, 184967]
VAL = [1601620, 4531180, 98499, 5053176, 1521751, 2851125, 155724, 537197, 304716, 113531, 387010]


def test_camvid_train():
    check(
        camvid("train"), TRAIN, [366, 365, 366, 367, 349, 319, 351, 173, 360, 317, 201], 480 * 360,
        [0.2793, 0.2017, 4.7865, 0.1490, 1.0000, 0.4217, 3.8467, 1.9736, 0.7889, 6.3747, 8.8587],
    )


def test_camvid_val():
    check(
        camvid("val"), VAL, [101] * 11, 480 * 360,
        [0.3354, 0.1186, 5.4538, 0.1063, 0.3530, 0.1884, 3.4497, 1.0000, 1.7629, 4.7317, 1.3881],
    )


def test_camvid_train_and_val():
    labels = camvid("train", "val")
    check(
        labels, np.add(TRAIN, VAL).tolist(), [467, 466, 467, 468, 450, 420, 452, 274, 461, 418, 302],
        480 * 360,
        [0.3319, 0.2110, 5.6480, 0.1626, 0.8996, 0.4066, 4.3865, 1.9109, 1.0000, 7.0323, 4.6095],
    )


def test_camvid_in_its_own_colors_grouped_to_eleven_classes():
    colors = {}
    for line in (DATA / "camvid_raw/label_colors.txt").read_text().splitlines():
        *color, name = line.split()
        colors[name] = tuple(map(int, color))
    label_ids = [[colors[name] for name in group.split()] for group in GROUPS.values()]
    check(
        PixelLabelDatastore(DATA / "camvid_raw/labels", GROUPS, label_ids, ignored_ids=[colors["Void"]]),
        [49652, 50256, 2581, 68114, 15695, 25743, 2673, 3307, 16304, 1705, 1194],
        [20, 20, 20, 20, 20, 20, 20, 13, 20, 18, 10], 128 * 96,
        [0.3161, 0.3123, 6.0810, 0.2304, 1.0000, 0.6097, 5.8717, 3.0849, 0.9626, 8.2848, 6.5724],
    )


# fmt: on
def test_electron_microscopy():
    labels = PixelLabelDatastore(DATA / "em/labels", ["membrane", "cell"], [0, 255])
    check(labels, [1727250, 6137070], [30, 30], 512 * 512, [3932160 / 1727250, 3932160 / 6137070])


def test_pairs_have_one_name_and_one_size():
    pairs = combine(ImageDatastore(DATA / "camvid/val/images"), camvid("val"))
    images, labels = pairs.stores
    assert [file.stem for file in images.files] == [file.stem for file in labels.files]
    image, label = pairs[50]
    assert image.shape == (360, 480, 3)
    assert label.shape == (360, 480)
    assert image.dtype == label.dtype == np.uint8
    assert set(np.unique(label)) <= {*range(11), 255}
