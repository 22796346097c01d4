"""Every check on the smallest network that triggers it, and on the nearest that does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import layergraph
from layergraph import (
    AdditionLayer,
    ArgumentError,
    BatchNormalizationLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    Crop2dLayer,
    CycleError,
    DropoutLayer,
    DuplicateNameError,
    ImageInputLayer,
    InvalidNetworkError,
    Layer,
    LayerGraph,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    ModuleLayer,
    PixelClassificationLayer,
    ReluLayer,
    Resize2dLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
    Weights,
)
from layergraph.analyze import analyze_network
from layergraph.analyze.checks import CATALOG
from layergraph.builders import BUILDERS, unet_layers

INPUT = ImageInputLayer((16, 16, 3), name="data")
OUTPUT = (SoftmaxLayer(name="softmax"), PixelClassificationLayer(name="loss"))


def conv(size: int | tuple[int, int] = 3, filters: int = 4, **arguments: Any) -> Convolution2dLayer:
    return Convolution2dLayer(size, filters, **{"padding": "same", "name": "conv"} | arguments)


def chain(*layers: Layer, data: Layer = INPUT) -> LayerGraph:
    return LayerGraph([data, *layers, *OUTPUT])


def residual(**arguments: Any) -> LayerGraph:
    """The image, and a convolution of it, added."""
    lgraph = chain(conv(**arguments), AdditionLayer(2, name="add"))
    return lgraph.connect_layers("data", "add/in2")


class Branching(nn.Module):
    """A module whose result depends on a condition on values."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 2 * x if x.max() < 0.5 else x


def normalized(**arguments: Any) -> LayerGraph:
    return chain(conv(**arguments), BatchNormalizationLayer(name="bn"))


def with_dropout(*layers: Layer) -> LayerGraph:
    return chain(
        conv(name="first"), DropoutLayer(0.2, name="drop"), *layers, BatchNormalizationLayer(name="bn")
    )


def upsampling(size: int, **arguments: Any) -> LayerGraph:
    up = TransposedConv2dLayer(size, 4, stride=2, cropping="same", name="up", **arguments)
    return chain(conv(), up)


def cropping(*, used: bool) -> LayerGraph:
    """A crop to the size of a branch, whose values are used or not."""
    lgraph = chain(conv(), Crop2dLayer(name="crop")).add_layers(conv(5, 4, padding=1, name="branch"))
    lgraph = lgraph.connect_layers("data", "branch").connect_layers("branch", "crop/ref")
    if not used:
        return lgraph
    lgraph = lgraph.disconnect_layers("crop", "softmax").add_layers(AdditionLayer(2, name="add"))
    lgraph = lgraph.connect_layers("crop", "add/in1").connect_layers("branch", "add/in2")
    return lgraph.connect_layers("add", "softmax")


def cropping_to_two_layers() -> LayerGraph:
    """A crop to the size of a branch of two layers; a used layer has that size, too."""
    lgraph = chain(conv(), conv(1, name="one"), Crop2dLayer(name="crop"))
    lgraph = lgraph.add_layers([conv(name="branch"), ReluLayer(name="branch_relu")])
    return lgraph.connect_layers("data", "branch").connect_layers("branch_relu", "crop/ref")


def unpooling(*, connected: bool, size: int = 2, padding: Any = 0) -> LayerGraph:
    lgraph = chain(
        MaxPooling2dLayer(size, stride=2, padding=padding, has_unpooling_outputs=connected, name="pool"),
        MaxUnpooling2dLayer(name="unpool"),
    )
    for port in ("indices", "size") if connected else ():
        lgraph = lgraph.connect_layers(f"pool/{port}", f"unpool/{port}")
    return lgraph


def with_names(*names: str) -> LayerGraph:
    return chain(conv(), *(ReluLayer(name=name) for name in names))


def with_classes(filters: int) -> LayerGraph:
    loss = PixelClassificationLayer(classes=["a", "b"], name="loss")
    return chain(conv(filters=filters)).replace_layer("loss", loss)


def with_weights_of(filters: int) -> LayerGraph:
    tensors = {"weight": torch.zeros(filters, 3, 3, 3), "bias": torch.zeros(filters)}
    return chain(conv(filters=4)).with_weights({"conv": Weights(tensors)})


def image(*size: int) -> ImageInputLayer:
    return ImageInputLayer(size, name="data")


CASES: dict[str, tuple[Callable[[], LayerGraph], Callable[[], LayerGraph]]] = {
    "LG-CHANNELS": (lambda: residual(filters=4), lambda: residual(filters=3)),
    "LG-CHECKERBOARD": (lambda: upsampling(3), lambda: upsampling(4)),
    "LG-CLASSES": (lambda: with_classes(3), lambda: with_classes(2)),
    "LG-CROPPING": (
        lambda: chain(TransposedConv2dLayer(2, 4, cropping=9, name="up")),
        lambda: chain(TransposedConv2dLayer(2, 4, cropping=8, name="up")),
    ),
    "LG-DEAD-BRANCH": (lambda: cropping(used=False), lambda: cropping(used=True)),
    "LG-DEAD-BRANCH, of several layers": (cropping_to_two_layers, lambda: chain(conv(), conv(1, name="one"))),
    "LG-DILATION": (
        lambda: chain(conv(dilation_factor=16)),
        lambda: chain(conv(dilation_factor=15)),
    ),
    "LG-DILATION, of an even window": (
        lambda: chain(conv(2, dilation_factor=(1, 16))),
        lambda: chain(conv((3, 2), dilation_factor=(1, 15))),
    ),
    "LG-DIMENSIONS": (
        lambda: chain(Convolution3dLayer(3, 4, padding="same", name="conv")),
        lambda: chain(conv()),
    ),
    "LG-DISCONNECTED": (
        lambda: chain(conv()).add_layers(ReluLayer(name="far")),
        lambda: chain(conv()),
    ),
    "LG-DOUBLE-SOFTMAX": (
        lambda: chain(conv(), SoftmaxLayer(name="first"), DropoutLayer(0.1, name="drop")),
        lambda: chain(conv(), SoftmaxLayer(name="attention"), conv(name="score")),
    ),
    "LG-DROPOUT-BEFORE-BATCHNORM": (
        lambda: with_dropout(ReluLayer(name="relu")),
        lambda: with_dropout(conv(bias_learn_rate_factor=0)),
    ),
    "LG-GAPS": (lambda: upsampling(1), lambda: upsampling(2)),
    "LG-LARGE-ACTIVATION": (
        lambda: chain(conv(3, 32, dilation_factor=257), data=image(2048, 4096, 3)),
        lambda: chain(conv(3, 31, dilation_factor=257), data=image(2048, 4096, 3)),
    ),
    "LG-MEASURED": (
        lambda: chain(ModuleLayer(Branching(), name="module")),
        lambda: chain(ModuleLayer(nn.ReLU(), name="module")),
    ),
    "LG-MISSING-INPUT": (
        lambda: residual(filters=3).disconnect_layers("conv", "add/in1"),
        lambda: residual(filters=3),
    ),
    "LG-MODULE": (
        lambda: chain(ModuleLayer(nn.Conv2d(4, 4, 1), name="module")),
        lambda: chain(ModuleLayer(nn.Conv2d(3, 4, 1), name="module")),
    ),
    "LG-NEAR-DUPLICATE": (
        lambda: with_names("conv1_1", "Conv1-1", "a", "а"),  # the last is Cyrillic
        lambda: with_names("conv1_1", "conv11", "a", "b"),
    ),
    "LG-NO-INPUT": (lambda: chain(conv()).remove_layers("data"), lambda: chain(conv())),
    "LG-NO-OUTPUT": (lambda: chain(conv()).remove_layers("loss"), lambda: chain(conv())),
    "LG-NO-SOFTMAX": (
        lambda: chain(conv()).remove_layers("softmax").connect_layers("conv", "loss"),
        lambda: chain(conv()),
    ),
    "LG-ONE-CLASS": (lambda: chain(conv(filters=1)), lambda: chain(conv(filters=2))),
    "LG-OVERLAP": (
        lambda: unpooling(connected=True, size=3, padding="same"),
        lambda: unpooling(connected=True, size=2),
    ),
    "LG-RECEPTIVE-FIELD": (
        lambda: chain(conv(), data=image(25, 25, 3)),
        lambda: chain(conv(), data=image(24, 24, 3)),
    ),
    "LG-SPATIAL": (lambda: residual(filters=3, padding=0), lambda: residual(filters=3)),
    "LG-TOO-LARGE": (
        lambda: chain(Resize2dLayer(scale=2.0**40, name="resize"), conv()),
        lambda: chain(Resize2dLayer(scale=2, name="resize"), conv()),
    ),
    "LG-UNPOOLING": (lambda: unpooling(connected=False), lambda: unpooling(connected=True)),
    "LG-UNUSED-OUTPUT": (
        lambda: chain(conv()).add_layers(ReluLayer(name="end")).connect_layers("data", "end"),
        lambda: chain(conv()),
    ),
    "LG-WINDOW, dilated": (
        lambda: chain(MaxPooling2dLayer(2, dilation_factor=17, padding="same", name="pool")),
        lambda: chain(MaxPooling2dLayer(3, dilation_factor=15, padding="same", name="pool")),
    ),
    "LG-WASTED-BIAS": (lambda: normalized(), lambda: normalized(bias_learn_rate_factor=0)),
    "LG-WINDOW": (lambda: chain(conv(17, padding=0)), lambda: chain(conv(16, padding=0))),
}
# these are raised by a call or when compiling
RAISED: dict[str, tuple[type[Exception], Callable[[], object], Callable[[], object]]] = {
    "LG-CLASS-WEIGHTS": (
        ArgumentError,
        lambda: PixelClassificationLayer(classes=["a", "b"], class_weights=[1, 2, 3]),
        lambda: PixelClassificationLayer(classes=["a", "b"], class_weights=[1, 2]),
    ),
    "LG-CYCLE": (
        CycleError,
        lambda: residual().disconnect_layers("data", "add/in2").connect_layers("softmax", "add/in2"),
        lambda: residual().disconnect_layers("data", "add/in2").connect_layers("conv", "add/in2"),
    ),
    "LG-DUPLICATE-NAME": (DuplicateNameError, lambda: with_names("a", "a"), lambda: with_names("a", "b")),
    "LG-WEIGHTS": (
        InvalidNetworkError,
        lambda: with_weights_of(5).compile(),
        lambda: with_weights_of(4).compile(),
    ),
}


def codes(lgraph: LayerGraph) -> list[str]:
    return [issue.code for issue in analyze_network(lgraph).issues]


def test_the_catalog_is_complete() -> None:
    catalog = [check.code for check in CATALOG]
    assert catalog == sorted({name.partition(",")[0] for name in CASES} | set(RAISED))
    root = Path(layergraph.__file__).parent
    folders = {root, root / "analyze", Path(layergraph.analyze.__file__).parent}
    sources = {path for folder in folders for path in folder.rglob("*.py")}
    used = {code for path in sources for code in re.findall(r"\bLG(?:-[A-Z]+)+", path.read_text("utf-8"))}
    assert used == set(catalog)


@pytest.mark.parametrize("code", CASES)
def test_a_check_finds_its_fault_and_nothing_else(code: str) -> None:
    broken, sound = CASES[code]
    code = code.partition(",")[0]
    severity = next(check.severity for check in CATALOG if check.code == code)
    issues = analyze_network(broken()).issues
    assert {(issue.code, issue.severity) for issue in issues} == {(code, severity)}
    assert codes(sound()) == []


@pytest.mark.parametrize("code", CASES)
def test_edits_fix_the_network(code: str) -> None:
    analysis = analyze_network(CASES[code][0]())
    names = {"lgraph": analysis.lgraph}
    for issue in analysis.issues:
        exec(issue.edit, names)
    left = codes(names["lgraph"])
    has_edits = all(issue.edit for issue in analysis.issues)
    assert (
        code.partition(",")[0] not in left if has_edits else not any(issue.edit for issue in analysis.issues)
    )


@pytest.mark.parametrize("code", RAISED)
def test_errors_name_their_code(code: str) -> None:
    error, broken, sound = RAISED[code]
    with pytest.raises(error, match=rf"\[{code}\]"):
        broken()
    sound()


def test_all_messages_and_edits(golden: Callable[[str, str], None]) -> None:
    lines = []
    for code, (broken, _) in CASES.items():
        lines.append(code)
        for issue in analyze_network(broken()).issues:
            text = re.sub(r"(the module cannot take [^:]+: ).*(?= \(from)", r"\1<torch's words>", str(issue))
            lines.append(f"  {text}")
            if issue.others:
                lines.append(f"    others: {', '.join(issue.others)}")
            lines += [f"    >>> {issue.edit}"] if issue.edit else []
        lines.append("")
    for code, (error, broken, _) in RAISED.items():
        with pytest.raises(error) as caught:
            broken()
        lines += [code, *(f"  {line}" for line in str(caught.value).splitlines()), ""]
    golden("analyze/checks", "\n".join(lines))


def test_equal_findings_are_one_finding() -> None:
    layers: list[Layer] = []
    for index in range(20):
        layers += [conv(name=f"conv{index}"), BatchNormalizationLayer(name=f"bn{index}")]
    (issue,) = analyze_network(chain(*layers)).issues
    assert (issue.code, issue.layer, issue.severity) == ("LG-WASTED-BIAS", "conv0", "note")
    assert issue.others == tuple(f"conv{index}" for index in range(1, 20))
    assert "20 layers, 'conv0', 'conv1', 'conv2', 'conv3' and 16 more" in issue.text


def test_errors_come_before_warnings_and_these_before_notes() -> None:
    lgraph = chain(
        conv(),
        BatchNormalizationLayer(name="bn"),
        conv(filters=1, dilation_factor=16, name="last", num_channels=9),
    )
    analysis = analyze_network(lgraph)
    assert [issue.severity for issue in analysis.issues] == ["error", "warning", "warning", "note"]
    assert (analysis.num_errors, analysis.num_warnings, analysis.num_notes) == (1, 2, 1)
    text = analysis.to_text()
    assert text.index("LG-CHANNELS") < text.index("LG-ONE-CLASS") < text.index("LG-WASTED-BIAS")
    assert "Notes             1" in text


SIZES: dict[str, dict[str, Any]] = {
    "deeplabv3plus": {"image_size": (320, 320, 3), "num_classes": 11, "network": "resnet18"},
    "patch_classification": {"patch_size": (61, 61, 3), "num_classes": 3},
    "segnet": {"image_size": (360, 480, 3), "num_classes": 11, "encoder_depth": 4},
    "unet3d": {"image_size": (64, 64, 64, 3), "num_classes": 3},
}
# MATLAB has biases that learn before batch normalizations in these
WITH_BIAS = ("mobilenetv2", "resnet50", "unet3d")


@pytest.mark.parametrize("name", BUILDERS)
def test_builders_have_no_findings(name: str) -> None:
    builder = BUILDERS[name]
    arguments = SIZES.get(name, {"image_size": (320, 320, 3), "num_classes": 11})
    assert codes(builder.build(**arguments)) == ["LG-WASTED-BIAS"] * (name in WITH_BIAS)


@pytest.mark.parametrize("size", [(352, 480, 3), (480, 640, 3), (720, 960, 3)])
def test_networks_of_the_lecture_have_no_findings(size: tuple[int, ...]) -> None:
    assert codes(unet_layers(size, 5)) == []
    for name in ("segnet", "fcn", "deeplabv3plus"):
        more = {"segnet": {"encoder_depth": 4}, "deeplabv3plus": {"network": "resnet18"}}.get(name, {})
        assert codes(BUILDERS[name].build(image_size=size, num_classes=11, **more)) == []


HOSTILE = [
    "it's",
    '"); import os; os.abort() #',
    "'); raise SystemExit #",
    "line\nbreak",
    "back\\slash",
    "\u202egnp",
    "\x1b[31mred",
    "{name}",
    "'''",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_no_name_becomes_code(name: str) -> None:
    """Each kind of edit, with such a name in every position where an edit writes names."""
    broken = [
        chain(conv(name=name)).disconnect_layers(name, "softmax"),
        chain(conv(name=name, num_channels=9)),
        chain(conv(name=name), BatchNormalizationLayer(name="bn")),
        chain(conv(name=name), AdditionLayer(2, name=name + "2")).connect_layers("data", name + "2/in2"),
        chain(SoftmaxLayer(name="first"), SoftmaxLayer(name=name)),
        LayerGraph([INPUT, conv(), PixelClassificationLayer(name=name)]),
        chain(conv()).add_layers([ReluLayer(name=name), ReluLayer(name=name + "2")]),
        chain(conv()).add_layers(ReluLayer(name=name)).connect_layers("data", name),
        chain(conv(17, padding=0), data=ImageInputLayer((16, 16, 3), name=name)),
        chain(MaxPooling2dLayer(2, stride=2, name=name), MaxUnpooling2dLayer(name=name + "2")),
        chain(TransposedConv2dLayer(3, 4, stride=2, cropping="same", name=name)),
        chain(conv(filters=4, padding=0, name=name), AdditionLayer(2, name="add")).connect_layers(
            "data", "add/in2"
        ),
        chain(conv(name=name)).remove_layers("data"),
        chain(conv(name=name)).remove_layers(["softmax", "loss"]),
    ]
    edits = [issue.edit for lgraph in broken for issue in analyze_network(lgraph).issues]
    assert len([edit for edit in edits if repr(name) in edit or repr(name)[1:-1] in edit]) >= len(broken) - 2
    for lgraph in broken:
        for issue in analyze_network(lgraph).issues:
            names = {"lgraph": lgraph}
            exec(issue.edit, names)
            assert set(names) <= {"lgraph", "__builtins__", *re.findall(r"\w+Layer", issue.edit)}
            assert len(issue.edit.splitlines()) <= 1
            assert names["lgraph"] != lgraph or not issue.edit


def test_findings_of_a_large_graph_take_no_quadratic_time() -> None:
    layers: list[Layer] = []
    for index in range(5000):
        layers += [conv(name=f"conv{index}"), BatchNormalizationLayer(name=f"bn{index}")]
    lgraph = chain(*layers)
    (issue,) = analyze_network(lgraph).issues
    assert len(issue.others) == 4999
    apart = lgraph.disconnect_layers("conv2500", "bn2500")
    first = analyze_network(apart).issues[0]
    assert (first.code, first.layer, first.others) == ("LG-MISSING-INPUT", "bn2500", ("conv2500",))
