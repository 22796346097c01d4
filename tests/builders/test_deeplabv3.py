"""DeepLab v3: dilations of multi-grid and cascade, and the same network in plain PyTorch."""

import re
from math import ceil

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from layergraph.builders import deeplabv3_layers
from layergraph.builders.backbones import resnet50
from layergraph.graph.size_inference import infer_sizes

TINY = {"num_classes": 3, "width": 1 / 16}
COUNTS = {
    ("resnet50", "aspp"): (198, 219),
    ("resnet50", "cascade"): (273, 298),
    ("resnet101", "aspp"): (368, 406),
    ("resnet101", "cascade"): (443, 485),
}
every_network = pytest.mark.parametrize(("backbone", "variant"), COUNTS)
every_stride = pytest.mark.parametrize("stride", [8, 16])
every_convention = pytest.mark.parametrize("conventions", ["matlab", "torchvision"])


@every_network
def test_counts(backbone, variant):
    lgraph = deeplabv3_layers((513, 513), 21, backbone, variant=variant)
    assert (len(lgraph), len(lgraph.connections)) == COUNTS[backbone, variant]
    assert list(infer_sizes(lgraph).issues) == []


@every_stride
@every_network
@pytest.mark.parametrize("size", [(97, 113), (64, 96), (1, 2)])
def test_scores_have_the_stride_of_the_downsampling_factor(backbone, variant, stride, size):
    lgraph = deeplabv3_layers(size, backbone=backbone, variant=variant, downsampling_factor=stride, **TINY)
    outputs = infer_sizes(lgraph).outputs
    assert outputs["scorer"][0].spatial == tuple(ceil(n / stride) for n in size)
    assert outputs["pixelLabels"][0].spatial == size


def rates(lgraph, stage):
    return [lgraph[f"res{stage}{block}_branch2b"].dilation_factor for block in "abc"]


@every_convention
@every_stride
@pytest.mark.parametrize("grid", [(1, 2, 4), (1, 1, 1), [1, 2, 1], 2])
@pytest.mark.parametrize("backbone", ["resnet50", "resnet101"])
def test_multi_grid_and_cascade(backbone, grid, stride, conventions):
    lgraph = deeplabv3_layers(
        (64, 64),
        backbone=backbone,
        variant="cascade",
        downsampling_factor=stride,
        multi_grid=grid,
        conventions=conventions,
        **TINY,
    )
    units = [grid] * 3 if isinstance(grid, int) else grid
    for stage in (5, 6, 7, 8):  # the paper's blocks 4 to 7
        block = 2 ** (stage - 4) * 16 // stride
        assert rates(lgraph, stage) == [(block * unit,) * 2 for unit in units]
    one_by_one = {"branch2a", "branch2c", "branch1"}
    assert all(
        lgraph[name].dilation_factor == (1, 1)
        for name in lgraph
        if re.fullmatch(r"res\d\w+_branch\d\w?", name) and name.partition("_")[2] in one_by_one
    )


@every_convention
@every_stride
def test_rates_of_the_pyramid(stride, conventions):
    lgraph = deeplabv3_layers((64, 64), downsampling_factor=stride, conventions=conventions, **TINY)
    pyramid = [lgraph[f"aspp_Conv_{k}"].dilation_factor[0] for k in range(1, 6)]
    assert pyramid == [1, *(rate * 16 // stride for rate in (6, 12, 18)), 1]
    assert rates(lgraph, 5) == [(unit * 32 // stride,) * 2 for unit in (1, 2, 4)]


def test_copies_continue_the_numbers_of_the_last_stage():
    """ResNet-50 numbers its ReLUs and additions; ResNet-101 names them by block and branch."""
    lgraph = deeplabv3_layers((64, 64), backbone="resnet50", variant="cascade", **TINY)
    assert [int(name[4:]) for name in lgraph if re.fullmatch(r"add_\d+", name)] == [*range(1, 26)]
    relus = [int(name.split("_")[1]) for name in lgraph if name.startswith("activation_")]
    assert relus == [*range(1, 77)]
    lgraph = deeplabv3_layers((64, 64), backbone="resnet101", variant="cascade", **TINY)
    stage = [name for name in lgraph if re.match(r"(res|bn)5", name)]
    for copy in "678":
        assert [name for name in lgraph if re.match(f"(res|bn){copy}", name)] == [
            re.sub("^(res|bn)5", rf"\g<1>{copy}", name) for name in stage
        ]


@every_convention
@pytest.mark.parametrize("backbone", ["resnet50", "resnet101"])
def test_copies_have_the_connections_of_the_last_stage(backbone, conventions):
    lgraph = deeplabv3_layers((64, 64), backbone=backbone, variant="cascade", conventions=conventions, **TINY)
    order = [*lgraph]
    start = {5: order.index("res5a_branch2a"), 6: order.index("res6a_branch2a")}
    length = start[6] - start[5]
    for copy in (1, 2, 3):
        for index in range(start[5], start[6]):
            ours, theirs = order[index], order[index + copy * length]
            assert type(lgraph[ours]) is type(lgraph[theirs])
            assert lgraph[ours].input_names == lgraph[theirs].input_names
            for port, end in lgraph.sources(ours).items():
                distance = index - order.index(end.layer)
                source = order[index + copy * length - distance]
                assert lgraph.sources(theirs)[port].layer == source, (ours, theirs)
    assert lgraph.sources("scorer")["in"].layer == order[start[5] + 4 * length - 1]


# -- plain PyTorch -------------------------------------------------------------------------------------


class Plain:
    """DeepLab v3 on ResNet-50 with functions of torch, on the tensors of a state dict."""

    def __init__(self, tensors, stride, grid):
        self.tensors, self.stride, self.grid = tensors, stride, grid

    def conv(self, x, name, size=1, dilation=1, stride=1):
        weight, bias = self.tensors[f"{name}.weight"], self.tensors[f"{name}.bias"]
        assert weight.shape[2:] == (size, size)
        return F.conv2d(x, weight, bias, stride, (size - 1) // 2 * dilation, dilation)

    def bn(self, x, name, eps=1e-5):
        part = {p: self.tensors[f"{name}.{p}"] for p in ("running_mean", "running_var", "weight", "bias")}
        return F.batch_norm(x, **part, eps=eps)

    def block(self, x, name, stride, dilation):
        """MATLAB's bottleneck, whose first convolution has the stride."""
        start = shortcut = x
        for branch, size in (("branch2a", 1), ("branch2b", 3), ("branch2c", 1)):
            options = {"stride": stride} if branch == "branch2a" else {}
            x = self.conv(x, f"res{name}_{branch}", size, dilation if size == 3 else 1, **options)
            x = self.bn(x, f"bn{name}_{branch}", 1e-3)
            x = x if branch == "branch2c" else x.relu()
        if name.endswith("a"):
            shortcut = self.conv(start, f"res{name}_branch1", stride=stride)
            shortcut = self.bn(shortcut, f"bn{name}_branch1", 1e-3)
        return (x + shortcut).relu()

    def features(self, x, copies):
        x = self.bn(self.conv(x, "conv1", 7, stride=2), "bn_conv1", 1e-3).relu()
        x = F.max_pool2d(x, 3, 2, 1)
        denser = 16 // self.stride
        for stage, letters in {2: "abc", 3: "abcd", 4: "abcdef"}.items():
            first = {2: 1, 3: 2, 4: self.stride // 8}[stage]
            for letter in letters:
                dilation = denser if stage == 4 else 1
                x = self.block(x, f"{stage}{letter}", first if letter == "a" else 1, dilation)
        for stage in range(5, 6 + copies):
            for letter, unit in zip("abc", self.grid, strict=True):
                x = self.block(x, f"{stage}{letter}", 1, 2 ** (stage - 4) * denser * unit)
        return x

    def unit(self, x, k, size=1, dilation=1):
        return self.bn(self.conv(x, f"aspp_Conv_{k}", size, dilation), f"aspp_BatchNorm_{k}").relu()

    def pyramid(self, x):
        branches = [self.unit(x, 1)]
        for k, rate in enumerate((6, 12, 18), 2):
            branches.append(self.unit(x, k, 3, rate * 16 // self.stride))
        whole = self.unit(x.mean((2, 3), keepdim=True), 5)
        x = torch.cat([*branches, whole.expand(-1, -1, *x.shape[2:])], 1)
        return self.bn(self.conv(x, "dec_c1"), "dec_bn1").relu()


@every_stride
@pytest.mark.parametrize("variant", ["aspp", "cascade"])
@pytest.mark.parametrize("size", [(97, 113), (64, 48)])
def test_it_equals_plain_pytorch(variant, stride, size):
    lgraph = deeplabv3_layers(
        size, backbone="resnet50", variant=variant, downsampling_factor=stride, multi_grid=(1, 2, 3), **TINY
    )
    net, x = lgraph.compile().eval(), torch.randn(2, 3, *size)
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0, 0.2)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
            nn.init.uniform_(module.weight, 0.4, 0.8)
        if isinstance(module, nn.BatchNorm2d | nn.Conv2d):
            nn.init.normal_(module.bias, 0, 0.2)
    plain = Plain(net.state_dict(), stride, (1, 2, 3))
    expected = plain.features(x, 3) if variant == "cascade" else plain.pyramid(plain.features(x, 0))
    expected = plain.conv(expected, "scorer")
    expected = F.interpolate(expected, size, mode="bilinear", align_corners=False).softmax(1)
    assert expected.std() > 0.01
    torch.testing.assert_close(net(x), expected, rtol=0, atol=1e-9)


@every_network
def test_an_odd_size_trains_one_step(backbone, variant):
    lgraph = deeplabv3_layers((97, 113), 3, backbone, variant=variant, width=1 / 64)
    net, x = lgraph.compile().train(), torch.rand(2, 3, 97, 113)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    before = net.get_parameter("scorer.weight").detach().clone()
    net.loss(x, torch.randint(0, 3, (2, 97, 113))).backward()
    optimizer.step()
    assert all(torch.isfinite(p).all() for p in net.parameters())
    assert not torch.equal(before, net.get_parameter("scorer.weight"))


def test_a_file_gives_weights_to_the_backbone_and_not_to_copies(tmp_path):
    net = resnet50((64, 64), width=1 / 16).compile()
    torch.save(net.state_dict(), tmp_path / "resnet50.pth")
    lgraph = deeplabv3_layers(
        (64, 64), backbone="resnet50", variant="cascade", weights=tmp_path / "resnet50.pth", **TINY
    )
    carrying = {name for name in lgraph if lgraph[name].weights is not None and name != "input_1"}
    assert carrying == {name for name in lgraph if re.match(r"(res|bn)[2-5]|conv1|bn_conv1", name)}
    compiled = lgraph.compile().state_dict()
    for name, tensor in net.state_dict().items():
        assert name.startswith("fc1000") or torch.equal(tensor, compiled[name]), name
