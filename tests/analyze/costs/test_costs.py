"""Costs: against what torch counts, keeps for the backward pass and allocates; their totals; unknown ones."""

import json
import subprocess
import sys
from dataclasses import FrozenInstanceError
from functools import partial
from math import prod

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from memory_measures import PeakBytes, SavedTensors, storage
from random_graphs import networks
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from layergraph import (
    AdditionLayer,
    AveragePooling2dLayer,
    BatchNormalizationLayer,
    Convolution2dLayer,
    Crop2dLayer,
    CrossChannelNormalizationLayer,
    FullyConnectedLayer,
    ImageInputLayer,
    LayerGraph,
    ModuleLayer,
    PixelClassificationLayer,
    RegressionLayer,
    ReluLayer,
    Resize2dLayer,
    SigmoidLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
)
from layergraph.analyze import analyze_network
from layergraph.analyze.costs.costs import ITEM_BYTES
from layergraph.builders import (
    deeplabv3plus_layers,
    fcn_layers,
    patch_classification_layers,
    segnet_layers,
    unet3d_layers,
    unet_layers,
)
from layergraph.builders.backbones import mobilenetv2, resnet18, resnet50, vgg16

NETWORKS = {
    "SegNet": lambda: segnet_layers((32, 48, 3), 4, 3, num_output_channels=8),
    "U-Net": lambda: unet_layers((64, 48, 3), 4, encoder_depth=3, num_first_encoder_filters=8),
    "U-Net without padding": lambda: unet_layers(
        (92, 92, 1), 2, encoder_depth=2, num_first_encoder_filters=4, convolution_padding="valid"
    ),
    "3-D U-Net": lambda: unet3d_layers((16, 16, 16, 1), 2, encoder_depth=2, num_first_encoder_filters=4),
    "FCN-8s": lambda: fcn_layers((64, 64), 4, type="8s", width=1 / 16),
    "DeepLab v3+": lambda: deeplabv3plus_layers((65, 49, 3), 4, "resnet18", width=1 / 8),
    "MobileNetV2": lambda: mobilenetv2((64, 64, 3), 10, width=1 / 4),
    "patch classification": lambda: patch_classification_layers((29, 29, 1), 3, encoder_depth=3),
}


def costs_of(lgraph, batch_size=1, dtype="float32"):
    usage = "train_network" if lgraph.output_names else "network"
    return analyze_network(lgraph, target_usage=usage).costs(batch_size, dtype)


class Run:
    """A compiled network with random images and targets; measures its operations and memory."""

    def __init__(self, lgraph, batch, dtype=torch.float32):
        self.net = lgraph.compile().to(dtype)
        sizes = self.net.input_sizes
        self.images = [torch.rand(batch, s[-1], *s[:-1], dtype=dtype) for s in sizes]
        self.own = [*self.net.parameters(), *self.net.buffers()]
        self.targets = []
        for name in lgraph.output_names:
            with torch.no_grad():
                scores = self.net.activations(self.images, name)
            is_regression = isinstance(lgraph[name], RegressionLayer)
            shape = (scores.shape[0], *scores.shape[2:])
            self.targets.append(torch.rand_like(scores) if is_regression else torch.zeros(shape).long())

    def loss(self):
        return self.net.loss(self.images, self.targets) if self.targets else self.net(*self.images)

    def operations(self):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            self.net.eval()(*self.images)
        return counter.get_total_flops()

    def saved_bytes(self):
        """The bytes that autograd saves, and those of the images."""
        self.net.train()
        with SavedTensors(self.own) as saved:
            self.loss()
        images = [image for image in self.images if storage(image) not in saved.by_storage]
        return saved.num_bytes() + sum(image.untyped_storage().nbytes() for image in images)

    def inference_peak(self):
        with PeakBytes(self.images, self.own) as counter, torch.no_grad():
            self.net.eval()(*self.images)
        return counter.peak

    def training_peak(self):
        self.net.train()
        with PeakBytes([*self.images, *self.targets], self.own) as counter:
            self.loss().backward()
        return counter.peak + sum(t.nbytes for t in self.own if t.is_floating_point())


@pytest.mark.parametrize("name", NETWORKS)
def test_costs_equal_the_measurements_of_torch(name):
    lgraph = NETWORKS[name]()
    costs, run = costs_of(lgraph, batch_size=2), Run(lgraph, 2)
    assert costs.complete
    assert 2 * costs.multiply_adds == run.operations()
    assert costs.activation_bytes_training == run.saved_bytes()
    assert costs.peak_bytes_inference == run.inference_peak()
    assert costs.peak_bytes_training == pytest.approx(run.training_peak(), rel=0.05)


def flattens_a_part(lgraph):
    """Whether a fully connected layer reads a part of an image, which it copies: costs do not count this."""
    parts = (Crop2dLayer, TransposedConv2dLayer)
    flattening = [name for name in lgraph if isinstance(lgraph[name], FullyConnectedLayer)]
    return any(isinstance(lgraph[e.layer], parts) for n in flattening for e in lgraph.sources(n).values())


@settings(max_examples=100, suppress_health_check=[*HealthCheck], deadline=None)
@given(lgraph=networks())
def test_costs_of_random_networks_equal_the_measurements_of_torch(lgraph):
    """Exactly; the peak except for a few indices."""
    costs, run = costs_of(lgraph, batch_size=2), Run(lgraph, 2)
    assert costs.complete
    assert 2 * costs.multiply_adds == run.operations()
    if not flattens_a_part(lgraph):
        assert costs.activation_bytes_training == run.saved_bytes()
        assert costs.peak_bytes_inference == pytest.approx(run.inference_peak(), abs=20 * 8)


@pytest.mark.parametrize("dtype", ["float64", "bfloat16"])
def test_bytes_are_those_of_the_dtype(dtype):
    lgraph = NETWORKS["SegNet"]()
    costs, run = costs_of(lgraph, 3, dtype), Run(lgraph, 3, getattr(torch, dtype))
    # in half precision torch saves the statistics of batch normalization in float32
    assert costs.activation_bytes_training == pytest.approx(run.saved_bytes(), rel=0.01)
    assert costs.peak_bytes_inference == run.inference_peak()
    learned = list(run.net.parameters())
    assert costs.learnable_bytes == sum(p.nbytes for p in learned) == costs.learnables * ITEM_BYTES[dtype]


def test_costs_grow_with_the_batch():
    lgraph = NETWORKS["U-Net"]()
    one, four = costs_of(lgraph), costs_of(lgraph, 4)
    for cost in ("multiply_adds", "activation_bytes_inference", "peak_bytes_inference"):
        assert getattr(four, cost) == 4 * getattr(one, cost)
    assert (one.learnables, one.learnable_bytes) == (four.learnables, four.learnable_bytes)


def test_totals_are_sums_of_the_layers():
    costs = costs_of(NETWORKS["DeepLab v3+"](), 2)
    for cost in ("learnables", "states", "multiply_adds", "activation_bytes_inference",
                 "activation_bytes_training"):  # fmt: skip
        assert getattr(costs, cost) == sum(getattr(layer, cost) for layer in costs.layers.values())


def test_learnables_and_states_are_those_of_the_analysis():
    analysis = analyze_network(NETWORKS["SegNet"]())
    costs = analysis.costs()
    assert list(costs.layers) == [row.name for row in analysis.layers]
    assert [layer.learnables for layer in costs.layers.values()] == [
        r.num_learnables for r in analysis.layers
    ]
    assert costs.learnables == analysis.total_learnables
    assert costs.states == sum(prod(shape) for row in analysis.layers for shape in row.states.values())


# from the papers and torchvision's documentation; ResNet-50 with strides in the 1×1 convolutions has 3.8e9,
# with strides in the 3×3 convolutions 4.1e9
PUBLISHED = [
    (lambda: vgg16(), 15.5e9),
    (lambda: resnet18(), 1.8e9),
    (lambda: resnet50(), 3.8e9),
    (lambda: resnet50(conventions="torchvision"), 4.1e9),
    (lambda: mobilenetv2(), 0.30e9),
]


@pytest.mark.parametrize(("builder", "published"), PUBLISHED)
def test_published_multiply_adds(builder, published):
    assert costs_of(builder()).multiply_adds == pytest.approx(published, rel=0.02)


def chain(*layers):
    return LayerGraph([ImageInputLayer((8, 8, 2), normalization="none"), *layers])


def test_one_layer_by_hand():
    costs = costs_of(chain(Convolution2dLayer((3, 1), 5, stride=2, padding=(1, 1, 0, 0))), batch_size=10)
    conv = costs.layers["conv"]
    assert conv.multiply_adds == 10 * (4 * 4 * 5) * (3 * 1 * 2)
    assert (conv.learnables, conv.states) == (3 * 2 * 5 + 5, 0)
    assert conv.activation_bytes_inference == 10 * 4 * 4 * 5 * 4
    assert (conv.receptive_field, conv.receptive_stride) == ((3, 1), (2, 2))
    image = 10 * 8 * 8 * 2 * 4
    assert costs.layers["imageinput"].activation_bytes_inference == image
    assert costs.peak_bytes_inference == image + conv.activation_bytes_inference
    # the image counts once: the caller holds it in any case
    assert costs.activation_bytes_training == image


def test_a_result_that_two_layers_save_counts_once():
    lgraph = chain(Convolution2dLayer(1, 4), ReluLayer(), Convolution2dLayer(1, 4, name="last"))
    costs = costs_of(lgraph).layers
    assert [costs[name].activation_bytes_training for name in lgraph.order] == [512, 0, 1024, 0]


def test_frozen_layers_save_nothing():
    """There is no backward pass upstream of the first layer that learns."""
    frozen = {"weight_learn_rate_factor": 0, "bias_learn_rate_factor": 0}
    lgraph = chain(Convolution2dLayer(1, 4, **frozen), ReluLayer(), Convolution2dLayer(1, 2, name="last"))
    lgraph = lgraph.add_layers([SoftmaxLayer(), PixelClassificationLayer()]).connect_layers("last", "softmax")
    costs, run = costs_of(lgraph, 2), Run(lgraph, 2)
    run.net.layer_module("conv").requires_grad_(False)
    assert costs.activation_bytes_training == run.saved_bytes()
    costs = costs.layers
    assert (
        costs["relu"].activation_bytes_training == 2 * 8 * 8 * 4 * 4
    )  # the last convolution saves its input
    assert costs["conv"].activation_bytes_training == 0


def test_a_loss_without_softmax_and_two_losses():
    scores = chain(
        Convolution2dLayer(1, 2, name="scores"),
        SigmoidLayer(name="sigmoid"),
        PixelClassificationLayer(name="loss"),
    )
    assert costs_of(scores, 2).activation_bytes_training == Run(scores, 2).saved_bytes()
    both = scores.add_layers([SoftmaxLayer(name="softmax"), RegressionLayer(name="other")])
    both = both.connect_layers("scores", "softmax")
    assert costs_of(both, 2).activation_bytes_training == Run(both, 2).saved_bytes()


@pytest.mark.parametrize("last", [SoftmaxLayer(name="last"), SigmoidLayer(name="last")])
@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
def test_the_loss_saves_float32_where_the_network_computes_in_fewer_bits(last, dtype):
    lgraph = chain(Convolution2dLayer(1, 2, name="scores"), last, PixelClassificationLayer(name="loss"))
    saved = Run(lgraph, 2, getattr(torch, dtype)).saved_bytes()
    assert costs_of(lgraph, 2, dtype).activation_bytes_training == saved


def test_torch_modules_are_measured_without_data():
    torch.manual_seed(0)
    block = nn.Sequential(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1), nn.Sigmoid())
    lgraph = chain(ModuleLayer(block, name="block"), Convolution2dLayer(1, 2, name="last"))
    state, random = {k: v.clone() for k, v in block.state_dict().items()}, torch.get_rng_state()
    costs = costs_of(lgraph, 3)
    assert torch.equal(random, torch.get_rng_state())
    assert all(torch.equal(state[key], tensor) for key, tensor in block.state_dict().items())
    assert block.training
    run = Run(lgraph, 3)
    assert 2 * costs.multiply_adds == run.operations()
    assert costs.activation_bytes_training == run.saved_bytes()
    # on the meta device batch normalization gives empty statistics, where the CPU gives none
    assert costs.peak_bytes_inference == pytest.approx(run.inference_peak(), abs=64)
    assert costs.layers["block"].learnables == sum(p.numel() for p in block.parameters())
    assert costs.layers["block"].receptive_field is None


def broken():
    """An addition of unequal sizes, and a layer downstream."""
    lgraph = chain(
        Convolution2dLayer(3, 4, name="conv"), AdditionLayer(2, name="add"), ReluLayer(name="relu")
    )
    return lgraph.connect_layers("imageinput", "add/in2")


def test_costs_unknown_because_of_errors_are_none_and_totals_are_lower_bounds():
    costs = analyze_network(broken()).costs()
    assert costs.layers["conv"].multiply_adds == 6 * 6 * 4 * 9 * 2
    assert costs.layers["add"].activation_bytes_training is None
    assert costs.layers["add"].receptive_field is None
    assert costs.peak_bytes_inference is costs.peak_bytes_training is None
    assert not costs.complete
    assert costs.multiply_adds == costs.layers["conv"].multiply_adds
    assert "at least" in str(costs)
    assert str(costs).count("?") == 2


@pytest.mark.parametrize(
    "lgraph",
    [
        LayerGraph(),
        LayerGraph(ReluLayer()),
        LayerGraph([ReluLayer(), SoftmaxLayer(), PixelClassificationLayer()]),
        chain(AdditionLayer(2), SoftmaxLayer(), PixelClassificationLayer()),
        chain(Convolution2dLayer(20, 1), ReluLayer(), SoftmaxLayer(), PixelClassificationLayer()),
        chain(ModuleLayer(nn.Linear(3, 3), name="wrong"), FullyConnectedLayer(2), RegressionLayer()),
        chain(PixelClassificationLayer()),
        chain(),
    ],
)
def test_any_graph_has_costs(lgraph):
    costs = analyze_network(lgraph).costs()
    assert set(costs.layers) == set(lgraph)
    assert str(costs).startswith("COSTS (batch of 1, float32)\n")
    json.dumps(costs.to_dict(), allow_nan=False)


MANY = 2**62


@pytest.mark.parametrize(
    "layers",
    [
        [Convolution2dLayer(1, MANY, stride=MANY)] * 30 + [TransposedConv2dLayer(1, 1, stride=3)],
        [TransposedConv2dLayer(MANY, MANY, stride=MANY), TransposedConv2dLayer(3, 2, stride=MANY - 1)],
        [Convolution2dLayer(MANY, 1, padding=MANY), FullyConnectedLayer(MANY)],
        [Resize2dLayer(output_size=MANY - 1), Resize2dLayer(output_size=MANY - 5, method="bilinear")],
        [Resize2dLayer(output_size=n, geometric_transform_mode="asymmetric") for n in range(900, 1100)],
        [TransposedConv2dLayer(2, 1, stride=n) for n in range(2, 40)],
        [AveragePooling2dLayer(MANY, padding=MANY - 1, padding_value="mean")],
        [CrossChannelNormalizationLayer(MANY)],
    ],
)
def test_the_costs_of_hostile_sizes_are_computed_fast(layers):
    costs = analyze_network(chain(*layers), target_usage="network").costs(2**40)
    text = json.dumps(costs.to_dict(), allow_nan=False)
    assert len(text) < 1000 * len(costs.layers)
    assert str(costs)


@settings(max_examples=30, suppress_health_check=[*HealthCheck], deadline=None)
@given(lgraph=networks(losses=True))
def test_networks_with_a_layer_missing_have_costs(lgraph):
    whole = costs_of(lgraph)
    for name in lgraph.order:
        costs = analyze_network(lgraph.remove_layers(name)).costs()
        assert costs.multiply_adds <= whole.multiply_adds
        assert costs.activation_bytes_inference <= whole.activation_bytes_inference
        json.dumps(costs.to_dict(), allow_nan=False)


def test_the_text(golden):
    text = str(analyze_network(segnet_layers((360, 480, 3), 11, 4)).costs(4))
    golden("analyze/costs", f"{text}\n\n{analyze_network(broken()).costs(2, 'float16')}\n")


def test_to_dict_has_everything():
    costs = json.loads(json.dumps(costs_of(NETWORKS["SegNet"](), 2).to_dict()))
    assert list(costs) == [
        "batch_size", "dtype", "complete", "learnables", "learnable_bytes", "states", "state_bytes",
        "multiply_adds", "activation_bytes_inference", "activation_bytes_training", "peak_bytes_inference",
        "peak_layer", "peak_bytes_training", "layers",
    ]  # fmt: skip
    assert costs["layers"]["inputImage"] == {
        "learnables": 0,
        "states": 0,
        "multiply_adds": 0,
        "activation_bytes_inference": 2 * (2 * 32 * 48 * 3 * 4),
        "activation_bytes_training": 2 * (2 * 32 * 48 * 3 * 4),
        "receptive_field": [1, 1],
        "receptive_stride": [1, 1],
    }


def test_costs_are_computed_once():
    analysis = analyze_network(NETWORKS["SegNet"]())
    assert analysis.costs() is analysis.costs(1, "float32")
    assert analysis.costs(1) is not analysis.costs(2)
    assert analysis.costs(2).dtype == "float32"
    assert analysis.costs(2, torch.float16).dtype == "float16"
    with pytest.raises(FrozenInstanceError):
        analysis.costs().batch_size = 3
    with pytest.raises(FrozenInstanceError):
        analysis.costs().layers["inputImage"].states = 3


def test_wrong_arguments(golden_errors):
    analysis = analyze_network(chain(ReluLayer(), RegressionLayer()))
    calls = [(0, "float32"), (1.5, "float32"), (True, "float32"), (1, "float8"), (1, None), (1, "int8")]
    golden_errors(
        "analyze/costs_errors",
        {f"costs({batch!r}, {dtype!r})": partial(analysis.costs, batch, dtype) for batch, dtype in calls},
    )


def test_a_linear_number_of_layers_costs_linear_time():
    layers = [ImageInputLayer((32, 32, 4))]
    for _ in range(1000):
        layers += [Convolution2dLayer(3, 4, padding="same"), BatchNormalizationLayer(), ReluLayer()]
    costs = analyze_network(LayerGraph(layers), target_usage="network").costs()
    assert costs.layers["conv_1000"].receptive_field == (2001, 2001)
    assert costs.peak_bytes_inference == 3 * 32 * 32 * 4 * 4  # the images, and two results


def test_costs_do_not_import_torch_or_numpy():
    program = (
        "import sys; from layergraph.builders import segnet_layers;"
        "from layergraph.analyze import analyze_network;"
        "print(analyze_network(segnet_layers((32, 32, 1), 2, 2)).costs());"
        "assert not {'torch', 'numpy'} & sys.modules.keys()"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)
