"""Patch classification: a network that classifies a pixel by the patch around it."""

from __future__ import annotations

from collections.abc import Sequence

from layergraph.builders.parts.builder_arguments import layer_counts, poolings, size_error
from layergraph.graph.layer_graph import LayerGraph
from layergraph.layers import (
    ClassificationLayer,
    Convolution2dLayer,
    FullyConnectedLayer,
    ImageInputLayer,
    Layer,
    MaxPooling2dLayer,
    ReluLayer,
    SoftmaxLayer,
)
from layergraph.layers.arguments import image_numbers, per_dimension, whole


def patch_classification_layers(
    patch_size: int | Sequence[int],
    num_classes: int,
    *,
    encoder_depth: int = 4,
    num_convolution_layers: int | Sequence[int] = 1,
    num_output_channels: int | Sequence[int] = 48,
    filter_sizes: int | Sequence[int] = 4,
    fully_connected_sizes: int | Sequence[int] = 200,
) -> LayerGraph:
    """A classifier of patches: convolutions and max poolings without padding, then fully connected layers.

    Applied to the patch around each pixel, it segments an image. Neighboring patches overlap almost entirely,
    so this repeats most of the work; :func:`layergraph.edits.fully_convolutional` and
    :func:`layergraph.edits.dilate` convert the classifier to a network that does the work once.

    Args:
        patch_size: height and width of the patches, or (height, width) or (height, width, channels); one
            channel by default. Every pooling must halve an even number of rows and columns, so that no pixel
            of a patch is dropped. With the default filters, the sizes that fit are 3 less than a multiple of
            2^encoder_depth (61, 77, 93, ...); they are odd, so that the classified pixel is the center.
        num_classes: number of classes, at least 2.
        encoder_depth: number of sections, each of which ends with a 2×2 max pooling.
        num_convolution_layers: convolutions per section, one number or one per section.
        num_output_channels: filters per section, one number or one per section.
        filter_sizes: height and width of the filters, one number or one per section.
        fully_connected_sizes: outputs of each fully connected layer before the last one.

    Raises:
        ArgumentError: an argument is out of its range, or the patches do not fit; the message names the
            nearest sizes that do.

    Source: D. Ciresan, A. Giusti, L. Gambardella, J. Schmidhuber, "Deep Neural Networks Segment Neuronal
    Membranes in Electron Microscopy Images", NIPS 2012.

    Its network N4, with ReLU after each layer:

    >>> from layergraph.builders import patch_classification_layers
    >>> lgraph = patch_classification_layers(95, 2, filter_sizes=(4, 5, 4, 4))
    >>> lgraph["fc5"].description
    '200 fully connected layer'
    >>> [*lgraph][-4:]
    ['relu5', 'fc6', 'prob', 'output']
    """
    builder = "patch_classification_layers"
    square = (patch_size, patch_size) if hasattr(patch_size, "__index__") else patch_size
    size = image_numbers(builder, "patch_size", square, 2)
    num_classes = whole(builder, "num_classes", num_classes, 2)
    depth = poolings(builder, encoder_depth)
    convolutions = layer_counts(builder, "num_convolution_layers", num_convolution_layers, depth)
    filters = per_dimension(builder, "num_output_channels", num_output_channels, depth)
    windows = per_dimension(builder, "filter_sizes", filter_sizes, depth)
    # Nothing else determines the number of these layers: one number is one layer.
    hidden = fully_connected_sizes
    count = len(hidden) if isinstance(hidden, Sequence) and not isinstance(hidden, str) else 1
    outputs = per_dimension(builder, "fully_connected_sizes", hidden, count)
    _check_patch_size(size, [n * (window - 1) for n, window in zip(convolutions, windows, strict=True)])

    layers: list[Layer] = [ImageInputLayer(size, name="input")]
    for stage in range(1, depth + 1):
        window, channels = windows[stage - 1], filters[stage - 1]
        for index in range(1, convolutions[stage - 1] + 1):
            name = f"conv{stage}_{index}"
            layers.append(Convolution2dLayer(window, channels, weights_initializer="he", name=name))
            layers.append(ReluLayer(name=f"relu{stage}_{index}"))
        layers.append(MaxPooling2dLayer(2, stride=2, name=f"pool{stage}"))
    for index, number in enumerate(outputs, depth + 1):
        layers.append(FullyConnectedLayer(number, weights_initializer="he", name=f"fc{index}"))
        layers.append(ReluLayer(name=f"relu{index}"))
    # No He initialization, which assumes a ReLU after the layer.
    layers.append(FullyConnectedLayer(num_classes, name=f"fc{depth + len(outputs) + 1}"))
    return LayerGraph([*layers, SoftmaxLayer(name="prob"), ClassificationLayer(name="output")])


def _check_patch_size(size: Sequence[int], lost: Sequence[int]) -> None:
    """Raise unless every pooling halves an even size, where section k loses ``lost[k]`` rows before it."""
    # From the last pooling up to the patch, the smallest size doubles and gains the lost rows. Every other
    # size that fits is a multiple of 2^poolings larger, because each pooling halves the difference.
    smallest = 1
    for rows in reversed(lost):
        smallest = 2 * smallest + rows
    step = 2 ** len(lost)
    for what, n in zip(("height", "width"), size, strict=False):
        more = (n - smallest) % step
        if n >= smallest and more == 0:
            continue
        near = [smallest] if n < smallest else [n - more, n - more + step]
        raise size_error(
            "patch_classification_layers",
            f"a patch {what} of {n} does not fit encoder_depth={len(lost)} with these convolutions",
            near,
            "cut such patches, or choose another encoder_depth or other filter_sizes",
        )
