import io

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from layergraph.data import label_frequency_chart
from layergraph.tables import Table


def table(**columns):
    return Table(columns)


COUNTS = table(name=["Sky", "Road", "US$ Pole$"], pixel_count=[60, 30, 10], image_pixel_count=[100] * 3)


def test_bars_names_and_label():
    axes = label_frequency_chart(COUNTS)
    assert [bar.get_height() for bar in axes.patches] == [0.6, 0.3, 0.1]
    assert [bar.get_x() + bar.get_width() / 2 for bar in axes.patches] == pytest.approx([0, 1, 2])
    assert [*axes.get_xticks()] == [0, 1, 2]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["Sky", "Road", r"US\$ Pole\$"]
    assert {text.get_rotation() for text in axes.get_xticklabels()} == {45}
    assert axes.get_ylabel() == "Frequency"


def test_the_picture_has_bars_of_these_heights():
    axes = label_frequency_chart(COUNTS)
    file = io.BytesIO()
    axes.figure.savefig(file, format="png")
    picture = np.asarray(Image.open(file).convert("RGB")).astype(int)
    is_bar = np.abs(picture - (31, 119, 180)).max(axis=2) < 8  # the first color of matplotlib
    heights = is_bar.sum(axis=0)
    tops = [heights[column] for column in range(1, len(heights)) if heights[column] > heights[column - 1] + 5]
    assert np.divide(tops, tops[0]) == pytest.approx([1, 0.5, 1 / 6], abs=0.02)


def test_axes_of_a_figure_and_counts_of_images():
    axes = Figure().subplots(1, 2)[1]
    assert label_frequency_chart(table(label=["a", "b"], count=[3, 1]), axes) is axes
    assert [bar.get_height() for bar in axes.patches] == [0.75, 0.25]


def test_nothing_counted(refusal):
    assert refusal(label_frequency_chart, table(name=["a"], pixel_count=[0], image_pixel_count=[0])) == (
        "label_frequency_chart: counts must have pixels, got none; check the label ids"
    )


def test_no_window_opens_and_no_figure_stays():
    import matplotlib.pyplot as plt

    before = plt.get_fignums()
    label_frequency_chart(COUNTS)
    assert plt.get_fignums() == before
