"""FCN: a fully convolutional classifier with scores upsampled to the size of the image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal, get_args

from layergraph.builders.backbones import find_backbone
from layergraph.builders.backbones.backbone import Conventions, WeightsSource
from layergraph.builders.parts.builder_arguments import check_image_size, image_channels
from layergraph.edits import cut_after, fully_convolutional, with_input_size
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    AdditionLayer,
    Convolution2dLayer,
    Crop2dLayer,
    Layer,
    MaxPooling2dLayer,
    PixelClassificationLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
)
from layergraph.layers.arguments import choice, whole

FcnBackbone = Literal["alexnet", "vgg16", "vgg19"]
NUM_FUSED = {"32s": 0, "16s": 1, "8s": 2}  # poolings whose scores are added


def fcn_layers(
    image_size: Sequence[int],
    num_classes: int,
    type: Literal["8s", "16s", "32s"] = "8s",
    *,
    backbone: FcnBackbone = "vgg16",
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """FCN-8s, FCN-16s or FCN-32s with MATLAB's layer names (``fcnLayers``).

    The fully connected layers ``fc6`` and ``fc7`` of the backbone become convolutions with the same weights,
    and its first convolution pads the image by 100. The network scores the classes at stride 32, with
    ``"16s"`` also at the last pooling of stride 16, and with ``"8s"`` also at that of stride 8. Frozen
    bilinear transposed convolutions upsample the scores, which are cropped at the center and added.

    Poolings round down and crops are central, as in MATLAB. In the paper, poolings round up and crops have
    fixed offsets. On VGG, both agree to the pixel if height and width are 26 more than a multiple of 32
    (346×474, 506×506); for other sizes the scores move by up to 16 pixels.

    Args:
        image_size: (height, width), or (height, width, channels), at least 26×26 on VGG and 27×27 on
            AlexNet.
        num_classes: number of classes, at least 2.
        type: factor of the last upsampling, ``"8s"``, ``"16s"`` or ``"32s"``.
        backbone: ``"vgg16"``, ``"vgg19"`` or ``"alexnet"`` (in the paper only with ``"32s"``).
        width: multiplies every number of filters of the backbone, rounded to a multiple of 8.
        weights: initial weights of the backbone: ``None``, ``"imagenet"``, or the path of a ``.pth`` or
            ``.safetensors`` file.
        conventions: of the backbone: ``"matlab"`` or ``"torchvision"``; by default those of the weights.

    Raises:
        ArgumentError: an argument is out of its range, or the image is too small; the message names the
            smallest size.

    Source: J. Long, E. Shelhamer, T. Darrell, "Fully Convolutional Networks for Semantic Segmentation",
    CVPR 2015.

    >>> from layergraph.builders import fcn_layers
    >>> lgraph = fcn_layers((360, 480), 11)
    >>> len(lgraph), len(lgraph.connections)
    (51, 55)
    >>> lgraph["fc6"].description
    '4096 7×7×512 convolutions with stride [1 1] and padding [0 0 0 0]'
    """
    builder = "fcn_layers"
    size = image_channels(builder, image_size, 2, default=3)
    num_classes = whole(builder, "num_classes", num_classes, 2)
    type = choice(builder, "type", type, ("32s", "16s", "8s"))
    network = find_backbone(builder, backbone, get_args(FcnBackbone))

    # 1. The backbone as convolutions
    # Only at its own image size do the fully connected layers show which window they cover.
    own_size = (*network.image_size[:2], size[-1])
    lgraph = network.build(own_size, 1000, True, width, weights, conventions, fixed_channels=True)
    # Without ``fc8``, which scores ImageNet's classes; ``score_fr`` takes its place.
    lgraph = cut_after(fully_convolutional(lgraph), "drop7")
    lgraph = with_input_size(lgraph, size)
    # fc6 has a 7×7 window without padding; as in the paper, a padding of the image makes room for it.
    lgraph = _pad_first_convolution(lgraph, 100)
    # 2. Scores at stride 32 and of the last poolings before it
    # The last pooling has stride 32, and each earlier one half the stride of the next.
    poolings = [layer.name for layer in lgraph.layers if isinstance(layer, MaxPooling2dLayer)]
    fused = poolings[-2::-1][: NUM_FUSED[type]]
    return check_image_size(builder, _with_scores(lgraph, num_classes, fused))


def _pad_first_convolution(lgraph: LayerGraph, margin: int) -> LayerGraph:
    """The graph whose first convolution pads the image by this margin."""
    first = next(layer for layer in lgraph.layers if isinstance(layer, Convolution2dLayer))
    return lgraph.replace_layer(first.name, replace(first, padding=margin))


def _with_scores(lgraph: LayerGraph, num_classes: int, fused: Sequence[str]) -> LayerGraph:
    """The graph with the scores of its last layer and of these poolings, in the size of its input."""

    def score(name: str) -> Layer:
        return Convolution2dLayer(1, num_classes, name=name)

    # Each fusion is preceded by an upsampling by 2, and the last upsampling supplies the rest of the 32.
    factor = 32 // 2 ** len(fused)
    layers = [score("score_fr")]
    upsampling = "upscore2"
    for pooling in fused:
        layers += [_upsampling(upsampling, num_classes, 2), AdditionLayer(2, name=_fusion(pooling, fused))]
        upsampling = f"upscore_{pooling}"
    layers += [
        _upsampling(f"upscore{factor}" if fused else "upscore", num_classes, factor),
        Crop2dLayer("centercrop", name="score"),
        SoftmaxLayer(name="softmax"),
        PixelClassificationLayer(name="pixelLabels"),
    ]
    (image,), last = lgraph.input_names, [*lgraph][-1]
    lgraph = lgraph.add_layers(layers).connect_layers(last, "score_fr").connect_layers(image, "score/ref")
    for pooling in fused:
        name, crop, fuse = f"score_{pooling}", f"score_{pooling}c", _fusion(pooling, fused)
        # Padding by 100 and rounding make the scores of the pooling larger than the upsampled ones.
        upsampled = lgraph.sources(fuse)["in1"].layer
        lgraph = lgraph.add_layers([score(name), Crop2dLayer("centercrop", name=crop)])
        lgraph = lgraph.connect_layers(pooling, name).connect_layers(upsampled, f"{crop}/ref")
        lgraph = lgraph.connect_layers(crop, f"{fuse}/in2")
    return lgraph


def _fusion(pooling: str, fused: Sequence[str]) -> str:
    """The name of the addition of this pooling's scores; MATLAB names the pooling only if there are two."""
    return "fuse" if len(fused) == 1 else f"fuse_{pooling}"


def _upsampling(name: str, num_classes: int, factor: int) -> Layer:
    """A frozen bilinear upsampling of each class."""
    return TransposedConv2dLayer(
        # Windows of twice the stride: each pixel interpolates two positions per direction.
        2 * factor,
        num_classes,
        stride=factor,
        num_channels=num_classes,
        weights_initializer="bilinear",
        weight_learn_rate_factor=0,
        bias_learn_rate_factor=0,
        weight_l2_factor=0,
        bias_l2_factor=0,
        name=name,
    )
