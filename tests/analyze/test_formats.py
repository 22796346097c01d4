"""JSON, CSV, Markdown, HTML: stable, complete, and safe from hostile names."""

import csv
import io
import json
from collections.abc import Callable
from html.parser import HTMLParser

import pytest

from layergraph import (
    Convolution2dLayer,
    ImageInputLayer,
    LayerGraph,
    PixelClassificationLayer,
    ReluLayer,
)
from layergraph.analyze import analyze_network
from layergraph.builders import segnet_layers

SEGNET = analyze_network(segnet_layers((32, 32, 1), 2, 2), name="SegNet")
HOSTILE_NAMES = (
    "<script>alert(1)",
    '"quo\'ted"',
    "back\\slash\\",
    "line\nbreak",
    "pi|pe",
    "[link](javascript:alert(1))",
    "=1+1",
    "@cell",
    "{{ 7*7 }}",
    "{% raw %}",
    "&lt;",
    "-->",
    "\x1b[31mred",
    "\u202egnp",
)
HOSTILE = analyze_network(
    LayerGraph(
        [
            ImageInputLayer((8, 8, 1), name="data"),
            *(ReluLayer(name=name) for name in HOSTILE_NAMES),
            PixelClassificationLayer(classes=["<img src=x onerror=alert(1)>", "\ud800"], name="loss"),
        ]
    ),
    name='"><script>alert(2)</script>',
)
FAULTY = analyze_network(
    [ImageInputLayer((8, 8, 1)), Convolution2dLayer(3, 8, num_channels=2), ReluLayer(name="relu")]
)


def test_json_has_the_promised_keys() -> None:
    found = json.loads(SEGNET.to_json())
    assert list(found) == [
        "name",
        "total_learnables",
        "input_names",
        "output_names",
        "num_connections",
        "layers",
        "issues",
    ]
    assert found["layers"] == SEGNET.to_records()
    assert found["layers"][1] == {
        "index": 2,
        "name": "encoder1_conv1",
        "type": "Convolution",
        "description": "64 3×3×1 convolutions with stride [1 1] and padding [1 1 1 1]",
        "activations": [{"port": "out", "size": [32, 32, 64, 1], "format": "SSCB"}],
        "learnables": [{"name": "Weights", "size": [3, 3, 1, 64]}, {"name": "Bias", "size": [1, 1, 64]}],
        "states": [],
    }
    assert found["layers"][2]["states"] == [
        {"name": "TrainedMean", "size": [1, 1, 64]},
        {"name": "TrainedVariance", "size": [1, 1, 64]},
    ]
    assert [activation["port"] for activation in found["layers"][7]["activations"]] == [
        "out",
        "indices",
        "size",
    ]


def test_json_of_a_faulty_network() -> None:
    found = json.loads(FAULTY.to_json(indent=2))
    assert found["total_learnables"] is None
    assert found["layers"][1]["learnables"] is None
    # what it gives once it takes the channels of its input
    assert found["layers"][1]["activations"] == [{"port": "out", "size": [6, 6, 8, 1], "format": "SSCB"}]
    assert found["layers"][2]["learnables"] == []
    issue = next(issue for issue in found["issues"] if issue["code"] == "LG-CHANNELS")
    assert list(issue) == ["severity", "layer", "port", "code", "message", "text", "hint", "edit", "others"]
    assert (issue["severity"], issue["layer"]) == ("error", "conv")
    assert issue["message"] == f"{issue['text']}; {issue['hint']}"


def test_json_holds_every_name_and_encodes() -> None:
    found = json.loads(HOSTILE.to_json().encode("utf-8"))
    assert [layer["name"] for layer in found["layers"]] == ["data", *HOSTILE_NAMES, "loss"]


def test_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(SEGNET.to_csv())))
    assert len(rows) == 31
    assert rows[1]["learnables"] == "Weights 3×3×1×64; Bias 1×1×64"
    assert (rows[1]["num_learnables"], rows[3]["num_learnables"], rows[3]["learnables"]) == ("640", "0", "")
    assert rows[7]["activations"].startswith("out 16(S) × 16(S) × 64(C) × 1(B); indices 16384(S)")
    assert sum(int(row["num_learnables"]) for row in rows) == SEGNET.total_learnables


def test_csv_gives_a_spreadsheet_nothing_to_run() -> None:
    rows = list(csv.reader(io.StringIO(HOSTILE.to_csv())))
    assert len(rows) == len(HOSTILE_NAMES) + 3
    assert all(not cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row)
    assert "'=1+1" in [row[1] for row in rows]


def test_markdown(golden: Callable[[str, str], None]) -> None:
    golden("analyze/segnet_markdown", SEGNET.to_markdown())


def test_markdown_of_hostile_names(golden: Callable[[str, str], None]) -> None:
    text = HOSTILE.to_markdown()
    text.encode("utf-8")
    table = text[text.index("| | Name") :].splitlines()
    assert len(table) == len(HOSTILE_NAMES) + 4
    assert all(line.replace(r"\|", "").count("|") == 6 for line in table)
    assert "<script" not in text
    golden("analyze/hostile_markdown", text)


class Page(HTMLParser):
    """The tags and the text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.parametrize("make", ["to_html", "_repr_html_"])
def test_no_name_becomes_markup(make: str) -> None:
    text = getattr(HOSTILE, make)()
    text.encode("utf-8")
    page = Page(text)
    assert not {"script", "img", "iframe", "link"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not [value for name, value in page.attributes if name in ("href", "xlink:href", "src")]
    for name in ("<script>alert(1)", '"quo\'ted"', "{{ 7*7 }}", r"line\nbreak", r"\x1b[31mred", "&lt;"):
        assert name in page.text


def test_the_page_holds_totals_issues_drawing_and_table() -> None:
    page = Page(SEGNET.to_html())
    assert "224,262 (224.3k)" in page.text
    assert page.tags.count("svg") == 1
    assert page.tags.count("tr") == 1 + 31
    faulty = Page(FAULTY.to_html())
    assert "LG-CHANNELS" in faulty.text
    assert "svg" in faulty.tags


def test_the_page_is_self_contained_and_knows_the_dark() -> None:
    text = SEGNET.to_html()
    assert text.startswith("<!DOCTYPE html>")
    assert "prefers-color-scheme: dark" in text
    assert "default-src 'none'" in text
    assert not [value for name, value in Page(text).attributes if name in ("href", "src")]


def test_the_page_leaves_out_a_drawing_that_nobody_could_read() -> None:
    layers = [ImageInputLayer((8, 8, 1)), *(ReluLayer() for _ in range(500))]
    assert "<svg" not in analyze_network(layers, target_usage="network").to_html()


def test_notebooks_get_the_result_without_a_page() -> None:
    text = SEGNET._repr_html_()
    assert "<html" not in text
    assert Page(text).tags.count("tr") == 1 + 31
