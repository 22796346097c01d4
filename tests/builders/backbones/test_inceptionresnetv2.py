"""Inception-ResNet-v2 against a plain PyTorch network that has the layout of the published PyTorch files."""

from dataclasses import replace
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from backbone_contract import check_one_step_lowers_the_loss, count_learnables
from torch import nn

from layergraph.builders.backbones import BACKBONES, inceptionresnetv2
from layergraph.builders.backbones.backbone import scaled_filters
from layergraph.builders.backbones.inceptionresnetv2 import architecture, keys
from layergraph.graph.size_inference import infer_sizes

FEW = (1, 2, 2)  # blocks of each kind: one with each wiring


class Conv(nn.Module):
    def __init__(self, inputs, outputs, window, stride=1, padding=0):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, window, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, x):
        return self.bn(self.conv(x)).relu()


class Module(nn.Module):
    """Parallel branches; ``rows`` has (outputs, window, stride, padding) of their convolutions."""

    def __init__(self, inputs, rows, f, pools=(), scale=None, relu=True):
        super().__init__()
        self.pool, self.scale, self.relu, joined = nn.ModuleList(pools), scale, relu, 0
        self.count = len(rows)
        for index, branch in enumerate(rows):
            steps, now = [], inputs
            for row in branch:
                if isinstance(row, nn.Module):
                    steps.append(row)
                else:
                    steps.append(Conv(now, f(row[0]), *row[1:]))
                    now = f(row[0])
            joined += now
            self.add_module(f"branch{index}", steps[0] if len(steps) == 1 else nn.Sequential(*steps))
        self.outputs = joined + inputs * len(pools)
        if scale is not None:
            self.conv2d, self.outputs = nn.Conv2d(joined, inputs, 1), inputs

    def forward(self, x):
        ends = [getattr(self, f"branch{index}")(x) for index in range(self.count)]
        y = torch.cat([*ends, *(pool(x) for pool in self.pool)], dim=1)
        if self.scale is None:
            return y
        y = x + self.scale * self.conv2d(y)
        return y.relu() if self.relu else y


def block35(inputs, f):
    rows = [[(32, 1)], [(32, 1), (32, 3, 1, 1)], [(32, 1), (48, 3, 1, 1), (64, 3, 1, 1)]]
    return Module(inputs, rows, f, scale=0.17)


def block17(inputs, f):
    rows = [[(192, 1)], [(128, 1), (160, (1, 7), 1, (0, 3)), (192, (7, 1), 1, (3, 0))]]
    return Module(inputs, rows, f, scale=0.1)


def block8(inputs, f, scale=0.2, relu=True):
    rows = [[(192, 1)], [(192, 1), (224, (1, 3), 1, (0, 1)), (256, (3, 1), 1, (1, 0))]]
    return Module(inputs, rows, f, scale=scale, relu=relu)


class Plain(nn.Module):
    def __init__(self, classes, blocks, width=1.0):
        super().__init__()
        f = partial(scaled_filters, width=width)
        pool = nn.MaxPool2d(3, 2)
        average = nn.AvgPool2d(3, 1, 1, count_include_pad=False)
        self.conv2d_1a = Conv(3, f(32), 3, 2)
        self.conv2d_2a = Conv(f(32), f(32), 3)
        self.conv2d_2b = Conv(f(32), f(64), 3, 1, 1)
        self.conv2d_3b = Conv(f(64), f(80), 1)
        self.conv2d_4a = Conv(f(80), f(192), 3)
        rows = [[(96, 1)], [(48, 1), (64, 5, 1, 2)], [(64, 1), (96, 3, 1, 1), (96, 3, 1, 1)]]
        self.mixed_5b = Module(f(192), [*rows, [average, (64, 1)]], f)
        now = self.mixed_5b.outputs
        self.repeat = nn.Sequential(*(block35(now, f) for _ in range(blocks[0])))
        rows = [[(384, 3, 2)], [(256, 1), (256, 3, 1, 1), (384, 3, 2)]]
        self.mixed_6a = Module(now, rows, f, [pool])
        now = self.mixed_6a.outputs
        self.repeat_1 = nn.Sequential(*(block17(now, f) for _ in range(blocks[1])))
        rows = [[(256, 1), (384, 3, 2)], [(256, 1), (288, 3, 2)], [(256, 1), (288, 3, 1, 1), (320, 3, 2)]]
        self.mixed_7a = Module(now, rows, f, [pool])
        now = self.mixed_7a.outputs
        self.repeat_2 = nn.Sequential(*(block8(now, f) for _ in range(blocks[2] - 1)))
        self.block8 = block8(now, f, scale=1.0, relu=False)
        self.conv2d_7b = Conv(now, f(1536), 1)
        self.classif = nn.Linear(f(1536), classes)

    def forward(self, x):
        x = self.conv2d_2b(self.conv2d_2a(self.conv2d_1a(x)))
        x = self.conv2d_4a(self.conv2d_3b(F.max_pool2d(x, 3, 2)))
        x = self.repeat(self.mixed_5b(F.max_pool2d(x, 3, 2)))
        x = self.block8(self.repeat_2(self.mixed_7a(self.repeat_1(self.mixed_6a(x)))))
        return self.classif(F.adaptive_avg_pool2d(self.conv2d_7b(x), 1).flatten(1))


def with_random_tensors(net):
    """The network in evaluation mode, with random weights and statistics."""
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, std=0.2)
            nn.init.normal_(module.running_mean, std=0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
        elif isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.kaiming_normal_(module.weight)
            if module.bias is not None:
                nn.init.normal_(module.bias, std=0.2)
    return net.eval()


def shallow():
    """The backbone with few blocks."""
    return replace(
        BACKBONES["inceptionresnetv2"], architecture=lambda to: architecture(to, FEW), keys=keys(FEW)
    )


@pytest.mark.parametrize("size", [(75, 107), (96, 90)])
@pytest.mark.parametrize("conventions", [None, "matlab"])
def test_published_files_give_the_outputs_of_plain_pytorch(tmp_path, conventions, size):
    peer = with_random_tensors(Plain(5, FEW, 1 / 8))
    torch.save(peer.state_dict(), tmp_path / "net.pth")
    lgraph = shallow().build(size, 5, True, 1 / 8, tmp_path / "net.pth", conventions)
    pixels = torch.rand(2, 3, *size) * 255
    x = (pixels / 255 - 0.5) / 0.5
    expected = peer(x)
    if conventions == "matlab":  # which counts padding, and has no range of pixels yet
        peer.mixed_5b.branch3[0].count_include_pad = True
        expected, files, pixels = peer(x), expected, x
        assert (expected - files).abs().max() > 1e-3
    assert 0.1 < expected.std() < 10
    net = lgraph.compile().eval()
    (logits,) = net.activations(pixels, ["predictions"])
    torch.testing.assert_close(logits.flatten(1), expected, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(net(pixels).flatten(1), expected.softmax(1), atol=1e-9, rtol=0)


def test_keys_cover_the_published_layout():
    with torch.device("meta"):
        peer = Plain(1000, (10, 20, 10))
    modules = {key.rpartition(".")[0] for key in peer.state_dict()}
    names = BACKBONES["inceptionresnetv2"].keys
    assert modules == set(names.values())
    assert len(names) == len(modules)
    # timm has scales in batch normalizations too, which the original does not have
    count = sum(p.numel() for p in peer.parameters())
    assert count == 55_843_464 == count_learnables(inceptionresnetv2(), frozen=False) + 30_272


def test_counts_are_those_published():
    """Keras prints 55,813,192 trainable parameters, and 60,544 others, the means and variances."""
    lgraph = inceptionresnetv2()
    assert count_learnables(lgraph, frozen=False) == 55_813_192
    assert count_learnables(lgraph, "states") == 60_544
    # MATLAB's convolutions have biases and its batch normalizations have scales, which are frozen here
    assert count_learnables(lgraph, frozen=True) == 60_544
    assert count_learnables(lgraph) == 55_873_736
    assert list(infer_sizes(lgraph).issues) == []


def test_layers_and_connections_add_up():
    """Counts per kind, from MATLAB's names: no ReLU after the last block, a scaling layer in each."""
    lgraph = inceptionresnetv2()
    blocks = 10 + 20 + 10
    kinds = {}
    for layer in lgraph.layers:
        kinds[layer.type] = kinds.get(layer.type, 0) + 1
    assert kinds == {
        "Image Input": 1,
        "Convolution": 203 + blocks + 1,
        "Batch Normalization": 203 + 1,
        "ReLU": 203 + blocks - 1 + 1,
        "Max Pooling": 4,
        "Average Pooling": 1,
        "Depth concatenation": 3 + blocks,
        "Scaling": blocks,
        "Addition": blocks,
        "Global Average Pooling": 1,
        "Fully Connected": 1,
        "Softmax": 1,
        "Classification Output": 1,
    }
    assert len(lgraph) == 824
    more_inputs = 3 + 2 + 3 + 10 * (2 + 1) + 30 * (1 + 1)
    assert len(lgraph.connections) == 824 - 1 + more_inputs == 921


def test_names_and_connections():
    lgraph = inceptionresnetv2()
    names = list(lgraph)
    assert lgraph.order == tuple(names)
    assert names[:4] == ["input_1", "conv2d_1", "batch_normalization_1", "activation_1"]
    for kind in ("conv2d", "batch_normalization", "activation"):
        assert [n for n in names if n.startswith(f"{kind}_")] == [f"{kind}_{i}" for i in range(1, 204)]
    for kind, count in (("block35", 10), ("block17", 20), ("block8", 10)):
        of_kind = [n for n in names if n.startswith(f"{kind}_")]
        parts = ("_mixed", "_conv", "_scale", "", "_ac")
        expected = [f"{kind}_{i}{part}" for i in range(1, count + 1) for part in parts]
        assert of_kind == (expected[:-1] if kind == "block8" else expected)
    assert names[-7:] == [
        *("conv_7b", "conv_7b_bn", "conv_7b_ac", "avg_pool", "predictions", "predictions_softmax"),
        "ClassificationLayer_predictions",
    ]
    sources = {c.destination: c.source for c in lgraph.connections}
    assert [sources[f"mixed_5b/in{i}"] for i in (1, 2, 3, 4)] == [f"activation_{i}" for i in (6, 8, 11, 12)]
    assert [sources[f"block35_1_mixed/in{i}"] for i in (1, 2, 3)] == [f"activation_{i}" for i in (13, 15, 18)]
    assert [sources[f"mixed_6a/in{i}"] for i in (1, 2, 3)] == [
        "activation_73",
        "activation_76",
        "max_pooling2d_3",
    ]
    assert [sources[f"mixed_7a/in{i}"] for i in (1, 2, 3, 4)] == [
        *(f"activation_{i}" for i in (158, 160, 163)),
        "max_pooling2d_4",
    ]
    assert [sources[f"block8_10_mixed/in{i}"] for i in (1, 2)] == ["activation_200", "activation_203"]
    assert (sources["block8_10/in1"], sources["block8_10/in2"]) == ("block8_9_ac", "block8_10_scale")
    assert sources["conv_7b"] == "block8_10"
    scales = [(lgraph[f"{kind}_1_scale"].scale) for kind in ("block35", "block17", "block8")]
    assert (*scales, lgraph["block8_9_scale"].scale, lgraph["block8_10_scale"].scale) == (
        0.17,
        0.1,
        0.2,
        0.2,
        1,
    )


def test_conventions_differ_in_the_average_pooling_and_the_range():
    matlab, files = inceptionresnetv2(), inceptionresnetv2(conventions="torchvision")
    differ = [name for name in matlab if matlab[name] != files[name]]
    assert differ == ["input_1", "average_pooling2d_1"]
    assert (files["input_1"].min, files["input_1"].max) == ((0, 0, 0), (255, 255, 255))


def test_features():
    outputs = infer_sizes(inceptionresnetv2()).outputs
    sizes = [outputs[name][0] for name in BACKBONES["inceptionresnetv2"].features.values()]
    assert [(size.spatial[0], size.channels) for size in sizes] == [
        *((147, 64), (71, 192), (35, 320), (17, 1088), (8, 1536))
    ]


def test_one_training_step_lowers_the_loss():
    check_one_step_lowers_the_loss(shallow().build((75, 80, 1), 3, True, 1 / 32, None, None))


def test_the_whole_network_learns():
    check_one_step_lowers_the_loss(inceptionresnetv2((75, 75), 3, width=1 / 32))


def test_errors(golden_errors):
    golden_errors(
        "inceptionresnetv2",
        {
            "too small": lambda: inceptionresnetv2((74, 200)),
            "too small without its head": lambda: inceptionresnetv2((200, 20), include_head=False),
            "no published weights": lambda: inceptionresnetv2(weights="imagenet"),
        },
    )
