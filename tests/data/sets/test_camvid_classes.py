from pathlib import Path

import numpy as np
import pytest

from layergraph.data import (
    PixelLabelDatastore,
    camvid_classes,
    camvid_color_map,
    camvid_pixel_label_ids,
    count_each_label,
    write_image,
)
from layergraph.errors import ArgumentError
from layergraph.segmentation import labeloverlay

DATA = Path(__file__).parents[3].parent / "shared/data/camvid_raw"


def test_thirty_one_colors_in_eleven_groups_and_void_in_none():
    groups = camvid_pixel_label_ids()
    colors = [color for group in groups for color in group]
    assert len(groups) == len(camvid_classes()) == len(camvid_color_map()) == 11
    assert len(colors) == len(set(colors)) == 31
    assert {*colors, (0, 0, 0)} == {color for (color,) in camvid_pixel_label_ids(grouped=False)}
    assert len(camvid_classes(grouped=0)) == 32
    # as in CamVid's table, whose channels take the values 0, 64, 128 and 192
    assert {value % 64 for color in colors for value in color} == {0}


def test_colors_on_the_screen():
    shown = np.rint(camvid_color_map() * 255).astype(int).tolist()
    by_name = dict(zip(camvid_classes(), shown, strict=True))
    assert by_name["Pole"] == [192, 192, 192]
    assert by_name["Pavement"] == [60, 40, 222]
    assert by_name["Bicyclist"] == [0, 128, 192]
    own = camvid_color_map(grouped=False)[camvid_classes(grouped=False).index("Wall")]
    assert own.tolist() == [64 / 255, 192 / 255, 0]
    overlay = labeloverlay(np.zeros((1, 1, 3), np.uint8), [[4]], colormap=camvid_color_map(), transparency=0)
    assert overlay.tolist() == [[[60, 40, 222]]]


def test_labels_in_both_codings(tmp_path):
    colors = [[(0, 0, 192), (64, 128, 64)], [(0, 0, 0), (192, 192, 192)]]
    write_image(tmp_path / "a_L.png", np.array(colors, np.uint8))
    ignored = [(0, 0, 0), (192, 192, 192)]
    grouped = PixelLabelDatastore(tmp_path, camvid_classes(), camvid_pixel_label_ids(), ignored_ids=ignored)
    assert grouped[0].tolist() == [[4, 9], [255, 255]]
    names = camvid_classes(grouped=False)
    own = PixelLabelDatastore(tmp_path, names, camvid_pixel_label_ids(grouped=False), ignored_ids=ignored[1:])
    assert [names[index] for index in own[0].ravel()[:3]] == ["Sidewalk", "Animal", "Void"]


def test_a_wrong_flag(refusal):
    text = refusal(camvid_classes, grouped="yes", error=ArgumentError)
    assert text == "camvid_classes: grouped must be True or False, got 'yes'"


@pytest.mark.skipif(not DATA.is_dir(), reason="the image sets are not here")
def test_the_published_list_of_colors_and_real_labels():
    lines = [line.split() for line in (DATA / "label_colors.txt").read_text().splitlines()]
    ids = camvid_pixel_label_ids(grouped=False)
    assert lines == [
        [*map(str, color), name] for name, (color,) in zip(camvid_classes(grouped=False), ids, strict=True)
    ]
    labels = PixelLabelDatastore(
        DATA / "labels", camvid_classes(), camvid_pixel_label_ids(), ignored_ids=[(0, 0, 0)]
    )
    counts = count_each_label(labels)
    assert counts.pixel_count.tolist() == [
        *(49652, 50256, 2581, 68114, 15695, 25743, 2673, 3307, 16304, 1705, 1194)
    ]
