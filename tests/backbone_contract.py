"""The contract of every backbone, checked against the same network in plain PyTorch."""

from math import prod
from pathlib import Path

import torch
from torch import nn
from torchvision_models import normalize, randomize

from layergraph import LayerGraph, SoftmaxLayer
from layergraph.builders.backbones import Backbone
from layergraph.edits import cut_after
from layergraph.graph.size_inference import infer_sizes

PARAMETERS = {"Weights": "weight", "Bias": "bias", "Scale": "weight", "Offset": "bias"}
CLOSE = {"atol": 1e-9, "rtol": 1e-9}


def count_learnables(lgraph: LayerGraph, kind: str = "learnables", frozen: bool | None = None) -> int:
    """The number of learnables (or states) of a graph: all, or only the frozen or the learning ones."""
    inputs = infer_sizes(lgraph).inputs
    return sum(
        prod(size)
        for name in lgraph
        for learnable, size in getattr(lgraph[name], kind)(list(inputs[name])).items()
        if frozen is None or (lgraph[name].factors()[PARAMETERS[learnable]][0] == 0) == frozen
    )


def random_images(lgraph: LayerGraph, batch: int = 2) -> torch.Tensor:
    """Random pixels of the size of the input layer."""
    (name,) = lgraph.input_names
    return torch.rand(batch, *lgraph[name].output_sizes([])[0].tensor_shape[1:]) * 255


def check_one_step_lowers_the_loss(lgraph: LayerGraph, rate: float = 1e-3) -> None:
    """One step of gradient descent, without dropout and with fixed statistics so that losses compare."""
    net, x = lgraph.compile().eval(), random_images(lgraph, batch=4) / 255
    target = torch.randint(0, net(x).shape[1], (4, *net(x).shape[2:]))
    before = net.loss(x, target)
    before.backward()
    assert all(p.grad is not None for p in net.parameters())
    torch.optim.SGD(net.parameters(), lr=rate).step()
    assert net.loss(x, target) < before


def convolution_biases(lgraph: LayerGraph) -> int:
    inputs = infer_sizes(lgraph).inputs
    return sum(
        prod(lgraph[n].learnables(list(inputs[n]))["Bias"]) for n in lgraph if "Convolution" in lgraph[n].type
    )


def scores_layer(lgraph: LayerGraph) -> str:
    """The layer before softmax, because softmax would hide small differences."""
    (softmax,) = (n for n in lgraph if isinstance(lgraph[n], SoftmaxLayer))
    return lgraph.sources(softmax)["in"].layer


def check_outputs(
    backbone: Backbone,
    plain: nn.Module,
    size: tuple[int, int],
    width: float,
    folder: Path,
    scales: tuple[float, float] = (0.4, 0.8),
) -> None:
    """With the weights of a file, the backbone computes the features and scores of the plain network."""
    classes = randomize(plain, scales)(torch.zeros(1, 3, *size)).shape[1]
    torch.save(plain.state_dict(), folder / "net.pth")
    lgraph = backbone.build(size, classes, True, width, folder / "net.pth", None)
    net = lgraph.compile().eval()
    images = torch.randint(0, 256, (3, 3, *size)).double()
    with torch.no_grad():
        scores, features = plain(normalize(images)), plain.strides(normalize(images))
        torch.testing.assert_close(net(images), scores.softmax(1), **CLOSE)
        ours, *ours_by_stride = net.activations(images, [scores_layer(lgraph), *backbone.features.values()])
        encoded = backbone.encoder(size, width=width, weights=folder / "net.pth").compile().eval()(images)
    torch.testing.assert_close(ours.flatten(1), scores, **CLOSE)
    assert scores.std(0).max() > 1e-3  # the scores depend on the images
    assert [*features] == [*backbone.features]
    for stride, result in zip(features, ours_by_stride, strict=True):
        torch.testing.assert_close(result, features[stride], **CLOSE)
    torch.testing.assert_close(encoded, features[32], **CLOSE)


def check_keys(backbone: Backbone, plain: nn.Module) -> None:
    """Every tensor of the plain network belongs to a layer, and every layer that learns has its tensors."""
    tensors = {key for key in plain.state_dict() if not key.endswith("num_batches_tracked")}
    assert {key.rpartition(".")[0] for key in tensors} == {*backbone.keys.values()}
    lgraph = backbone.build(backbone.image_size, 1000, True, 1, None, "torchvision")
    inputs = infer_sizes(lgraph).inputs
    assert {*backbone.keys} == {n for n in lgraph if lgraph[n].learnables(list(inputs[n]))}
    assert len({*backbone.keys.values()}) == len(backbone.keys)


def check_counts(lgraph: LayerGraph, layers: int, connections: int, published: int) -> None:
    """Layers, connections, and learnables without biases of convolutions, which torchvision does not have."""
    assert (len(lgraph), len(lgraph.connections)) == (layers, connections)
    assert lgraph.order == tuple(lgraph)
    assert count_learnables(lgraph) - convolution_biases(lgraph) == published
    assert list(infer_sizes(lgraph, "network").issues) == []


def check_cut(backbone: Backbone, size: tuple[int, int]) -> None:
    """A network cut after any of its features computes the same features with the same weights."""
    net = backbone.build(size, 3, True, 1 / 16, None, None).compile().eval()
    images = torch.rand(2, 3, *size) * 255
    whole = net.layer_graph()
    expected = net.activations(images, [*backbone.features.values()])
    for name, features in zip(backbone.features.values(), expected, strict=True):
        part = cut_after(whole, name)
        assert [*part][-1] == name
        torch.testing.assert_close(part.compile().eval()(images), features, rtol=0, atol=0)


def check_features(backbone: Backbone) -> None:
    """Features have the stride of their entry, also with torchvision's conventions."""
    for conventions in ("matlab", "torchvision"):
        sizes = infer_sizes(backbone.encoder((96, 160), width=1 / 16, conventions=conventions)).outputs
        for stride, name in backbone.features.items():
            assert sizes[name][0].spatial == (96 // stride, 160 // stride)
        assert [*backbone.features][-1] == 32
        assert backbone.features[32] == backbone.last_feature


def check_names(backbone: Backbone) -> None:
    """Names, order and connections do not depend on width, size or conventions."""
    whole = backbone.build((224, 224), 1000, True, 1, None, "matlab")
    for width in (1 / 64, 1 / 4, 2):
        for conventions in ("matlab", "torchvision"):
            other = backbone.build((67, 35, 3), 2, True, width, None, conventions)
            assert [*other] == [*whole]
            assert other.connections == whole.connections
            part = backbone.build((67, 35, 3), 2, False, width, None, conventions)
            assert [*part] == [*whole][: len(part)]
            assert [*part][-1] == backbone.last_feature
