"""VGG-16 and VGG-19: counts, names, and outputs equal to those of plain PyTorch."""

from functools import partial

import pytest
import torch
from backbone_contract import (
    check_cut,
    check_features,
    check_keys,
    check_names,
    check_outputs,
    count_learnables,
)
from torchvision_models import VGG

from layergraph.builders.backbones import BACKBONES, vgg16, vgg19

PLAIN = {"vgg16": partial(VGG, (2, 2, 3, 3, 3)), "vgg19": partial(VGG, (2, 2, 4, 4, 4))}
every_vgg = pytest.mark.parametrize("name", PLAIN)


@pytest.mark.parametrize(("build", "layers", "count"), [(vgg16, 41, 138_357_544), (vgg19, 47, 143_667_240)])
def test_the_counts(build, layers, count):
    lgraph = build()
    assert (len(lgraph), len(lgraph.connections), count_learnables(lgraph)) == (layers, layers - 1, count)
    with torch.device("meta"):  # torchvision's has biases too: the same number
        assert sum(p.numel() for p in PLAIN[build.__name__]().parameters()) == count


@every_vgg
@pytest.mark.parametrize(("size", "grid"), [((64, 64), (2, 2)), ((75, 110), (2, 3)), ((33, 47), (1, 1))])
def test_outputs_are_those_of_plain_pytorch(name, size, grid, tmp_path):
    plain = PLAIN[name]((8, 8, 16, 32, 32), 256, 5, grid)
    check_outputs(BACKBONES[name], plain, size, 1 / 16, tmp_path)


@every_vgg
def test_every_tensor_of_torchvision_belongs_to_a_layer(name):
    with torch.device("meta"):
        check_keys(BACKBONES[name], PLAIN[name]())


@every_vgg
def test_features_names_and_cutting(name):
    check_features(BACKBONES[name])
    check_names(BACKBONES[name])
    check_cut(BACKBONES[name], (40, 33))


def test_the_names():
    assert list(vgg16())[:6] == ["input", "conv1_1", "relu1_1", "conv1_2", "relu1_2", "pool1"]
    ends = ["fc6", "relu6", "drop6", "fc7", "relu7", "drop7", "fc8", "prob", "output"]
    for build, last in ((vgg16, "relu5_3"), (vgg19, "relu5_4")):
        assert list(build())[-11:] == [last, "pool5", *ends]
        assert list(build()) == [*build().order]


def test_errors_of_small_images(golden_errors):
    assert len(vgg16((32, 32), 2)) == 41
    golden_errors(
        "backbones_vgg",
        {
            "vgg16((31, 64))": lambda: vgg16((31, 64)),
            "vgg19((64, 1), include_head=False)": lambda: vgg19((64, 1), include_head=False),
        },
    )
