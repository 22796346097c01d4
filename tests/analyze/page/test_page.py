"""The page and the fragment as files: complete, without requests, safe from hostile names."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

import layergraph.analyze.page
from layergraph import (
    Convolution2dLayer,
    ImageInputLayer,
    LayerGraph,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
)
from layergraph.analyze import NetworkAnalysis, analyze_network
from layergraph.builders import deeplabv3plus_layers, segnet_layers, unet_layers

SEGNET = analyze_network(segnet_layers((32, 32, 1), 2, 2), name="SegNet")
HOSTILE_NAMES = (
    "<img src=x onerror=alert(1)>",
    "<!--<script>",
    "]]>",
    '"quo\'ted" onclick="alert(1)',
    "back\\slash\\",
    "line\nbreak",
    "{{ 7*7 }}",
    "{% raw %}",
    "&lt;",
    "-->",
    "\x1b[31mred",
    "\u202egnp",
    "\u2028separated",
    "__proto__",
    "constructor",
    "javascript:alert(1)",
    "x" * 10_000,
)
HOSTILE = analyze_network(
    LayerGraph(
        [
            ImageInputLayer((8, 8, 2), name="data"),
            *(ReluLayer(name=name) for name in HOSTILE_NAMES),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(classes=["</script><script>alert(3)</script>", "\ud800"], name="loss"),
        ]
    ),
    name='"></script><img src=x onerror=alert(2)>',
)
FAULTY = analyze_network(
    [ImageInputLayer((8, 8, 1)), Convolution2dLayer(3, 8, num_channels=2), ReluLayer(name="relu")]
)


class Page(HTMLParser):
    """The tags and the text of a page, and the content of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.raw: dict[str, list[str]] = {"script": [], "style": []}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1] in self.raw and self.cdata_elem:
            self.raw[self.tags[-1]].append(data)
        else:
            self.text += data

    def data(self) -> Any:
        """The data of the page."""
        return json.loads(self.raw["script"][0])


@pytest.mark.parametrize("analysis", [SEGNET, FAULTY, HOSTILE], ids=["segnet", "faulty", "hostile"])
def test_the_page_is_one_file_that_loads_nothing(analysis: NetworkAnalysis) -> None:
    text = analysis.to_html()
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>")
    assert page.tags.count("script") == 2
    assert page.tags.count("style") == 1
    assert not {"img", "iframe", "link", "object", "embed", "base"} & set(page.tags)
    addresses = ("href", "xlink:href", "src", "srcset", "action", "style", "onclick", "onerror")
    assert not [name for name, _ in page.attributes if name in addresses]
    assert not re.findall(r"@import|url\((?!#)", page.raw["style"][0])


def test_the_policy_allows_only_the_program_and_the_style_of_the_page() -> None:
    page = Page(SEGNET.to_html())
    policy = next(
        value for name, value in page.attributes if name == "content" and "default-src" in str(value)
    )

    def digest(text: str) -> str:
        return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"

    assert policy == (
        f"default-src 'none'; script-src {digest(page.raw['script'][1])}; "
        f"style-src {digest(page.raw['style'][0])}; base-uri 'none'; form-action 'none'"
    )


def test_the_program_writes_no_markup() -> None:
    folder = Path(layergraph.analyze.page.__file__).parent
    for path in folder.glob("*.js"):
        text = path.read_text("utf-8")
        for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "Function("):
            assert word not in text, (path.name, word)
        if path.name != "dagre.min.js":
            for word in ("fetch(", "XMLHttpRequest", "WebSocket", "import(", "http://", "sendBeacon"):
                assert word not in text.replace("http://www.w3.org/2000/svg", ""), (path.name, word)


def test_the_page_contains_the_license_of_dagre() -> None:
    text = SEGNET.to_html()
    assert "Copyright (c) 2012-2014 Chris Pettitt" in text
    assert "Permission is hereby granted" in text


def test_no_name_becomes_markup_in_the_page() -> None:
    text = HOSTILE.to_html()
    text.encode("utf-8")
    page = Page(text)
    data = page.data()
    assert [layer["name"] for layer in data["layers"][1:5]] == list(HOSTILE_NAMES[:4])
    assert data["layers"][6]["name"] == r"line\nbreak"
    assert data["layers"][12]["name"] == r"\u202egnp"
    assert len(data["layers"]) == len(HOSTILE_NAMES) + 3
    assert max(len(layer["call"]) for layer in data["layers"]) == 2000
    assert page.tags.count("script") == 2
    assert not {"img", "iframe", "link"} & set(page.tags)
    assert text.count("<script") == 2  # also for a reader that does not parse the file


def test_no_name_becomes_markup_in_the_fragment() -> None:
    text = HOSTILE._repr_html_()
    text.encode("utf-8")
    page = Page(text)
    assert not {"script", "img", "iframe", "link"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    assert not [value for name, value in page.attributes if name in ("href", "xlink:href", "src")]
    for name in (
        "<img src=x onerror=alert(1)>",
        "{{ 7*7 }}",
        r"line\nbreak",
        r"\x1b[31mred",
        "&lt;",
    ):
        assert name in page.text


@pytest.mark.parametrize(
    "lgraph",
    [
        segnet_layers((32, 32, 1), 2, 2),
        unet_layers((32, 32, 1), 2, encoder_depth=2),
        deeplabv3plus_layers((64, 64, 3), 2, "resnet18", width=1 / 16),
    ],
    ids=["segnet", "unet", "deeplabv3plus"],
)
def test_the_data_describes_the_network(lgraph: LayerGraph) -> None:
    analysis = analyze_network(lgraph)
    data = Page(analysis.to_html()).data()
    names = [layer["name"] for layer in data["layers"]]
    assert names == list(lgraph.order)
    assert sum(layer["count"] for layer in data["layers"]) == analysis.total_learnables
    ports = {(source, target) for source, target in lgraph.connections}
    assert len(data["links"]) == len(ports)
    for source, source_port, target, target_port, _ in data["links"]:
        source_names = {names[source], f"{names[source]}/{source_port}"}
        target_names = {names[target], f"{names[target]}/{target_port}"}
        assert any((a, b) in ports for a in source_names for b in target_names)
    assert sorted(index for block in data["blocks"] for index in block["layers"]) == list(range(len(names)))
    adds = analysis.costs().multiply_adds
    assert ["Multiply-adds", f"{adds:,}"] in [[row[0], row[2]] for row in data["totals"]]
    assert sum(layer["costs"]["multiply_adds"] for layer in data["layers"]) == adds


def test_unknown_numbers_are_marked() -> None:
    data = Page(FAULTY.to_html()).data()
    assert data["layers"][1]["count"] is None
    assert data["totals"][0] == ["Learnables", "≥ 0", "0"]
    issue = next(issue for issue in data["issues"] if issue["code"] == "LG-CHANNELS")
    assert issue["layer"] == 1
    assert issue["severity"] == "error"


def test_guessed_sizes_are_marked() -> None:
    lgraph = unet_layers((32, 32, 1), 2, encoder_depth=2)
    lgraph = lgraph.disconnect_layers("Encoder-Stage-1-ReLU-2", "Decoder-Stage-2-DepthConcatenation/in2")
    analysis = analyze_network(lgraph)
    data = Page(analysis.to_html()).data()
    assert any(row.assumed for row in analysis.layers)
    for row, layer in zip(analysis.layers, data["layers"], strict=True):
        assert layer["assumed"] is row.assumed
        assert layer["size"].startswith("≈ ") is row.assumed
        assert layer["activations"][0][1].startswith("≈ ") is row.assumed


def test_lookups_are_distinguished_from_data() -> None:
    data = Page(SEGNET.to_html()).data()
    pools = [link for link in data["links"] if link[3] in ("indices", "size")]
    assert pools
    assert all(flows == 0 for *_, flows in pools)
    assert all(flows == 1 for *_, port, flows in data["links"] if port == "in")


def test_an_empty_network_has_a_page() -> None:
    assert Page(analyze_network(LayerGraph()).to_html()).data()["layers"] == []


def test_the_fragment_is_the_table_without_a_page() -> None:
    text = SEGNET._repr_html_()
    assert "<html" not in text
    assert "prefers-color-scheme" not in text  # a notebook may be dark on a light screen
    page = Page(text)
    assert "224,262 (224.3k)" in page.text
    assert page.tags.count("tr") == 1 + 31
    assert "LG-CHANNELS" in Page(FAULTY._repr_html_()).text


def test_the_page_states_the_range_of_the_input_pixels() -> None:
    layers = Page(SEGNET.to_html()).data()["layers"]
    assert layers[0]["note"].startswith("Takes pixels in the range of the training images, 0 to 255")
    assert not any(layer["note"] for layer in layers[1:])
