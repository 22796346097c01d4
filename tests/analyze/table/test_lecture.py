"""Compare the tables of the lecture, row by row, with the analyzer's JSON.

``lecture/*.txt`` hold the rows as printed on the slides: number, name, description, type, activations,
learnables. A slide cuts long cells, which then end in dots and are compared up to there. ``SLIPS`` lists the
errors of the print, each with its reason.
"""

import json
import re
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import pytest

from layergraph import LayerGraph, PixelClassificationLayer
from layergraph.analyze import analyze_network
from layergraph.builders import deeplabv3plus_layers, fcn_layers, segnet_layers, unet_layers

COLUMNS = ("index", "name", "description", "type", "activations", "learnables")

CAMVID = {  # the lecture's classes with their weights
    "Sky": 0.3182,
    "Building": 0.2082,
    "Pole": 5.0924,
    "Road": 0.1744,
    "Pavement": 0.7103,
    "Tree": 0.4175,
    "SignSymbol": 4.5371,
    "Fence": 1.8386,
    "Car": 1.0000,
    "Pedestrian": 6.6059,
    "Bicyclist": 5.1133,
}


def with_lecture_loss(lgraph: LayerGraph) -> LayerGraph:
    """The graph with the class-weighted loss of the lecture instead of its own."""
    (loss,) = lgraph.output_names
    labels = PixelClassificationLayer(name="labels", classes=[*CAMVID], class_weights=[*CAMVID.values()])
    return lgraph.replace_layer(loss, labels)


NETWORKS = {
    "deeplabv3plus_resnet18": lambda: with_lecture_loss(deeplabv3plus_layers((720, 960, 3), 11, "resnet18")),
    "fcn_8s": lambda: with_lecture_loss(fcn_layers((360, 480), 11)),
    "segnet_depth_2": lambda: segnet_layers((32, 32, 1), 2, 2),
    "segnet_depth_4": lambda: segnet_layers((480, 640, 3), 5, 4),
    "unet_depth_3": lambda: unet_layers((480, 640, 3), 5, encoder_depth=3),
    "unet_depth_4": lambda: unet_layers((32, 32, 1), 2),
}
TOTALS = {  # layers, connections, learnables
    "deeplabv3plus_resnet18": (100, 113, 20_617_446),
    "fcn_8s": (51, 55, 134_348_962),
    "segnet_depth_2": (31, 34, 224_262),
    "unet_depth_3": (46, 48, 7_697_605),
    "unet_depth_4": (58, 61, 31_030_658),
}
ROWS = {
    "deeplabv3plus_resnet18": (*range(1, 25), *range(27, 51), *range(77, 101)),
    "fcn_8s": (*range(1, 25), *range(28, 52)),
    "segnet_depth_2": range(9, 32),
    "segnet_depth_4": range(1, 24),
    "unet_depth_3": range(23, 47),
    "unet_depth_4": range(35, 59),
}


class Slip(NamedTuple):
    """An error of the print: ``pattern`` in these rows of a column stands for ``correct``."""

    table: str
    rows: tuple[int, ...]
    column: str
    pattern: str
    correct: str
    reason: str


SLIPS = (
    Slip(
        "deeplabv3plus_resnet18",
        (1, 2, 5, 6, 9, 13, 16, 20, 23, 29, 32, 36, 39, 41, 45, 48, 77, 81, 85, 90, 93, 96),
        "description",
        r"(\d)x(?=\d)",
        r"\1×",
        "the letter x instead of the sign ×, which rows 84 and 97 have",
    ),
    Slip(
        "deeplabv3plus_resnet18",
        (23, 29, 32, 36, 39, 41, 45, 48),
        "description",
        r" \.\.\.\]$",
        "...",
        "a bracket after the dots, where the slide cuts the description",
    ),
    Slip(
        "deeplabv3plus_resnet18",
        (36,),
        "description",
        r"3×3×256",
        "3×3×128",
        "its input, row 35, has 128 channels, as in row 41, which has the same input",
    ),
    Slip(
        "deeplabv3plus_resnet18",
        (36,),
        "learnables",
        r"3 × 3 × 256",
        "3 × 3 × 128",
        "its input, row 35, has 128 channels, as in row 41, which has the same input",
    ),
    Slip(
        "deeplabv3plus_resnet18",
        (2, 6, 9, 13, 16, 20, 23),
        "learnables",
        r"^Weight ",
        "Weights ",
        "the last letter is missing: the table of FCN, which is not cut, prints Weights",
    ),
    Slip(
        "deeplabv3plus_resnet18",
        (6, 9, 13, 16, 20, 23, 29, 32, 36, 39, 41, 45, 48),
        "learnables",
        r"^(\S+ [\d ×]+) Bias",
        r"\1... Bias",
        "the weights are cut to three numbers without dots",
    ),
    Slip(
        "deeplabv3plus_resnet18",
        (77, 81, 84, 85, 90, 93, 96, 97),
        "learnables",
        r"(\d)\.\. Bias",
        r"\1... Bias",
        "two dots where the slide cuts the weights",
    ),
    Slip(
        "deeplabv3plus_resnet18",
        (79,),
        "name",
        r"ReLU",
        "Relu",
        "graphs exported from MATLAB have aspp_Relu_1 to aspp_Relu_4",
    ),
    Slip(
        "deeplabv3plus_resnet18",
        (100,),
        "description",
        r" '$",
        " '...",
        "the slide cuts the list of classes without dots",
    ),
    Slip(
        "fcn_8s",
        (1, 2, 4, 6, 7, 9, 11, 12, 14, 16, 18, 19, 21, 23, 28, 30, 32, 33, 36, 39, 40, 41, 44, 45, 48),
        "description",
        r"(\d)x(?=\d)",
        r"\1×",
        "the letter x instead of the sign ×",
    ),
    Slip(
        "fcn_8s",
        (28, 30, 33, 36, 39, 40, 41, 44, 45, 48),
        "description",
        r"\[(\d) \1 \1\]",
        r"[\1 \1 \1 \1]",
        "padding and cropping have four numbers, as in row 32 of the same page; one is missing",
    ),
    Slip("segnet_depth_4", (1,), "description", r"(\d)x(?=\d)", r"\1×", "the letter x instead of the sign ×"),
    Slip(
        "unet_depth_3",
        (23, 26, 28, 30, 33, 35, 37, 40, 42, 44),
        "description",
        r"(\d)x(?=\d)",
        r"\1×",
        "the letter x instead of the sign ×",
    ),
    Slip(
        "unet_depth_3",
        (23, 26, 28, 30, 33, 35, 37, 40, 42),
        "description",
        r"\.\.\. ReLU$",
        "...",
        "the description continues with that of the next row",
    ),
    Slip(
        "unet_depth_3",
        (23, 30, 37),
        "description",
        r"stride \[1 1\]",
        "stride [2 2]",
        "height and width double from the row before, so the stride is 2",
    ),
    Slip(
        "unet_depth_3",
        (23, 26, 28, 30, 33, 35, 37, 40, 42),
        "learnables",
        r"^Wei\.\.\. Bias ([\d ×]+)$",
        r"Wei... \1... Bias",
        "the numbers of the weights follow the word Bias, cut to three; those of the bias are missing",
    ),
    Slip(
        "unet_depth_3",
        (33,),
        "learnables",
        r"3 × 3 × 128",
        "3 × 3 × 256",
        "its input, row 32, has 256 channels; the same row of the deeper network prints 3 × 3 × 256",
    ),
    Slip(
        "unet_depth_3",
        (40,),
        "learnables",
        r"3 × 3 × 64",
        "3 × 3 × 128",
        "its input, row 39, has 128 channels; the same row of the deeper network prints 3 × 3 × 128",
    ),
    Slip(
        "unet_depth_4",
        (35, 38, 40, 42, 45, 47, 49, 52, 54, 56),
        "description",
        r"(\d)x(?=\d)",
        r"\1×",
        "the letter x instead of the sign ×",
    ),
    Slip(
        "unet_depth_4",
        (35, 42, 49),
        "description",
        r"stride \[1 1\]",
        "stride [2 2]",
        "height and width double from the row before, so the stride is 2",
    ),
    Slip(
        "unet_depth_4",
        (35, 38, 40, 42, 45, 47, 49, 52, 54, 56),
        "learnables",
        r"^(Wei\.\.\. [\d ×]+) Bias",
        r"\1... Bias",
        "the weights are cut to three numbers without dots",
    ),
)


def printed_rows(table: str) -> list[dict[str, str]]:
    """The printed rows with all slips corrected; a slip that does not occur fails."""
    text = (Path(__file__).parent / "lecture" / f"{table}.txt").read_text(encoding="utf-8")
    rows = [dict(zip(COLUMNS, line.split(" | "), strict=True)) for line in text.splitlines()]
    for slip in SLIPS:
        for row in rows:
            if slip.table == table and int(row["index"]) in slip.rows:
                corrected, count = re.subn(slip.pattern, slip.correct, row[slip.column])
                assert count, f"{table} {row['index']}: no such slip: {slip.reason}"
                row[slip.column] = corrected
    return rows


def agrees(printed: str, ours: str) -> bool:
    """Whether the texts are equal, or equal up to the dots of the print."""
    if printed.endswith("..."):
        return ours.startswith(printed.removesuffix("...").rstrip())
    return printed == ours


def check_activations(printed: str, ours: list[dict]) -> None:
    texts = [" × ".join(f"{n}({c})" for n, c in zip(a["size"], a["format"], strict=True)) for a in ours]
    parts = re.split(r"(?:^| )(out|ind\.\.\.|size) ", printed)
    if len(parts) == 1:
        assert len(texts) == 1
        assert agrees(printed, texts[0])
        return
    assert len(ours) == 3
    for port, size, activation, text in zip(parts[1::2], parts[2::2], ours, texts, strict=True):
        assert agrees(port, activation["port"])
        assert agrees(size.strip(), text)


def check_learnables(printed: str, ours: list[dict]) -> None:
    learnables = re.findall(r"(Weig\.\.\.|Wei\.\.\.|[A-Z]\w+) ?([\d ×]*\d)? ?(\.\.\.)?", printed)
    assert printed == "-" or learnables
    for (name, numbers, dots), learnable in zip_longest(learnables, ours):
        assert agrees(name, learnable["name"])
        if numbers:
            assert agrees(f"{numbers}{dots}", " × ".join(map(str, learnable["size"])))


@pytest.mark.parametrize("table", NETWORKS)
def test_the_analyzer_agrees_with_every_printed_row(table: str) -> None:
    analysis = json.loads(analyze_network(NETWORKS[table]()).to_json())
    rows = printed_rows(table)
    assert [int(row["index"]) for row in rows] == list(ROWS[table])
    for row in rows:
        layer = analysis["layers"][int(row["index"]) - 1]
        assert layer["index"] == int(row["index"])
        for column in ("name", "description", "type"):
            assert agrees(row[column], layer[column]), (row[column], layer[column])
        check_activations(row["activations"], layer["activations"])
        check_learnables(row["learnables"], layer["learnables"])


@pytest.mark.parametrize("table", TOTALS)
def test_totals(table: str) -> None:
    analysis = json.loads(analyze_network(NETWORKS[table]()).to_json())
    totals = (len(analysis["layers"]), analysis["num_connections"], analysis["total_learnables"])
    assert totals == TOTALS[table]
    assert analysis["issues"] == []


def test_the_last_line_of_a_pooling_layer() -> None:
    """The page of the depth-2 SegNet begins with the last line of row 8."""
    row = analyze_network(NETWORKS["segnet_depth_2"]()).layers[7]
    assert row.activations[2].port == "size"
    assert agrees("1(S) × 4(S) × 1(S) × 32(S) × ...", str(row.activations[2].size))
