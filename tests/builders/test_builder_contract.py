"""The contract of every builder: sizes, training, files, export, errors."""

from math import prod
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest
import torch
from network_examples import with_random_statistics

from layergraph import (
    ArgumentError,
    LayerGraph,
    LayergraphError,
    load,
)
from layergraph.builders import BUILDERS, find_builder
from layergraph.builders.backbones import BACKBONES
from layergraph.builders.backbones.backbone import BackboneName
from layergraph.builders.deeplabv3plus import ENCODERS, Deeplabv3plusNetwork
from layergraph.graph.size_inference import infer_sizes

UNET = {"image_size": (8, 8), "num_classes": 2, "encoder_depth": 1, "num_first_encoder_filters": 2}
SEGNET_BASIC = {"image_size": (13, 18), "encoder_depth": 2, "num_output_channels": 4}

# small networks of every builder: name, arguments
EXAMPLES = [
    ("alexnet", {"image_size": (67, 71), "num_classes": 3, "width": 1 / 16}),
    ("deeplabv1", {"image_size": (21, 26), "num_classes": 3, "width": 1 / 16}),
    ("deeplabv2", {"image_size": (35, 26), "num_classes": 2, "width": 1 / 16}),
    ("deeplabv2", {"image_size": (21, 30), "num_classes": 3, "backbone": "vgg16", "width": 1 / 16}),
    (
        "deeplabv3",
        {
            "image_size": (33, 26, 1),
            "num_classes": 3,
            "backbone": "resnet50",
            "downsampling_factor": 8,
            "variant": "cascade",
            "width": 1 / 16,
        },
    ),
    ("deeplabv3", {"image_size": (35, 26), "num_classes": 2, "backbone": "resnet50", "width": 1 / 16}),
    (
        "deeplabv3plus",
        {
            "image_size": (33, 43),
            "num_classes": 2,
            "network": "resnet18",
            "downsampling_factor": 8,
            "width": 1 / 16,
        },
    ),
    ("deeplabv3plus", {"image_size": (37, 42), "num_classes": 3, "network": "xception", "width": 1 / 16}),
    ("deeplabv3plus", {"image_size": (35, 50), "num_classes": 3, "network": "resnet18", "width": 1 / 16}),
    ("fcn", {"image_size": (26, 29), "num_classes": 3, "width": 1 / 64}),
    ("fcn", {"image_size": (35, 26), "num_classes": 2, "type": "16s", "width": 1 / 64}),
    (
        "fcn",
        {
            "image_size": (27, 40, 1),
            "num_classes": 2,
            "type": "32s",
            "backbone": "alexnet",
            "width": 1 / 64,
        },
    ),
    ("inceptionresnetv2", {"image_size": (75, 80), "num_classes": 2, "width": 1 / 16}),
    ("mobilenetv2", {"image_size": (33, 40), "num_classes": 3, "width": 1 / 16}),
    ("mobilenetv2", {"image_size": (35, 32), "num_classes": 2, "width": 1 / 8, "conventions": "torchvision"}),
    ("resnet101", {"image_size": (35, 32), "num_classes": 2, "width": 1 / 16}),
    (
        "patch_classification",
        {"patch_size": 13, "num_classes": 2, "encoder_depth": 2, "num_output_channels": 3},
    ),
    (
        "patch_classification",
        {
            "patch_size": (16, 22, 3),
            "num_classes": 3,
            "encoder_depth": 1,
            "num_convolution_layers": 2,
            "filter_sizes": 3,
            "fully_connected_sizes": (7, 5),
        },
    ),
    ("resnet18", {"image_size": (33, 40), "num_classes": 3, "width": 1 / 16}),
    ("resnet50", {"image_size": (33, 40), "num_classes": 3, "width": 1 / 16}),
    ("resnet50", {"image_size": (35, 32), "num_classes": 2, "width": 1 / 16, "conventions": "torchvision"}),
    ("segnet", {"image_size": (8, 8, 1), "num_classes": 2, "encoder_depth": 1, "num_output_channels": 4}),
    ("segnet", {"image_size": (13, 11, 3), "num_classes": 3, "encoder_depth": 3, "num_output_channels": 2}),
    (
        "segnet",
        {
            "image_size": (9, 17),
            "num_classes": 5,
            "encoder_depth": 2,
            "num_output_channels": (2, 3),
            "num_convolution_layers": (1, 3),
            "filter_size": (5, 3),
        },
    ),
    ("segnet", {"image_size": (45, 33), "num_classes": 2, "backbone": "vgg16", "width": 1 / 16}),
    ("segnet_basic", {**SEGNET_BASIC, "num_classes": 2}),
    ("segnet_basic", {**SEGNET_BASIC, "num_classes": 3, "decoder": "single-channel"}),
    ("segnet_basic", {**SEGNET_BASIC, "num_classes": 2, "decoder": "encoder-addition"}),
    ("bayesian_segnet", {"image_size": (35, 41), "num_classes": 2, "width": 1 / 16}),
    (
        "bayesian_segnet",
        {"image_size": (13, 11, 2), "num_classes": 3, "encoder_depth": 2, "num_output_channels": 4},
    ),
    ("unet", {**UNET, "image_size": (8, 12, 3), "encoder_depth": 2}),
    ("unet", {**UNET, "image_size": (6, 10), "num_classes": 3, "num_first_encoder_filters": 3}),
    (
        "unet",
        {
            "image_size": (52, 60, 2),
            "num_classes": 4,
            "encoder_depth": 2,
            "num_first_encoder_filters": 2,
            "convolution_padding": "valid",
        },
    ),
    (
        "unet",
        {**UNET, "filter_size": (5, 1)},
    ),
    ("unet", {**UNET, "image_size": (11, 13), "encoder_depth": 2, "join": "crop"}),
    ("unet", {**UNET, "image_size": (10, 13, 3), "encoder_depth": 2, "join": "pad"}),
    (
        "unet",
        {**UNET, "image_size": (31, 37), "backbone": "resnet18", "encoder_depth": 4, "width": 1 / 16},
    ),
    (
        "unet3d",
        {"image_size": (18, 20, 22), "num_classes": 2, "encoder_depth": 1, "num_first_encoder_filters": 1}
        | {"convolution_padding": "valid"},
    ),
    (
        "unet3d",
        {"image_size": (4, 8, 12, 2), "num_classes": 3, "encoder_depth": 2, "num_first_encoder_filters": 2},
    ),
    ("vgg16", {"image_size": (32, 35), "num_classes": 3, "width": 1 / 16}),
    ("vgg19", {"image_size": (34, 32, 1), "num_classes": 2, "width": 1 / 16}),
    ("xception", {"image_size": (71, 75), "num_classes": 3, "width": 1 / 16}),
]
every_example = pytest.mark.parametrize(("name", "arguments"), EXAMPLES, ids=lambda v: str(v)[:60])


def build(name, arguments) -> LayerGraph:
    return BUILDERS[name].build(**arguments)


def learnables(lgraph):
    inputs = infer_sizes(lgraph).inputs
    return sum(prod(size) for n in lgraph for size in lgraph[n].learnables(list(inputs[n])).values())


def images(lgraph, batch=2):
    (name,) = lgraph.input_names
    return torch.rand(batch, *lgraph[name].output_sizes([])[0].tensor_shape[1:])


# -- the contract ------------------------------------------------------------------------------------


def test_every_builder_has_examples():
    assert {name for name, _ in EXAMPLES} == set(BUILDERS)
    assert all(BUILDERS[name].name == name and BUILDERS[name].summary for name in BUILDERS)


def test_the_types_of_names_are_those_of_the_registries():
    assert get_args(BackboneName) == tuple(BACKBONES)
    assert get_args(Deeplabv3plusNetwork) == tuple(ENCODERS)


@every_example
def test_it_has_no_issues_and_sizes_are_those_of_torch(name, arguments):
    lgraph = build(name, arguments)
    inferred = infer_sizes(lgraph)
    assert list(inferred.issues) == []
    net, x = lgraph.compile().eval(), images(lgraph)
    names = [n for n in lgraph if lgraph[n].output_names in (("out",), ())]
    for n, result in zip(names, net.activations(x, names), strict=True):
        assert result.shape[1:] == inferred.outputs[n][0].tensor_shape[1:], n
    assert sum(p.numel() for p in net.parameters()) == learnables(lgraph)
    scores = net(x)
    assert scores.shape[1] == arguments["num_classes"]
    torch.testing.assert_close(scores.sum(1), torch.ones_like(scores[:, 0]))


@every_example
def test_one_training_step_lowers_the_loss(name, arguments):
    lgraph = build(name, arguments)
    # in its first step a deep network changes its loss by less than float32 resolves
    net, x = lgraph.compile().double(), images(lgraph, batch=4).double()
    net.eval()  # without dropout, so that the two losses can be compared
    target = torch.randint(0, arguments["num_classes"], (4, *net(x).shape[2:]))
    if target.ndim > 1:  # a classifier has one label per image, none of them ignored
        target[0, 0] = 255
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-3)
    before = net.loss(x, target)
    before.backward()
    assert all(p.grad is not None for p in net.parameters())
    optimizer.step()
    assert net.loss(x, target) < before


@every_example
def test_save_and_load_keep_graph_and_weights(name, arguments, tmp_path):
    lgraph = build(name, arguments)
    net = lgraph.compile().eval()
    net.layer_graph().save(tmp_path / "net.safetensors")
    again = load(tmp_path / "net.safetensors")
    assert again == net.layer_graph()
    x = images(lgraph)
    assert torch.equal(again.compile().eval()(x), net(x))


# torch takes seconds to trace more than a hundred layers
LARGE = ("deeplabv3", "inceptionresnetv2", "mobilenetv2", "resnet101", "resnet50", "xception")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "arguments"),
    [  # one per builder
        pytest.param(name, arguments, marks=[pytest.mark.slow] * (name in LARGE))
        for name, arguments in dict(EXAMPLES).items()
    ],
)
def test_it_passes_torch_compile_and_export(name, arguments):
    torch._dynamo.reset()
    lgraph = build(name, arguments)
    net, x = lgraph.compile().eval(), images(lgraph)
    assert torch.equal(torch.compile(net, fullgraph=True, backend="eager")(x), net(x))
    exported = torch.export.export(net, (x,), dynamic_shapes=({0: torch.export.Dim("batch", max=64)},))
    assert torch.equal(exported.module()(x[:1]), net(x[:1]))


@every_example
def test_its_code_builds_an_equal_graph(name, arguments):
    lgraph, names = build(name, arguments), {}
    exec(lgraph.to_python(), names)
    assert names["lgraph"] == lgraph


@every_example
def test_the_optimized_network_gives_the_same_scores(name, arguments):
    net = with_random_statistics(build(name, arguments).compile())
    x = images(net.layer_graph())
    with torch.no_grad():
        torch.testing.assert_close(net.optimize()(x), net(x), rtol=1e-9, atol=1e-10)


@every_example
def test_building_twice_gives_equal_graphs(name, arguments):
    assert build(name, arguments) == build(name, arguments)


# -- mistakes ------------------------------------------------------------------------------------------

MISTAKES = """
find_builder("unett")
BUILDERS["unet"].build(image_size=(32, 32), num_classes=2, depth=3)
BUILDERS["segnet"].build(image_size=(32, 32))
"""


def test_the_texts_of_mistakes(golden_errors):
    scope = {
        "find_builder": find_builder,
        "BUILDERS": BUILDERS,
    }
    calls = {line: lambda line=line: eval(line, scope) for line in MISTAKES.strip().splitlines()}
    golden_errors("builders", calls)
    for line, call in calls.items():
        with pytest.raises(LayergraphError if "find" in line else ArgumentError):
            call()


def literal_words(hint: Any) -> list[str]:
    """The words that a type hint lists."""
    if get_origin(hint) is Literal:
        return [value for value in get_args(hint) if isinstance(value, str)]
    return [word for part in get_args(hint) for word in literal_words(part)]


@pytest.mark.parametrize(("name", "arguments"), EXAMPLES)
def test_words_in_capitals_build_the_same_graph_or_are_refused(name, arguments):
    """A word that is accepted in any case and then compared as it is would build another graph silently."""
    builder = find_builder(name)
    for argument, hint in get_type_hints(builder.function).items():
        for word in literal_words(hint) if argument != "return" else ():
            try:
                graph = builder.build(**{**arguments, argument: word})
            except ArgumentError:  # a word that does not go with the other arguments
                continue
            try:
                in_capitals = builder.build(**{**arguments, argument: word.upper()})
            except ArgumentError:
                continue
            assert in_capitals == graph, (argument, word)
