"""What a notebook shows: all texts escaped, tables that scroll, and nothing wider than its cell."""

import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from chromium import tab

from layergraph import AdditionLayer, Convolution2dLayer, ImageInputLayer, LayerGraph, MaxPooling2dLayer
from layergraph.analyze import analyze_network, compare, explain, plot
from layergraph.builders import unet_layers
from layergraph.data import LabelArray
from layergraph.data.class_colors import distinct_colors
from layergraph.notebook import table_html
from layergraph.tables import Table

HOSTILE = '"><img src=x onerror=alert(1)><script>{{ 7*7 }}\x1b[2J'
UNET = unet_layers((480, 640, 3), 5, encoder_depth=3)
FAULTY = LayerGraph(
    [
        ImageInputLayer((9, 9, 3), name=HOSTILE),
        Convolution2dLayer(3, 8, name="long" * 40),
        MaxPooling2dLayer(20, name="pool"),
        AdditionLayer(2, name="add"),
    ]
)
# what a notebook gives all tables, and a narrow cell
NOTEBOOK = """<!DOCTYPE html><html data-ready><style>
body { margin: 0 } .cell { width: 700px; overflow: hidden; font: 14px sans-serif }
.cell table { table-layout: fixed; border-spacing: 0; font-size: 12px }
:not(.markdown).cell th, :not(.markdown).cell td { text-align: right; overflow: hidden }
</style>"""


class Parser(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.attributes, self.text, self.open = [], [], "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in ("img", "br", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def shown_objects():
    faulty = analyze_network(FAULTY)
    return {
        "graph": UNET,
        "faulty graph": FAULTY,
        "empty graph": LayerGraph(),
        "analysis": analyze_network(UNET),
        "faulty analysis": faulty,
        "empty analysis": analyze_network(LayerGraph()),
        "table": analyze_network(UNET).table("all"),
        "grouped": analyze_network(UNET).table(group=True),
        "faulty table": faulty.table("all"),
        "costs": analyze_network(UNET).costs(),
        "faulty costs": faulty.costs(),
        "comparison": compare(UNET, unet_layers((480, 640, 3), 4, encoder_depth=3)),
        "faulty comparison": compare(FAULTY, FAULTY.remove_layers("add"), names=(HOSTILE, HOSTILE)),
        "explanation": explain(UNET, "Decoder-Stage-1-UpConv"),
        "faulty explanation": explain(FAULTY, "pool"),
        "texts": Table({HOSTILE: [HOSTILE, "long" * 90], "pixels": [1.5, None]}),
        "empty table": Table({"name": []}),
        "labels": LabelArray(np.arange(120).reshape(10, 12) % 30, [f"{HOSTILE}{n}" for n in range(30)]),
        "stack": LabelArray(np.full((9, 30, 8), 255), None),
    }


SHOWN = shown_objects()


@pytest.mark.parametrize("name", SHOWN)
def test_names_are_text_and_tags_are_closed(name):
    html = SHOWN[name]._repr_html_()
    page = Parser(html)
    assert page.open == []
    assert not {"script", "iframe", "link"} & set(page.tags)
    assert all(value.startswith("data:image/png") for key, value in page.attributes if key == "src")
    # two cells may show one object
    assert not [key for key, _ in page.attributes if key == "id" or key.startswith("on")]
    assert "\x1b" not in html


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_is_wider_than_its_cell(browser, tmp_path, dark):
    # the drawing of a wide network, too
    drawing = f'<div class="cell" id="drawing">{plot(UNET)._repr_svg_()}</div>'
    cells = drawing + "".join(
        f'<div class="cell" id="{name}">{each._repr_html_()}</div>' for name, each in SHOWN.items()
    )
    path = tmp_path / "notebook.html"
    path.write_text(NOTEBOOK + cells, encoding="utf-8")
    with tab(browser, 800, 900, dark=dark) as window:
        window.open(path)

        def found(selector, condition, shown):
            script = (
                f"[...document.querySelectorAll('{selector}')].filter(c => {condition}).map(c => c.{shown})"
            )
            return window.run(script)

        assert found(".cell", "c.scrollWidth > c.clientWidth", "id") == []
        assert found(".cell", "c.clientHeight > 1500", "id") == []
        # no text runs into the cell beside it
        assert found("th, td", "c.scrollWidth > c.clientWidth + 1", "textContent") == []
        # names stand on the left, as a notebook's own rule would not have it
        sides = found(".name", "getComputedStyle(c).textAlign != 'left'", "textContent")
        assert sides == []
        assert window.messages() == []
        assert {request.partition(":")[0] for request in window.requests()} <= {"file", "data"}


def test_a_long_table_shows_its_ends():
    rows = [[str(number)] for number in range(10_000)]
    page = Parser(table_html(["n"], rows, [True]))
    assert page.tags.count("tr") == 502
    for text in ("249", "9,500 more rows", "9750"):
        assert text in page.text
    assert "9749" not in page.text


def test_labels_are_a_picture_and_the_classes_that_occur():
    labels = LabelArray([[0, 2, 2], [2, 255, 2]], ["sky", "car", "road"])
    page = Parser(labels._repr_html_())
    assert page.tags.count("img") == 1
    text = page.text.replace("\xa0", " ")
    assert text.index("road 66.7%") < text.index("sky 16.7%") < text.index("unlabeled 16.7%")
    assert "car" not in text
    assert f"rgb({','.join(map(str, distinct_colors(3)[2]))})" in labels._repr_html_()


def test_labels_without_a_picture_show_as_text():
    labels = LabelArray([[0, 1], [1, 1]], ["sky", "road"])
    for plain in (labels[0], labels.argmax(axis=0), labels[:0], labels[None, None]):
        assert getattr(plain, "_repr_html_", lambda: None)() is None


def test_a_network_shows_without_torch():
    program = (
        "import sys; from layergraph.analyze import *; from layergraph.builders import unet_layers;"
        "g = unet_layers((32, 32, 1), 2, encoder_depth=1); a = analyze_network(g);"
        "shown = g, a, a.table(), a.costs(), compare(g, g), explain(g, g.layers[3].name);"
        "[x._repr_html_() for x in shown];"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
