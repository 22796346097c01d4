"""Diagrams of deep networks: folded blocks, frames, colours, sizes at edges, findings in place."""

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
    DropoutLayer,
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
    ReluLayer,
    TransposedConv2dLayer,
)
from layergraph.analyze import analyze_network, diagram_source, plot
from layergraph.analyze.blocks import Block, blocks
from layergraph.analyze.diagram.contents import contents
from layergraph.analyze.diagram.folding import fold
from layergraph.analyze.diagram.repeats import runs_of
from layergraph.analyze.diagram.stacks import Drawing, arrange
from layergraph.analyze.diagram.themes import DARK, LIGHT, Palette
from layergraph.builders import BUILDERS, deeplabv3plus_layers, fcn_layers, unet_layers
from layergraph.builders.backbones import resnet18, resnet101
from layergraph.graph.size_inference import infer_sizes
from tests.random_graphs import networks

RESNET18, RESNET101 = resnet18(), resnet101()
DEEPLAB = deeplabv3plus_layers((720, 960), 11, "resnet18")


def folded(lgraph: LayerGraph, wanted: str | list[str] = "auto", detail: str = "blocks") -> Drawing:
    analysis = analyze_network(lgraph, target_usage="network")
    sizes, series = infer_sizes(lgraph, "network"), detail == "blocks"
    patterns = [wanted] if isinstance(wanted, str) else wanted
    parts = fold(lgraph, sizes, analysis.issues, patterns, series=series)
    return arrange(lgraph, sizes, blocks=series, parts=parts)


def boxes(lgraph: LayerGraph, wanted: str | list[str] = "auto") -> list[str]:
    """The name of each folded block, and else of each first layer."""
    return [stack.part.name if stack.part else stack.layers[0] for stack in folded(lgraph, wanted).stacks]


def text_of(svg: str) -> str:
    return "".join(ElementTree.fromstring(svg).itertext()).replace("\xa0", " ")


def residual(*arguments: dict[str, object]) -> LayerGraph:
    """Residual blocks ``res1``, ``res2``, ... of a convolution each, with these arguments."""
    lgraph = LayerGraph([ImageInputLayer((16, 16, 4), name="data")])
    before = "data"
    for number, more in enumerate(arguments, 1):
        conv = Convolution2dLayer(3, 4, padding="same", name=f"res{number}_conv", **more)
        add = AdditionLayer(2, name=f"res{number}_add")
        lgraph = lgraph.add_layers([conv, add]).connect_layers(before, conv.name)
        lgraph = lgraph.connect_layers(before, f"{add.name}/in2")
        before = add.name
    return lgraph


# -- what is folded ----------------------------------------------------------------------------


def test_a_deep_network_is_a_handful_of_boxes() -> None:
    assert boxes(RESNET101) == [
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
    # 44.6 million learnables, told in all boxes together
    told = re.findall(r">([\d.]+)([kM]?) learnables<", svg)
    total = sum(float(number) * {"": 1, "k": 1e3, "M": 1e6}[unit] for number, unit in told)
    assert total == pytest.approx(analyze_network(RESNET101).total_learnables, rel=0.01)


def test_deeplab_keeps_its_form_when_folded() -> None:
    drawing = folded(DEEPLAB)
    names = boxes(DEEPLAB)
    assert drawing.is_u
    assert len(names) == 12
    skips = {
        (names[index(drawing, link.source)], names[index(drawing, link.destination)])
        for link in drawing.links
        if link.role == "skip"
    }
    assert skips == {("res2a … res2b", "dec")}
    assert "dec" in [name for name, stack in zip(names, drawing.stacks, strict=True) if stack.side == "up"]


def index(drawing: Drawing, layer: str) -> int:
    return next(number for number, stack in enumerate(drawing.stacks) if layer in stack.layers)


def test_a_folded_deeplab_fits_a_slide() -> None:
    root = ElementTree.fromstring(plot(DEEPLAB).to_svg())
    width, height = (float(root.get(side, "").removesuffix("pt")) for side in ("width", "height"))
    shrunk = min(960 / width, 540 / height)  # 13.33 by 7.5 inches
    assert 11 * shrunk >= 9  # points of the letters


def test_small_networks_are_drawn_in_full() -> None:
    for lgraph in (unet_layers((480, 640, 3), 5)[0], fcn_layers((360, 480), 11)):
        drawing = folded(lgraph)
        assert not drawing.frames
        assert all(stack.part is None for stack in drawing.stacks)


def test_names_choose_what_is_folded() -> None:
    drawing = folded(DEEPLAB, ["res*", "dec"])
    among = {stack.part.name for stack in drawing.stacks if stack.part}
    assert among == {"res2a … res2b", "res3a", "res3b", "res4a", "res4b", "res5a", "res5b", "dec"}
    assert set(drawing.frames) == {"conv1", "aspp"}
    inside = [drawing.stacks[number].layers[0] for number in drawing.frames["aspp"]]
    assert inside == ["aspp_Conv_1", "aspp_Conv_2", "aspp_Conv_3", "aspp_Conv_4", "catAspp"]


def test_nothing_or_everything_is_folded() -> None:
    in_full = folded(RESNET18, "none")
    assert all(stack.part is None for stack in in_full.stacks)
    assert "res3a" in in_full.frames
    all_folded = folded(unet_layers((32, 32), 2)[0], "all")
    assert len(all_folded.stacks) == len(blocks(unet_layers((32, 32), 2)[0]))


def test_a_box_a_layer_folds_only_what_is_asked_for() -> None:
    assert len(folded(RESNET18, detail="layers").stacks) == len(RESNET18)
    drawing = folded(RESNET18, "res3*", detail="layers")
    count = sum(len(block.layers) for block in blocks(RESNET18) if block.name.startswith("res3"))
    assert len(drawing.stacks) == len(RESNET18) - count + 2


@pytest.mark.parametrize("wanted", ["rez*", ["res*", "nothing"]])
def test_a_name_that_no_block_has(wanted: str | list[str]) -> None:
    with pytest.raises(ArgumentError, match=r"fold is 'auto', 'all', 'none', or names of blocks"):
        plot(RESNET18, fold=wanted)


def test_fold_is_names() -> None:
    for wrong in ([], [3]):
        with pytest.raises(ArgumentError, match="fold is 'auto', 'all', 'none' or names of blocks, got"):
            plot(RESNET18, fold=wrong)


@given(lgraph=networks(most=25))
@pytest.mark.parametrize("wanted", ["auto", "all", "none"])
def test_no_layer_and_no_connection_is_lost(wanted: str, lgraph: LayerGraph) -> None:
    drawing = folded(lgraph, wanted)
    drawn = [layer for stack in drawing.stacks for layer in stack.layers]
    assert sorted(drawn) == sorted(lgraph)
    place = {layer: number for number, stack in enumerate(drawing.stacks) for layer in stack.layers}
    between = {
        (place[source.partition("/")[0]], place[destination.partition("/")[0]])
        for source, destination in lgraph.connections
    }
    linked = {(place[link.source], place[link.destination]) for link in drawing.links}
    assert linked == {pair for pair in between if pair[0] != pair[1]}
    for inside in drawing.frames.values():
        assert len(inside) > 1
        assert len({drawing.stacks[number].side for number in inside}) == 1


@given(lgraph=networks(most=25))
def test_edges_are_the_connections_between_boxes(lgraph: LayerGraph) -> None:
    drawing = folded(lgraph, "all")
    source = diagram_source(lgraph, fold="all")
    edges = {
        frozenset(map(int, pair)) for pair in re.findall(r"^\tn(\d+)\S* -> n(\d+)", source, re.MULTILINE)
    }
    assert edges == {
        frozenset((index(drawing, link.source), index(drawing, link.destination)))
        for link in drawing.links
        if link.role != "reference"
    }


# -- alike blocks ------------------------------------------------------------------------------


def runs(lgraph: LayerGraph, found: tuple[Block, ...]) -> list[int]:
    issues = analyze_network(lgraph, target_usage="network").issues
    return [len(run) for run in runs_of(lgraph, infer_sizes(lgraph, "network"), issues, found)]


def by_number(lgraph: LayerGraph) -> tuple[Block, ...]:
    """A block for each beginning of a name."""
    found: dict[str, list[str]] = {}
    for name in lgraph.order:
        found.setdefault(name.partition("_")[0], []).append(name)
    return tuple(Block(name, tuple(layers)) for name, layers in found.items())


def test_only_equal_arguments_are_alike() -> None:
    lgraph = residual({}, {}, {}, {"dilation_factor": 2}, {"dilation_factor": 2}, {})
    assert runs(lgraph, by_number(lgraph)) == [1, 3, 2, 1]


def test_only_equal_sizes_are_alike() -> None:
    layers = [ImageInputLayer((64, 64, 4), name="data")]
    for number in range(3):
        layers += [ReluLayer(name=f"a{number}_relu"), MaxPooling2dLayer(2, stride=2, name=f"a{number}_pool")]
    lgraph = LayerGraph(layers)
    assert runs(lgraph, by_number(lgraph)) == [1, 1, 1, 1]


def test_what_leaves_a_run_in_the_middle_ends_it() -> None:
    lgraph = residual({}, {}, {}, {}, {})
    branch = lgraph.add_layers(ReluLayer(name="side")).connect_layers("res3_add", "side")
    assert runs(lgraph, by_number(lgraph)) == [1, 5]
    assert runs(branch, by_number(branch))[:3] == [1, 3, 2]


def test_other_connections_are_not_alike() -> None:
    lgraph = residual({}, {}, {}, {})
    rewired = lgraph.disconnect_layers("res2_add", "res3_add/in2").connect_layers("res1_add", "res3_add/in2")
    assert runs(rewired, by_number(rewired)) == [1, 1, 1, 1, 1]


def test_a_finding_in_one_block_sets_it_apart() -> None:
    lgraph = residual({}, {}, {}, {}, {})
    wrong = Convolution2dLayer(3, 4, num_channels=7, padding="same", name="res3_conv")
    lgraph = lgraph.replace_layer("res3_conv", wrong)
    assert runs(lgraph, by_number(lgraph)) == [1, 2, 1, 2]


def test_repeated_blocks_say_what_each_holds() -> None:
    assert contents(RESNET101, ["res2b_branch2a", "bn2b_branch2a", "res2b"]) == "1×1 convolution, addition"
    assert contents(LayerGraph([ReluLayer(name="a"), DropoutLayer(name="b")]), ["a", "b"]) == "ReLU, dropout"


# -- large networks ----------------------------------------------------------------------------


def chain(count: int) -> LayerGraph:
    """Convolutions and ReLUs whose names say nothing in common."""
    layers = [ImageInputLayer((8, 8, 4))]
    for number in range(count):
        name = f"{chr(97 + number % 26)}{chr(97 + number // 26 % 26)}{chr(97 + number // 676)}"
        layers.append(ReluLayer(name=name) if number % 3 else MaxPooling2dLayer(1, name=name))
    return LayerGraph(layers)


def test_there_are_never_too_many_boxes() -> None:
    lgraph = chain(1000)
    drawing = folded(lgraph)
    assert len(drawing.stacks) <= 100
    assert sorted(layer for stack in drawing.stacks for layer in stack.layers) == sorted(lgraph)
    places = [[lgraph.order.index(name) for name in stack.layers] for stack in drawing.stacks]
    assert all(first[-1] + 1 == second[0] for first, second in pairwise(places))


@pytest.mark.parametrize("wanted", ["auto", "none"])
def test_a_thousand_layers_are_drawn(wanted: str) -> None:
    lgraph = chain(1000)
    svg = plot(lgraph, fold=wanted).to_svg()
    assert svg.count('class="node"') == len(folded(lgraph, wanted).stacks)


@cache
def _builders() -> list[str]:
    return sorted(BUILDERS)


def _built(name: str) -> LayerGraph:
    given_ = {"image_size": (513, 513, 3), "num_classes": 11, "encoder_depth": 3, "network": "resnet18"}
    parameters = inspect.signature(BUILDERS[name].function).parameters
    needed = {
        key: given_[key]
        for key, p in parameters.items()
        if p.default is inspect.Parameter.empty and key in given_
    }
    if name == "unet":
        needed["image_size"] = (512, 512, 3)
    if name == "patch_classification":
        needed = {"patch_size": 95, "num_classes": 2, "filter_sizes": (4, 5, 4, 4)}
    if name == "unet3d":
        needed["image_size"] = (64, 64, 64, 3)
    return BUILDERS[name].build(**needed)


@pytest.mark.parametrize("name", _builders())
def test_every_builder_is_drawn(name: str) -> None:
    lgraph = _built(name)
    svg = plot(lgraph).to_svg()
    assert svg.count('class="node"') == len(folded(lgraph).stacks) <= 30
    assert len(svg) < 100_000
    assert text_of(svg)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["inceptionresnetv2", "resnet101", "deeplabv3plus"])
@pytest.mark.parametrize("direction", ["vertical", "horizontal"])
def test_deep_networks_are_drawn_in_full(name: str, direction: str) -> None:
    lgraph = _built(name)
    text = text_of(plot(lgraph, fold="none", direction=direction).to_svg())
    assert all(layer in text for layer in lgraph)


def test_where_the_program_fails_at_frames_it_draws_without(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[str] = []
    pipe = graphviz.Digraph.pipe

    def failing(self: graphviz.Digraph, *args: object, **kwargs: object) -> object:
        drawn.append(self.source)
        if "cluster_" in self.source:
            raise graphviz.CalledProcessError(1, ["dot"], b"", b"Error: trouble in init_rank")
        return pipe(self, *args, **kwargs)

    monkeypatch.setattr(layergraph.analyze.diagram.rendering.graphviz.Digraph, "pipe", failing)
    text = text_of(plot(RESNET18, fold="none").to_svg())
    assert len(drawn) == 2
    assert all(layer in text for layer in RESNET18)


# -- the form ----------------------------------------------------------------------------------


def test_fcn_goes_down_and_up_with_scores_between() -> None:
    drawing = folded(fcn_layers((360, 480), 11))
    sides = {name: stack.side for stack in drawing.stacks for name in stack.layers}
    assert {sides[name] for name in ("score_pool3", "score_pool4")} == {"across"}
    # the padding by 100 is no step up
    assert (sides["conv1_1"], sides["score_fr"], sides["upscore2"]) == ("down", "down", "up")


def test_one_step_up_without_anything_across_is_no_u() -> None:
    layers = [ImageInputLayer((32, 32, 4)), MaxPooling2dLayer(2, stride=2), MaxPooling2dLayer(2, stride=2)]
    lgraph = LayerGraph([*layers, TransposedConv2dLayer(8, 4, stride=4, cropping="same", name="up")])
    assert not folded(lgraph).is_u
    add = lgraph.add_layers(AdditionLayer(2, name="add")).connect_layers("up", "add/in1")
    assert folded(add.connect_layers("imageinput", "add/in2")).is_u


def test_skips_stand_at_the_side() -> None:
    source = diagram_source(RESNET18, fold="none")
    assert len(re.findall(r":e -> n\d+:e \[color=\"#3b6fb6\"", source)) == 5  # blocks without a projection
    assert (
        len(re.findall(r":s -> n\d+:s ", diagram_source(RESNET18, fold="none", direction="horizontal"))) == 5
    )


def test_frames_have_names() -> None:
    source = diagram_source(RESNET18, fold="none")
    framed = re.findall(r"subgraph cluster_\d+ \{.*?\n\t\}", source, re.DOTALL)
    assert [re.findall(r">(\w+)</FONT>> labeljust", frame) for frame in framed][1:3] == [["res2a"], ["res2b"]]
    svg = plot(RESNET18, fold="none").to_svg()
    assert svg.count('class="cluster"') == len(framed) == len(folded(RESNET18, "none").frames)


# -- sizes, findings ---------------------------------------------------------------------------


def test_sizes_at_edges_where_they_change() -> None:
    labels = re.findall(r'label="? ([\d×]+) "?', diagram_source(RESNET101, sizes="edges"))
    assert labels == [
        "224×224×3", "56×56×64", "56×56×256", "28×28×512", "14×14×1024", "7×7×2048",
    ]  # fmt: skip
    assert "14×14×1024" not in re.sub(
        r'(label|tooltip)="[^"]*"', "", diagram_source(RESNET101, sizes="edges")
    )
    assert diagram_source(RESNET101, sizes="both").count("14×14×1024") > 2
    assert 'label=" ' not in diagram_source(RESNET101)


def test_findings_stand_in_place() -> None:
    lgraph = residual({}, {}).replace_layer(
        "res2_conv", Convolution2dLayer(3, 4, num_channels=7, padding="same", name="res2_conv")
    )
    assert "the layer takes 7 channels" in diagram_source(lgraph)
    in_folded = diagram_source(lgraph, fold="all")
    assert ">res2_conv: the layer takes 7 channels" in in_folded
    assert LIGHT.wrong in in_folded
    lgraph = residual({}, {}).add_layers(TransposedConv2dLayer(3, 4, stride=2, name="up"))
    lgraph = lgraph.connect_layers("res2_add", "up")
    issues = analyze_network(lgraph, target_usage="network").issues
    assert {issue.severity for issue in issues} <= {"warning", "note"}
    source = diagram_source(lgraph)
    for issue in issues:
        mark, color = {"warning": ("! ", LIGHT.warning), "note": ("i ", LIGHT.note)}[issue.severity]
        assert f'COLOR="{color}">{mark}' in source
    assert issues
    assert LIGHT.wrong not in source


# -- colours -----------------------------------------------------------------------------------


def contrast(first: str, second: str) -> float:
    """The contrast of two colours as WCAG 2 defines it."""

    def luminance(color: str) -> float:
        parts = [int(color[start : start + 2], 16) / 255 for start in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    brighter, darker = sorted((luminance(first), luminance(second)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_can_be_read(palette: Palette) -> None:
    assert len(set(palette.all())) == len(palette.all())
    for ground in (palette.background, palette.wrong, *palette.kinds.values()):
        assert contrast(palette.ink, ground) >= 7
        assert contrast(palette.muted, ground) >= 3.5
        assert contrast(palette.warning, ground) >= 3
        assert contrast(palette.note, ground) >= 3
    assert contrast(palette.error, palette.wrong) >= 4.5


def test_themes_have_their_colours() -> None:
    light, dark = (diagram_source(RESNET18, theme=theme) for theme in ("light", "dark"))
    assert not set(DARK.all()) & set(re.findall(r"#[0-9a-f]{6}", light))
    assert not set(LIGHT.all()) & set(re.findall(r"#[0-9a-f]{6}", dark))
    # the same drawing but for its colours
    assert re.sub(r"#[0-9a-f]{6}", "", light) == re.sub(r"#[0-9a-f]{6}", "", dark)
    automatic = plot(RESNET18, theme="auto")
    assert automatic.source == light
    svg = automatic.to_svg()
    used = set(re.findall(r'(?:fill|stroke)="(#\w+)"', svg))
    assert used <= set(LIGHT.all())
    assert all(f'[fill="{color}"]{{fill:' in svg for color in used)
    assert "<style" not in plot(RESNET18).to_svg()


@pytest.mark.parametrize(("argument", "known"), [("theme", "auto"), ("sizes", "both")])
def test_unknown_options(argument: str, known: str) -> None:
    with pytest.raises(ArgumentError, match=f"{argument} is .* or '{known}', got 'blue'"):
        plot(RESNET18, **{argument: "blue"})


def test_what_is_drawn_of_a_folded_network(golden: Callable[[str, str], None]) -> None:
    golden(
        "analyze/residual_diagram", diagram_source(residual({}, {}, {"stride": 1}), fold="all", theme="dark")
    )


def test_hostile_names_of_blocks_are_text() -> None:
    lgraph = residual(*({} for _ in range(4)))
    for name in list(lgraph)[1:]:
        number = name[3]
        hostile = f'<b onclick="x">\\N&{number}_{name.partition("_")[2]}'
        lgraph = lgraph.replace_layer(name, replace(lgraph[name], name=hostile))
    for wanted in ("all", "none"):
        svg = plot(lgraph, fold=wanted).to_svg()
        ElementTree.fromstring(svg)
        assert "<b onclick" not in svg
        assert '<b onclick="x">\\N&' in text_of(svg)
        assert svg.count('class="node"') == len(folded(lgraph, wanted).stacks)
