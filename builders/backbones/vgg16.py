"""VGG-16."""

from __future__ import annotations

from collections.abc import Sequence

from layergraph.builders.backbones.backbone import Backbone, Conventions, Weights
from layergraph.builders.backbones.vgg import features, keys, vgg
from layergraph.graph.layer_graph import LayerGraph

CONVOLUTIONS = (2, 2, 3, 3, 3)


def vgg16(
    image_size: Sequence[int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    include_head: bool = True,
    width: float = 1.0,
    weights: Weights = None,
    conventions: Conventions = "auto",
) -> LayerGraph:
    """VGG-16 with MATLAB's layer names (``vgg16``): 41 layers, 138,357,544 learnables.

    Args:
        image_size: (height, width) or (height, width, channels), at least 32×32.
        num_classes: outputs of the last fully connected layer.
        include_head: ``False`` ends after ``pool5``.
        width: multiplies every number of filters, rounded to a multiple of 8: small nets for trying out.
        weights: ``None``, ``"imagenet"`` (torchvision's published file), or the path of a ``.pth`` or
            ``.safetensors`` file.
        conventions: whose details to follow where MATLAB and torchvision differ; here, the normalization of
            the input. ``"auto"`` follows the weights, and MATLAB without them.

    Source: K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition",
    ICLR 2015, configuration D.

    >>> from layergraph.builders.backbones import vgg16
    >>> len(vgg16()), len(vgg16(include_head=False))
    (41, 32)
    """
    return VGG16.build(image_size, num_classes, include_head, width, weights, conventions)


VGG16 = Backbone(
    "vgg16",
    lambda to: vgg(to, CONVOLUTIONS),
    features(CONVOLUTIONS),
    last_feature="pool5",
    keys=keys(CONVOLUTIONS),
    url="https://download.pytorch.org/models/vgg16-397923af.pth",
)
