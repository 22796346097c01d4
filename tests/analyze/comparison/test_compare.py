"""Comparisons: exactly the edit in every format, and no difference between equal networks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_graphs import networks
from torch import nn

from layergraph import (
    AdditionLayer,
    BatchNormalizationLayer,
    Convolution2dLayer,
    DropoutLayer,
    ImageInputLayer,
    LayerGraph,
    LeakyReluLayer,
    ModuleLayer,
    PixelClassificationLayer,
    ReluLayer,
    SigmoidLayer,
    SoftmaxLayer,
    WrongTypeError,
)
from layergraph.analyze import Comparison, analyze_network, compare
from layergraph.builders import segnet_layers, unet_layers

SEGNET = segnet_layers((32, 32, 1), 2, 2)
many = settings(max_examples=100, suppress_health_check=[*HealthCheck])


def with_arguments(lgraph: LayerGraph, name: str, **arguments: object) -> LayerGraph:
    return lgraph.replace_layer(name, replace(lgraph[name], **arguments))


def rename(lgraph: LayerGraph, names: dict[str, str]) -> LayerGraph:
    for old, new in names.items():
        lgraph = lgraph.replace_layer(old, replace(lgraph[old], name=new))
    return lgraph


def differences(comparison: Comparison) -> dict[str, object]:
    """All differences except sizes, which are consequences."""
    sets = {"added", "removed", "changed", "rewired"}
    values = {word: set(getattr(comparison, word)) for word in sets}
    return {word: names for word, names in {**values, "renamed": comparison.renamed}.items() if names}


# -- random edits --------------------------------------------------------------------------


@many
@given(lgraph=networks())
def test_a_graph_does_not_differ_from_itself_or_from_an_equal_graph(lgraph: LayerGraph) -> None:
    again = LayerGraph._from_draft(lgraph._draft.copy())
    for name in lgraph:
        again = again.replace_layer(name, replace(lgraph[name]))
    assert again == lgraph
    for other in (lgraph, again):
        comparison = compare(lgraph, other)
        assert comparison.is_equal
        assert differences(comparison) == {}
        assert (comparison.resized, comparison.appeared, comparison.gone) == ((), (), ())
        assert {row.status for row in comparison.layers} == {"equal"}


CHANGES: dict[type, tuple[str, object]] = {
    DropoutLayer: ("probability", 0.125),
    LeakyReluLayer: ("scale", 0.7),
    BatchNormalizationLayer: ("epsilon", 0.01),
    Convolution2dLayer: ("weights_initializer", "orthogonal"),
    ImageInputLayer: ("normalization", "zscore"),
}


@st.composite
def edits(draw: st.DrawFn) -> tuple[LayerGraph, LayerGraph, dict[str, object]]:
    """A network, an edit of it, and the expected differences."""
    lgraph = draw(networks())
    name = draw(st.sampled_from([*lgraph]))
    kind = draw(st.sampled_from(["remove", "insert", "rename", "change", "disconnect"]))
    fed = {end.layer for _, end in lgraph.destinations(name)}
    if kind == "remove":
        return lgraph, lgraph.remove_layers(name), {"removed": {name}, **({"rewired": fed} if fed else {})}
    if kind == "insert" and len(lgraph[name].output_names) == 1:
        after = lgraph.insert_after(name, SigmoidLayer(name="new layer"))
        return lgraph, after, {"added": {"new layer"}, **({"rewired": fed} if fed else {})}
    if kind == "disconnect" and lgraph.connections:
        connection = draw(st.sampled_from(lgraph.connections))
        after = lgraph.disconnect_layers(*connection)
        return lgraph, after, {"rewired": {connection.destination.partition("/")[0]}}
    alterable = [n for n in lgraph if type(lgraph[n]) in CHANGES]
    if kind == "change" and alterable:
        name = draw(st.sampled_from(alterable))
        argument, value = CHANGES[type(lgraph[name])]
        if getattr(lgraph[name], argument) != value:
            return lgraph, with_arguments(lgraph, name, **{argument: value}), {"changed": {name}}
    names = draw(st.sets(st.sampled_from([*lgraph]), min_size=1))
    new = {old: f"new {index}" for index, old in enumerate(n for n in lgraph if n in names)}
    return lgraph, rename(lgraph, new), {"renamed": new}


@many
@given(edit=edits())
def test_a_comparison_finds_exactly_the_edit_and_its_reverse(
    edit: tuple[LayerGraph, LayerGraph, dict[str, object]],
) -> None:
    before, after, expected = edit
    comparison = compare(before, after)
    assert differences(comparison) == expected
    assert not comparison.is_equal
    back = compare(after, before)
    assert (set(back.added), set(back.removed)) == (set(comparison.removed), set(comparison.added))
    assert back.renamed == {new: old for old, new in comparison.renamed.items()}
    assert set(back.changed) == set(comparison.changed)
    assert set(back.rewired) == set(comparison.rewired)
    assert len(back.resized) == len(comparison.resized)
    assert (len(back.appeared), len(back.gone)) == (len(comparison.gone), len(comparison.appeared))
    for rows in (comparison.layers, back.layers):
        assert len(rows) == len({*before, *after}) - len(comparison.renamed)
    json.loads(comparison.to_json())
    assert all(name in str(comparison) for name in (*comparison.added, *comparison.removed))


@many
@given(edit=edits())
def test_sizes_and_totals_are_those_of_both_analyses(
    edit: tuple[LayerGraph, LayerGraph, dict[str, object]],
) -> None:
    before, after, _ = edit
    comparison = compare(before, after)
    sides = [analyze_network(lgraph) for lgraph in (before, after)]
    sizes = [{row.name: row.activations for row in side.layers} for side in sides]
    names = {**{name: name for name in before if name in after}, **comparison.renamed}
    assert set(comparison.resized) == {new for old, new in names.items() if sizes[0][old] != sizes[1][new]}
    totals = comparison.totals()
    assert totals["learnables"] == tuple(side.total_learnables for side in sides)
    assert totals["connections"] == (len(before.connections), len(after.connections))


# -- case by case ------------------------------------------------------------------------------


def test_a_changed_layer_lists_old_and_new_arguments() -> None:
    after = with_arguments(SEGNET, "encoder1_conv1", num_filters=32, stride=(1, 2))
    comparison = compare(SEGNET, after)
    (row,) = (row for row in comparison.layers if row.arguments)
    assert row.name == "encoder1_conv1"
    assert row.arguments == (("num_filters", 64, 32), ("stride", (1, 1), (1, 2)))
    assert [str(size) for size in row.sizes[0][1:]] == [
        "32(S) × 32(S) × 64(C) × 1(B)",
        "32(S) × 16(S) × 32(C) × 1(B)",
    ]


def test_another_type_under_the_same_name() -> None:
    comparison = compare(
        SEGNET, SEGNET.replace_layer("encoder1_relu_1", LeakyReluLayer(name="encoder1_relu_1"))
    )
    (row,) = (row for row in comparison.layers if row.status == "changed")
    assert row.is_retyped
    assert row.arguments == (("scale", None, 0.01),)
    assert (comparison.rewired, comparison.renamed) == ((), {})
    assert "type   ReLU → Leaky ReLU\n    scale  – → 0.01" in str(comparison)


def test_a_similar_layer_elsewhere_is_not_a_renamed_one() -> None:
    data, relu = ImageInputLayer((8, 8, 1), name="data"), ReluLayer(name="a")
    before = LayerGraph([data, relu, SigmoidLayer(name="s")])
    elsewhere = before.remove_layers("a").connect_layers("data", "s").add_layers(ReluLayer(name="b"))
    elsewhere = elsewhere.connect_layers("s", "b")
    comparison = compare(before, elsewhere)
    assert comparison.renamed == {}
    assert (comparison.added, comparison.removed, comparison.rewired) == (("b",), ("a",), ("s",))
    other_argument = before.replace_layer("a", LeakyReluLayer(0.2, name="b"))
    assert compare(before, other_argument).renamed == {}


def test_all_names_of_a_network_change() -> None:
    new = {name: f"net/{name}".replace("/", ".") for name in SEGNET}
    comparison = compare(SEGNET, rename(SEGNET, new))
    assert differences(comparison) == {"renamed": new}
    assert comparison.appeared == comparison.gone == ()


def test_issues_appear_and_disappear() -> None:
    broken = SEGNET.disconnect_layers("encoder2_conv1", "encoder2_bn_1")
    comparison = compare(SEGNET, broken)
    assert {issue.code for issue in comparison.appeared} >= {"LG-MISSING-INPUT"}
    assert comparison.gone == ()
    assert compare(broken, SEGNET).gone == comparison.appeared
    assert comparison.totals()["learnables"].after is None
    assert compare(broken, broken).is_equal


def test_inputs_in_another_order() -> None:
    def joined(first: str, second: str) -> LayerGraph:
        lgraph = LayerGraph([ImageInputLayer((4, 4, 1), name=first), AdditionLayer(2, name="add")])
        lgraph = lgraph.add_layers(ImageInputLayer((4, 4, 1), name=second)).connect_layers(second, "add/in2")
        if first == "b":
            lgraph = lgraph.disconnect_layers("b", "add/in1").disconnect_layers("a", "add/in2")
            lgraph = lgraph.connect_layers("a", "add/in1").connect_layers("b", "add/in2")
        return lgraph

    comparison = compare(joined("a", "b"), joined("b", "a"))
    assert comparison.reordered == ("inputs",)
    assert differences(comparison) == {}
    assert not comparison.is_equal
    assert "inputs reordered" in str(comparison)


def test_weights_are_attached_detached_and_changed() -> None:
    net = SEGNET.compile()
    trained = net.layer_graph()
    learning = {name for name in trained if trained[name].weights is not None}
    attached = compare(SEGNET, trained)
    assert set(attached.reweighted) == learning
    assert {row.weights for row in attached.layers} == {"", "attached"}
    assert {row.weights for row in compare(trained, SEGNET).layers} == {"", "detached"}
    with torch.no_grad():
        net.layer_module("encoder1_conv1").bias += 1
    changed = compare(trained, net.layer_graph())
    assert changed.reweighted == ("encoder1_conv1",)
    assert not changed.is_equal
    assert "Only different weights: 1 layer\n  encoder1_conv1  weights changed" in str(changed)
    assert compare(trained, SEGNET.with_weights({n: trained[n].weights for n in learning})).is_equal


def test_compiled_networks_are_compared_without_a_change() -> None:
    net, other = SEGNET.compile(), SEGNET.compile()
    net.train()
    before = {key: (tensor.data_ptr(), tensor.clone()) for key, tensor in net.state_dict().items()}
    state = torch.get_rng_state()
    assert compare(net, net).is_equal
    assert compare(net, net.layer_graph()).is_equal
    assert compare(net, other).changed == ()
    assert set(compare(net, other).reweighted) == {n for n in SEGNET if "conv" in n}
    assert net.training
    assert torch.equal(state, torch.get_rng_state())
    for key, tensor in net.state_dict().items():
        assert tensor.data_ptr() == before[key][0]
        assert torch.equal(tensor, before[key][1])


def test_torch_modules_are_compared_by_structure_and_tensors() -> None:
    def around(module: nn.Module) -> LayerGraph:
        return LayerGraph([ImageInputLayer((8, 8, 3), name="data"), ModuleLayer(module, name="stem")])

    conv = nn.Conv2d(3, 4, 3)
    same = nn.Conv2d(3, 4, 3)
    same.load_state_dict(conv.state_dict())
    assert compare(around(conv), around(same)).is_equal
    assert compare(around(conv), around(nn.Conv2d(3, 4, 3))).changed == ("stem",)
    wider = compare(around(conv), around(nn.Conv2d(3, 4, 5)))
    assert wider.changed == wider.resized == ("stem",)


def test_compare_takes_the_networks_that_analyze_network_takes() -> None:
    layers = [ImageInputLayer((8, 8, 1)), ReluLayer()]
    analysis = analyze_network(layers, name="small")
    comparison = compare(layers, analysis)
    assert comparison.is_equal
    assert comparison.after.name == "small"
    with pytest.raises(WrongTypeError, match="got the text 'a"):
        compare(layers, "a.safetensors")


# -- output ---------------------------------------------------------------------------


def example() -> Comparison:
    before = unet_layers((64, 96, 3), 5, encoder_depth=2, num_first_encoder_filters=8)
    after = before.insert_after("Encoder-Stage-1-Conv-1", LeakyReluLayer(name="leaky"))
    after = after.replace_layer("Encoder-Stage-2-ReLU-1", ReluLayer(name="act2"))
    after = after.remove_layers("Encoder-Stage-2-DropOut")
    after = after.connect_layers("Encoder-Stage-2-ReLU-2", "Encoder-Stage-2-MaxPool")
    after = with_arguments(after, "Final-ConvolutionLayer", num_filters=4)
    return compare(before, after, names=("U-Net", "edited"))


def test_the_text(golden: Callable[[str, str], None]) -> None:
    golden("analyze/comparison", example().to_text())


def test_the_text_shortens_long_lists_by_default(golden: Callable[[str, str], None]) -> None:
    before, after = segnet_layers((32, 32, 1), 2, 2), segnet_layers((64, 64, 1), 2, 2)
    comparison = compare(before, after)
    golden("analyze/comparison_image_size", str(comparison))
    assert comparison.changed == ("inputImage",)
    assert len(str(comparison).splitlines()) < len(comparison.to_text().splitlines())
    assert all(name in comparison.to_text() for name in comparison.resized)


def test_json_has_stable_keys(golden: Callable[[str, str], None]) -> None:
    text = example().to_json(indent=1)
    assert [*json.loads(text)] == [
        "before", "after", "equal", "added", "removed", "renamed", "changed", "rewired", "resized",
        "reweighted", "reordered", "layers", "totals", "issues_appeared", "issues_gone",
    ]  # fmt: skip
    golden("analyze/comparison_json", text)


def test_json_of_functions_and_modules() -> None:
    lgraph = LayerGraph([ImageInputLayer((8, 8, 3), name="data"), Convolution2dLayer(3, 2, name="conv")])
    after = with_arguments(lgraph, "conv", weights_initializer=torch.zeros)
    (change,) = json.loads(compare(lgraph, after).to_json())["layers"][0]["arguments"]
    assert change == {"argument": "weights_initializer", "before": "glorot", "after": "zeros"}


class Page(HTMLParser):
    """The tags, attributes and text of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


HOSTILE = ("<script>alert(1)", '"quo\'ted"', "{{ 7*7 }}", "line\nbreak", "\x1b[31mred", "&lt;")


@pytest.mark.parametrize("make", ["to_html", "_repr_html_"])
def test_no_name_becomes_markup(make: str) -> None:
    layers = [ImageInputLayer((8, 8, 1), name="data"), *(ReluLayer(name=name) for name in HOSTILE)]
    before = LayerGraph([*layers, SoftmaxLayer(name="softmax")])
    after = before.replace_layer("softmax", PixelClassificationLayer(classes=["<img src=x>"], name="<b>loss"))
    for comparison in (
        compare(before, after, names=("<i>before</i>", "{% raw %}")),
        compare(before, rename(before, {name: f"<u>{name}" for name in HOSTILE})),
        compare(before, before.remove_layers(HOSTILE[:3])),
    ):
        text = getattr(comparison, make)()
        text.encode("utf-8")
        page = Page(text)
        assert not {"script", "img", "iframe", "link", "i", "u"} & {*page.tags}
        assert not [name for name, _ in page.attributes if name.startswith("on")]
        assert not [value for name, value in page.attributes if name in ("href", "src")]
        assert "\x1b" not in str(comparison)
        assert "{{ 7*7 }}" in page.text


def test_the_page_is_self_contained_and_colors_differences() -> None:
    comparison = example()
    text = comparison.to_html()
    assert text.startswith("<!DOCTYPE html>")
    assert "prefers-color-scheme: dark" in text
    assert "default-src 'none'" in text
    page = Page(text)
    assert {"script", "link", "img"} & {*page.tags} == set()
    classes = [value for name, value in page.attributes if name == "class"]
    for status in ("added", "removed", "renamed", "changed", "rewired", "resized", "equal"):
        assert classes.count(status) == sum(row.status == status for row in comparison.layers), status


def test_a_terminal_gets_colors() -> None:
    from rich.console import Console

    console = Console(force_terminal=True, color_system="standard", width=200)
    with console.capture() as capture:
        console.print(example())
    assert "\x1b[1;32m+ leaky" in capture.get()
    assert "\x1b[1;31m- Encoder-Stage-2-DropOut" in capture.get()
    assert "\x1b[1;33m~ Final-ConvolutionLayer" in capture.get()


def test_torch_is_not_imported() -> None:
    code = (
        "import sys\n"
        "from layergraph.analyze import compare\n"
        "from layergraph.builders import segnet_layers\n"
        "a, b = segnet_layers((32, 32, 1), 2, 2), segnet_layers((32, 32, 1), 2, 3)\n"
        "c = compare(a, b); str(c); c.to_json(); c.to_html()\n"
        "assert 'torch' not in sys.modules and 'numpy' not in sys.modules"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
