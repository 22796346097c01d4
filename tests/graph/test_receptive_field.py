"""Receptive fields, compared with the gradients of real networks and with published numbers."""

from dataclasses import replace

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from layer_examples import EXAMPLES

from layergraph import (
    AdditionLayer,
    AveragePooling2dLayer,
    ConcatenationLayer,
    Convolution2dLayer,
    Convolution3dLayer,
    Crop2dLayer,
    DepthConcatenationLayer,
    GlobalAveragePooling2dLayer,
    Image3dInputLayer,
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
    ModuleLayer,
    MultiplicationLayer,
    Pad2dLayer,
    Resize2dLayer,
    TransposedConv2dLayer,
)
from layergraph.analyze import analyze_network
from layergraph.builders import deeplabv3plus_layers, segnet_layers, unet_layers
from layergraph.builders.backbones import alexnet, inceptionresnetv2, resnet50, resnet101, vgg16
from layergraph.graph.receptive_field import PeriodicSpans, ReceptiveField, receptive_fields
from layergraph.graph.size_inference import infer_sizes

N = st.integers
PAIR = st.tuples(N(1, 3), N(1, 3))
WINDOW = st.tuples(N(1, 4), N(1, 4))


def encoder_layer():
    """A layer that keeps or shrinks the image."""
    return st.one_of(
        st.builds(
            lambda size, stride, dilation, padding: Convolution2dLayer(
                size, 1, stride=stride, dilation_factor=dilation, padding=padding
            ),
            WINDOW,
            st.tuples(N(1, 2), N(1, 3)),
            PAIR,
            st.just("same") | st.tuples(*[N(0, 2)] * 4),
        ),
        st.builds(lambda size, stride: AveragePooling2dLayer(size, stride=stride), WINDOW, PAIR),
        st.builds(lambda size: AveragePooling2dLayer(size, stride=2, padding="same"), WINDOW),
    )


def decoder_layer():
    """A layer that enlarges the image."""
    return st.one_of(
        st.builds(
            lambda size, stride, cropping: TransposedConv2dLayer(size, 1, stride=stride, cropping=cropping),
            WINDOW,
            PAIR,
            st.just("same") | st.just(0),
        ),
        st.builds(
            lambda scale, method, mode, rounding: Resize2dLayer(
                scale=scale, method=method, geometric_transform_mode=mode, nearest_rounding_mode=rounding
            ),
            st.sampled_from([2, (3, 1.5), (0.5, 2), (1, 0.75)]),
            st.sampled_from(["nearest", "bilinear"]),
            st.sampled_from(["half-pixel", "asymmetric"]),
            st.sampled_from(["round", "floor", "onnx-10"]),
        ),
        encoder_layer(),
    )


def fields_of(lgraph) -> dict[str, tuple[ReceptiveField, ...]]:
    sizes = {name: [s for s in given if s] for name, given in infer_sizes(lgraph, "network").inputs.items()}
    return receptive_fields(lgraph, sizes)


def positive_network(lgraph):
    """The compiled network with positive weights, so that no two paths cancel."""
    net = lgraph.compile().double().eval()
    with torch.no_grad():
        for name, parameter in net.named_parameters():
            parameter.uniform_(0.5, 1) if name.endswith("weight") else parameter.zero_()
    return net


def input_span(net, image, output):
    """The first and last row, column, ... of the image that one element of the result depends on."""
    x = torch.rand(1, 1, *image, dtype=torch.double, requires_grad=True)
    result = net(x)
    (gradient,) = torch.autograd.grad(result[(0, 0, *output)], x)
    positions = gradient[0, 0].nonzero()
    return [(int(p.min()), int(p.max())) if len(p) else None for p in positions.T]


def check_near_the_center(lgraph, image, *, around=3):
    """Compare the field with gradients for outputs around the center whose field is inside the image.

    A field in fractions is one rule for many phases and must cover each of them. Returns the number of
    outputs that were compared.
    """
    name = lgraph.order[-1]
    net, fields = positive_network(lgraph), fields_of(lgraph)[name]
    with torch.no_grad():
        result = net(torch.zeros(1, 1, *image, dtype=torch.double)).shape[2:]
    checked = 0
    for step in range(-around, around + 1):
        output = [n // 2 + step if abs(step) <= n // 4 else n // 2 for n in result]
        expected = [field.at(position) for field, position in zip(fields, output, strict=True)]
        if not all(span and span[0] >= 0 and span[1] < n for span, n in zip(expected, image, strict=True)):
            continue
        checked += 1
        measured = input_span(net, image, output)
        for field, (first, last), span in zip(fields, expected, measured, strict=True):
            if isinstance(first, int):
                assert span == (first, last)
            else:
                assert first <= span[0] <= span[1] <= last
            assert last - first + 1 <= field.size
    return checked


def check_everywhere(lgraph, image):
    """Compare the field with gradients at every row and column, and its size with the largest of them.

    Returns whether an output whose field is inside the image has the full size.
    """
    net, fields = positive_network(lgraph), fields_of(lgraph)[lgraph.order[-1]]
    with torch.no_grad():
        result = net(torch.zeros(1, 1, *image, dtype=torch.double)).shape[2:]
    is_reached = []
    for dimension, (field, rows) in enumerate(zip(fields, image, strict=True)):
        largest = 0
        for position in range(result[dimension]):
            output = [n // 2 for n in result]
            output[dimension] = position
            expected, span = field.at(position), input_span(net, image, output)[dimension]
            if span is None:
                continue
            assert expected[0] <= span[0] <= span[1] <= expected[1]
            assert span[1] - span[0] + 1 <= field.size
            if expected[0] >= 0 and expected[1] < rows:
                largest = max(largest, span[1] - span[0] + 1)
                if isinstance(expected[0], int) and isinstance(expected[1], int):
                    assert span == expected
        is_reached.append(largest == field.size)
    return all(is_reached)


few = settings(max_examples=60, suppress_health_check=[*HealthCheck], deadline=None)


def valid(layers):
    return not infer_sizes(LayerGraph(layers), "network").errors


@few
@given(layers=st.lists(encoder_layer(), min_size=1, max_size=4))
def test_fields_of_encoders_agree_with_gradients(layers):
    chain = [ImageInputLayer((75, 83), normalization="none"), *layers]
    if valid(chain):
        check_near_the_center(LayerGraph(chain), (75, 83))


@few
@given(
    encoder=st.lists(encoder_layer(), max_size=3), decoder=st.lists(decoder_layer(), min_size=1, max_size=3)
)
def test_fields_of_decoders_agree_with_gradients(encoder, decoder):
    """Exactly for each phase of a transposed convolution; covering where resizing gives very many phases."""
    chain = [ImageInputLayer((47, 52), normalization="none"), *encoder, *decoder]
    if valid(chain):
        check_near_the_center(LayerGraph(chain), (47, 52))


def fixed(*layers, size=(61, 64)):
    return LayerGraph([ImageInputLayer(size, normalization="none"), *layers])


CASES = {
    "a window": ([Convolution2dLayer(3, 1)], (3, 3), (1, 1)),
    "windows of unequal sides": ([Convolution2dLayer((5, 1), 1, stride=(2, 1))], (5, 1), (2, 1)),
    "a dilated window": ([Convolution2dLayer(3, 1, dilation_factor=4, padding="same")], (9, 9), (1, 1)),
    "two windows": ([Convolution2dLayer(3, 1, stride=2), Convolution2dLayer(3, 1)], (7, 7), (2, 2)),
    "upsampling by its stride": (
        [AveragePooling2dLayer(2, stride=2), TransposedConv2dLayer(2, 1, stride=2)],
        (2, 2),
        (1, 1),
    ),
    "upsampling with overlap": (
        [AveragePooling2dLayer(2, stride=2), TransposedConv2dLayer(4, 1, stride=2, cropping=1)],
        (4, 4),
        (1, 1),
    ),
    "enlarging the image itself": ([TransposedConv2dLayer(2, 1, stride=2)], (1, 1), (0.5, 0.5)),
    "bilinear": (
        [AveragePooling2dLayer(2, stride=2), Resize2dLayer(scale=2, method="bilinear")],
        (4, 4),
        (1, 1),
    ),
    "the whole image": ([GlobalAveragePooling2dLayer()], (61, 64), (1, 1)),
    "spread from one pixel": (
        [GlobalAveragePooling2dLayer(), Resize2dLayer(output_size=(9, 9), method="bilinear")],
        (61, 64),
        (0, 0),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_fields_and_strides_by_hand(case):
    layers, field, stride = CASES[case]
    lgraph = fixed(*layers)
    costs = analyze_network(lgraph, target_usage="network").costs().layers[lgraph.order[-1]]
    assert (costs.receptive_field, costs.receptive_stride) == (field, stride)
    assert all(isinstance(n, int) for n in costs.receptive_field)
    assert check_near_the_center(lgraph, (61, 64), around=2)


@pytest.mark.parametrize(
    "layer",
    [
        TransposedConv2dLayer((300, 1), 1, stride=(290, 1), cropping=(7, 7, 0, 0)),
        TransposedConv2dLayer((590, 2), 1, stride=(290, 1), cropping=(100, 90, 0, 0)),
        *(
            Resize2dLayer(output_size=n, method=method, geometric_transform_mode=mode)
            for n in (601, 397)
            for method in ("nearest", "bilinear")
            for mode in ("half-pixel", "asymmetric")
        ),
    ],
)
def test_a_rule_of_very_many_phases_covers_all_of_them(layer):
    lgraph = fixed(Convolution2dLayer(3, 1, padding="same"), layer, size=(11, 12))
    assert check_near_the_center(lgraph, (11, 12), around=8) == 17
    lgraph = fixed(TransposedConv2dLayer(4, 1, stride=2), layer, size=(11, 12))
    assert check_near_the_center(lgraph, (11, 12), around=8) == 17


def test_a_join_has_the_union_of_the_fields_of_its_branches():
    """The branches have unequal windows, shifted against each other by uneven padding."""
    lgraph = fixed(Convolution2dLayer(3, 1, padding="same", name="first"))
    lgraph = lgraph.add_layers(Convolution2dLayer((5, 1), 1, padding=(4, 0, 0, 0), name="back"))
    lgraph = lgraph.add_layers(Convolution2dLayer((1, 7), 1, padding="same", name="wide"))
    lgraph = lgraph.add_layers(AdditionLayer(3, name="add"))
    for source, target in (("first", "back"), ("first", "wide"), ("first", "add/in1"), ("back", "add/in2")):
        lgraph = lgraph.connect_layers(source, target)
    lgraph = lgraph.connect_layers("wide", "add/in3")
    assert [field.rules for field in fields_of(lgraph)["add"]] == [
        (PeriodicSpans(1, ((-5, 1),)),),
        (PeriodicSpans(1, ((-4, 4),)),),
    ]
    assert check_near_the_center(lgraph, (61, 64)) == 7


def gated() -> LayerGraph:
    lgraph = fixed(Convolution2dLayer(3, 1, padding="same", name="conv"))
    lgraph = lgraph.add_layers(
        [GlobalAveragePooling2dLayer(name="pool"), Convolution2dLayer(1, 1, name="gate")]
    )
    lgraph = lgraph.add_layers(MultiplicationLayer(2, name="multiply")).connect_layers("conv", "pool")
    return lgraph.connect_layers("conv", "multiply/in1").connect_layers("gate", "multiply/in2")


def test_the_field_of_a_gate_on_the_whole_image_is_the_image():
    costs = analyze_network(gated(), target_usage="network").costs().layers["multiply"]
    assert (costs.receptive_field, costs.receptive_stride) == ((63, 66), (1, 1))
    assert input_span(positive_network(gated()), (61, 64), (30, 32)) == [(0, 60), (0, 63)]


@pytest.mark.parametrize("corner", ["centercrop", (2, 4)])
def test_crops_and_pads_shift_the_field(corner):
    lgraph = fixed(Convolution2dLayer(4, 1, name="small"))
    lgraph = lgraph.add_layers(Crop2dLayer(corner, name="crop")).add_layers(AdditionLayer(2, name="add"))
    lgraph = lgraph.connect_layers("imageinput", "crop/in").connect_layers("small", "crop/ref")
    lgraph = lgraph.connect_layers("crop", "add/in1").connect_layers("small", "add/in2")
    assert check_near_the_center(lgraph, (61, 64)) == 7
    lgraph = lgraph.add_layers(Pad2dLayer(name="pad")).add_layers(AdditionLayer(2, name="large"))
    lgraph = lgraph.connect_layers("add", "pad/in").connect_layers("imageinput", "pad/ref")
    lgraph = lgraph.connect_layers("pad", "large/in1").connect_layers("imageinput", "large/in2")
    assert check_near_the_center(lgraph, (61, 64)) == 7


def without_maxima(lgraph: LayerGraph) -> LayerGraph:
    """Replace max pooling, whose gradient reaches only one element of each window, by average pooling."""
    for layer in lgraph.layers:
        if isinstance(layer, MaxPooling2dLayer):
            average = AveragePooling2dLayer(layer.pool_size, stride=layer.stride, padding=layer.padding)
            lgraph = lgraph.replace_layer(layer.name, average)
    return lgraph


def test_the_field_of_a_whole_unet_agrees_with_gradients():
    lgraph = unet_layers((64, 64), 2, encoder_depth=2, num_first_encoder_filters=2)
    lgraph = without_maxima(lgraph).replace_layer(
        "ImageInputLayer", ImageInputLayer((64, 64), normalization="none")
    )
    lgraph = lgraph.remove_layers("Softmax-Layer").remove_layers("Segmentation-Layer")
    assert [field.size for field in fields_of(lgraph)["Final-ConvolutionLayer"]] == [44, 44]
    assert check_near_the_center(lgraph, (64, 64)) == 7


def test_max_pooling_has_the_field_of_average_pooling():
    for padding in (0, "same", (1, 0, 0, 1)):
        pools = [kind(3, stride=2, padding=padding) for kind in (MaxPooling2dLayer, AveragePooling2dLayer)]
        first, second = (
            pool.receptive_field_rules([fixed()["imageinput"].output_sizes([])[0]]) for pool in pools
        )
        assert first == second


def test_unpooling_returns_to_the_stride_of_the_pooled_image():
    """Gradients reach only the positions of maxima, so one run shows less than the field."""
    costs = analyze_network(segnet_layers((48, 64, 1), 2, 2)).costs().layers
    assert costs["encoder2_maxpool"].receptive_stride == (4, 4)
    assert costs["decoder2_unpool"].receptive_field == costs["encoder2_maxpool"].receptive_field
    assert costs["decoder2_unpool"].receptive_stride == (2, 2)
    assert costs["decoder1_relu_1"].receptive_stride == (1, 1)


def test_volumes():
    lgraph = LayerGraph(
        [
            Image3dInputLayer((21, 22, 23), normalization="none"),
            Convolution3dLayer((3, 1, 2), 1, stride=(2, 1, 1), padding="same"),
            Convolution3dLayer((1, 3, 3), 1, dilation_factor=(1, 2, 1)),
        ]
    )
    last = analyze_network(lgraph, target_usage="network").costs().layers["conv3d_2"]
    assert (last.receptive_field, last.receptive_stride) == ((3, 5, 4), (2, 1, 1))
    assert check_near_the_center(lgraph, (21, 22, 23)) == 7


def test_the_field_of_a_torch_module_is_unknown():
    lgraph = fixed(
        ModuleLayer(torch.nn.Conv2d(1, 1, 3), name="module"), Convolution2dLayer(3, 1, name="conv")
    )
    costs = analyze_network(lgraph, target_usage="network").costs()
    assert [costs.layers[name].receptive_field for name in lgraph.order] == [(1, 1), None, None]
    assert costs.complete


# A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019
# (of ResNet the first version, with strides in the 1×1 convolutions); fc6 of VGG-16: 212 + 6 · 32
PUBLISHED = [
    (alexnet, "pool5", 195),
    (vgg16, "pool5", 212),
    (vgg16, "fc6", 404),
    (resnet50, "activation_49_relu", 483),
    (resnet101, "res5c_relu", 1027),
    (inceptionresnetv2, "conv_7b_ac", 3039),
]


@pytest.mark.parametrize(("builder", "layer", "field"), PUBLISHED)
def test_published_fields(builder, layer, field):
    costs = analyze_network(builder(), target_usage="network").costs()
    assert costs.layers[layer].receptive_field == (field, field)
    assert costs.layers[layer].receptive_stride == (32, 32)


def branches(*sides, image):
    """Branches from one image, each a series of layers, cropped to the first and joined."""
    lgraph = LayerGraph([ImageInputLayer((*image, 1), normalization="none", name="data")])
    lgraph = lgraph.add_layers(DepthConcatenationLayer(len(sides), name="join"))
    first = ""
    for index, layers in enumerate(sides):
        last = "data"
        for index_in_side, layer in enumerate(layers):
            lgraph = lgraph.add_layers(replace(layer, name=f"side{index}_{index_in_side}"))
            lgraph = lgraph.connect_layers(last, f"side{index}_{index_in_side}")
            last = f"side{index}_{index_in_side}"
        if index:
            crop = f"crop{index}"
            lgraph = lgraph.add_layers(Crop2dLayer(name=crop)).connect_layers(last, f"{crop}/in")
            lgraph, last = lgraph.connect_layers(first, f"{crop}/ref"), crop
        else:
            first = last
        lgraph = lgraph.connect_layers(last, f"join/in{index + 1}")
    # one output channel, whose field is the union of theirs
    return lgraph.add_layers(Convolution2dLayer(1, 1, name="out")).connect_layers("join", "out")


def test_branches_of_different_strides():
    """Features of stride 3 and 2 beside the image: the first field spans from the edge to the middle."""
    lgraph = branches([Convolution2dLayer(3, 2, stride=(3, 2), dilation_factor=2)], [], image=(97, 97))
    assert [field.size for field in fields_of(lgraph)["out"]] == [34, 26]
    assert check_everywhere(lgraph, (97, 97))


@settings(max_examples=40, suppress_health_check=[*HealthCheck], deadline=None)
@given(st.data())
def test_branches_of_any_stride_at_every_position(data):
    image = data.draw(st.tuples(N(24, 40), N(24, 40)))
    sides = data.draw(st.lists(st.lists(encoder_layer(), max_size=2), min_size=2, max_size=3))
    # the first is the smallest, so that the others can be cropped to it
    alone = [LayerGraph([ImageInputLayer((*image, 1), name="data"), *side]) for side in sides]
    assume(not any(infer_sizes(lgraph, "network").errors for lgraph in alone))
    sizes = [infer_sizes(lgraph, "network").outputs[lgraph.order[-1]][0] for lgraph in alone]
    order = sorted(range(len(sides)), key=lambda i: sizes[i].spatial)
    lgraph = branches(*(sides[i] for i in order), image=image)
    assume(not infer_sizes(lgraph, "network").errors)
    check_everywhere(lgraph, image)


def test_every_layer_has_a_rule_for_each_input_port():
    for example in EXAMPLES:
        rules = example.layer.receptive_field_rules(example.sizes)
        along_the_image = isinstance(example.layer, ConcatenationLayer) and (
            example.layer.dim <= len(example.sizes[0].spatial)
        )
        if isinstance(example.layer, ModuleLayer) or along_the_image:
            assert rules is None
            continue
        assert set(rules) == set(example.layer.input_names) - {"ref", "indices", "size"}
        for port, along in rules.items():
            size = example.sizes[example.layer.input_names.index(port)]
            assert len(along) == len(size.spatial)
            assert all(len(one.taps) == one.outputs for one in along)


def test_the_field_of_the_image_pooling_of_deeplab_is_the_image():
    costs = analyze_network(deeplabv3plus_layers((256, 256, 3), 5, "resnet18")).costs().layers
    assert costs["scorer"].receptive_stride == (4, 4)
    assert min(costs["scorer"].receptive_field) >= 256


def test_the_largest_span_of_many_rules_is_at_an_end():
    """Compared with the span of every output, for rules with different periods."""
    rules = (
        PeriodicSpans(3, ((-4, 0), (2, 2), None)),
        PeriodicSpans(4, ((0, 9), (-7, 1))),
        PeriodicSpans(0, ((5, 5),)),
    )
    for outputs in range(1, 40):
        field = ReceptiveField(rules, outputs)
        spans = [field.at(output) for output in range(outputs)]
        assert field.size == max(span[1] - span[0] + 1 for span in spans)
