"""Programs of torch.export in files."""

import os

import pytest
import torch
from network_examples import odd_network, two_by_two, with_random_statistics

from layergraph.builders import unet_layers


def test_the_program_gives_the_scores_of_the_network(tmp_path):
    net = with_random_statistics(odd_network().compile()).train()
    assert net.to_pt2(tmp_path / "net.pt2") == {"in": ("batch", 2, "height", "width")}
    assert os.listdir(tmp_path) == ["net.pt2"]
    assert net.training
    program = torch.export.load(tmp_path / "net.pt2").module()
    for shape in ((1, 2, 11, 13), (2, 2, 12, 9)):
        x = torch.rand(shape)
        torch.testing.assert_close(program(x), net.eval()(x))


@pytest.mark.slow
def test_networks_that_halve_images_and_with_several_inputs(tmp_path):
    net = unet_layers((16, 24, 3), 2, encoder_depth=2, num_first_encoder_filters=2).compile()
    assert net.to_pt2(tmp_path / "net.pt2") == {"ImageInputLayer": ("batch", 3, "height", "width")}
    x = torch.rand(1, 3, 32, 20)
    torch.testing.assert_close(torch.export.load(tmp_path / "net.pt2").module()(x), net.eval()(x))
    net = two_by_two().compile().eval()
    net.to_pt2(tmp_path / "net.pt2")
    inputs = torch.rand(3, 1, 4, 5), torch.rand(3, 2, 4, 5)
    program = torch.export.load(tmp_path / "net.pt2").module()
    for ours, theirs in zip(net(*inputs), program(*inputs), strict=True):
        torch.testing.assert_close(theirs, ours)
