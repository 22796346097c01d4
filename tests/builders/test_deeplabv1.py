"""DeepLab v1: the models of the paper, and the same network in plain PyTorch."""

from math import ceil, prod

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layergraph.builders import deeplabv1_layers
from layergraph.graph.size_inference import infer_sizes

CONVOLUTIONS = (2, 2, 3, 3, 3)
MODELS = {  # the arguments of the paper's models, and their learnables in millions
    "LargeFOV": ({}, 20.5),
    "7x7": ({"kernel_size": 7, "rate": 4, "num_filters": 4096}, 134.3),
    "4x4": ({"kernel_size": 4, "rate": 8, "num_filters": 4096}, 65.1),
    "4x4, smaller": ({"kernel_size": 4, "rate": 4, "num_filters": 4096}, 65.1),
}


@pytest.mark.parametrize(("arguments", "millions"), MODELS.values(), ids=MODELS)
def test_the_paper_s_models(arguments, millions):
    lgraph = deeplabv1_layers((321, 321), 21, **arguments)
    inferred = infer_sizes(lgraph)
    assert list(inferred.issues) == []
    total = sum(
        prod(n) for name in lgraph for n in lgraph[name].learnables([*inferred.inputs[name]]).values()
    )
    assert round(total / 1e6, 1) == millions
    assert inferred.outputs["fc8"][0].shape == (41, 41, 21, 1)  # as in the paper: 321 = 8 · 40 + 1
    assert inferred.outputs["pixelLabels"][0].spatial == (321, 321)


def test_names_and_order():
    lgraph = deeplabv1_layers((321, 321), 21)
    assert lgraph.order == tuple(lgraph)
    assert lgraph.order[31:] == (
        *("pool5", "fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8"),
        *("upsample", "softmax", "pixelLabels"),
    )
    assert (len(lgraph), len(lgraph.connections)) == (42, 42)
    assert [lgraph[name].weight_learn_rate_factor for name in ("conv5_3", "fc6", "fc7", "fc8")] == [
        1,
        1,
        1,
        10,
    ]


@pytest.mark.parametrize("size", [(97, 113), (32, 40), (7, 9), (1, 1)])
def test_scores_have_stride_8(size):
    outputs = infer_sizes(deeplabv1_layers(size, 2, width=1 / 16)).outputs
    assert outputs["fc8"][0].spatial == tuple(ceil(n / 8) for n in size)
    assert outputs["upsample"][0].spatial == size


def plain(x, tensors, kernel, rate):
    """The network of the paper with functions of torch; poolings with stride 1 pad bottom and right."""

    def conv(x, name, **options):
        return F.conv2d(x, tensors[f"{name}.weight"], tensors[f"{name}.bias"], **options)

    image = x.shape[2:]
    for block, count in enumerate(CONVOLUTIONS, 1):
        dilation = 2 if block == 5 else 1
        for index in range(1, count + 1):
            x = conv(x, f"conv{block}_{index}", padding=dilation, dilation=dilation).relu()
        if block < 4:
            x = F.max_pool2d(x, 2, 2, ceil_mode=True)
        else:
            x = F.max_pool2d(F.pad(x, [0, dilation] * 2, value=-torch.inf), 2, 1, dilation=dilation)
    reach = (kernel - 1) * rate
    x = F.pad(x, [reach // 2, reach - reach // 2] * 2)
    x = conv(conv(conv(x, "fc6", dilation=rate).relu(), "fc7").relu(), "fc8")
    return F.interpolate(x, image, mode="bilinear", align_corners=False).softmax(1)


@pytest.mark.parametrize(("arguments", "_"), MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("size", [(97, 113), (64, 88)])
def test_it_equals_plain_pytorch(arguments, _, size):
    lgraph = deeplabv1_layers(size, 3, width=1 / 16, **arguments)
    net, x = lgraph.compile().eval(), torch.randn(2, 3, *size)
    for module in net.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
            nn.init.normal_(module.bias, 0, 0.1)
    expected = plain(x, net.state_dict(), arguments.get("kernel_size", 3), arguments.get("rate", 12))
    assert expected.std() > 0.01
    torch.testing.assert_close(net(x), expected, rtol=0, atol=1e-9)
