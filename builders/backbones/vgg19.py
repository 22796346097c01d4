"""VGG-19."""

from __future__ import annotations

from collections.abc import Sequence

from layergraph.builders.backbones.backbone import Backbone, Conventions, Weights
from layergraph.builders.backbones.vgg import features, keys, vgg
from layergraph.graph.layer_graph import LayerGraph

CONVOLUTIONS = (2, 2, 4, 4, 4)


def vgg19(
    image_size: Sequence[int] = (224, 224, 3),
    num_classes: int = 1000,
    *,
    include_head: bool = True,
    width: float = 1.0,
    weights: Weights = None,
    conventions: Conventions = "auto",
) -> LayerGraph:
    """VGG-19 with MATLAB's layer names (``vgg19``): 47 layers, 143,667,240 learnables.

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
    ICLR 2015, configuration E.

    >>> from layergraph.builders.backbones import vgg19
    >>> len(vgg19()), len(vgg19(include_head=False))
    (47, 38)
    """
    return VGG19.build(image_size, num_classes, include_head, width, weights, conventions)


VGG19 = Backbone(
    "vgg19",
    lambda to: vgg(to, CONVOLUTIONS),
    features(CONVOLUTIONS),
    last_feature="pool5",
    keys=keys(CONVOLUTIONS),
    url="https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
)
