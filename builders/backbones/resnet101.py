"""ResNet-101."""

from __future__ import annotations

from collections.abc import Sequence

from layergraph.builders.backbones.backbone import Backbone, Conventions, Weights
from layergraph.builders.backbones.bottleneck import Block, Bottlenecks
from layergraph.graph.layer_graph import LayerGraph


def resnet101(
    image_size: Sequence[int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    include_head: bool = True,
    width: float = 1.0,
    weights: Weights = None,
    conventions: Conventions = "auto",
) -> LayerGraph:
    """ResNet-101 with MATLAB's layer names (``resnet101``): 347 layers, 44,601,832 learnables.

    Args:
        image_size: (height, width) or (height, width, channels), at least 3×3.
        num_classes: outputs of the fully connected layer.
        include_head: ``False`` ends after ``res5c_relu``.
        width: multiplies every number of filters, rounded to a multiple of 8: small nets for trying out.
        weights: ``None``, ``"imagenet"`` (torchvision's published file), or the path of a ``.pth`` or
            ``.safetensors`` file.
        conventions: whose details to follow where MATLAB and torchvision differ. MATLAB subsamples by the
            first 1×1 convolution of a stage, torchvision by the first 3×3; the padding of ``pool1`` and the
            normalization of the input differ. ``"auto"`` follows the weights, and MATLAB without them.

    Convolutions have a bias as in MATLAB, frozen at 0 (torchvision's have none: 52,672 learnables fewer).

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.

    >>> from layergraph.builders.backbones import resnet101
    >>> len(resnet101()), len(resnet101(include_head=False))
    (347, 343)
    """
    return RESNET101.build(image_size, num_classes, include_head, width, weights, conventions)


def _block(name: str) -> Block:
    """Names as in the first released model: every layer is called by its block and branch."""
    relus = (f"res{name}_branch2a_relu", f"res{name}_branch2b_relu", f"res{name}_relu")
    return Block(name, relus, f"res{name}")


_NAMES = (
    *("2a", "2b", "2c"),
    *("3a", *(f"3b{index}" for index in range(1, 4))),
    *("4a", *(f"4b{index}" for index in range(1, 23))),
    *("5a", "5b", "5c"),
)

_NET = Bottlenecks(
    blocks=tuple(map(_block, _NAMES)),
    input="data",
    relu="conv1_relu",
    pool="pool1",
    head=("pool5", "fc1000", "prob", "ClassificationLayer_predictions"),
    epsilon=1e-5,
    padding=1,
    pool_padding=(0, 1, 0, 1),
    bias=0,
    joined=False,
)

RESNET101 = Backbone(
    "resnet101",
    _NET.graph,
    _NET.features(),
    last_feature="res5c_relu",
    keys=_NET.keys(),
    url="https://download.pytorch.org/models/resnet101-63fe2227.pth",
)
