"""AlexNet against torchvision's network and the first paper's, both written out in plain PyTorch."""

import pytest
import torch
import torch.nn.functional as F
from backbone_contract import check_one_step_lowers_the_loss, count_learnables, random_images
from torch import nn

from layergraph.builders.backbones import BACKBONES, alexnet
from layergraph.graph.size_inference import infer_sizes

NARROW = {"num_classes": 5, "width": 1 / 8}


class Torchvision(nn.Module):
    """torchvision's network with an eighth of its filters."""

    def __init__(self, classes):
        super().__init__()
        pool = nn.MaxPool2d(3, 2)
        self.features = nn.Sequential(
            *(nn.Conv2d(3, 8, 11, 4, 2), nn.ReLU(), pool),
            *(nn.Conv2d(8, 24, 5, padding=2), nn.ReLU(), pool),
            *(nn.Conv2d(24, 48, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(48, 32, 3, padding=1), nn.ReLU()),
            *(nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(), pool),
        )
        self.classifier = nn.Sequential(
            *(nn.Dropout(), nn.Linear(32 * 36, 512), nn.ReLU()),
            *(nn.Dropout(), nn.Linear(512, 512), nn.ReLU()),
            nn.Linear(512, classes),
        )

    def forward(self, x):
        return self.classifier(F.adaptive_avg_pool2d(self.features(x), 6).flatten(1))


@pytest.mark.parametrize("size", [224, 227])
def test_torchvision_s_files_give_torchvision_s_outputs(tmp_path, size):
    peer = Torchvision(5).eval()
    for parameter in peer.parameters():
        nn.init.normal_(parameter, std=0.05)
    torch.save(peer.state_dict(), tmp_path / "alexnet.pth")
    lgraph = alexnet((size, size), weights=tmp_path / "alexnet.pth", **NARROW)
    x = torch.rand(2, 3, size, size) * 255
    mean, deviation = (torch.tensor(v).view(3, 1, 1) for v in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)))
    net = lgraph.compile().eval()
    expected = peer((x / 255 - mean) / deviation)
    assert expected.std() > 0.1
    (logits,) = net.activations(x, ["fc8"])
    torch.testing.assert_close(logits.flatten(1), expected, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(net(x).flatten(1), expected.softmax(1), atol=1e-9, rtol=0)


def convolve_groups(x, layer):
    """A convolution of each half of the channels with its half of the filters."""
    weights, biases = layer.weight.chunk(2), layer.bias.chunk(2)
    halves = zip(x.chunk(2, dim=1), weights, biases, strict=True)
    return torch.cat([F.conv2d(half, w, b, padding=w.shape[-1] // 2) for half, w, b in halves], dim=1)


def normalize_across_channels(x):
    """Each number divided by (1 + 0.0001 / 5 * the sum of squares in five channels) ^ 0.75."""
    squares = F.pad(x**2, (0, 0, 0, 0, 2, 2))
    total = sum(squares[:, i : i + x.shape[1]] for i in range(5))
    return x / (1 + 1e-4 / 5 * total) ** 0.75


def test_matlab_s_network_has_groups_and_normalization():
    net = alexnet(**NARROW).compile().eval()
    c = {name: net.layer_module(name) for name in ("conv1", *(f"conv{i}" for i in range(2, 6)))}
    fc = [net.layer_module(f"fc{i}") for i in (6, 7, 8)]
    x = torch.rand(2, 3, 227, 227) * 255
    y = normalize_across_channels(F.conv2d(x, c["conv1"].weight, c["conv1"].bias, stride=4).relu())
    assert not torch.allclose(y, F.conv2d(x, c["conv1"].weight, c["conv1"].bias, stride=4).relu(), rtol=1e-3)
    y = normalize_across_channels(convolve_groups(F.max_pool2d(y, 3, 2), c["conv2"]).relu())
    y = F.conv2d(F.max_pool2d(y, 3, 2), c["conv3"].weight, c["conv3"].bias, padding=1).relu()
    y = convolve_groups(convolve_groups(y, c["conv4"]).relu(), c["conv5"]).relu()
    y = F.max_pool2d(y, 3, 2).flatten(1)
    for layer in fc[:2]:
        y = F.linear(y, layer.weight, layer.bias).relu()
    expected = F.linear(y, fc[2].weight, fc[2].bias)
    (logits,) = net.activations(x, ["fc8"])
    torch.testing.assert_close(logits.flatten(1), expected, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(net(x).flatten(1), expected.softmax(1), atol=1e-9, rtol=0)


def test_names_and_counts():
    lgraph = alexnet()
    assert list(lgraph) == [
        *("data", "conv1", "relu1", "norm1", "pool1", "conv2", "relu2", "norm2", "pool2"),
        *("conv3", "relu3", "conv4", "relu4", "conv5", "relu5", "pool5"),
        *("fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8", "prob", "output"),
    ]
    assert (len(lgraph.connections), count_learnables(lgraph)) == (24, 60_965_224)
    assert list(infer_sizes(lgraph).issues) == []
    assert [infer_sizes(lgraph).outputs[n][0].spatial[0] for n in ("conv1", "pool1", "pool2", "pool5")] == [
        *(55, 27, 13, 6)
    ]
    other = alexnet(conventions="torchvision")
    assert list(other) == [name for name in lgraph if not name.startswith("norm")]
    assert (
        count_learnables(other)
        == count_learnables(alexnet((224, 224), conventions="torchvision"))
        == 61_100_840
    )


def test_an_encoder_ends_with_the_last_pooling():
    encoder = alexnet(include_head=False)
    assert list(encoder) == list(alexnet())[:16]
    assert encoder["conv1"].num_channels == "auto"
    of_builders = BACKBONES["alexnet"].encoder((227, 227))
    assert of_builders.replace_layer("conv1", encoder["conv1"]) == encoder


@pytest.mark.parametrize("conventions", ["matlab", "torchvision"])
def test_one_training_step_lowers_the_loss(conventions):
    check_one_step_lowers_the_loss(alexnet((75, 90, 1), 3, width=1 / 16, conventions=conventions))


def test_the_smallest_images():
    assert random_images(alexnet((67, 67), width=1 / 16)).shape == (2, 3, 67, 67)
    assert random_images(alexnet((63, 63), width=1 / 16, conventions="torchvision")).shape == (2, 3, 63, 63)


def test_errors(golden_errors):
    golden_errors(
        "alexnet",
        {
            "too small": lambda: alexnet((66, 200)),
            "too small for torchvision's": lambda: alexnet((100, 62), conventions="torchvision"),
            "no image size": lambda: alexnet((227,)),
            "one class": lambda: alexnet(num_classes=1),
            "conventions": lambda: alexnet(conventions="caffe"),
            "width": lambda: alexnet(width=0),
        },
    )
