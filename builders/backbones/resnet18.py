"""ResNet-18."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from layergraph.builders.backbones.assembly import Assembly
from layergraph.builders.backbones.backbone import Backbone, BackboneSettings, Conventions, WeightsSource
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    AdditionLayer,
    MaxPooling2dLayer,
)

FILTERS = {2: 64, 3: 128, 4: 256, 5: 512}  # per stage; each stage has two blocks


def resnet18(
    image_size: Sequence[int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    include_head: bool = True,
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """ResNet-18 with MATLAB's layer names (``resnet18``): 71 layers, 11,694,312 learnables.

    Args:
        image_size: (height, width) or (height, width, channels), of any size.
        num_classes: outputs of the fully connected layer.
        include_head: ``False`` ends the network after ``res5b_relu``.
        width: multiplies every number of filters, rounded to a multiple of 8, for small networks.
        weights: ``None``, ``"imagenet"`` (torchvision's published file), or the path of a ``.pth`` or
            ``.safetensors`` file.
        conventions: ``"matlab"`` or ``"torchvision"``, which differ in the statistics that normalize the
            input; by default those of the weights, and MATLAB's without weights.

    Convolutions have a bias as in MATLAB, frozen at 0 (torchvision's have none: 4,800 learnables fewer).

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.

    >>> from layergraph.builders.backbones import resnet18
    >>> len(resnet18()), len(resnet18(include_head=False))
    (71, 67)
    """
    return RESNET18.build(image_size, num_classes, include_head, width, weights, conventions)


def _architecture(settings: BackboneSettings) -> LayerGraph:
    net = Assembly(settings.input("data", "zscore"))
    net.convolution("conv1", 7, settings.filters(64), stride=2, padding=3, bias_learn_rate_factor=0)
    net.batch_normalization("bn_conv1")
    net.relu("conv1_relu")
    net.add(MaxPooling2dLayer(3, stride=2, padding=1, name="pool1"))
    for stage, filters in FILTERS.items():
        for block in "ab":
            # ``pool1`` already halves the image before stage 2.
            stride = 2 if stage > 2 and block == "a" else 1
            _block(net, f"{stage}{block}", settings.filters(filters), stride)
    head = ("pool5", "fc1000", "prob", "ClassificationLayer_predictions")
    return net.classify(settings.num_classes, *head)


def _block(net: Assembly, block: str, filters: int, stride: int) -> None:
    """Two convolutions and a shortcut; a shortcut with stride 2 has a convolution too."""
    # Batch normalization subtracts every bias again, so the bias has nothing to learn.
    convolution = partial(net.convolution, bias_learn_rate_factor=0)
    shortcut = start = net.last
    convolution(f"res{block}_branch2a", 3, filters, stride=stride, padding=1)
    net.batch_normalization(f"bn{block}_branch2a")
    net.relu(f"res{block}_branch2a_relu")
    convolution(f"res{block}_branch2b", 3, filters, padding=1)
    residual = net.batch_normalization(f"bn{block}_branch2b")
    # Elsewhere, input and output of the block have the same size and channels, so a projection is
    # not necessary (option B of the paper).
    if stride > 1:
        convolution(f"res{block}_branch1", 1, filters, start, stride=stride)
        shortcut = net.batch_normalization(f"bn{block}_branch1")
    net.add(AdditionLayer(2, name=f"res{block}"), after=(residual, shortcut))
    net.relu(f"res{block}_relu")


def _keys() -> dict[str, str]:
    """The prefix of each layer's tensors in torchvision's file."""
    names = {"conv1": "conv1", "bn_conv1": "bn1", "fc1000": "fc"}
    for stage in FILTERS:
        for index, block in enumerate("ab"):
            # torchvision's ``layer1`` is the paper's stage 2.
            ours, theirs = f"{stage}{block}", f"layer{stage - 1}.{index}"
            for position, branch in enumerate(("branch2a", "branch2b"), 1):
                names[f"res{ours}_{branch}"] = f"{theirs}.conv{position}"
                names[f"bn{ours}_{branch}"] = f"{theirs}.bn{position}"
            if stage > 2 and block == "a":
                names[f"res{ours}_branch1"] = f"{theirs}.downsample.0"
                names[f"bn{ours}_branch1"] = f"{theirs}.downsample.1"
    return names


RESNET18 = Backbone(
    "resnet18",
    _architecture,
    {2: "conv1_relu", 4: "res2b_relu", 8: "res3b_relu", 16: "res4b_relu", 32: "res5b_relu"},
    last_feature="res5b_relu",
    keys=_keys(),
    url="https://download.pytorch.org/models/resnet18-f37072fd.pth",
)
