"""DeepLab v3+: MATLAB's rows, the dilations of its backbones, and the same network in plain PyTorch."""

import re
from math import ceil, prod
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layergraph import ArgumentError, Convolution2dLayer, LayerGraph, TransposedConv2dLayer
from layergraph.builders import deeplabv1_layers, deeplabv2_layers, deeplabv3_layers, deeplabv3plus_layers
from layergraph.builders.deeplabv3plus import ENCODERS
from layergraph.graph.size_inference import infer_sizes

TINY = {"num_classes": 3, "width": 1 / 16}
NETWORKS = {  # layers and connections
    "resnet18": (100, 113),
    "resnet50": (206, 227),
    "resnet101": (376, 414),
    "mobilenetv2": (186, 201),
    "xception": (205, 222),
    "inceptionresnetv2": (853, 956),
}
SEPARABLE = {"mobilenetv2", "xception"}
every_network = pytest.mark.parametrize("network", NETWORKS)
every_factor = pytest.mark.parametrize("factor", [8, 16])


def learnables(lgraph, name, sizes):
    return sum(map(prod, lgraph[name].learnables(list(sizes.inputs[name])).values()))


# -- the rows of MATLAB's network ----------------------------------------------------------------------

ROWS = [
    line.split(" | ")
    for line in (Path(__file__).parent / "deeplabv3plus_resnet18.txt").read_text().splitlines()
]


@pytest.fixture(scope="module")
def resnet18():
    return deeplabv3plus_layers((720, 960), 11, "resnet18")


def test_all_rows_by_name_size_and_learnables(resnet18):
    sizes = infer_sizes(resnet18)
    ours = []
    for name in resnet18.order:
        size = sizes.outputs[name][0]
        count = learnables(resnet18, name, sizes)
        ours.append([name, "x".join(map(str, size.shape[:3])), f"{count:,}" if count else "-"])
    assert ours == [[name, size, count] for name, _, size, count in ROWS]


OPERATIONS = {
    "image input": "Image Input",
    "conv": "Convolution",
    "batch norm": "Batch Normalization",
    "ReLU": "ReLU",
    "max pool": "Max Pooling",
    "add": "Addition",
    "concat": "Depth concatenation",
    "tconv": "Transposed Convolution",
    "center crop": "Crop 2D",
    "softmax": "softmax",
    "pixel classification": "Pixel Classification Layer",
}


def has_property(lgraph, name, word):
    """Whether a layer has the property of one word of its row, such as ``s2`` or ``in1=data``."""
    layer, sources = lgraph[name], {port: end.layer for port, end in lgraph.sources(name).items()}
    if match := re.fullmatch(r"(\d+)x(\d+)", word):
        return (getattr(layer, "filter_size", None) or layer.pool_size) == (int(match[1]), int(match[2]))
    if match := re.fullmatch(r"(s|dil|p|crop )(\d+)", word):
        kind, number = match[1], int(match[2])
        return {
            "s": lambda: layer.stride == (number,) * 2,
            "dil": lambda: layer.dilation_factor == (number,) * 2,
            "p": lambda: layer.padding == (number,) * 4,
            "crop ": lambda: layer.cropping == (number,) * 4,
        }[kind]()
    if match := re.fullmatch(r"(\w+)=(\w+)(\.\.4)?", word):
        names = [f"{match[2][:-1]}{k}" for k in range(1, 5)] if match[3] else [match[2]]
        first = 1 if match[3] else match[1]
        ports = [f"in{k}" for k in range(1, 5)] if first == 1 else [match[1]]
        return [sources[port] for port in ports] == names
    if word.startswith("from "):
        return [*sources.values()] == [word.removeprefix("from ")]
    if word == "same":
        return layer.padding == "same"
    if word == "bilinear":
        return layer.weights_initializer == "bilinear"
    if word == "frozen":
        return layer.weight_learn_rate_factor == layer.bias_learn_rate_factor == 0
    if word.isdecimal() or word == "N":
        return layer.num_filters == (11 if word == "N" else int(word))
    return layer.normalization == word  # of the input


def test_all_rows_by_operation(resnet18):
    checked = 0
    for name, operation, _, _ in ROWS:
        text = operation.partition(" (")[0].replace("in1..in4 = ", "in1=")
        kind = max((k for k in OPERATIONS if text.startswith(k)), key=len)
        assert resnet18[name].type.lower() == OPERATIONS[kind].lower(), name
        words = [w for w in re.split(r"[,;:] ?| (?=\dx\d)|(?<=concat) (\d)", text.removeprefix(kind)) if w]
        for word in filter(None, map(str.strip, words)):
            if kind == "concat" and word.isdecimal():
                assert resnet18[name].num_inputs == int(word)
                continue
            assert has_property(resnet18, name, word), (name, word)
            checked += 1
    assert checked > 150


def test_factors_are_matlab_s(resnet18):
    for name in resnet18:
        layer = resnet18[name]
        if not hasattr(layer, "weight_learn_rate_factor"):
            continue
        expected = (0, 0) if "upsample" in name else (10, 0) if re.match("aspp|dec|scorer", name) else (1, 0)
        assert (layer.weight_learn_rate_factor, layer.bias_learn_rate_factor) == expected, name


def test_the_head_is_new_and_the_backbone_is_not(resnet18):
    """In MATLAB's table, only layers with weights show their channels."""
    assert resnet18["aspp_BatchNorm_1"].description == "Batch normalization"
    assert resnet18["bn5b_branch2b"].description == "Batch normalization with 512 channels"


# -- backbones -----------------------------------------------------------------------------------------


@every_network
def test_counts(network):
    lgraph = deeplabv3plus_layers((720, 960), 11, network)
    assert (len(lgraph), len(lgraph.connections)) == NETWORKS[network]
    assert list(infer_sizes(lgraph).issues) == []


@every_network
def test_separable_convolutions(network):
    """Six 3×3 and 1×1 convolutions become twelve; the default is MATLAB's."""
    make = {s: deeplabv3plus_layers((33, 65), network=network, separable_convolutions=s, **TINY)
            for s in (True, False, "auto")}  # fmt: skip
    assert make["auto"] == make[network in SEPARABLE]
    split = [name for name in make[True] if name.endswith("_depthwise") and not name.startswith("block")]
    split.remove("expanded_conv_depthwise") if "expanded_conv_depthwise" in split else None
    whole = [name.removesuffix("_depthwise") for name in split]
    assert whole == [*(f"aspp_Conv_{k}" for k in (1, 2, 3, 4)), "dec_c3", "dec_c4"]
    assert len(make[True]) == len(make[False]) + 6
    for name in whole:
        depthwise, pointwise = make[True][f"{name}_depthwise"], make[True][f"{name}_pointwise"]
        one = make[False][name]
        assert depthwise.window() == one.window()
        assert (depthwise.num_filters_per_group, depthwise.num_groups) == (1, "channel-wise")
        assert (pointwise.filter_size, pointwise.num_filters) == ((1, 1), one.num_filters)


@every_factor
@every_network
@pytest.mark.parametrize("size", [(97, 113), (64, 96), (1, 2)])
def test_sizes_of_features(network, factor, size):
    lgraph = deeplabv3plus_layers(size, network=network, downsampling_factor=factor, **TINY)
    outputs = infer_sizes(lgraph).outputs
    for name, stride in (("catAspp", factor), ("dec_cat1", 4), ("dec_crop2", 1)):
        assert outputs[name][0].spatial == tuple(ceil(n / stride) for n in size), name


def dilated(lgraph):
    """The dilations of the dilated layers of the backbone."""
    factors = {name: getattr(lgraph[name], "dilation_factor", (1, 1)) for name in lgraph}
    return {n: max(d) for n, d in factors.items() if max(d) > 1 and not n.startswith("aspp")}


def blocks(pattern, dilation):
    return dict.fromkeys(pattern, dilation)


RESNET50_4 = blocks([f"res4{b}_branch2b" for b in "abcdef"], 2)
RESNET101_4 = blocks(["res4a_branch2b", *(f"res4b{k}_branch2b" for k in range(1, 23))], 2)
XCEPTION_8 = [f"block{b}_sepconv{k}_channel-wise" for b in range(5, 13) for k in (1, 2, 3)]
DILATED = {
    ("resnet18", 16): blocks(["res5a_branch2b", "res5b_branch2a", "res5b_branch2b"], 2),
    ("resnet18", 8): {
        **blocks(["res4a_branch2b", "res4b_branch2a", "res4b_branch2b", "res5a_branch2a"], 2),
        **blocks(["res5a_branch2b", "res5b_branch2a", "res5b_branch2b"], 4),
    },
    ("resnet50", 16): blocks([f"res5{b}_branch2b" for b in "abc"], 2),
    ("resnet50", 8): RESNET50_4 | blocks([f"res5{b}_branch2b" for b in "abc"], 4),
    ("resnet101", 16): blocks([f"res5{b}_branch2b" for b in "abc"], 2),
    ("resnet101", 8): RESNET101_4 | blocks([f"res5{b}_branch2b" for b in "abc"], 4),
    ("mobilenetv2", 16): blocks([f"block_{k}_depthwise" for k in (14, 15, 16)], 2),
    ("mobilenetv2", 8): {
        **blocks([f"block_{k}_depthwise" for k in range(7, 14)], 2),
        **blocks([f"block_{k}_depthwise" for k in (14, 15, 16)], 4),
    },
    ("xception", 16): blocks([f"block14_sepconv{k}_channel-wise" for k in (1, 2)], 2),
    ("xception", 8): {
        **blocks([*XCEPTION_8, *(f"block13_sepconv{k}_channel-wise" for k in (1, 2)), "block13_pool"], 2),
        **blocks([f"block14_sepconv{k}_channel-wise" for k in (1, 2)], 4),
    },
}
STRIDE_1 = {  # layers that have stride 2 in the backbone
    "resnet18": {16: "res4a_branch2a res4a_branch1", 32: "res5a_branch2a res5a_branch1"},
    "resnet50": {16: "res4a_branch2a res4a_branch1", 32: "res5a_branch2a res5a_branch1"},
    "resnet101": {16: "res4a_branch2a res4a_branch1", 32: "res5a_branch2a res5a_branch1"},
    "mobilenetv2": {16: "block_6_depthwise", 32: "block_13_depthwise"},
    "xception": {16: "block4_pool conv2d_3", 32: "block13_pool conv2d_4"},
}


@pytest.mark.parametrize(("network", "factor"), DILATED)
def test_rates_and_strides_of_backbones(network, factor):
    lgraph = deeplabv3plus_layers((64, 64), network=network, downsampling_factor=factor, **TINY)
    assert dilated(lgraph) == DILATED[network, factor]
    for stride, names in STRIDE_1[network].items():
        for name in names.split():
            assert lgraph[name].stride == ((1, 1) if stride > factor else (2, 2)), name
    suffix = "_depthwise" if network in SEPARABLE else ""
    rates = [lgraph[f"aspp_Conv_{k}{suffix}"].dilation_factor[0] for k in (1, 2, 3, 4)]
    assert rates == [1, *(rate * 16 // factor for rate in (6, 12, 18))]
    first, second = (lgraph[f"dec_upsample{k}"] for k in (1, 2))
    assert (first.stride, second.stride) == ((factor // 4,) * 2, (4, 4))


@every_factor
def test_rates_of_inceptionresnetv2(factor):
    """Filter sizes identify the stages: 1×7 and 7×1 at stride 16, 1×3 and 3×1 at stride 32."""
    lgraph = deeplabv3plus_layers((64, 64), network="inceptionresnetv2", downsampling_factor=factor, **TINY)
    rates = {}
    for layer in lgraph.layers:
        if isinstance(layer, Convolution2dLayer) and 1 in layer.filter_size and layer.filter_size != (1, 1):
            rates.setdefault(layer.filter_size, set()).add(layer.dilation_factor)
    late, last = 16 // factor, 32 // factor
    assert rates == {(1, 7): {(1, late)}, (7, 1): {(late, 1)}, (1, 3): {(1, last)}, (3, 1): {(last, 1)}}


def test_features_of_inceptionresnetv2():
    lgraph = deeplabv3plus_layers((97, 113), network="inceptionresnetv2", **TINY)
    assert lgraph.sources("dec_c2")["in"].layer == "activation_5"
    assert infer_sizes(lgraph).outputs["activation_5"][0].spatial == (25, 29)
    assert lgraph.sources("aspp_Conv_1")["in"].layer == "conv_7b_ac"


@pytest.mark.parametrize("network", [n for n in ENCODERS if n.startswith("resnet")])
def test_same_padding_of_matlab_is_for_matlab_s_layers(network):
    """With torchvision's weights, uneven padding would shift the features by a pixel."""
    ours, theirs = (
        deeplabv3plus_layers((64, 64), network=network, conventions=c, **TINY)
        for c in ("matlab", "torchvision")
    )
    changed = ENCODERS[network].same
    assert all(ours[name].padding == "same" != theirs[name].padding for name in changed)
    assert theirs["pool1" if network != "resnet50" else "max_pooling2d_1"].padding == (1, 1, 1, 1)


# -- plain PyTorch -------------------------------------------------------------------------------------


class Plain:
    """DeepLab v3+ on ResNet-18 with functions of torch, on the tensors of a state dict."""

    def __init__(self, tensors, factor):
        self.tensors, self.factor = tensors, factor

    def conv(self, x, name, stride=1, padding=0, dilation=1, groups=1):
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        return F.conv2d(x, weight, bias, stride, padding, dilation, groups)

    def bn(self, x, name):
        part = {p: self.tensors[f"{name}.{p}"] for p in ("running_mean", "running_var", "weight", "bias")}
        return F.batch_norm(x, **part)

    def block(self, x, name, stride=1, first=1, second=1, matlab=False):
        """Dilations of the two convolutions; MATLAB's padding of a stride is uneven on even sizes."""
        padding = first
        shortcut, start = x, x
        if matlab:
            padding = 0
            x = F.pad(x, [side for n in x.shape[:1:-1] for side in ((0, 1) if n % 2 == 0 else (1, 1))])
        x = self.conv(x, f"res{name}_branch2a", stride, padding, first)
        x = F.relu(self.bn(x, f"bn{name}_branch2a"))
        x = self.bn(self.conv(x, f"res{name}_branch2b", 1, second, second), f"bn{name}_branch2b")
        if name[1] == "a" and name != "2a":
            shortcut = self.bn(self.conv(start, f"res{name}_branch1", stride), f"bn{name}_branch1")
        return F.relu(x + shortcut)

    def unit(self, x, names, size=1, dilation=1, separable=False):
        convolution, normalization = names
        padding = (size - 1) * dilation // 2
        if separable:
            x = self.conv(x, f"{convolution}_depthwise", 1, padding, dilation, x.shape[1])
            x = self.conv(x, f"{convolution}_pointwise")
        else:
            x = self.conv(x, convolution, 1, padding, dilation)
        return F.relu(self.bn(x, normalization))

    def up(self, x, scale, size):
        """A transposed convolution: zeros between the pixels, a triangle around each, the center cropped."""
        line = 1 - (torch.arange(2 * scale) - scale + 0.5).abs() / scale
        kernel = torch.outer(line, line).expand(x.shape[1], 1, -1, -1)
        x = F.conv_transpose2d(x, kernel, stride=scale, padding=scale // 2, groups=x.shape[1])
        top, left = ((n - m) // 2 for n, m in zip(x.shape[2:], size, strict=True))
        return x[:, :, top : top + size[0], left : left + size[1]]

    def __call__(self, x, separable):
        image, eight = x.shape[2:], self.factor == 8
        x = F.relu(self.bn(self.conv(x, "conv1", 2, 3), "bn_conv1"))
        x = F.max_pool2d(x, 3, 2, 1)
        low = x = self.block(self.block(x, "2a"), "2b")
        x = self.block(self.block(x, "3a", 2), "3b")
        if eight:
            x = self.block(self.block(x, "4a", 1, 1, 2), "4b", 1, 2, 2)
            x = self.block(self.block(x, "5a", 1, 2, 4), "5b", 1, 4, 4)
        else:
            x = self.block(self.block(x, "4a", 2, matlab=True), "4b")
            x = self.block(self.block(x, "5a", 1, 1, 2), "5b", 1, 2, 2)
        branches = [self.unit(x, ("aspp_Conv_1", "aspp_BatchNorm_1"), separable=separable)]
        for k, rate in enumerate((12, 24, 36) if eight else (6, 12, 18), 2):
            branches.append(
                self.unit(x, (f"aspp_Conv_{k}", f"aspp_BatchNorm_{k}"), 3, rate, separable=separable)
            )
        x = self.unit(torch.cat(branches, 1), ("dec_c1", "dec_bn1"))
        low = self.unit(low, ("dec_c2", "dec_bn2"))
        x = torch.cat([low, self.up(x, 2 if eight else 4, low.shape[2:])], 1)
        x = self.unit(x, ("dec_c3", "dec_bn3"), 3, separable=separable)
        x = self.unit(x, ("dec_c4", "dec_bn4"), 3, separable=separable)
        return self.up(self.conv(x, "scorer"), 4, image).softmax(1)


def compile_with_random_tensors(lgraph: LayerGraph) -> nn.Module:
    """The compiled network with random statistics and biases, so that they affect the outputs."""
    net = lgraph.compile().eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.5, 1.5)
        if isinstance(module, nn.BatchNorm2d | nn.Conv2d):
            nn.init.normal_(module.bias, 0, 0.2)
    return net


@every_factor
@pytest.mark.parametrize("separable", [False, True])
@pytest.mark.parametrize("size", [(97, 113), (96, 64), (61, 90)])
def test_it_equals_plain_pytorch(factor, separable, size):
    lgraph = deeplabv3plus_layers(
        size, network="resnet18", downsampling_factor=factor, separable_convolutions=separable, **TINY
    )
    net, x = compile_with_random_tensors(lgraph), torch.randn(2, 3, *size)
    expected = Plain(dict(net.state_dict()), factor)(x, separable)
    assert expected.std() > 0.01
    torch.testing.assert_close(net(x), expected, rtol=0, atol=1e-9)


def test_upsampling_is_bilinear_inside():
    """Away from the border, where zeros enter the transposed convolution."""
    lgraph = deeplabv3plus_layers((32, 48), network="resnet18", **TINY)
    for name in ("dec_upsample1", "dec_upsample2"):
        layer = lgraph[name]
        assert isinstance(layer, TransposedConv2dLayer)
        net = lgraph.compile()
        module = net.get_submodule(name)
        x = torch.randn(1, layer.num_filters, 6, 7)
        expected = F.interpolate(x, scale_factor=4, mode="bilinear", align_corners=False)
        torch.testing.assert_close(module(x)[:, :, 2:-2, 2:-2], expected[:, :, 2:-2, 2:-2])


# -- training and export -------------------------------------------------------------------------------


@every_network
def test_an_odd_size_trains_one_step(network):
    lgraph = deeplabv3plus_layers((97, 113), network=network, num_classes=3, width=1 / 32)
    net, x = lgraph.compile().train(), torch.rand(2, 3, 97, 113)
    outputs = infer_sizes(lgraph).outputs
    names = [name for name in lgraph if lgraph[name].output_names in (("out",), ())]
    for name, result in zip(names, net.activations(x, names), strict=True):
        assert result.shape[1:] == outputs[name][0].tensor_shape[1:], name
    target = torch.randint(0, 3, (2, 97, 113))
    before = {name: p.detach().clone() for name, p in net.named_parameters()}
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    net.loss(x, target).backward()
    optimizer.step()
    after = dict(net.named_parameters())
    assert all(torch.isfinite(p).all() for p in after.values())
    assert not torch.equal(before["scorer.weight"], after["scorer.weight"])


ANY = torch.export.Dim.DYNAMIC
RANGES = [torch.export.Dim(name, min=32, max=1024) for name in ("height", "width")]


@pytest.mark.slow
@pytest.mark.parametrize("free", [(ANY, ANY), RANGES], ids=["dynamic", "ranges"])
def test_an_exported_program_accepts_other_sizes(free):
    """The exported example needs no crop; the images need each crop."""
    lgraph = deeplabv3plus_layers((64, 96), network="resnet18", num_classes=2, width=1 / 32)
    net = compile_with_random_tensors(lgraph)
    shapes = ({0: ANY, 2: free[0], 3: free[1]},)
    exported = torch.export.export(net, (torch.randn(2, 3, 64, 96),), dynamic_shapes=shapes)
    for size in ((64, 96), (97, 113), (70, 75)):
        image = torch.randn(1, 3, *size)
        torch.testing.assert_close(exported.module()(image), net(image))


# -- mistakes ------------------------------------------------------------------------------------------

MISTAKES = """
deeplabv1_layers((321, 321), 1)
deeplabv1_layers((321,), 21)
deeplabv1_layers((321, 321), 21, kernel_size=0)
deeplabv1_layers((321, 321), 21, rate=1.5)
deeplabv1_layers((321, 321), 21, num_filters="many")
deeplabv2_layers((321, 321), 21, "resnet18")
deeplabv2_layers((321, 321), 21, rates=(6,))
deeplabv2_layers((321, 321), 21, rates=6)
deeplabv2_layers((321, 321), 21, rates=(6, 0))
deeplabv2_layers((321, 321), 2.5)
deeplabv3_layers((513, 513), 21, "vgg16")
deeplabv3_layers((513, 513), 21, downsampling_factor=32)
deeplabv3_layers((513, 513), 21, multi_grid=(1, 2))
deeplabv3_layers((513, 513), 21, multi_grid=(1, 2, 0))
deeplabv3_layers((513, 513), 21, variant="cascaded")
deeplabv3_layers((513, 513), None)
deeplabv3plus_layers((720, 960), 11, "resnet81")
deeplabv3plus_layers((720, 960), 11, "vgg16")
deeplabv3plus_layers((720, 960), 11, 18)
deeplabv3plus_layers((720, 960), 1, "resnet18")
deeplabv3plus_layers((720, 960, 3, 1), 11, "resnet18")
deeplabv3plus_layers((720, 0), 11, "resnet18")
deeplabv3plus_layers((720, 960), 11, "resnet18", downsampling_factor=32)
deeplabv3plus_layers((720, 960), 11, "resnet18", downsampling_factor="16")
deeplabv3plus_layers((720, 960), 11, "resnet18", separable_convolutions="yes")
deeplabv3plus_layers((720, 960), 11, "resnet18", separable_convolutions=1)
deeplabv3plus_layers((720, 960), 11, "resnet18", width=0)
deeplabv3plus_layers((720, 960), 11, "resnet18", conventions="keras")
"""


def test_the_texts_of_mistakes(golden_errors):
    builders = (deeplabv1_layers, deeplabv2_layers, deeplabv3_layers, deeplabv3plus_layers)
    scope = {builder.__name__: builder for builder in builders}
    calls = {line: lambda line=line: eval(line, scope) for line in MISTAKES.strip().splitlines()}
    golden_errors("deeplab", calls)
    for call in calls.values():
        with pytest.raises(ArgumentError):
            call()
