"""The printed table: whole in a file or pipe, cut to a terminal."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest
from rich.cells import cell_len
from rich.console import Console

from layergraph import (
    AdditionLayer,
    BatchNormalizationLayer,
    Convolution2dLayer,
    ImageInputLayer,
    LayerGraph,
    LeakyReluLayer,
    ReluLayer,
)
from layergraph.analyze import analyze_network, compare, explain
from layergraph.analyze.size_text import plain_size
from layergraph.analyze.table.text_columns import plain_text
from layergraph.builders import segnet_layers, unet_layers

SEGNET = analyze_network(segnet_layers((32, 32, 1), 2, 2), name="SegNet")
UNET = analyze_network(unet_layers((480, 640, 3), 5, encoder_depth=3))
FAULTY = analyze_network(
    LayerGraph(
        [
            ImageInputLayer((32, 32, 1)),
            Convolution2dLayer(3, 8, num_channels=4, name="天空卷积"),
            ReluLayer(name="a\x1b[2Jb\n"),
            AdditionLayer(2, name="add"),
        ]
    )
)
ALL = {"segnet": SEGNET, "unet": UNET, "faulty": FAULTY}


def test_the_whole_table(golden: Callable[[str, str], None]) -> None:
    golden("analyze/segnet_table", SEGNET.to_text())


def test_the_table_in_80_columns(golden: Callable[[str, str], None]) -> None:
    golden("analyze/segnet_table_80", SEGNET.to_text(80))


def test_the_table_of_a_faulty_network(golden: Callable[[str, str], None]) -> None:
    golden("analyze/faulty_table", FAULTY.to_text(100))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("width", [60, 80, 100, 120, 160])
def test_no_line_exceeds_the_width(name: str, width: int) -> None:
    text = ALL[name].to_text(width)
    assert max(map(cell_len, text.splitlines())) <= width


@pytest.mark.parametrize("name", ALL)
def test_nothing_is_cut_without_a_width(name: str) -> None:
    analysis = ALL[name]
    text = analysis.to_text()
    assert "…" not in text
    assert all(str(layer.description) in text for layer in analysis.layers)
    assert text == str(analysis)  # standard output is captured: it is no terminal


def test_80_columns_keep_what_tells_rows_apart() -> None:
    text = UNET.to_text(80)
    rows = [line for line in text.splitlines()[8:] if line[:2].strip(" ─")]
    assert len({row.split()[1] for row in rows}) == UNET.num_layers
    for row, layer in zip(rows, UNET.layers, strict=True):
        assert f" {plain_size(layer.activations[0].size)} " in row
    assert text.count("Weights 3×3×256×256\n") == 2
    assert "(S)" not in text


def test_narrow_names_keep_their_ends() -> None:
    assert "Enco…v-2" in UNET.to_text(40)


@pytest.mark.parametrize("width", [60, 80, 100])
def test_explanations_and_comparisons_fit_and_lose_no_word(width: int) -> None:
    other = UNET.lgraph.replace_layer("Bridge-ReLU-1", [BatchNormalizationLayer(), LeakyReluLayer()])
    for result in (explain(UNET, "Final-ConvolutionLayer"), compare(UNET, other)):
        text = plain_text(result._lines(width))
        assert max(map(cell_len, text.splitlines())) <= width
        if width >= 80:
            assert " ".join(text.split()).count("stride [1 1]") == str(result).count("stride [1 1]")


def test_names_send_no_commands_to_the_terminal() -> None:
    assert "\x1b" not in FAULTY.to_text()
    assert r"a\x1b[2Jb\n" in FAULTY.to_text()


def test_issues_are_whole_on_a_narrow_terminal() -> None:
    text = " ".join(FAULTY.to_text(60).split())
    for issue in FAULTY.issues:
        assert " ".join(issue.message.split()) in text


def test_totals_have_a_short_form() -> None:
    assert "Total learnables  7,697,605 (7.7M)" in UNET.to_text()


def test_rich_consoles_show_colors() -> None:
    console = Console(width=100, force_terminal=True, color_system="standard")
    with console.capture() as capture:
        console.print(FAULTY)
    assert "\x1b[1;31m" in capture.get()


def test_show_prints_the_plain_table_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    UNET.show()
    assert capsys.readouterr().out == f"{UNET.to_text()}\n"


PRINTING = """
from layergraph.analyze import analyze_network
from layergraph.builders import unet_layers
analysis = analyze_network(unet_layers((480, 640, 3), 5, encoder_depth=3))
print(analysis)
analysis.show()
"""


def test_a_pipe_gets_the_whole_table() -> None:
    environment = {**os.environ, "COLUMNS": "70", "PYTHONIOENCODING": "utf-8"}
    result = subprocess.run(
        [sys.executable, "-c", PRINTING], capture_output=True, check=True, env=environment
    )
    assert result.stdout.decode("utf-8") == f"{UNET.to_text()}\n" * 2


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_gets_a_table_of_its_width(in_terminal: Callable[..., str]) -> None:
    text = in_terminal(PRINTING, 90)
    assert text.startswith(f"{UNET.to_text(90)}\n")
    assert "\x1b[1mANALYSIS RESULT" in text.removeprefix(UNET.to_text(90))  # show() prints in color
