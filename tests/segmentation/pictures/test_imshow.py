"""Images and labels in axes of matplotlib, with a bar of the classes."""

import sys

import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from layergraph.data import LabelArray
from layergraph.errors import ArgumentError, MissingExtraError
from layergraph.segmentation import distinct_colors, imshow, imshowpair, labeloverlay, pixel_label_colorbar

LABELS = LabelArray([[0, 1, 255]], ["sky $x", "Stra\u00dfe"])


@pytest.fixture
def figures():
    """Close the figures of pyplot, which keeps them."""
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")


def axes():
    return Figure(layout="constrained").add_subplot()


def shown(ax):
    [image] = ax.images
    return np.asarray(image.get_array())


def test_an_image_by_the_rules_of_display():
    ax = axes()
    assert imshow(np.array([[-1, 1, 3]]), (-1, 3), ax=ax) is ax
    assert shown(ax)[0, :, 0].tolist() == [0, 128, 255]
    assert not ax.axison
    assert shown(imshow(np.full((1, 1, 4), 9, np.uint8), channels=2, ax=ax)).tolist() == [[[9, 9, 9]]]


def test_labels_have_the_colors_of_their_classes():
    wanted = [[*distinct_colors(2).tolist(), [0, 0, 0]]]
    assert shown(imshow(LABELS, ax=axes())).tolist() == wanted
    assert shown(imshow([[0, 1, 255]], colormap=distinct_colors(2), ax=axes())).tolist() == wanted
    with pytest.raises(
        ArgumentError, match=r"^imshow: display_range and channels are for images, got labels"
    ):
        imshow(LABELS, [], ax=axes())


def test_pictures_are_shown_in_axes_too():
    ax = axes()
    picture = labeloverlay(np.zeros((1, 3), np.uint8), LABELS, ax=ax)
    np.testing.assert_array_equal(shown(ax), picture)
    picture = imshowpair(LABELS, LABELS, ax=ax)
    np.testing.assert_array_equal(shown(ax), picture)


def test_the_bar_has_a_tick_in_the_middle_of_each_color():
    ax = imshow(LABELS, ax=axes())
    bar = pixel_label_colorbar(None, LABELS.classes, ax=ax)
    assert [text.get_text() for text in bar.ax.get_yticklabels()] == [r"sky \$x", "Stra\u00dfe"]
    assert (bar.get_ticks() / bar.vmax).tolist() == [0.25, 0.75]
    colors = bar.cmap(bar.norm([0.5, 1.5]))
    assert np.rint(colors[:, :3] * 255).astype(int).tolist() == distinct_colors(2).tolist()
    # the picture stays as it was
    assert shown(ax)[0, 2].tolist() == [0, 0, 0]


def test_a_second_picture_and_bar_replace_the_first():
    ax = axes()
    for _ in range(3):
        imshow(LABELS, ax=ax)
        pixel_label_colorbar([[255, 0, 0], [0, 255, 0], [0, 0, 255]], LABELS.classes, ax=ax)
        pixel_label_colorbar(None, LABELS.classes, ax=ax)
    assert len(ax.figure.axes) == 2
    imshow(np.zeros((4, 9)), ax=ax)
    assert ax.figure.axes == [ax]
    assert ax.get_xlim() == (-0.5, 8.5)


@pytest.mark.usefixtures("figures")
def test_by_default_the_current_axes_show_it():
    ax = imshow(LABELS)
    assert ax is pyplot.gca()
    assert imshow(np.zeros((2, 2))) is ax
    pixel_label_colorbar(None, ["sky"])
    assert len(ax.figure.axes) == 2
    assert len(pyplot.get_fignums()) == 1


def test_errors(monkeypatch):
    with pytest.raises(
        ArgumentError, match=r"^pixel_label_colorbar: ax must show a picture, got axes without"
    ):
        pixel_label_colorbar(None, ["sky"], ax=axes())
    with pytest.raises(
        ArgumentError, match=r"^pixel_label_colorbar: colormap must have one color per class \(2"
    ):
        pixel_label_colorbar([[255, 0, 0]], ["sky", "road"], ax=imshow(LABELS, ax=axes()))
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(MissingExtraError, match=r"^imshow needs the package matplotlib"):
        imshow(LABELS)
