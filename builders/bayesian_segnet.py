"""Bayesian SegNet: SegNet with dropout in its deep half, which stays active in predictions."""

from __future__ import annotations

from collections.abc import Sequence

from layergraph.builders.backbones.backbone import Conventions, WeightsSource
from layergraph.builders.segnet import VggName, segnet
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import DropoutLayer, MaxUnpooling2dLayer
from layergraph.layers.arguments import number


def bayesian_segnet_layers(
    image_size: Sequence[int],
    num_classes: int,
    encoder_depth: int | None = None,
    *,
    backbone: VggName | None = None,
    dropout: float = 0.5,
    num_convolution_layers: int | Sequence[int] | None = None,
    num_output_channels: int | Sequence[int] | None = None,
    filter_size: int | Sequence[int] | None = None,
    width: float = 1.0,
    weights: WeightsSource = None,
    conventions: Conventions | None = None,
) -> LayerGraph:
    """Bayesian SegNet: :func:`segnet_layers` with dropout in the deepest half of encoder and decoder.

    Predict with ``MonteCarlo(net, n)``: the prediction is the mean over n random dropouts, the
    uncertainty their spread. Train with ``batch_normalization_statistics="moving"``: these statistics are
    averages over training steps with dropout, as in the prediction. The others are computed without dropout,
    which makes the random predictions worse.

    Args:
        image_size: (height, width, channels); or (height, width) of gray images with ``encoder_depth``, of
            color images with ``backbone``.
        num_classes: number of classes, at least 2.
        encoder_depth: number of poolings, each of which halves the image. Give this or ``backbone``.
        backbone: ``"vgg16"`` (by default) or ``"vgg19"``.
        dropout: probability that a number is set to zero, from 0 to below 1.
        num_convolution_layers: with ``encoder_depth``, convolutions per encoder section.
        num_output_channels: with ``encoder_depth``, filters per encoder section.
        filter_size: with ``encoder_depth``, odd height and width of the filters.
        width: with ``backbone``, multiplies its numbers of filters.
        weights: with ``backbone``, its initial weights: ``None``, ``"imagenet"``, or the path of a file.
        conventions: with ``backbone``, ``"matlab"`` or ``"torchvision"``; by default those of the weights.

    On VGG, the dropouts are those of the released model: ``encdrop3`` to ``encdrop5`` after the last three
    poolings, ``decdrop5`` to ``decdrop3`` after the first three sections of the decoder.

    Raises:
        ArgumentError: as :func:`layergraph.builders.segnet_layers`.

    Source: A. Kendall, V. Badrinarayanan, R. Cipolla, "Bayesian SegNet: Model Uncertainty in Deep
    Convolutional Encoder-Decoder Architectures for Scene Understanding", BMVC 2017.

    >>> from layergraph.builders import bayesian_segnet_layers
    >>> [name for name in bayesian_segnet_layers((360, 480), 11) if "drop" in name]
    ['encdrop3', 'encdrop4', 'encdrop5', 'decdrop5', 'decdrop4', 'decdrop3']
    """
    builder = "bayesian_segnet_layers"
    dropout = number(builder, "dropout", dropout, 0, 1)
    by_depth = {
        "num_convolution_layers": num_convolution_layers,
        "num_output_channels": num_output_channels,
        "filter_size": filter_size,
    }
    on_vgg = {"width": width, "weights": weights, "conventions": conventions}
    if encoder_depth is None and backbone is None:
        backbone = "vgg16"
    lgraph = segnet(builder, image_size, num_classes, encoder_depth, backbone, by_depth, on_vgg)
    return with_deep_dropout(lgraph, dropout)


def with_deep_dropout(lgraph: LayerGraph, dropout: float = 0.5) -> LayerGraph:
    """A network that unpools, with dropout after the deepest half of its poolings and decoder sections.

    The last decoder section gets none, because the scores follow it. Weights stay.

    >>> from layergraph.builders import segnet_basic_layers
    >>> [name for name in with_deep_dropout(segnet_basic_layers((360, 480), 11)) if "drop" in name]
    ['encdrop3', 'encdrop4', 'decdrop4', 'decdrop3']
    """
    # From the deepest unpooling to the last one, because the order leads from input to output.
    unpoolings = [name for name in lgraph.order if isinstance(lgraph[name], MaxUnpooling2dLayer)]
    depth = len(unpoolings)
    # The half is rounded up: on VGG, three of five, as in the released model.
    for before, name in enumerate(unpoolings[: depth - depth // 2]):
        stage = depth - before
        # Only the values of a pooling are features; its outputs for indices and size must stay intact.
        pooling = lgraph.sources(name)["indices"].layer
        lgraph = lgraph.insert_after(f"{pooling}/out", DropoutLayer(dropout, name=f"encdrop{stage}"))
        if stage > 1:  # after section 1 come the scores
            section_end = lgraph.sources(unpoolings[before + 1])["in"].layer
            lgraph = lgraph.insert_after(section_end, DropoutLayer(dropout, name=f"decdrop{stage}"))
    return lgraph
