"""ResNet-50."""

from __future__ import annotations

from collections.abc import Sequence

from layergraph.builders.backbones.backbone import Backbone, Conventions, Weights
from layergraph.builders.backbones.bottleneck import Block, Bottlenecks
from layergraph.graph.layer_graph import LayerGraph


def resnet50(
    image_size: Sequence[int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    include_head: bool = True,
    width: float = 1.0,
    weights: Weights = None,
    conventions: Conventions = "auto",
) -> LayerGraph:
    """ResNet-50 with MATLAB's layer names (``resnet50``): 177 layers, 25,583,592 learnables.

    Args:
        image_size: (height, width) or (height, width, channels), of any size.
        num_classes: outputs of the fully connected layer.
        include_head: ``False`` ends after ``activation_49_relu``.
        width: multiplies every number of filters, rounded to a multiple of 8: small nets for trying out.
        weights: ``None``, ``"imagenet"`` (torchvision's published file), or the path of a ``.pth`` or
            ``.safetensors`` file.
        conventions: whose details to follow where MATLAB and torchvision differ. MATLAB subsamples by the
            first 1×1 convolution of a stage and has epsilons of 0.001, torchvision by the first 3×3 and
            0.00001; the input is normalized differently. ``"auto"`` follows the weights, and MATLAB without
            them.

    Convolutions have a bias as in MATLAB, frozen at 0 in the blocks (torchvision's have none: 26,560
    learnables fewer).

    Source: K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.

    >>> from layergraph.builders.backbones import resnet50
    >>> len(resnet50()), len(resnet50(include_head=False))
    (177, 173)
    """
    return RESNET50.build(image_size, num_classes, include_head, width, weights, conventions)


def _block(index: int, name: str) -> Block:
    """MATLAB counts the ReLUs and additions of ResNet-50 through."""
    first, second, third = (f"activation_{3 * index + number}_relu" for number in (2, 3, 4))
    return Block(name, (first, second, third), f"add_{index + 1}")


_NAMES = ("2a", "2b", "2c", "3a", "3b", "3c", "3d", "4a", "4b", "4c", "4d", "4e", "4f", "5a", "5b", "5c")

_NET = Bottlenecks(
    blocks=tuple(_block(index, name) for index, name in enumerate(_NAMES)),
    input="input_1",
    relu="activation_1_relu",
    pool="max_pooling2d_1",
    head=("avg_pool", "fc1000", "fc1000_softmax", "ClassificationLayer_fc1000"),
    epsilon=0.001,
    padding="same",
    pool_padding=1,
    bias=1,
    joined=True,
)

RESNET50 = Backbone(
    "resnet50",
    _NET.graph,
    _NET.features(),
    last_feature="activation_49_relu",
    keys=_NET.keys(),
    url="https://download.pytorch.org/models/resnet50-0676ba61.pth",
)
