"""Diagrams: their form, their files, hostile names."""

import re
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import layergraph.analyze.diagram.rendering
from layergraph import (
    AdditionLayer,
    ArgumentError,
    BatchNormalizationLayer,
    Convolution2dLayer,
    FullyConnectedLayer,
    GlobalAveragePooling2dLayer,
    ImageInputLayer,
    LayerGraph,
    LayergraphError,
    MaxPooling2dLayer,
    MissingExtraError,
    ReluLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
    WrongTypeError,
)
from layergraph.analyze import plot
from layergraph.analyze.diagram.stacks import Arrangement, arrange
from layergraph.analyze.kind_colors import COLORS
from layergraph.builders import segnet_layers, unet_layers
from layergraph.graph.size_inference import infer_sizes
from layergraph.layers import LAYER_TYPES

UNET = unet_layers((480, 640, 3), 5, encoder_depth=3)
SEGNET = segnet_layers((480, 640, 3), 5, 4)
CHAIN = LayerGraph([ImageInputLayer((8, 8, 3)), Convolution2dLayer(3, 4), ReluLayer()])
RESIDUAL = LayerGraph(
    [
        ImageInputLayer((8, 8, 3), name="data"),
        Convolution2dLayer(3, 4, padding=1, name="conv1"),
        Convolution2dLayer(3, 4, padding=1, name="conv2"),
        AdditionLayer(2, name="add"),
        MaxPooling2dLayer(2, stride=2, name="pool"),
    ]
).connect_layers("conv1", "add/in2")
BROKEN = UNET.replace_layer("Encoder-Stage-2-Conv-1", Convolution2dLayer(3, 9, num_channels=7, name="bad"))
GRAPHS = {
    "unet": UNET,
    "valid": unet_layers((572, 572), 2, convolution_padding="valid"),
    "segnet": SEGNET,
    "chain": CHAIN,
    "residual": RESIDUAL,
    "broken": BROKEN,
    "one": LayerGraph([ReluLayer()]),
    "empty": LayerGraph(),
    "apart": LayerGraph([ReluLayer()]).add_layers(ReluLayer()).add_layers(AdditionLayer(2)),
}
HOSTILE_NAMES = (
    "<script>alert(1)",
    "<B>bold",
    '"quo\'ted"',
    "back\\slash\\",
    "\\",
    "\\N \\G \\E \\L",
    "line\nbreak",
    "\x00\x1b[31m",
    "a -> b; node [shape=box]",
    "&lt;&#60;&amp;",
    "-->",
    "]]>",
    "%s {0} ${x}",
    "天空 é",
    "\u202egnp",
    '"',
    "#",
    " ",
)


def arrangement_of(lgraph: LayerGraph, series: bool = True) -> Arrangement:
    return arrange(lgraph, infer_sizes(lgraph, "network"), series=series)


def text_of(svg: str) -> str:
    return "".join(ElementTree.fromstring(svg).itertext()).replace("\xa0", " ")


# -- the form ----------------------------------------------------------------------------------


def test_a_unet_goes_down_and_up() -> None:
    arrangement = arrangement_of(UNET)
    shape = [(stack.side, stack.rows[0][0], stack.rows[-1][0]) for stack in arrangement.stacks]
    assert shape == [
        ("down", "ImageInputLayer", "Encoder-Stage-1-MaxPool"),
        ("down", "Encoder-Stage-2-Conv-1", "Encoder-Stage-2-MaxPool"),
        ("down", "Encoder-Stage-3-Conv-1", "Encoder-Stage-3-MaxPool"),
        ("down", "Bridge-Conv-1", "Bridge-Conv-2"),
        ("up", "Decoder-Stage-1-UpConv", "Decoder-Stage-1-Conv-2"),
        ("up", "Decoder-Stage-2-UpConv", "Decoder-Stage-2-Conv-2"),
        ("up", "Decoder-Stage-3-UpConv", "Segmentation-Layer"),
    ]
    skips = [(link.source, link.destination) for link in arrangement.links if link.role == "skip"]
    assert skips == [
        ("Encoder-Stage-3-ReLU-2", "Decoder-Stage-1-DepthConcatenation"),
        ("Encoder-Stage-2-ReLU-2", "Decoder-Stage-2-DepthConcatenation"),
        ("Encoder-Stage-1-ReLU-2", "Decoder-Stage-3-DepthConcatenation"),
    ]


def test_a_convolution_shares_its_row_with_the_layers_that_follow_it() -> None:
    assert arrangement_of(SEGNET).stacks[0].rows == [
        ("inputImage",),
        ("encoder1_conv1", "encoder1_bn_1", "encoder1_relu_1"),
        ("encoder1_conv2", "encoder1_bn_2", "encoder1_relu_2"),
        ("encoder1_maxpool",),
    ]


def test_names_do_not_change_the_form() -> None:
    names = {name: f"layer{index}" for index, name in enumerate(UNET)}
    renamed = LayerGraph()
    for name in UNET:
        renamed = renamed.add_layers(replace(UNET[name], name=names[name]))
    for source, destination in UNET.connections:
        start, _, out = source.partition("/")
        end, _, port = destination.partition("/")
        renamed = renamed.connect_layers(
            names[start] + (f"/{out}" if out else ""), names[end] + (f"/{port}" if port else "")
        )
    assert [(stack.side, len(stack.rows)) for stack in arrangement_of(renamed).stacks] == [
        (stack.side, len(stack.rows)) for stack in arrangement_of(UNET).stacks
    ]


def test_cropped_features_lead_across() -> None:
    arrangement = arrangement_of(GRAPHS["valid"])
    assert [stack.rows[0][0] for stack in arrangement.stacks if stack.side == "across"] == [
        "Crop2d-1",
        "Crop2d-2",
        "Crop2d-3",
        "Crop2d-4",
    ]
    assert {link.ports for link in arrangement.links if link.role == "reference"} == {("ref",)}


def test_a_network_that_only_goes_down_is_no_u() -> None:
    for lgraph in (CHAIN, RESIDUAL):
        assert not arrangement_of(lgraph).is_u
        assert {stack.side for stack in arrangement_of(lgraph).stacks} == {"down"}
    assert len(arrangement_of(CHAIN).stacks) == 1


def test_a_network_that_only_goes_up_is_no_u() -> None:
    layers = [ImageInputLayer((4, 4, 8)), *(TransposedConv2dLayer(2, 8, stride=2) for _ in range(3))]
    assert not arrangement_of(LayerGraph(layers)).is_u


def test_a_network_that_goes_down_twice_is_no_u() -> None:
    down = [MaxPooling2dLayer(2, stride=2), MaxPooling2dLayer(2, stride=2)]
    up = [TransposedConv2dLayer(2, 8, stride=2), TransposedConv2dLayer(2, 8, stride=2)]
    hourglass = [ImageInputLayer((32, 32, 8)), *down, *up]
    assert arrangement_of(LayerGraph(hourglass)).is_u
    assert not arrangement_of(LayerGraph([*hourglass, *down, *up])).is_u


def test_a_classifier_ends_in_one_box() -> None:
    layers = [
        ImageInputLayer((8, 8, 3)),
        Convolution2dLayer(3, 8, stride=2, name="conv"),
        BatchNormalizationLayer(name="bn"),
        ReluLayer(name="relu"),
        GlobalAveragePooling2dLayer(name="pool"),
        FullyConnectedLayer(10, name="fc"),
        SoftmaxLayer(name="softmax"),
    ]
    rows = [list(stack.rows) for stack in arrangement_of(LayerGraph(layers)).stacks]
    assert rows == [[("imageinput",), ("conv", "bn", "relu")], [("pool",)], [("fc",), ("softmax",)]]


def test_an_error_does_not_change_the_form() -> None:
    assert [stack.side for stack in arrangement_of(BROKEN).stacks] == [
        stack.side for stack in arrangement_of(UNET).stacks
    ]


def test_a_long_series_continues_in_the_next_box() -> None:
    lgraph = LayerGraph([ImageInputLayer((8, 8, 1)), *(SoftmaxLayer() for _ in range(200))])
    assert max(len(stack.rows) for stack in arrangement_of(lgraph).stacks) <= 40


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("blocks", [True, False])
def test_every_layer_is_drawn_once(name: str, blocks: bool) -> None:
    arrangement = arrangement_of(GRAPHS[name], blocks)
    drawn = [layer for stack in arrangement.stacks for row in stack.rows for layer in row]
    assert sorted(drawn) == sorted(GRAPHS[name])
    if not blocks:
        assert all(len(stack.rows) == 1 for stack in arrangement.stacks)


def test_every_layer_type_has_a_kind() -> None:
    assert len(set(COLORS.values())) == len(COLORS)
    other = {name for name, cls in LAYER_TYPES.items() if cls.kind == "other"}
    assert other == {"DropoutLayer"}


# -- the drawing --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", GRAPHS)
@pytest.mark.parametrize("direction", ["vertical", "horizontal"])
@pytest.mark.parametrize("detail", ["blocks", "layers"])
def test_the_svg_names_every_layer(name: str, direction: str, detail: str) -> None:
    text = text_of(plot(GRAPHS[name], direction=direction, detail=detail).to_svg())
    assert all(layer in text for layer in GRAPHS[name])


def test_sizes_and_wording_are_in_the_drawing() -> None:
    text = text_of(plot(UNET).to_svg())
    assert "120×160×256" in text
    assert "64 2×2 transposed convolutions" in text
    assert "indices and size of encoder1_maxpool" in text_of(plot(SEGNET).to_svg())


def test_errors_are_red() -> None:
    source = plot(BROKEN).source
    # the layer, and the first concatenation whose sizes differ without the padding of the replaced layer
    assert source.count('BGCOLOR="#ffe1e1"') == 6
    assert "the layer takes 7 channels" in source
    assert "#ffe1e1" not in plot(UNET).source


def test_an_error_of_the_whole_network_is_in_the_heading() -> None:
    assert "the network has no input layer" in text_of(plot(GRAPHS["one"]).to_svg())


def test_hostile_names_are_text(tmp_path: Path) -> None:
    layers = [ImageInputLayer((8, 8, 1), name="data"), *(ReluLayer(name=name) for name in HOSTILE_NAMES)]
    lgraph = LayerGraph([*layers, Convolution2dLayer(3, 1, num_channels=2, name="x" * 20_000)])
    for detail in ("blocks", "layers"):
        diagram = plot(lgraph, detail=detail, title='</text><script>\\N"\n')
        svg = diagram.to_svg()
        assert "<script" not in svg
        assert not re.search(r"(?<!xmlns:)xlink:href|javascript:", svg)
        text = text_of(svg)
        for name in HOSTILE_NAMES:
            shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in name)
            assert shown in text
        assert "x" * 59 + "…" in text
        # one node per stack, and none from a name
        nodes = re.findall(r'class="node"', svg)
        assert len(nodes) == len(arrangement_of(lgraph, detail == "blocks").stacks)
        diagram.save(tmp_path / "hostile.png")


def test_the_title_is_the_heading() -> None:
    assert "My <net>" in text_of(plot(CHAIN, title="My <net>").to_svg())


def test_notebooks_show_svg() -> None:
    ElementTree.fromstring(plot(CHAIN)._repr_svg_())


def test_notebooks_show_no_warnings_of_the_program(capfd: pytest.CaptureFixture[str]) -> None:
    plot(unet_layers((32, 32, 1), 2, encoder_depth=1))._repr_svg_()
    assert capfd.readouterr().err == ""


def test_the_source_of_a_unet(golden: Callable[[str, str], None]) -> None:
    golden("analyze/unet_diagram", plot(unet_layers((32, 32), 2, encoder_depth=2)).source)


# -- files -------------------------------------------------------------------------------------

SIGNATURES = {".svg": b"<?xml", ".png": b"\x89PNG", ".dot": b"digraph", ".gv": b"digraph", ".SVG": b"<?xml"}


@pytest.mark.parametrize("extension", SIGNATURES)
def test_the_extension_names_the_format(tmp_path: Path, extension: str) -> None:
    plot(CHAIN).save(tmp_path / f"net{extension}")
    assert (tmp_path / f"net{extension}").read_bytes().startswith(SIGNATURES[extension])
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_without_an_extension_takes_the_given_format(tmp_path: Path) -> None:
    plot(CHAIN).save(tmp_path / "picture", format="png")
    assert (tmp_path / "picture").read_bytes().startswith(b"\x89PNG")


def test_a_failed_write_keeps_the_older_file(tmp_path: Path) -> None:
    path = tmp_path / "net.nonsense"
    path.write_text("older")
    with pytest.raises(LayergraphError, match="SVG, PNG and DOT always work"):
        plot(CHAIN).save(path)
    assert path.read_text() == "older"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_without_an_extension_or_format_raises(tmp_path: Path) -> None:
    with pytest.raises(
        LayergraphError, match=r"an extension that names the format, got .*; name it 'net\.svg'"
    ):
        plot(CHAIN).save(tmp_path / "net")


def without_graphviz(monkeypatch: pytest.MonkeyPatch, *programs: str) -> None:
    """Pretend that the machine has only these programs."""
    which = layergraph.analyze.diagram.rendering.shutil.which
    monkeypatch.setattr(
        layergraph.analyze.diagram.rendering.shutil,
        "which",
        lambda name, path=None: which(name, path=path) if name in programs else None,
    )


def test_pdf_without_graphviz_shows_the_drawing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pdfium = pytest.importorskip("pypdfium2")
    pytest.importorskip("typst")
    without_graphviz(monkeypatch, "graphviz-pure")
    name = 'é → #import("x")'
    lgraph = UNET.replace_layer("Bridge-Conv-1", replace(UNET["Bridge-Conv-1"], name=name))
    diagram = plot(lgraph, title="U-Net ≥ 1", theme="auto")
    diagram.save(tmp_path / "net.pdf")
    root = ElementTree.fromstring(diagram.to_svg())
    with pdfium.PdfDocument(tmp_path / "net.pdf") as pdf:
        assert len(pdf) == 1
        size = [float(root.get(side, "").removesuffix("pt")) for side in ("width", "height")]
        assert pdf[0].get_size() == pytest.approx(size, abs=0.5)
        text = pdf[0].get_textpage().get_text_range()
        assert all(shown in text for shown in ("U-Net ≥ 1", name, "Segmentation-Layer", "480×640×64"))
        # the background of the light theme, and the colors of the kinds
        colors = {color for _, color in pdf[0].render(scale=1).to_pil().convert("RGB").getcolors(100_000)}
        assert pdf[0].render(scale=1).to_pil().convert("RGB").getpixel((2, 2)) == (255, 255, 255)
        assert {
            tuple(bytes.fromhex(COLORS[kind][1:])) for kind in ("convolution", "pooling", "output")
        } <= colors
    first = (tmp_path / "net.pdf").read_bytes()
    diagram.save(tmp_path / "net.pdf")
    assert (tmp_path / "net.pdf").read_bytes() == first


def test_pdf_without_graphviz_and_the_extra_raises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_graphviz(monkeypatch, "graphviz-pure")
    monkeypatch.setitem(sys.modules, "typst", None)
    with pytest.raises(MissingExtraError, match=r'pip install "layergraph\[pdf\]", or save as SVG'):
        plot(CHAIN).save(tmp_path / "net.pdf")
    assert not list(tmp_path.iterdir())


def test_drawing_without_a_program_raises(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    without_graphviz(monkeypatch)
    with pytest.raises(LayergraphError, match="pip install graphviz-pure, or install Graphviz"):
        plot(CHAIN).save(tmp_path / "net.svg")
    plot(CHAIN).save(tmp_path / "net.dot")  # the source needs no program


def test_drawing_leaves_the_program_of_the_package_as_it_was() -> None:
    from graphviz.backend import dot_command

    plot(CHAIN).to_svg()
    assert Path("dot") == dot_command.DOT_BINARY


def test_unknown_options_raise() -> None:
    with pytest.raises(ArgumentError, match="direction must be 'vertical' or 'horizontal', got 'up'"):
        plot(CHAIN, direction="up")
    with pytest.raises(ArgumentError, match="detail must be 'blocks' or 'layers', got 'all'"):
        plot(CHAIN, detail="all")
    with pytest.raises(WrongTypeError, match="plot: the network must be a LayerGraph"):
        plot((unet_layers((32, 32), 2), (32, 32, 2)))


def test_a_compiled_network_can_be_drawn() -> None:
    lgraph = segnet_layers((32, 32, 1), 2, 1)
    assert plot(lgraph.compile()).source == plot(lgraph).source
