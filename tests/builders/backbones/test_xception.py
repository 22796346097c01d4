"""Xception against a plain PyTorch network that has the layout of the published PyTorch files."""

from functools import partial
from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F
from backbone_contract import check_one_step_lowers_the_loss, count_learnables, random_images
from torch import nn

from layergraph import ArgumentError
from layergraph.builders.backbones import BACKBONES, xception
from layergraph.builders.backbones.backbone import scaled_filters
from layergraph.graph.size_inference import infer_sizes

POOLED = {1: (64, 128, 128), 2: (128, 256, 256), 3: (256, 728, 728), 12: (728, 728, 1024)}


class Separable(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, inputs, 3, padding=1, groups=inputs, bias=False)
        self.pointwise = nn.Conv2d(inputs, outputs, 1, bias=False)

    def forward(self, x):
        return self.pointwise(self.conv1(x))


class Block(nn.Module):
    """ReLUs, separable convolutions, normalizations; a pooling where the shortcut has a convolution."""

    def __init__(self, filters, pooled, begins_with_relu=True):
        super().__init__()
        steps = []
        for inputs, outputs in pairwise(filters):
            steps += [nn.ReLU(), Separable(inputs, outputs), nn.BatchNorm2d(outputs)]
        if pooled:
            self.skip = nn.Conv2d(filters[0], filters[-1], 1, stride=2, bias=False)
            self.skipbn = nn.BatchNorm2d(filters[-1])
            steps.append(nn.MaxPool2d(3, 2, 1))
        self.rep = nn.Sequential(*steps[0 if begins_with_relu else 1 :])

    def forward(self, x):
        return self.rep(x) + (self.skipbn(self.skip(x)) if hasattr(self, "skip") else x)


class Plain(nn.Module):
    def __init__(self, classes, width=1.0):
        super().__init__()
        f = partial(scaled_filters, width=width)
        self.conv1, self.bn1 = nn.Conv2d(3, f(32), 3, 2, bias=False), nn.BatchNorm2d(f(32))
        self.conv2, self.bn2 = nn.Conv2d(f(32), f(64), 3, bias=False), nn.BatchNorm2d(f(64))
        for number in range(1, 13):
            filters = POOLED.get(number, (728,) * 4)
            block = Block([f(n) for n in filters], number in POOLED, begins_with_relu=number > 1)
            self.add_module(f"block{number}", block)
        self.conv3, self.bn3 = Separable(f(1024), f(1536)), nn.BatchNorm2d(f(1536))
        self.conv4, self.bn4 = Separable(f(1536), f(2048)), nn.BatchNorm2d(f(2048))
        self.fc = nn.Linear(f(2048), classes)

    def forward(self, x):
        for number in (1, 2):
            x = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(x)).relu()
        for number in range(1, 13):
            x = getattr(self, f"block{number}")(x)
        for number in (3, 4):
            x = getattr(self, f"bn{number}")(getattr(self, f"conv{number}")(x)).relu()
        return self.fc(F.adaptive_avg_pool2d(x, 1).flatten(1))


class PoolAsInKeras(nn.Module):
    """A 3×3 pooling with stride 2 that pads an odd row at the bottom and an odd column at the right."""

    def forward(self, x):
        top, left = (n % 2 for n in x.shape[2:])
        return F.max_pool2d(F.pad(x, (left, 1, top, 1), value=-torch.inf), 3, 2)


def as_in_keras(net):
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3
        if isinstance(module, Block) and isinstance(module.rep[-1], nn.MaxPool2d):
            module.rep[-1] = PoolAsInKeras()
    return net


def with_random_tensors(net):
    """The network in evaluation mode, with random weights and statistics."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight, nonlinearity="linear")
    return net.eval()


@pytest.mark.parametrize("size", [(71, 96), (100, 45)])
@pytest.mark.parametrize("conventions", [None, "matlab"])
def test_published_files_give_the_outputs_of_plain_pytorch(tmp_path, conventions, size):
    peer = with_random_tensors(Plain(5, 1 / 16))
    torch.save(peer.state_dict(), tmp_path / "xception.pth")
    lgraph = xception(size, 5, width=1 / 16, weights=tmp_path / "xception.pth", conventions=conventions)
    pixels = torch.rand(2, 3, *size) * 255
    x = (pixels / 255 - 0.5) / 0.5
    expected = peer(x)
    if conventions == "matlab":  # which has no range of pixels yet, and takes them as they are
        expected, files, pixels = as_in_keras(peer)(x), expected, x
        assert (expected - files).abs().max() > 1e-3
    assert 0.1 < expected.std() < 10
    net = lgraph.compile().eval()
    (logits,) = net.activations(pixels, ["predictions"])
    torch.testing.assert_close(logits.flatten(1), expected, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(net(pixels).flatten(1), expected.softmax(1), atol=1e-9, rtol=0)


def test_keys_cover_the_published_layout():
    with torch.device("meta"):
        peer = Plain(1000)
    modules = {key.rpartition(".")[0] for key in peer.state_dict()}
    assert modules == set(BACKBONES["xception"].keys.values())
    assert len(BACKBONES["xception"].keys) == len(modules)
    assert sum(p.numel() for p in peer.parameters()) == count_learnables(xception(), frozen=False)


def test_counts_are_those_published():
    """Keras prints 22,855,952 trainable parameters, and 54,528 others, the means and variances."""
    lgraph = xception()
    assert (len(lgraph), len(lgraph.connections)) == (170, 181)
    assert count_learnables(lgraph, frozen=False) == 22_855_952
    assert count_learnables(lgraph, "states") == 54_528
    # MATLAB's convolutions have one bias per filter, which is frozen here
    assert count_learnables(lgraph, frozen=True) == 50_312
    assert count_learnables(lgraph) == 22_855_952 + 50_312
    assert list(infer_sizes(lgraph).issues) == []


def test_names_and_connections():
    lgraph = xception()
    names = list(lgraph)
    assert lgraph.order == tuple(names)
    assert names[:17] == [
        *("input_1", "block1_conv1", "block1_conv1_bn", "block1_conv1_act"),
        *("block1_conv2", "block1_conv2_bn", "block1_conv2_act"),
        *("block2_sepconv1_channel-wise", "block2_sepconv1_point-wise", "block2_sepconv1_bn"),
        *("block2_sepconv2_act", "block2_sepconv2_channel-wise", "block2_sepconv2_point-wise"),
        *("block2_sepconv2_bn", "block2_pool", "conv2d_1", "batch_normalization_1"),
    ]
    assert names[-14:] == [
        *("batch_normalization_4", "add_12"),
        *("block14_sepconv1_channel-wise", "block14_sepconv1_point-wise", "block14_sepconv1_bn"),
        "block14_sepconv1_act",
        *("block14_sepconv2_channel-wise", "block14_sepconv2_point-wise", "block14_sepconv2_bn"),
        *("block14_sepconv2_act", "avg_pool", "predictions", "predictions_softmax"),
        "ClassificationLayer_predictions",
    ]
    added = {c.destination: c.source for c in lgraph.connections if c.destination.startswith("add_")}
    assert [added[f"add_{i}/in1"] for i in range(1, 13)] == [
        *("block2_pool", "block3_pool", "block4_pool"),
        *(f"block{i}_sepconv3_bn" for i in range(5, 13)),
        "block13_pool",
    ]
    assert [added[f"add_{i}/in2"] for i in range(1, 13)] == [
        *(f"batch_normalization_{i}" for i in (1, 2, 3)),
        *(f"add_{i}" for i in range(3, 11)),
        "batch_normalization_4",
    ]


def test_conventions_differ_in_padding_epsilon_and_range():
    matlab, files = xception(), xception(conventions="torchvision")
    assert list(matlab) == list(files)
    differ = [name for name in matlab if matlab[name] != files[name]]
    assert {files[name].type for name in differ} == {"Image Input", "Max Pooling", "Batch Normalization"}
    assert matlab["block2_pool"].description == "3×3 max pooling with stride [2 2] and padding 'same'"
    assert files["block2_pool"].description == "3×3 max pooling with stride [2 2] and padding [1 1 1 1]"
    assert (matlab["block1_conv1_bn"].epsilon, files["block1_conv1_bn"].epsilon) == (1e-3, 1e-5)
    assert files["input_1"].description == matlab["input_1"].description
    assert (files["input_1"].min, files["input_1"].max) == ((0, 0, 0), (255, 255, 255))


def test_features_are_the_last_additions_of_their_stride():
    outputs = infer_sizes(xception((299, 299))).outputs
    sizes = {stride: outputs[name][0] for stride, name in BACKBONES["xception"].features.items()}
    assert {stride: size.channels for stride, size in sizes.items()} == {
        **{2: 64, 4: 128, 8: 256, 16: 728, 32: 2048}
    }
    assert [size.spatial[0] for size in sizes.values()] == [147, 74, 37, 19, 10]


@pytest.mark.slow
@pytest.mark.parametrize("conventions", ["matlab", "torchvision"])
def test_one_training_step_lowers_the_loss(conventions):
    check_one_step_lowers_the_loss(xception((33, 46, 2), 3, width=1 / 32, conventions=conventions))


def test_the_smallest_image():
    lgraph = xception((7, 7), 3, width=1 / 64)
    assert lgraph.compile().eval()(random_images(lgraph)).shape == (2, 3)


def test_errors(golden_errors):
    golden_errors(
        "xception",
        {
            "too small": lambda: xception((6, 200)),
            "too small without its head": lambda: xception((200, 3), include_head=False),
            "no published weights": lambda: xception(weights="imagenet"),
        },
    )
    with pytest.raises(ArgumentError, match="conventions"):
        xception(conventions="timm")
