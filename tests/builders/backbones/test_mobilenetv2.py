"""MobileNetV2: counts, names, and outputs equal to those of plain PyTorch."""

import pytest
import torch
from backbone_contract import (
    check_counts,
    check_cut,
    check_features,
    check_keys,
    check_names,
    check_outputs,
    convolution_biases,
    count_learnables,
)
from torchvision_models import MobileNetV2, normalize, randomize

from layergraph.builders.backbones import BACKBONES, mobilenetv2

BACKBONE = BACKBONES["mobilenetv2"]
# of the first convolution, the seven stages and the last convolution
NARROW = (8, 8, 8, 8, 8, 8, 16, 24, 1280)
SCALES = (0.6, 1.1)  # of batch normalization: most blocks have no shortcut


def test_the_counts():
    lgraph = mobilenetv2()
    check_counts(lgraph, 154, 163, 3_504_872)
    with torch.device("meta"):
        assert sum(p.numel() for p in MobileNetV2().parameters()) == 3_504_872
    # torchvision's convolutions have no bias
    assert convolution_biases(lgraph) == 17_056
    assert count_learnables(lgraph) == 3_521_928
    assert "154 layers, 3,521,928 learnables" in mobilenetv2.__doc__
    assert "17,056" in mobilenetv2.__doc__


@pytest.mark.parametrize(
    ("width", "filters", "millions"),
    [
        # as Keras reports them for its networks of these widths
        (0.35, (16, 8, 8, 16, 24, 32, 56, 112, 1280), 1.66),
        (0.5, (16, 8, 16, 16, 32, 48, 80, 160, 1280), 1.95),
        (0.75, (24, 16, 24, 24, 48, 72, 120, 240, 1280), 2.61),
        (1.3, (40, 24, 32, 40, 80, 128, 208, 416, 1664), 5.34),
        (1.4, (48, 24, 32, 48, 88, 136, 224, 448, 1792), 6.06),
    ],
)
def test_widths_are_those_of_the_paper(width, filters, millions):
    lgraph = mobilenetv2(width=width)
    with torch.device("meta"):
        count = sum(p.numel() for p in MobileNetV2(filters).parameters())
    assert count_learnables(lgraph) - convolution_biases(lgraph) == count
    assert count / 1e6 == pytest.approx(millions, rel=0.02)


@pytest.mark.parametrize("size", [(64, 64), (75, 110), (33, 47)])
def test_outputs_are_those_of_plain_pytorch(size, tmp_path):
    check_outputs(BACKBONE, MobileNetV2(NARROW, 5), size, 1 / 16, tmp_path, SCALES)


def test_outputs_of_other_widths_are_those_of_plain_pytorch(tmp_path):
    filters = (16, 8, 8, 16, 24, 32, 56, 112, 1280)
    check_outputs(BACKBONE, MobileNetV2(filters, 4), (41, 50), 0.35, tmp_path, SCALES)


def test_activations_are_clipped_as_in_plain_pytorch(tmp_path):
    plain = randomize(MobileNetV2(NARROW, 5), SCALES)
    plain.features[0][1].weight.data.mul_(10)
    images = torch.randint(0, 256, (2, 3, 40, 40)).double()
    with torch.no_grad():
        scores = plain(normalize(images))
        assert (plain.features[0](normalize(images)) == 6).float().mean() > 0.1
    torch.save(plain.state_dict(), tmp_path / "net.pth")
    lgraph = mobilenetv2((40, 40), 5, width=1 / 16, weights=tmp_path / "net.pth")
    with torch.no_grad():
        torch.testing.assert_close(lgraph.compile().eval()(images), scores.softmax(1), atol=1e-9, rtol=1e-9)


def test_every_tensor_of_torchvision_belongs_to_a_layer():
    with torch.device("meta"):
        check_keys(BACKBONE, MobileNetV2())


def test_features_names_and_cutting():
    check_features(BACKBONE)
    check_names(BACKBONE)
    check_cut(BACKBONE, (40, 33))


def test_the_names_and_order():
    names = list(mobilenetv2())
    assert names[:9] == [
        *("input_1", "Conv1", "bn_Conv1", "Conv1_relu"),
        *("expanded_conv_depthwise", "expanded_conv_depthwise_BN", "expanded_conv_depthwise_relu"),
        *("expanded_conv_project", "expanded_conv_project_BN"),
    ]
    assert names[17:26] == [
        *("block_2_expand", "block_2_expand_BN", "block_2_expand_relu"),
        *("block_2_depthwise", "block_2_depthwise_BN", "block_2_depthwise_relu"),
        *("block_2_project", "block_2_project_BN", "block_2_add"),
    ]
    added = [int(name.split("_")[1]) for name in names if name.endswith("_add")]
    assert added == [2, 4, 5, 7, 8, 9, 11, 12, 14, 15]
    assert names[146:] == [
        *("block_16_project_BN", "Conv_1", "Conv_1_bn", "out_relu", "global_average_pooling2d_1"),
        *("Logits", "Logits_softmax", "ClassificationLayer_Logits"),
    ]
    sources = [end.layer for end in mobilenetv2().sources("block_2_add").values()]
    assert sources == ["block_2_project_BN", "block_1_project_BN"]


def test_differences_between_matlab_and_torchvision():
    matlab, torchvision = mobilenetv2(conventions="matlab"), mobilenetv2(conventions="torchvision")
    for name in matlab:
        ours, theirs = matlab[name], torchvision[name]
        if "Normalization" in ours.type:
            assert (ours.epsilon, theirs.epsilon) == (1e-3, 1e-5)
        elif name == "Conv1" or name.endswith("_depthwise"):
            assert (ours.padding, theirs.padding) == ("same", (1, 1, 1, 1))
            assert ours.stride == theirs.stride
        elif name != "input_1":
            assert ours == theirs
    strided = [name for name in matlab if getattr(matlab[name], "stride", 1) == (2, 2)]
    assert strided == ["Conv1", *(f"block_{block}_depthwise" for block in (1, 3, 6, 13))]


def test_every_size_and_the_errors(golden_errors):
    for size in ((1, 1), (1, 7), (4, 2)):
        net = mobilenetv2(size, 2, width=1 / 16).compile().eval()
        assert net(torch.zeros(1, 3, *size)).shape == (1, 2)
    golden_errors(
        "backbones_mobilenetv2",
        {
            "mobilenetv2((0, 4))": lambda: mobilenetv2((0, 4)),
            "mobilenetv2(width=100)": lambda: mobilenetv2(width=100),
            "mobilenetv2(include_head=2)": lambda: mobilenetv2(include_head=2),
        },
    )
