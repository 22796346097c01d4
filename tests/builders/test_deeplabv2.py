"""DeepLab v2: branches with several dilations, whose scores are added."""

from math import ceil

import pytest
import torch
import torch.nn.functional as F

from layergraph.builders import deeplabv1_layers, deeplabv2_layers
from layergraph.graph.size_inference import infer_sizes

TINY = {"num_classes": 3, "width": 1 / 16}
NETWORKS = {"resnet101": (351, 387), "vgg16": (64, 67)}  # layers and connections
every_backbone = pytest.mark.parametrize("backbone", NETWORKS)


@every_backbone
def test_counts(backbone):
    lgraph = deeplabv2_layers((321, 321), 21, backbone)
    assert (len(lgraph), len(lgraph.connections)) == NETWORKS[backbone]
    assert list(infer_sizes(lgraph).issues) == []


@every_backbone
@pytest.mark.parametrize("size", [(97, 113), (64, 96), (1, 2)])
def test_scores_have_stride_8(backbone, size):
    outputs = infer_sizes(deeplabv2_layers(size, backbone=backbone, **TINY)).outputs
    assert outputs["sumAspp"][0].spatial == tuple(ceil(n / 8) for n in size)
    assert outputs["sumAspp"][0].channels == 3
    assert outputs["pixelLabels"][0].spatial == size


def test_the_last_two_stages_of_resnet_have_rates_2_and_4():
    lgraph = deeplabv2_layers((64, 64), **TINY)
    rates = {n: lgraph[n].dilation_factor[0] for n in lgraph if n.startswith("res") and "branch2b" in n
             and "relu" not in n}  # fmt: skip
    assert rates == {name: {"4": 2, "5": 4}.get(name[3], 1) for name in rates}
    assert len(rates) == 3 + 4 + 23 + 3
    for stage in "45":
        for branch in ("branch2a", "branch1"):
            assert lgraph[f"res{stage}a_{branch}"].stride == (1, 1)
    factors = [lgraph[f"aspp_Conv_{k}"].weight_learn_rate_factor for k in (1, 2, 3, 4)]
    assert factors == [10] * 4


@pytest.mark.parametrize("rates", [(6, 12, 18, 24), (2, 4, 8, 12), [1, 3]])
@pytest.mark.parametrize("size", [(97, 113), (64, 88)])
def test_branches_of_resnet_are_added(rates, size):
    lgraph = deeplabv2_layers(size, rates=rates, **TINY)
    net, x = lgraph.compile().eval(), torch.randn(2, 3, *size)
    tensors = net.state_dict()
    (features,) = net.activations(x, ["res5c_relu"])
    scores = 0
    for k, rate in enumerate(rates, 1):
        weight, bias = tensors[f"aspp_Conv_{k}.weight"], tensors[f"aspp_Conv_{k}.bias"]
        assert weight.shape[:2] == (3, features.shape[1])
        scores += F.conv2d(features, weight, bias, padding=rate, dilation=rate)
    expected = F.interpolate(scores, size, mode="bilinear", align_corners=False).softmax(1)
    torch.testing.assert_close(net(x), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("rates", [(6, 12, 18, 24), (2, 4)])
def test_on_vgg_it_is_the_sum_of_deeplabs_v1(rates):
    """Each branch is the classifier of a DeepLab v1 with this dilation, on the same features."""
    size = (65, 50)
    net, x = (
        deeplabv2_layers(size, backbone="vgg16", rates=rates, **TINY).compile().eval(),
        torch.randn(1, 3, *size),
    )
    tensors = net.state_dict()
    scores = 0
    for k, rate in enumerate(rates, 1):
        one = deeplabv1_layers(size, rate=rate, **TINY).compile().eval()
        for name, tensor in one.state_dict().items():
            layer, _, part = name.partition(".")
            tensor.copy_(tensors[f"{layer}_{k}.{part}" if layer.startswith("fc") else name])
        scores += one.activations(x, ["fc8"])[0]
    expected = F.interpolate(scores, size, mode="bilinear", align_corners=False).softmax(1)
    torch.testing.assert_close(net(x), expected, rtol=0, atol=1e-9)
