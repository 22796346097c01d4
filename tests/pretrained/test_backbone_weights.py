"""Backbones with pretrained weights: published weights and files, the report, and errors."""

import hashlib
import io
import os
import re
import subprocess
import sys
from dataclasses import replace
from functools import partial

import pytest
import torch
from safetensors.torch import save_file
from torchvision_models import VGG, MobileNetV2, ResNet, normalize, randomize

from layergraph import ArgumentError, WeightsMismatchError
from layergraph.builders import deeplabv3plus_layers
from layergraph.builders.backbones import (
    BACKBONES,
    alexnet,
    mobilenetv2,
    resnet18,
    resnet50,
    vgg16,
    vgg19,
    xception,
)
from layergraph.edits import fully_convolutional
from layergraph.pretrained import download, read_tensors
from layergraph.pretrained.published import PUBLISHER

SMALL = 1 / 16


@pytest.fixture
def vgg(tmp_path):
    """VGG-16 at a small width, for images of 64×64 and 5 classes, and its file."""
    net = randomize(VGG((2, 2, 3, 3, 3), (8, 8, 16, 32, 32), 256, 5, (2, 2)), (0.4, 0.8))
    torch.save(net.state_dict(), tmp_path / "vgg.pth")
    return net, tmp_path / "vgg.pth"


def images(size=64):
    return torch.randint(0, 256, (2, 3, size, size)).double()


# -- published weights ---------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.usefixtures("double_precision")
def test_published_weights_give_the_outputs_of_plain_pytorch(server, cache):
    plain = randomize(MobileNetV2(), (0.6, 1.0))
    file = io.BytesIO()
    torch.save(plain.state_dict(), file)
    server.content = file.getvalue()
    digest = hashlib.sha256(server.content).hexdigest()[:8]
    backbone = replace(BACKBONES["mobilenetv2"], url=f"{PUBLISHER}/mobilenet_v2-{digest}.pth")
    lgraph = backbone.build((64, 64), 1000, True, 1.0, "imagenet", None)
    assert lgraph[lgraph.input_names[0]].normalization == "zscore"
    x = images()
    with torch.no_grad():
        expected = plain(normalize(x)).softmax(1)
        torch.testing.assert_close(lgraph.compile().eval()(x).flatten(1), expected, atol=1e-9, rtol=1e-9)
    backbone.encoder((64, 64), weights="imagenet")
    assert server.paths == [f"/mirror/mobilenet_v2-{digest}.pth"]
    assert [path.name for path in cache.iterdir()] == [f"mobilenet_v2-{digest}.pth"]


@pytest.mark.parametrize("backbone", [b for b in BACKBONES.values() if b.url], ids=lambda b: b.name)
def test_every_published_file_has_a_hash_to_check(backbone, server):
    """The test server has other files under these names."""
    assert backbone.url.startswith(f"{PUBLISHER}/")
    with pytest.raises(ValueError, match="the server sent another file than the published one"):
        download(backbone.url)
    assert server.paths == [f"/mirror/{backbone.url.rpartition('/')[2]}"]


def test_wrong_arguments_are_refused_before_any_download(golden_errors, server, tmp_path):
    (tmp_path / "folder").mkdir()
    golden_errors(
        "backbone_weights",
        {
            "another width": lambda: resnet18(width=0.5, weights="imagenet"),
            "other channels": lambda: vgg16((224, 224, 1), weights="imagenet"),
            "none published": lambda: BACKBONES["xception"].encoder((299, 299), weights="imagenet"),
            "misspelt": lambda: vgg16(weights="imagnet"),
            "no such file": lambda: vgg16(weights="vgg.pth"),
            "no text": lambda: vgg16(weights=True),
            "a folder": lambda: vgg16(weights=tmp_path / "folder"),
        },
        hide=str(tmp_path),
    )
    assert server.paths == []


# -- files ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("double_precision")
@pytest.mark.parametrize("extension", ["pth", "safetensors"])
def test_a_file_of_torchvision_sets_its_conventions(vgg, extension, tmp_path):
    plain, path = vgg
    if extension == "safetensors":
        path = tmp_path / "vgg.safetensors"
        save_file(plain.state_dict(), path)
    x = images()
    lgraph = vgg16((64, 64), 5, width=SMALL, weights=path)
    with torch.no_grad():
        torch.testing.assert_close(lgraph.compile().eval()(x).flatten(1), plain(normalize(x)).softmax(1))
    convolutional = fully_convolutional(lgraph)
    with torch.no_grad():
        scores = convolutional.compile().eval()(x)
        torch.testing.assert_close(scores[:, :, 0, 0], plain(normalize(x)).softmax(1))
        assert convolutional.compile()(images(96)).shape == (2, 5, 2, 2)
    matlab = vgg16((64, 64), 5, width=SMALL, weights=path, conventions="matlab")
    assert matlab["input"] == vgg16((64, 64))["input"]


def for_any_channels(lgraph):
    """The graph as it is without weights: its first convolution then takes any number of channels."""
    ((_, end),) = lgraph.destinations(lgraph.input_names[0])
    return lgraph.replace_layer(end.layer, replace(lgraph[end.layer], num_channels="auto"))


@pytest.mark.slow
@pytest.mark.parametrize("conventions", ["matlab", "torchvision"])
@pytest.mark.parametrize("build", [vgg16, resnet18, mobilenetv2, alexnet], ids=lambda build: build.__name__)
def test_files_of_layergraph_keep_their_conventions(build, conventions, tmp_path):
    """Whether weights were attached and saved, or trained; and whatever else is built with them."""
    small = partial(build, (72, 80), 5, width=SMALL)
    made = small(conventions=conventions).compile().layer_graph()
    attached = made.with_weights(dict.fromkeys(made.input_names))
    for lgraph in (made, attached):
        lgraph.save(tmp_path / "net.safetensors")
        assert for_any_channels(small(weights=tmp_path / "net.safetensors")) == lgraph
        other = build((90, 100), width=SMALL, weights=tmp_path / "net.safetensors", include_head=False)
        inputs = lgraph[lgraph.input_names[0]], other[other.input_names[0]]
        assert inputs[0].normalization == inputs[1].normalization
    torch.save(made.compile().state_dict(), tmp_path / "net.pth")
    assert for_any_channels(small(weights=tmp_path / "net.pth")) == made


@pytest.mark.parametrize("conventions", ["matlab", "torchvision"])
@pytest.mark.parametrize("build", [resnet18, resnet50, mobilenetv2, vgg16])
def test_gray_networks_keep_their_conventions_or_ask_for_them(build, conventions, tmp_path):
    """The statistics of gray images are unknown in both conventions, so the layers of the file decide."""

    def details(lgraph):
        return [
            [getattr(layer, name, None) for name in ("name", "stride", "padding", "epsilon")]
            for layer in lgraph.layers
        ]

    small = partial(build, (72, 80, 1), 5, width=1 / 64)
    lgraph = small(conventions=conventions)
    lgraph.compile().layer_graph().save(tmp_path / "net.safetensors")
    assert details(small(weights=tmp_path / "net.safetensors")) == details(lgraph)
    torch.save(lgraph.compile().state_dict(), tmp_path / "net.pth")
    if build in (resnet18, vgg16):  # only the normalization differs
        assert details(small(weights=tmp_path / "net.pth")) == details(lgraph)
    else:
        with pytest.raises(ArgumentError, match=r"conventions must be given for .*net\.pth"):
            small(weights=tmp_path / "net.pth")


@pytest.mark.parametrize("channels", [1, 3])
def test_deeplabv3plus_follows_the_conventions_whatever_the_channels(channels):
    build = partial(deeplabv3plus_layers, (72, 80, channels), 2, "resnet18", width=1 / 64)
    for names, padding in ((("matlab", "MATLAB"), "same"), (("torchvision", "Torchvision"), (1, 1, 1, 1))):
        for name in names:
            assert build(conventions=name)["res4a_branch2a"].padding == padding


def test_deeplabv3plus_reads_a_file_once(tmp_path, monkeypatch):
    path = tmp_path / "net.safetensors"
    resnet18((72, 80), 5, width=1 / 64).compile().layer_graph().save(path)
    reads = []
    monkeypatch.setattr(
        "layergraph.pretrained.read_tensors", lambda source: reads.append(source) or read_tensors(source)
    )
    deeplabv3plus_layers((72, 80), 2, "resnet18", width=1 / 64, weights=path)
    assert reads == [path]


@pytest.mark.parametrize("conventions", ["matlab", "torchvision"])
@pytest.mark.parametrize("build", [resnet50, xception], ids=lambda build: build.__name__)
def test_saved_networks_keep_the_details_of_their_conventions(build, conventions, tmp_path):
    """Strides, paddings and epsilons, which no shape of a tensor shows."""
    lgraph = build((72, 80), 5, width=1 / 64, conventions=conventions).compile().layer_graph()
    lgraph.save(tmp_path / "net.safetensors")
    loaded = build((72, 80), 5, width=1 / 64, weights=tmp_path / "net.safetensors")
    assert for_any_channels(loaded) == lgraph


def test_weights_of_the_head_are_left_out_for_another_number_of_classes(vgg, caplog):
    _, path = vgg
    with caplog.at_level("INFO", logger="layergraph"):
        lgraph = vgg16((64, 64), 21, width=SMALL, weights=path)
    assert lgraph["fc8"].weights is None
    assert lgraph["fc7"].weights is not None
    (message,) = caplog.messages
    assert message == (
        f"weights from {str(path)!r}: 30 tensors loaded into 15 layers; 2 of the file skipped; "
        "1 layer without weights: 'fc8'"
    )
    assert lgraph.compile()(images().float()).shape == (2, 21)


def test_messages_about_files_that_do_not_fit(golden_errors, vgg, tmp_path):
    plain, path = vgg
    resnet = randomize(ResNet((2, 2, 2, 2), False, (8, 8, 16, 32), 5), (0.4, 0.8))
    torch.save(resnet.state_dict(), tmp_path / "resnet.pth")
    vgg16((64, 64), 5, width=SMALL).compile().layer_graph().save(tmp_path / "vgg16.safetensors")
    owl = alexnet((72, 80), 5, width=SMALL, conventions="torchvision").compile()
    tensors = {
        f"{key}.{name}": tensor
        for layer, key in BACKBONES["alexnet"].keys.items()
        for name, tensor in owl.layer_module(layer).state_dict().items()
    }
    torch.save(tensors, tmp_path / "alexnet.pth")
    del plain.features[0].bias
    torch.save(plain.state_dict() | {"features.28.weight": torch.zeros(1)}, tmp_path / "odd.pth")
    fits = partial(vgg16, (64, 64), 5, width=SMALL)
    golden_errors(
        "backbone_files",
        {
            "another width": lambda: vgg16((64, 64), 5, width=1 / 4, weights=path),
            "another image size": lambda: vgg16((96, 96), 5, width=SMALL, weights=path),
            "other channels": lambda: vgg16((64, 64, 4), 5, width=SMALL, weights=path),
            "another network": lambda: fits(weights=tmp_path / "resnet.pth"),
            "a smaller network": lambda: vgg19((64, 64), 5, width=SMALL, weights=path),
            "a smaller network by layer names": lambda: vgg19(
                (64, 64), 5, width=SMALL, weights=tmp_path / "vgg16.safetensors"
            ),
            "one wrong tensor": lambda: fits(weights=tmp_path / "odd.pth"),
            "matlab's layers": lambda: alexnet(
                (72, 80), 5, width=SMALL, weights=tmp_path / "alexnet.pth", conventions="matlab"
            ),
        },
        hide=str(tmp_path),
    )
    with pytest.raises(WeightsMismatchError) as caught:
        fits(weights=tmp_path / "odd.pth")
    assert caught.value.faults == (("conv5_3", "'features.28.weight' is 1, expected 32×32×3×3"),)


def test_arguments_are_checked_before_the_file(tmp_path):
    with pytest.raises(ArgumentError, match="num_classes"):
        vgg16(num_classes=0, weights=tmp_path / "nothing.pth")


# -- the command line ----------------------------------------------------------------------------------


@pytest.mark.slow  # two processes that import torch
def test_the_command_line_prints_the_summary_of_the_report(vgg, tmp_path):
    _, path = vgg
    arguments = ["vgg16", "--image-size", "64", "64", "--width", str(SMALL), "--num-classes", "7"]
    command = [sys.executable, "-m", "layergraph", "analyze", *arguments, "--format", "json"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    run = partial(subprocess.run, capture_output=True, text=True, env=environment)
    result = run([*command, "--weights", str(path)])
    assert result.returncode == 0, result.stderr
    assert result.stderr == (
        f"weights from {str(path)!r}: 30 tensors loaded into 15 layers; 2 of the file skipped; "
        "1 layer without weights: 'fc8'\n"
    )
    (tmp_path / "no.pth").write_bytes(b"")
    result = run([*command, "--weights", str(tmp_path / "no.pth")])
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(r"layergraph: '.*no.pth' is empty, expected weights\n", result.stderr)
