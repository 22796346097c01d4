"""JSON, CSV, Markdown: stable, complete, and safe from hostile names."""

import csv
import io
import json
from collections.abc import Callable

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


def test_the_keys_of_json_are_stable() -> None:
    content = json.loads(SEGNET.to_json())
    assert list(content) == [
        "name",
        "total_learnables",
        "input_names",
        "output_names",
        "num_connections",
        "layers",
        "issues",
    ]
    assert content["layers"] == SEGNET.to_records()
    assert content["layers"][1] == {
        "index": 2,
        "name": "encoder1_conv1",
        "type": "Convolution",
        "description": "64 3×3×1 convolutions with stride [1 1] and padding [1 1 1 1]",
        "activations": [{"port": "out", "size": [32, 32, 64, 1], "format": "SSCB"}],
        "learnables": [{"name": "Weights", "size": [3, 3, 1, 64]}, {"name": "Bias", "size": [1, 1, 64]}],
        "states": [],
        "assumed": False,
    }
    assert content["layers"][2]["states"] == [
        {"name": "TrainedMean", "size": [1, 1, 64]},
        {"name": "TrainedVariance", "size": [1, 1, 64]},
    ]
    assert [activation["port"] for activation in content["layers"][7]["activations"]] == [
        "out",
        "indices",
        "size",
    ]


def test_json_of_a_faulty_network() -> None:
    content = json.loads(FAULTY.to_json(indent=2))
    assert content["total_learnables"] is None
    assert content["layers"][1]["learnables"] is None
    # the size once the layer takes the channels of its input
    assert content["layers"][1]["activations"] == [{"port": "out", "size": [6, 6, 8, 1], "format": "SSCB"}]
    assert content["layers"][2]["learnables"] == []
    issue = next(issue for issue in content["issues"] if issue["code"] == "LG-CHANNELS")
    assert list(issue) == ["severity", "layer", "port", "code", "message", "text", "advice", "edit", "others"]
    assert (issue["severity"], issue["layer"]) == ("error", "conv")
    assert issue["message"] == f"{issue['text']}; {issue['advice']}"


def test_json_holds_every_name_and_encodes() -> None:
    content = json.loads(HOSTILE.to_json().encode("utf-8"))
    assert [layer["name"] for layer in content["layers"]] == ["data", *HOSTILE_NAMES, "loss"]


def test_csv() -> None:
    rows = list(csv.DictReader(io.StringIO(SEGNET.to_csv())))
    assert len(rows) == 31
    assert rows[1]["learnables"] == "Weights 3×3×1×64; Bias 1×1×64"
    assert (rows[1]["num_learnables"], rows[3]["num_learnables"], rows[3]["learnables"]) == ("640", "0", "")
    assert rows[7]["activations"].startswith("out 16(S) × 16(S) × 64(C) × 1(B); indices 16384(S)")
    assert sum(int(row["num_learnables"]) for row in rows) == SEGNET.total_learnables


def test_csv_has_no_formulas() -> None:
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
