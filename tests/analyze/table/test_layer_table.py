"""Tables of layers: columns, rows, order, groups, in every format."""

import csv
import io
import json
import re
import sys
from collections.abc import Callable
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest
from rich.cells import cell_len
from rich.console import Console

from layergraph import (
    AdditionLayer,
    BatchNormalizationLayer,
    Convolution2dLayer,
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
    MissingExtraError,
    ReluLayer,
)
from layergraph.analyze import analyze_network
from layergraph.analyze.table.columns import COLUMNS
from layergraph.analyze.table.latex import latex_text
from layergraph.builders import segnet_layers
from layergraph.builders.backbones import resnet18

SEGNET = analyze_network(segnet_layers((32, 32, 1), 2, 2), name="SegNet")
RESNET = analyze_network(resnet18(), name="ResNet-18")
FAULTY = analyze_network(
    LayerGraph(
        [
            ImageInputLayer((32, 32, 1)),
            Convolution2dLayer(3, 8, num_channels=4, name="conv"),
            ReluLayer(name="relu"),
            Convolution2dLayer(3, 2, name="after"),
        ]
    ),
    target_usage="network",
)
HOSTILE_NAMES = (
    "<script>alert(1)",
    "back\\slash\\",
    "\\input{secret}",
    "$x^2$ & 100% #1 ~{a}_b",
    "line\nbreak",
    "pi|pe",
    "=1+1",
    "*star",
    "[bracket]",
    "a--b---c,,''``?`\"",
    "&lt;",
    "\x1b[31mred",
    "天空卷积",
)
HOSTILE = analyze_network(
    [ImageInputLayer((8, 8, 1), name="data"), *(ReluLayer(name=name) for name in HOSTILE_NAMES)],
    target_usage="network",
)
COSTS = ("name", "num_learnables", "multiply_adds", "activation_bytes_inference", "receptive_field")


# -- rows, columns and order --------------------------------------------------------------------------


def test_golden_tables(golden: Callable[[str, str], None]) -> None:
    tables = {
        "default": SEGNET.table(),
        "grouped": SEGNET.table((*COSTS, "size", "inputs", "outputs"), group=True),
        "filtered": SEGNET.table(("name", "type", "learnables"), names="encoder1*", types=["conv*", "relu"]),
        "sorted": SEGNET.table(
            ("index", "name", "num_learnables"), sort_by=("-num_learnables", "name"), types="*convolution"
        ),
        "every column": SEGNET.table(tuple(COLUMNS), names=("encoder1_c*", "encoder1_maxpool")),
        "faulty": FAULTY.table(("name", "activations", *COSTS[1:], "issues")),
        "nothing": SEGNET.table(names="x*"),
    }
    golden(
        "analyze/layer_tables", "\n\n".join(f"{name}\n{table.to_text()}" for name, table in tables.items())
    )


@pytest.mark.parametrize("form", ["csv", "json", "markdown", "latex"])
def test_golden_formats(form: str, golden: Callable[[str, str], None]) -> None:
    table = SEGNET.table(("index", "name", "type", "activations", "num_learnables"), blocks="encoder1")
    grouped = SEGNET.table(group=True)
    write = {"json": {"indent": 1}}.get(form, {})
    texts = [getattr(view, f"to_{form}")(**write) for view in (table, grouped)]
    golden(f"analyze/layer_table_{form}", "\n".join(texts))


def test_the_columns_are_the_selected_ones() -> None:
    table = RESNET.table(("type", "name"))
    assert table.columns == ("type", "name")
    assert len(table) == 71
    assert table.to_records()[0] == {"type": "Image Input", "name": "data"}
    assert list(table) == table.to_records()
    assert RESNET.table("name").columns == ("name",)
    assert RESNET.table("all").columns == tuple(COLUMNS)


def test_every_column_has_a_value_in_every_format() -> None:
    for analysis in (RESNET, FAULTY):
        for group in (False, True):
            table = analysis.table(tuple(COLUMNS), group=group)
            json.loads(table.to_json())
            for text in (table.to_text(), table.to_csv(), table.to_markdown(), table.to_latex()):
                assert len(text.splitlines()) > len(table)
            assert set(table.to_records()[0]) == set(COLUMNS)


def test_costs_equal_those_of_the_analysis() -> None:
    costs = RESNET.costs(4, "float16")
    table = RESNET.table((*COSTS, "activation_bytes_training", "num_states"), batch_size=4, dtype="float16")
    for row in table:
        layer = costs.layers[row["name"]]
        assert row["multiply_adds"] == layer.multiply_adds
        assert row["activation_bytes_inference"] == layer.activation_bytes_inference
        assert row["activation_bytes_training"] == layer.activation_bytes_training
        assert row["num_learnables"] == layer.learnables
        assert row["num_states"] == layer.states
        assert tuple(row["receptive_field"]) == layer.receptive_field
    assert table.totals == {
        "num_learnables": costs.learnables,
        "multiply_adds": costs.multiply_adds,
        "activation_bytes_inference": costs.activation_bytes_inference,
        "activation_bytes_training": costs.activation_bytes_training,
        "num_states": costs.states,
    }


def selected_names(**choices: object) -> list[str]:
    return [row["name"] for row in RESNET.table("name", **choices)]  # type: ignore[arg-type]


def test_rows_by_name_type_and_block() -> None:
    assert selected_names(names="res3a") == ["res3a"]
    assert selected_names(names=["res3a", "data"]) == ["data", "res3a"]
    assert selected_names(names="res5b*", types="relu") == ["res5b_branch2a_relu", "res5b_relu"]
    assert len(selected_names(types="Convolution")) == 20
    assert len(selected_names(blocks="res3a")) == 9
    assert selected_names(names="RES3A*") == []  # case matters in names, and not in types


def test_a_name_that_looks_like_a_pattern_is_found() -> None:
    rows = HOSTILE.table("name", names="[bracket]").to_records()
    assert rows == [{"name": "[bracket]"}]


def test_sorting() -> None:
    sizes = [row["num_learnables"] for row in RESNET.table("num_learnables", sort_by="-num_learnables")]
    assert sizes == sorted(sizes, reverse=True)
    assert [row["name"] for row in RESNET.table("name", sort_by="index")] == list(RESNET.lgraph.order)
    layers = [ImageInputLayer((8, 8, 1), name="x"), *(ReluLayer(name=f"relu{i}") for i in (10, 9, 1))]
    natural = analyze_network(layers, target_usage="network").table("name", sort_by="name")
    assert [row["name"] for row in natural] == ["relu1", "relu9", "relu10", "x"]
    last = [row["name"] for row in FAULTY.table("name", sort_by="activations")][-1]
    unknown = [layer.name for layer in FAULTY.layers if layer.activations[0].size is None]
    assert not unknown or last in unknown
    for column in COLUMNS:
        for analysis in (RESNET, FAULTY):
            names = [row["name"] for row in analysis.table("name", sort_by=column)]
            assert sorted(names) == sorted(analysis.lgraph)


def test_sorting_by_two_columns_keeps_the_first() -> None:
    rows = RESNET.table(("type", "index"), sort_by=("type", "-index")).to_records()
    assert rows == sorted(rows, key=lambda row: (row["type"].casefold(), -row["index"]))


# -- groups ------------------------------------------------------------------------------------------


def test_a_group_sums_its_layers() -> None:
    layers = RESNET.table(COSTS, blocks="res3a").to_records()
    (row,) = (row for row in RESNET.table(COSTS, group=True) if row["name"] == "res3a*")
    for column in COSTS[1:4]:
        assert row[column] == sum(layer[column] for layer in layers)
    assert row["receptive_field"] == layers[-1]["receptive_field"]
    assert row["layers"] == [layer["name"] for layer in layers]


def test_groups_hold_every_layer_once_and_the_same_totals() -> None:
    grouped, single = RESNET.table(COSTS, group=True), RESNET.table(COSTS)
    assert [name for row in grouped.rows for name in row.layers] == list(RESNET.lgraph.order)
    assert grouped.totals == single.totals
    assert grouped.num_layers == 71
    assert [row.block for row in grouped.rows][:3] == ["", "conv1", "res2a"]


def test_a_group_shows_the_size_of_its_last_layer_and_its_neighbors() -> None:
    (row,) = RESNET.table(("size", "inputs", "outputs"), blocks="res3a", group=True)
    assert row["size"] == [28, 28, 128]
    assert row["inputs"] == ["res2b_relu"]
    assert row["outputs"] == ["res3b_branch2a", "res3b/in2"]


def test_groups_can_be_filtered_and_sorted() -> None:
    table = RESNET.table(
        ("name", "num_learnables"), types="Convolution", group=True, sort_by="-num_learnables"
    )
    assert table.to_records()[0]["name"] == "res5b*"
    assert table.num_layers == 20
    assert table.to_records()[-1] == {
        "name": "conv1",
        "num_learnables": 9472,
    }  # a single layer keeps its name


def test_notes_are_counted_in_the_totals() -> None:
    layers = [ImageInputLayer((8, 8, 1)), Convolution2dLayer(3, 4, name="conv"), BatchNormalizationLayer()]
    analysis = analyze_network(layers, target_usage="network")
    assert analysis.num_notes == 1  # the bias before batch normalization is wasted
    assert "Notes             1\n" in analysis.to_text()
    assert "Notes" not in RESNET.to_text()


def test_a_group_with_an_unknown_layer_is_unknown() -> None:
    graph = LayerGraph(
        [ImageInputLayer((8, 8, 1)), AdditionLayer(2, name="a_1"), Convolution2dLayer(1, 2, name="a_2")]
    )
    analysis = analyze_network(graph, target_usage="network")
    table = analysis.table(("name", "num_learnables"), group=True)
    if analysis.total_learnables is None:
        assert table.totals["num_learnables"] is None
        assert "?" in table.to_text()


# -- mistakes ----------------------------------------------------------------------------------------


def test_mistakes(golden_errors: Callable[..., None]) -> None:
    golden_errors(
        "analyze/layer_table_mistakes",
        {
            "unknown column": lambda: RESNET.table(("name", "typ")),
            "far from any column": lambda: RESNET.table("xxxxxx"),
            "the same twice": lambda: RESNET.table(("name", "name")),
            "no columns": lambda: RESNET.table(()),
            "no text": lambda: RESNET.table(3),  # type: ignore[arg-type]
            "sort by": lambda: RESNET.table(sort_by="-learnabels"),
            "no such layer": lambda: RESNET.table(names="res3a_brnch2a"),
            "no such type": lambda: RESNET.table(types="conv"),
            "no such block": lambda: RESNET.table(blocks="res9a"),
            "group": lambda: RESNET.table(group="res3a"),  # type: ignore[arg-type]
            "batch size": lambda: RESNET.table("multiply_adds", batch_size=0),
            "dtype": lambda: RESNET.table("multiply_adds", dtype="int8"),
        },
    )


# -- width and color ---------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [20, 40, 60, 80, 100, 140, 200])
@pytest.mark.parametrize("group", [False, True])
def test_no_line_exceeds_the_width(width: int, group: bool) -> None:
    for analysis in (RESNET, FAULTY, HOSTILE):
        for columns in (("index", "name", "type", "activations", "num_learnables"), COSTS, tuple(COLUMNS)):
            text = analysis.table(columns, group=group).to_text(width)
            assert max(map(cell_len, text.splitlines())) <= width


def test_numbers_are_abbreviated_or_hidden_and_never_cut() -> None:
    whole = RESNET.table(("name", "multiply_adds", "num_learnables"), group=True)
    for width in range(24, 60):
        for word in re.findall(r"\S+", whole.to_text(width)):
            assert not re.fullmatch(r"[\d,.]+…", word)
    assert "1.8G" in whole.to_text(30)
    assert "1,814,073,344" in whole.to_text(60)


def test_golden_widths(golden: Callable[[str, str], None]) -> None:
    table = SEGNET.table(
        ("index", "name", "description", "activations", *COSTS[1:], "inputs"), blocks="encoder?"
    )
    golden(
        "analyze/layer_table_widths", "\n\n".join(table.to_text(width) for width in (160, 120, 90, 60, 30))
    )


def test_nothing_is_cut_without_a_width() -> None:
    text = RESNET.table(tuple(COLUMNS)).to_text()
    assert "…" not in text
    assert text == str(RESNET.table(tuple(COLUMNS)))  # standard output is captured: it is no terminal


def print_with_rich(analysis: object, terminal: bool) -> str:
    console = Console(width=100, force_terminal=terminal, color_system="standard" if terminal else None)
    with console.capture() as capture:
        console.print(analysis)
    return capture.get()


def test_colors_in_a_terminal_only(capsys: pytest.CaptureFixture[str]) -> None:
    table = FAULTY.table()
    assert "\x1b[1;31mconv" in print_with_rich(table, True)  # a layer with errors in bold red
    assert "\x1b" not in print_with_rich(table, False)
    table.show()
    assert capsys.readouterr().out == f"{table.to_text()}\n"
    assert "\x1b[1mres3a*" in print_with_rich(RESNET.table(group=True), True)


PRINTING = """
from layergraph.analyze import analyze_network
from layergraph.builders import segnet_layers
analysis = analyze_network(segnet_layers((32, 32, 1), 2, 2))
analysis.table(group=True).show()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("no_color", [False, True])
def test_a_terminal_gets_a_table_of_its_width(no_color: bool, in_terminal: Callable[..., str]) -> None:
    text = in_terminal(PRINTING, 50, no_color=no_color)
    plain = re.sub(r"\x1b\[[\d;]*m", "", text)
    expected = SEGNET.table(group=True).to_text(50)
    assert [line.rstrip() for line in plain.splitlines()] == expected.splitlines()
    assert "\x1b[1mName" in text


# -- formats -----------------------------------------------------------------------------------------


def test_csv_has_numbers_and_no_formulas() -> None:
    rows = list(csv.DictReader(io.StringIO(RESNET.table(COSTS).to_csv())))
    assert sum(int(row["num_learnables"]) for row in rows) == RESNET.total_learnables
    assert rows[1]["receptive_field"] == "7×7"
    cells = [cell for row in csv.reader(io.StringIO(HOSTILE.table().to_csv())) for cell in row]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert len(cells) == 5 * (len(HOSTILE_NAMES) + 2)


def test_json_of_a_group() -> None:
    content = json.loads(
        RESNET.table(("name", "description", "learnables"), blocks="conv1", group=True).to_json()
    )
    assert content == {
        "name": "ResNet-18",
        "columns": ["name", "description", "learnables"],
        "rows": [
            {
                "name": "conv1*",
                "description": "1 Convolution, 1 Batch Normalization, 1 ReLU, 1 Max Pooling",
                "learnables": None,
                "layers": ["conv1", "bn_conv1", "conv1_relu", "pool1"],
            }
        ],
        "totals": {},
    }
    assert [row["name"] for row in json.loads(HOSTILE.table().to_json())["rows"]] == ["data", *HOSTILE_NAMES]


def test_the_formats_of_an_analysis_are_tables() -> None:
    columns = (
        "index",
        "name",
        "type",
        "description",
        "activations",
        "learnables",
        "num_learnables",
        "states",
    )
    assert SEGNET.to_csv() == SEGNET.table(columns).to_csv()
    assert SEGNET.to_latex() == SEGNET.table().to_latex()
    for whole, row in zip(SEGNET.to_records(), SEGNET.table(columns), strict=True):
        assert whole == {key: row[key] for key in whole if key != "assumed"} | {"assumed": False}


def test_markdown_of_hostile_names() -> None:
    lines = HOSTILE.table().to_markdown().splitlines()
    assert len(lines) == len(HOSTILE_NAMES) + 4
    assert all(line.replace(r"\|", "").count("|") == 6 for line in lines)
    assert "<script" not in "".join(lines)


class Cells(HTMLParser):
    """The tags and the cells of a table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.cells: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in ("td", "th"):
            self.cells.append("")

    def handle_data(self, data: str) -> None:
        if self.cells:
            self.cells[-1] += data.strip("\n")


def test_notebooks_show_a_table() -> None:
    page = Cells(RESNET.table(group=True)._repr_html_())
    assert page.tags.count("tr") == 13
    assert "res3a*" in page.cells
    hostile = Cells(HOSTILE.table("name")._repr_html_())
    assert set(hostile.tags) == {"div", "table", "thead", "tbody", "tr", "th", "td"}
    assert "<script>alert(1)" in hostile.cells
    assert r"line\nbreak" in hostile.cells


LATEX = {
    r"\textbackslash{}": "\\",
    r"\textasciicircum{}": "^",
    r"\textasciitilde{}": "~",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\textasciigrave{}": "`",
    r"\textquotesingle{}": "'",
    r"{\char34}": '"',
    r"$\times$": "×",
    **{rf"\{special}": special for special in "{}$&#%_"},
    "{*}": "*",
    "{[}": "[",
    "{}": "",
}
COMMAND = re.compile("|".join(map(re.escape, LATEX)))


def read_latex(text: str) -> str:
    """The text that LaTeX prints; fails on anything except plain characters and the commands above."""
    rest = COMMAND.sub("", text)
    assert not re.search(r"[\\{}$&#%_^~]", rest), f"{rest!r} of {text!r} is not plain"
    assert not re.search("--|,,|''|``|[?!]`|<<|>>", text), f"{text!r} has a ligature"
    return COMMAND.sub(lambda match: LATEX[match[0]], text)


@pytest.mark.parametrize("name", [*HOSTILE_NAMES, "".join(map(chr, range(32, 127)))])
def test_latex_prints_every_name_as_it_is(name: str) -> None:
    shown = name if name.isprintable() else name.encode("unicode_escape").decode()
    assert read_latex(latex_text(name)) == shown


def test_latex_has_one_row_per_hostile_name() -> None:
    lines = HOSTILE.table(("name", "type")).to_latex().splitlines()
    body = lines[lines.index(r"\endhead") + 1 : lines.index(r"\bottomrule")]
    assert len(body) == len(HOSTILE_NAMES) + 1
    for line, name in zip(body[1:], HOSTILE_NAMES, strict=True):
        assert line.endswith(r" & ReLU \\")
        assert not line.startswith(("*", "["))  # the row before would take these as arguments
        shown = name if name.isprintable() else name.encode("unicode_escape").decode()
        assert read_latex(line.removesuffix(r" & ReLU \\")) == shown


def test_latex_of_several_outputs_takes_several_rows() -> None:
    pool = MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name="pool")
    analysis = analyze_network([ImageInputLayer((8, 8, 1)), pool], target_usage="network")
    lines = analysis.table(("name", "activations")).to_latex().splitlines()
    row = next(index for index, line in enumerate(lines) if line.startswith("pool"))
    assert lines[row + 1].startswith(" & indices")
    assert lines[row + 2].startswith(" & size")


# -- pandas ------------------------------------------------------------------------------------------


def test_without_pandas_the_error_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(MissingExtraError, match=r'pip install "layergraph\[pandas\]"'):
        SEGNET.table().to_dataframe()
    with pytest.raises(MissingExtraError):
        SEGNET.to_dataframe()


def test_a_data_frame() -> None:
    pandas = pytest.importorskip("pandas")
    frame = RESNET.table(
        ("name", "type", "size", "num_learnables", "multiply_adds"), group=True
    ).to_dataframe()
    assert list(frame.columns) == ["name", "type", "size", "num_learnables", "multiply_adds"]
    assert frame["num_learnables"].sum() == RESNET.total_learnables
    assert frame.sort_values("num_learnables").iloc[-1]["name"] == "res5b*"
    assert frame["size"][0] == "224×224×3"
    assert str(frame["multiply_adds"].dtype) == "Int64"
    unknown = FAULTY.table(("name", "num_learnables", "multiply_adds")).to_dataframe()
    expected = [layer.multiply_adds for layer in FAULTY.costs().layers.values()]
    assert [None if value is pandas.NA else value for value in unknown["multiply_adds"]] == expected
    assert len(SEGNET.to_dataframe()) == 31


def test_the_arrays_of_a_data_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks the calls of pandas where pandas itself is not installed."""
    dtypes = []

    def array(values: list[object], dtype: str) -> list[object]:
        dtypes.append(dtype)
        return values

    fake = SimpleNamespace(array=array, DataFrame=lambda arrays, columns: arrays)
    monkeypatch.setitem(sys.modules, "pandas", fake)
    frame = FAULTY.table(("name", "size", "num_learnables")).to_dataframe()
    assert dtypes == ["object", "object", "Int64"]
    assert frame["name"] == [layer.name for layer in FAULTY.layers]  # type: ignore[comparison-overlap]
    assert frame["num_learnables"] == [layer.num_learnables for layer in FAULTY.layers]  # type: ignore[comparison-overlap]
