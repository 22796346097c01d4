"""Diagrams of deep networks: folded blocks, frames, colors, sizes at edges, findings at their layers."""

import inspect
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise

import graphviz
import pytest
from hypothesis import given

import layergraph.analyze.diagram.rendering
from layergraph import (
    AdditionLayer,
    ArgumentError,
    Convolution2dLayer,
    DepthConcatenationLayer,
    DropoutLayer,
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
    ReluLayer,
    TransposedConv2dLayer,
)
from layergraph.analyze import analyze_network, plot
from layergraph.analyze.blocks import Block, blocks
from layergraph.analyze.diagram.contents import contents
from layergraph.analyze.diagram.folding import find_parts
from layergraph.analyze.diagram.repeats import find_runs
from layergraph.analyze.diagram.shortcuts import find_shortcuts
from layergraph.analyze.diagram.stacks import Arrangement, arrange
from layergraph.analyze.diagram.themes import DARK, LIGHT, Palette
from layergraph.builders import BUILDERS, deeplabv3plus_layers, fcn_layers, unet_layers
from layergraph.builders.backbones import resnet18, resnet101
from layergraph.graph.size_inference import infer_sizes
from tests.random_graphs import networks

RESNET18, RESNET101 = resnet18(), resnet101()
DEEPLAB = deeplabv3plus_layers((720, 960), 11, "resnet18")


def arrangement_of(lgraph: LayerGraph, fold: str | list[str] = "auto", detail: str = "blocks") -> Arrangement:
    analysis = analyze_network(lgraph, target_usage="network")
    sizes, series = infer_sizes(lgraph, "network"), detail == "blocks"
    patterns = [fold] if isinstance(fold, str) else fold
    parts = find_parts(lgraph, sizes, analysis.issues, patterns, series=series)
    return arrange(lgraph, sizes, series=series, parts=parts)


def box_names(lgraph: LayerGraph, fold: str | list[str] = "auto") -> list[str]:
    """The name of each folded block, and of the first layer of each other box."""
    return [
        stack.part.name if stack.part else stack.layers[0] for stack in arrangement_of(lgraph, fold).stacks
    ]


def text_of(svg: str) -> str:
    return "".join(ElementTree.fromstring(svg).itertext()).replace("\xa0", " ")


def residual(*arguments: dict[str, object]) -> LayerGraph:
    """Residual blocks ``res1``, ``res2``, ... of one convolution each, with these arguments."""
    lgraph = LayerGraph([ImageInputLayer((16, 16, 4), name="data")])
    source = "data"
    for number, more in enumerate(arguments, 1):
        conv = Convolution2dLayer(3, 4, padding="same", name=f"res{number}_conv", **more)
        add = AdditionLayer(2, name=f"res{number}_add")
        lgraph = lgraph.add_layers([conv, add]).connect_layers(source, conv.name)
        lgraph = lgraph.connect_layers(source, f"{add.name}/in2")
        source = add.name
    return lgraph


# -- folded blocks -----------------------------------------------------------------------------


def test_a_deep_network_has_few_boxes() -> None:
    assert box_names(RESNET101) == [
        "data",
        "conv1",
        "res2a",
        "res2b … res2c",
        "res3a",
        "res3b1 … res3b3",
        "res4a",
        "res4b1 … res4b22",
        "res5a",
        "res5b … res5c",
        "pool5",
    ]
    svg = plot(RESNET101).to_svg()
    assert "22 × 10 layers" in text_of(svg)
    # the 44.6 million learnables are distributed over the boxes
    counts = re.findall(r">([\d.]+)([kM]?) learnables<", svg)
    total = sum(float(number) * {"": 1, "k": 1e3, "M": 1e6}[unit] for number, unit in counts)
    assert total == pytest.approx(analyze_network(RESNET101).total_learnables, rel=0.01)


def test_deeplab_keeps_its_form_when_folded() -> None:
    arrangement = arrangement_of(DEEPLAB)
    names = box_names(DEEPLAB)
    assert arrangement.is_u
    assert len(names) == 12
    skips = {
        (names[index(arrangement, link.source)], names[index(arrangement, link.destination)])
        for link in arrangement.links
        if link.role == "skip"
    }
    assert skips == {("res2a … res2b", "dec")}
    assert "dec" in [
        name for name, stack in zip(names, arrangement.stacks, strict=True) if stack.side == "up"
    ]


def index(arrangement: Arrangement, layer: str) -> int:
    return next(number for number, stack in enumerate(arrangement.stacks) if layer in stack.layers)


def test_a_folded_deeplab_fits_a_slide() -> None:
    root = ElementTree.fromstring(plot(DEEPLAB).to_svg())
    width, height = (float(root.get(side, "").removesuffix("pt")) for side in ("width", "height"))
    scale = min(960 / width, 540 / height)  # a slide has 13.33 by 7.5 inches
    assert 11 * scale >= 9  # the font size in points


def test_small_networks_are_drawn_in_full() -> None:
    for lgraph in (unet_layers((480, 640, 3), 5), fcn_layers((360, 480), 11)):
        arrangement = arrangement_of(lgraph)
        assert not arrangement.frames
        assert all(stack.part is None for stack in arrangement.stacks)


def test_names_choose_the_folded_blocks() -> None:
    arrangement = arrangement_of(DEEPLAB, ["res*", "dec"])
    names = {stack.part.name for stack in arrangement.stacks if stack.part}
    assert names == {"res2a … res2b", "res3a", "res3b", "res4a", "res4b", "res5a", "res5b", "dec"}
    assert set(arrangement.frames) == {"conv1", "aspp"}
    inside = [arrangement.stacks[number].layers[0] for number in arrangement.frames["aspp"]]
    assert inside == ["aspp_Conv_1", "aspp_Conv_2", "aspp_Conv_3", "aspp_Conv_4", "catAspp"]


def test_nothing_or_everything_is_folded() -> None:
    unfolded = arrangement_of(RESNET18, "none")
    assert all(stack.part is None for stack in unfolded.stacks)
    assert "res3a" in unfolded.frames
    folded = arrangement_of(unet_layers((32, 32), 2), "all")
    assert len(folded.stacks) == len(blocks(unet_layers((32, 32), 2)))


def test_one_box_per_layer_folds_only_on_request() -> None:
    assert len(arrangement_of(RESNET18, detail="layers").stacks) == len(RESNET18)
    arrangement = arrangement_of(RESNET18, "res3*", detail="layers")
    count = sum(len(block.layers) for block in blocks(RESNET18) if block.name.startswith("res3"))
    assert len(arrangement.stacks) == len(RESNET18) - count + 2


@pytest.mark.parametrize("fold", ["rez*", ["res*", "nothing"]])
def test_a_pattern_that_matches_no_block_raises(fold: str | list[str]) -> None:
    with pytest.raises(ArgumentError, match=r"fold must be 'auto', 'all', 'none', or names of blocks"):
        plot(RESNET18, fold=fold)


def test_other_values_of_fold_raise() -> None:
    for wrong in ([], [3]):
        with pytest.raises(ArgumentError, match="fold must be 'auto', 'all', 'none' or names of blocks, got"):
            plot(RESNET18, fold=wrong)


@given(lgraph=networks(most=25))
@pytest.mark.parametrize("fold", ["auto", "all", "none"])
def test_no_layer_and_no_connection_is_lost(fold: str, lgraph: LayerGraph) -> None:
    arrangement = arrangement_of(lgraph, fold)
    drawn = [layer for stack in arrangement.stacks for layer in stack.layers]
    assert sorted(drawn) == sorted(lgraph)
    position = {layer: number for number, stack in enumerate(arrangement.stacks) for layer in stack.layers}
    between = {
        (position[source.partition("/")[0]], position[destination.partition("/")[0]])
        for source, destination in lgraph.connections
    }
    linked = {(position[link.source], position[link.destination]) for link in arrangement.links}
    assert linked == {pair for pair in between if pair[0] != pair[1]}
    for inside in arrangement.frames.values():
        assert len(inside) > 1
        assert len({arrangement.stacks[number].side for number in inside}) == 1


@given(lgraph=networks(most=25))
def test_edges_are_the_connections_between_boxes(lgraph: LayerGraph) -> None:
    arrangement = arrangement_of(lgraph, "all")
    source = plot(lgraph, fold="all").source
    edges = {
        frozenset(map(int, pair)) for pair in re.findall(r"^\tn(\d+)\S* -> n(\d+)", source, re.MULTILINE)
    }
    assert edges == {
        frozenset((index(arrangement, link.source), index(arrangement, link.destination)))
        for link in arrangement.links
        if link.role != "reference"
    }


# -- alike blocks ------------------------------------------------------------------------------


def run_lengths(lgraph: LayerGraph, blocks: tuple[Block, ...]) -> list[int]:
    issues = analyze_network(lgraph, target_usage="network").issues
    return [len(run) for run in find_runs(lgraph, infer_sizes(lgraph, "network"), issues, blocks)]


def by_number(lgraph: LayerGraph) -> tuple[Block, ...]:
    """One block per first part of a name."""
    layers_of: dict[str, list[str]] = {}
    for name in lgraph.order:
        layers_of.setdefault(name.partition("_")[0], []).append(name)
    return tuple(Block(name, tuple(layers)) for name, layers in layers_of.items())


def test_only_equal_arguments_are_alike() -> None:
    lgraph = residual({}, {}, {}, {"dilation_factor": 2}, {"dilation_factor": 2}, {})
    assert run_lengths(lgraph, by_number(lgraph)) == [1, 3, 2, 1]


def test_only_equal_sizes_are_alike() -> None:
    layers = [ImageInputLayer((64, 64, 4), name="data")]
    for number in range(3):
        layers += [ReluLayer(name=f"a{number}_relu"), MaxPooling2dLayer(2, stride=2, name=f"a{number}_pool")]
    lgraph = LayerGraph(layers)
    assert run_lengths(lgraph, by_number(lgraph)) == [1, 1, 1, 1]


def test_an_output_from_the_middle_of_a_run_ends_it() -> None:
    lgraph = residual({}, {}, {}, {}, {})
    branch = lgraph.add_layers(ReluLayer(name="side")).connect_layers("res3_add", "side")
    assert run_lengths(lgraph, by_number(lgraph)) == [1, 5]
    assert run_lengths(branch, by_number(branch))[:3] == [1, 3, 2]


def test_other_connections_are_not_alike() -> None:
    lgraph = residual({}, {}, {}, {})
    rewired = lgraph.disconnect_layers("res2_add", "res3_add/in2").connect_layers("res1_add", "res3_add/in2")
    assert run_lengths(rewired, by_number(rewired)) == [1, 1, 1, 1, 1]


def test_a_block_with_a_finding_is_not_alike() -> None:
    lgraph = residual({}, {}, {}, {}, {})
    wrong = Convolution2dLayer(3, 4, num_channels=7, padding="same", name="res3_conv")
    lgraph = lgraph.replace_layer("res3_conv", wrong)
    assert run_lengths(lgraph, by_number(lgraph)) == [1, 2, 1, 2]


def test_a_folded_block_lists_its_operations() -> None:
    operations = contents(RESNET101, ["res2b_branch2a", "bn2b_branch2a", "res2b"])
    assert operations == [("1×1 convolution", "convolution"), ("addition", "joining")]
    alone = LayerGraph([ReluLayer(name="a"), DropoutLayer(name="b")])
    assert [text for text, _ in contents(alone, ["a", "b"])] == ["ReLU", "dropout"]


@pytest.mark.parametrize("direction", ["vertical", "horizontal"])
def test_the_operations_of_a_folded_block_have_the_colors_of_their_kinds(direction: str) -> None:
    source = plot(RESNET18, direction=direction).source
    cells = re.findall(r'BGCOLOR="(#\w+)"><FONT POINT-SIZE="9" COLOR="#1f2328">([^<]+)<', source)
    colors = {text: color for color, text in cells}
    assert colors["3×3 convolution ×2"] == LIGHT.kinds["convolution"]
    assert colors["3×3 max pooling"] == colors["global average pooling"] == LIGHT.kinds["pooling"]
    assert colors["addition"] == LIGHT.kinds["joining"]
    assert colors["softmax"] == LIGHT.kinds["output"]


# -- shortcuts of folded blocks ----------------------------------------------------------------


def shortcuts(lgraph: LayerGraph, fold: str = "auto") -> list[tuple[str, str]]:
    return [link[:2] for link in arrangement_of(lgraph, fold).links if link.role == "shortcut"]


def test_folded_residual_blocks_keep_their_shortcuts() -> None:
    assert shortcuts(RESNET18) == [
        ("pool1", "res2a"),
        ("res2b_relu", "res3a_branch1"),  # a projection
        ("res3a_relu", "res3b"),
        ("res3b_relu", "res4a_branch1"),
        ("res4a_relu", "res4b"),
        ("res4b_relu", "res5a_branch1"),
        ("res5a_relu", "res5b"),
    ]
    assert shortcuts(RESNET18, "none") == []
    assert shortcuts(residual({}), "all") == [("data", "res1_add")]


def test_parallel_branches_are_no_shortcuts() -> None:
    lgraph = LayerGraph([ImageInputLayer((8, 8, 4), name="data"), DepthConcatenationLayer(2, name="mix_cat")])
    lgraph = lgraph.disconnect_layers("data", "mix_cat/in1")
    for port, count in (("in1", 1), ("in2", 2)):
        convs = [Convolution2dLayer(3, 4, padding="same", name=f"mix_{port}_{n}") for n in range(count)]
        lgraph = lgraph.add_layers(convs).connect_layers("data", convs[0].name)
        lgraph = lgraph.connect_layers(convs[-1].name, f"mix_cat/{port}")
    block = [name for name in lgraph.order if name != "data"]
    entries = [("data", "mix_in1_0"), ("data", "mix_in2_0")]
    assert find_shortcuts(lgraph, block, entries) == set()
    added = lgraph.replace_layer("mix_cat", AdditionLayer(2, name="mix_cat"))
    assert find_shortcuts(added, block, entries) == {("data", "mix_in1_0")}


# -- large networks ----------------------------------------------------------------------------


def chain(count: int) -> LayerGraph:
    """Pooling and ReLU layers whose names have nothing in common."""
    layers = [ImageInputLayer((8, 8, 4))]
    for number in range(count):
        name = f"{chr(97 + number % 26)}{chr(97 + number // 26 % 26)}{chr(97 + number // 676)}"
        layers.append(ReluLayer(name=name) if number % 3 else MaxPooling2dLayer(1, name=name))
    return LayerGraph(layers)


def test_a_long_network_has_at_most_100_boxes() -> None:
    lgraph = chain(1000)
    arrangement = arrangement_of(lgraph)
    assert len(arrangement.stacks) <= 100
    assert sorted(layer for stack in arrangement.stacks for layer in stack.layers) == sorted(lgraph)
    positions = [[lgraph.order.index(name) for name in stack.layers] for stack in arrangement.stacks]
    assert all(first[-1] + 1 == second[0] for first, second in pairwise(positions))


@pytest.mark.parametrize("fold", ["auto", "none"])
def test_a_thousand_layers_are_drawn(fold: str) -> None:
    lgraph = chain(1000)
    svg = plot(lgraph, fold=fold).to_svg()
    assert svg.count('class="node"') == len(arrangement_of(lgraph, fold).stacks)


@cache
def _builders() -> list[str]:
    return sorted(BUILDERS)


def _build(name: str) -> LayerGraph:
    values = {"image_size": (513, 513, 3), "num_classes": 11, "network": "resnet18"}
    parameters = inspect.signature(BUILDERS[name].function).parameters
    arguments = {
        key: values[key]
        for key, p in parameters.items()
        if p.default is inspect.Parameter.empty and key in values
    }
    if name == "segnet":
        arguments["encoder_depth"] = 3
    if name == "unet":
        arguments["image_size"] = (512, 512, 3)
    if name == "patch_classification":
        arguments = {"patch_size": 95, "num_classes": 2, "filter_sizes": (4, 5, 4, 4)}
    if name == "unet3d":
        arguments["image_size"] = (64, 64, 64, 3)
    return BUILDERS[name].build(**arguments)


@pytest.mark.parametrize("name", _builders())
def test_every_builder_is_drawn(name: str) -> None:
    lgraph = _build(name)
    svg = plot(lgraph).to_svg()
    assert svg.count('class="node"') == len(arrangement_of(lgraph).stacks) <= 30
    assert len(svg) < 100_000
    assert text_of(svg)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inceptionresnetv2", "resnet101", "deeplabv3plus"])
@pytest.mark.parametrize("direction", ["vertical", "horizontal"])
def test_deep_networks_are_drawn_in_full(name: str, direction: str) -> None:
    lgraph = _build(name)
    text = text_of(plot(lgraph, fold="none", direction=direction).to_svg())
    assert all(layer in text for layer in lgraph)


def test_the_drawing_has_no_frames_where_the_program_fails_at_them(monkeypatch: pytest.MonkeyPatch) -> None:
    sources: list[str] = []
    pipe = graphviz.Digraph.pipe

    def fail_at_frames(self: graphviz.Digraph, *args: object, **kwargs: object) -> object:
        sources.append(self.source)
        if "cluster_" in self.source:
            raise graphviz.CalledProcessError(1, ["dot"], b"", b"Error: trouble in init_rank")
        return pipe(self, *args, **kwargs)

    monkeypatch.setattr(layergraph.analyze.diagram.rendering.graphviz.Digraph, "pipe", fail_at_frames)
    text = text_of(plot(RESNET18, fold="none").to_svg())
    assert len(sources) == 2
    assert all(layer in text for layer in RESNET18)


# -- the form ----------------------------------------------------------------------------------


def test_the_scores_of_fcn_lead_across() -> None:
    arrangement = arrangement_of(fcn_layers((360, 480), 11))
    sides = {name: stack.side for stack in arrangement.stacks for name in stack.layers}
    assert {sides[name] for name in ("score_pool3", "score_pool4")} == {"across"}
    # the padding by 100 does not start the expanding path
    assert (sides["conv1_1"], sides["score_fr"], sides["upscore2"]) == ("down", "down", "up")


def test_one_step_up_without_a_connection_across_is_no_u() -> None:
    layers = [ImageInputLayer((32, 32, 4)), MaxPooling2dLayer(2, stride=2), MaxPooling2dLayer(2, stride=2)]
    lgraph = LayerGraph([*layers, TransposedConv2dLayer(8, 4, stride=4, cropping="same", name="up")])
    assert not arrangement_of(lgraph).is_u
    add = lgraph.add_layers(AdditionLayer(2, name="add")).connect_layers("up", "add/in1")
    assert arrangement_of(add.connect_layers("imageinput", "add/in2")).is_u


def test_skip_connections_run_at_the_side() -> None:
    source = plot(RESNET18, fold="none").source
    assert len(re.findall(r":e -> n\d+:e \[color=\"#3b6fb6\"", source)) == 5  # blocks without a projection
    assert len(re.findall(r":s -> n\d+:s ", plot(RESNET18, fold="none", direction="horizontal").source)) == 5


def test_frames_have_names() -> None:
    source = plot(RESNET18, fold="none").source
    framed = re.findall(r"subgraph cluster_\d+ \{.*?\n\t\}", source, re.DOTALL)
    assert [re.findall(r">(\w+)</FONT>> labeljust", frame) for frame in framed][1:3] == [["res2a"], ["res2b"]]
    svg = plot(RESNET18, fold="none").to_svg()
    assert svg.count('class="cluster"') == len(framed) == len(arrangement_of(RESNET18, "none").frames)


# -- sizes, findings ---------------------------------------------------------------------------


def test_sizes_at_edges_where_they_change() -> None:
    labels = re.findall(r'label="? ([\d×]+) "?', plot(RESNET101, sizes="edges").source)
    assert labels == [
        "224×224×3", "56×56×64", "56×56×256", "28×28×512", "14×14×1024", "7×7×2048",
    ]  # fmt: skip
    assert "14×14×1024" not in re.sub(r'(label|tooltip)="[^"]*"', "", plot(RESNET101, sizes="edges").source)
    assert plot(RESNET101, sizes="both").source.count("14×14×1024") > 2
    assert 'label=" ' not in plot(RESNET101).source


def test_findings_are_shown_at_their_layers() -> None:
    lgraph = residual({}, {}).replace_layer(
        "res2_conv", Convolution2dLayer(3, 4, num_channels=7, padding="same", name="res2_conv")
    )
    assert "the layer takes 7 channels" in plot(lgraph).source
    folded = plot(lgraph, fold="all").source
    assert ">res2_conv: the layer takes 7 channels" in folded
    assert LIGHT.error_background in folded
    lgraph = residual({}, {}).add_layers(TransposedConv2dLayer(3, 4, stride=2, name="up"))
    lgraph = lgraph.connect_layers("res2_add", "up")
    issues = analyze_network(lgraph, target_usage="network").issues
    assert {issue.severity for issue in issues} <= {"warning", "note"}
    source = plot(lgraph).source
    for issue in issues:
        mark, color = {"warning": ("! ", LIGHT.warning), "note": ("i ", LIGHT.note)}[issue.severity]
        assert f'COLOR="{color}">{mark}' in source
    assert issues
    assert LIGHT.error_background not in source


# -- colors ------------------------------------------------------------------------------------


def contrast(first: str, second: str) -> float:
    """The contrast of two colors as WCAG 2 defines it."""

    def luminance(color: str) -> float:
        parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    brighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read(palette: Palette) -> None:
    assert len(set(palette.colors())) == len(palette.colors())
    for ground in (palette.background, palette.error_background, *palette.kinds.values()):
        assert contrast(palette.ink, ground) >= 7
        assert contrast(palette.muted, ground) >= 3.5
        assert contrast(palette.warning, ground) >= 3
        assert contrast(palette.note, ground) >= 3
    assert contrast(palette.error, palette.error_background) >= 4.5


def test_themes_have_their_own_colors() -> None:
    light, dark = (plot(RESNET18, theme=theme).source for theme in ("light", "dark"))
    assert not set(DARK.colors()) & set(re.findall(r"#[0-9a-f]{6}", light))
    assert not set(LIGHT.colors()) & set(re.findall(r"#[0-9a-f]{6}", dark))
    # the same drawing except for its colors
    assert re.sub(r"#[0-9a-f]{6}", "", light) == re.sub(r"#[0-9a-f]{6}", "", dark)
    automatic = plot(RESNET18, theme="auto")
    assert automatic.source == light
    svg = automatic.to_svg()
    used = set(re.findall(r'(?:fill|stroke)="(#\w+)"', svg))
    assert used <= set(LIGHT.colors())
    assert all(f'[fill="{color}"]{{fill:' in svg for color in used)
    assert "<style" not in plot(RESNET18).to_svg()


@pytest.mark.parametrize(("argument", "last_choice"), [("theme", "auto"), ("sizes", "both")])
def test_unknown_options_raise(argument: str, last_choice: str) -> None:
    with pytest.raises(ArgumentError, match=f"{argument} must be .* or '{last_choice}', got 'blue'"):
        plot(RESNET18, **{argument: "blue"})


def test_the_source_of_a_folded_network(golden: Callable[[str, str], None]) -> None:
    golden("analyze/residual_diagram", plot(residual({}, {}, {"stride": 1}), fold="all", theme="dark").source)


def test_hostile_names_of_blocks_are_text() -> None:
    lgraph = residual(*({} for _ in range(4)))
    for name in list(lgraph)[1:]:
        number = name[3]
        hostile = f'<b onclick="x">\\N&{number}_{name.partition("_")[2]}'
        lgraph = lgraph.replace_layer(name, replace(lgraph[name], name=hostile))
    for fold in ("all", "none"):
        svg = plot(lgraph, fold=fold).to_svg()
        ElementTree.fromstring(svg)
        assert "<b onclick" not in svg
        assert '<b onclick="x">\\N&' in text_of(svg)
        assert svg.count('class="node"') == len(arrangement_of(lgraph, fold).stacks)
