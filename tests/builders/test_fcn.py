"""FCN: counts, wiring, weights, and outputs equal to those of plain PyTorch."""

from math import prod

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torchvision_models import VGG, normalize, randomize

from layergraph import ArgumentError, Crop2dLayer, TransposedConv2dLayer
from layergraph.builders import fcn_layers
from layergraph.builders.backbones import BACKBONES
from layergraph.edits import fully_convolutional
from layergraph.graph.size_inference import infer_sizes

FUSED = {"vgg16": ("pool4", "pool3"), "vgg19": ("pool4", "pool3"), "alexnet": ("pool2", "pool1")}
COUNTS = {"32s": 0, "16s": 1, "8s": 2}
every_type = pytest.mark.parametrize("type", COUNTS)
every_backbone = pytest.mark.parametrize("backbone", FUSED)


def learnables(lgraph):
    inputs = infer_sizes(lgraph).inputs
    return {n: sum(prod(size) for size in lgraph[n].learnables(list(inputs[n])).values()) for n in lgraph}


# -- layers --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("type", "layers", "connections", "count"),
    [("8s", 51, 55, 134_348_962), ("16s", 47, 49, 134_437_116), ("32s", 43, 43, 134_801_238)],
)
def test_the_counts(type, layers, connections, count):
    lgraph = fcn_layers((360, 480), 11, type)
    assert (len(lgraph), len(lgraph.connections)) == (layers, connections)
    assert sum(learnables(lgraph).values()) == count


@every_type
@every_backbone
def test_the_learnables_are_those_of_the_backbone_and_of_the_scores(backbone, type):
    lgraph, classes = fcn_layers((80, 70), 7, type, backbone=backbone), 7
    own = learnables(BACKBONES[backbone].build(BACKBONES[backbone].image_size, 9, True, 1, None, None))
    del own["fc8"]
    counts = learnables(lgraph)
    fused = FUSED[backbone][: COUNTS[type]]
    factor = 32 // 2 ** len(fused)
    upsampled = [4] * len(fused) + [2 * factor]
    channels = [infer_sizes(lgraph).outputs[name][0].channels for name in ("drop7", *fused)]
    scores = sum((n + 1) * classes for n in channels)
    scores += sum(size**2 * classes**2 + classes for size in upsampled)
    assert sum(counts.values()) == sum(own.values()) + scores
    assert all(counts[name] == count for name, count in own.items() if name in lgraph)
    assert len(lgraph) == len(own) - 2 + 5 + 4 * len(fused)  # without prob and output
    assert len(lgraph.connections) == len(lgraph) - 1 + 1 + 2 * len(fused)


@every_type
@every_backbone
def test_names_and_wiring(backbone, type):
    lgraph = fcn_layers((60, 60), 2, type, backbone=backbone, width=1 / 16)
    fused = FUSED[backbone][: COUNTS[type]]
    fusions = {pool: "fuse" if type == "16s" else f"fuse_{pool}" for pool in fused}
    names = ["score_fr"]
    for up, pool in zip(("upscore2", *(f"upscore_{pool}" for pool in fused)), fused, strict=False):
        names += [up, fusions[pool]]
    names += [
        {"32s": "upscore", "16s": "upscore16", "8s": "upscore8"}[type],
        "score",
        "softmax",
        "pixelLabels",
    ]
    skips = [f"score_{pool}{end}" for pool in fused for end in ("", "c")]
    assert [*lgraph][[*lgraph].index("drop7") + 1 :] == [*names, *skips]
    image = lgraph.input_names[0]
    assert lgraph.sources("score")["ref"].layer == image
    for name, before in zip(names, ["drop7", *names], strict=False):
        assert next(iter(lgraph.sources(name).values())).layer == before
    for pool in fused:
        assert lgraph.sources(f"score_{pool}")["in"].layer == pool
        assert lgraph.sources(f"score_{pool}c")["in"].layer == f"score_{pool}"
        assert lgraph.sources(fusions[pool])["in2"].layer == f"score_{pool}c"
        upsampled = lgraph.sources(fusions[pool])["in1"].layer
        assert lgraph.sources(f"score_{pool}c")["ref"].layer == upsampled
    assert all(layer.mode == "centercrop" for layer in lgraph.layers if isinstance(layer, Crop2dLayer))


def test_only_the_first_convolution_pads_by_100():
    for backbone in FUSED:
        lgraph = fcn_layers((60, 60), 2, backbone=backbone)
        own = BACKBONES[backbone].build((227, 227), 2, True, 1, None, None)
        changed = [n for n in own if n in lgraph and not n.startswith("fc") and lgraph[n] != own[n]]
        first = changed.pop()
        assert changed == [*lgraph.input_names]
        assert first in ("conv1_1", "conv1")
        assert lgraph[first].padding == (100,) * 4
        assert lgraph[first].stride == own[first].stride


@every_type
def test_upsampling_starts_bilinear_and_is_frozen(type):
    lgraph = fcn_layers((30, 30), 3, type, width=1 / 64)
    net = lgraph.compile()
    ups = [layer for layer in lgraph.layers if isinstance(layer, TransposedConv2dLayer)]
    factors = [2] * COUNTS[type] + [32 // 2 ** COUNTS[type]]
    for layer, factor in zip(ups, factors, strict=True):
        assert (layer.stride, layer.filter_size) == ((factor, factor), (2 * factor, 2 * factor))
        assert set(layer.factors().values()) == {(0, 0)}
        module = net.layer_module(layer.name)
        assert not module.bias.any()
        kernel = bilinear(factor)
        assert torch.equal(module.weight, torch.einsum("ij,kl->ijkl", torch.eye(3), kernel))
        x = torch.rand(1, 3, 5, 6)
        up = module(x)[..., factor:-factor, factor:-factor]  # away from the border
        expected = F.interpolate(x, scale_factor=factor, mode="bilinear")
        inner = slice(factor // 2, -(factor // 2))
        torch.testing.assert_close(up, expected[..., inner, inner])


def bilinear(factor):
    """The bilinear weights 1 - |i - c| / (k / 2) with c = k / 2 + 0.5, i = 1..k."""
    size = 2 * factor
    line = 1 - (torch.arange(1, size + 1) - (size / 2 + 0.5)).abs() / (size / 2)
    return line[:, None] * line


# -- outputs -------------------------------------------------------------------------------------------


def plain_scores(plain, net, images, fused):
    """FCN on a plain VGG; its new layers have the weights of the network under test."""

    def score(name, x):
        return net.layer_module(name)(x)

    def crop(x, size):
        top, left = ((n - m) // 2 for n, m in zip(x.shape[2:], size, strict=True))
        return x[:, :, top : top + size[0], left : left + size[1]]

    def up(x, factor):
        weight = torch.einsum("ij,kl->ijkl", torch.eye(x.shape[1]), bilinear(factor)).to(x)
        return F.conv_transpose2d(x, weight, stride=factor)

    first, *features = plain.features
    x = F.conv2d(normalize(images), first.weight, first.bias, padding=100)
    pools = []
    for module in features:
        x = module(x)
        if isinstance(module, nn.MaxPool2d):
            pools.append(x)
    fc6, fc7 = plain.classifier[0], plain.classifier[3]
    x = F.conv2d(x, fc6.weight.view(len(fc6.weight), -1, 7, 7), fc6.bias).relu()
    x = score("score_fr", F.conv2d(x, fc7.weight[:, :, None, None], fc7.bias).relu())
    for name, pool in zip(fused, (pools[3], pools[2]), strict=False):
        x = up(x, 2)
        x = x + crop(score(f"score_{name}", pool), x.shape[2:])
    return crop(up(x, 32 // 2 ** len(fused)), images.shape[2:]).softmax(1)


@every_type
@pytest.mark.parametrize("size", [(26, 26), (59, 83)])
def test_outputs_are_those_of_plain_pytorch_with_the_weights_of_its_file(type, size, tmp_path):
    plain = randomize(VGG((2, 2, 3, 3, 3), (8,) * 5, 64, 5), (0.5, 1))
    torch.save(plain.state_dict(), tmp_path / "vgg16.pth")
    lgraph = fcn_layers(size, 3, type, width=1 / 64, weights=tmp_path / "vgg16.pth")
    assert lgraph["fc6"].weights["weight"].shape == (64, 8, 7, 7)
    net = lgraph.compile().eval()
    images = torch.randint(0, 256, (2, 3, *size)).double()
    expected = plain_scores(plain, net, images, FUSED["vgg16"][: COUNTS[type]])
    assert expected.shape == (2, 3, *size)
    torch.testing.assert_close(net(images), expected, rtol=0, atol=1e-9)


def test_alexnet_with_the_weights_of_a_file(tmp_path):
    alexnet = BACKBONES["alexnet"].build((227, 227), 5, True, 1 / 32, None, "matlab")
    alexnet = alexnet.compile().layer_graph()
    alexnet.save(tmp_path / "alexnet.safetensors")
    options = {"backbone": "alexnet", "width": 1 / 32, "weights": tmp_path / "alexnet.safetensors"}
    net = fcn_layers((227, 227), 2, "32s", **options).compile().eval()
    x = torch.rand(1, 3, 227, 227)
    assert net(x).shape == (1, 2, 227, 227)
    whole = fully_convolutional(alexnet, (427, 427, 3)).compile()
    expected = whole.activations(F.pad(x, (100,) * 4), "relu7")
    assert expected.shape[2:] == (7, 7)
    torch.testing.assert_close(net.activations(x, "relu7"), expected, rtol=0, atol=1e-9)


# -- sizes ---------------------------------------------------------------------------------------------


@every_type
@every_backbone
def test_every_size_from_the_smallest(backbone, type):
    smallest = 27 if backbone == "alexnet" else 26
    for n in range(smallest, smallest + 70):
        lgraph = fcn_layers((n, smallest), 2, type, backbone=backbone, width=1 / 64)
        assert infer_sizes(lgraph).outputs["pixelLabels"][0].spatial == (n, smallest)
    with pytest.raises(ArgumentError, match=f"that fits: {smallest};"):
        fcn_layers((100, smallest - 1), 2, type, backbone=backbone)


def crops(lgraph):
    """The first row after each crop."""
    inputs = infer_sizes(lgraph).inputs
    return {
        n: (a.spatial[0] - b.spatial[0]) // 2
        for n in lgraph
        if "ref" in lgraph.sources(n)
        for a, b in [inputs[n]]
    }


@pytest.mark.parametrize(
    ("type", "paper"),
    [
        ("32s", {"score": 19}),
        ("16s", {"score_pool4c": 5, "score": 27}),
        ("8s", {"score_pool4c": 5, "score_pool3c": 9, "score": 31}),
    ],
)
def test_crops_are_those_of_the_paper_if_poolings_do_not_round(type, paper):
    for n in (346, 474, 506):
        assert crops(fcn_layers((n, n), 2, type)) == paper
    moved = [paper["score"] - crops(fcn_layers((n, n), 2, type))["score"] for n in range(346, 378)]
    assert (min(moved), max(moved)) == (0, 16)


def test_gray_images_and_conventions():
    assert fcn_layers((40, 40, 1), 2, width=1 / 64)["conv1_1"].num_channels == 1
    assert fcn_layers((40, 40), 2, width=1 / 64)["input"].normalization == "zerocenter"
    assert fcn_layers((40, 40), 2, width=1 / 64, conventions="torchvision")["input"].normalization == "zscore"


MISTAKES = """
fcn_layers((25, 30), 2)
fcn_layers((300, 26), 2, backbone="alexnet")
fcn_layers((64,), 2)
fcn_layers((64, 64), 1)
fcn_layers((64, 64), 2, "4s")
fcn_layers((64, 64), 2, backbone="resnet18")
fcn_layers((64, 64), 2, backbone="vgg61")
fcn_layers((64, 64), 2, width=0)
fcn_layers((64, 64), 2, conventions="caffe")
fcn_layers((64, 64), 2, weights="nowhere.pth")
"""


def test_the_texts_of_mistakes(golden_errors):
    scope = {"fcn_layers": fcn_layers}
    golden_errors(
        "fcn", {line: lambda line=line: eval(line, scope) for line in MISTAKES.strip().splitlines()}
    )
