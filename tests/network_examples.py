"""Small networks for the tests of compiled networks."""

import torch
from torch import nn

from layergraph import (
    BatchNormalizationLayer,
    Convolution2dLayer,
    Crop2dLayer,
    DepthConcatenationLayer,
    DropoutLayer,
    GlobalAveragePooling2dLayer,
    ImageInputLayer,
    LayerGraph,
    MaxPooling2dLayer,
    MaxUnpooling2dLayer,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
    TransposedConv2dLayer,
)
from layergraph.builders import segnet_layers


def small_segnet(size=(8, 9, 2), classes=3, depth=2, filters=4):
    return segnet_layers(size, classes, depth, num_output_channels=filters)


def chain(names):
    """One convolution after the other, with these names."""
    layers = [Convolution2dLayer(1, 1, weights_initializer="he", name=name) for name in names]
    return LayerGraph([ImageInputLayer((4, 4, 1), name="the images"), *layers])


def odd_network():
    """A network for any odd size: unpooling, uneven padding, a crop, a concatenation."""
    lgraph = LayerGraph(
        [
            ImageInputLayer(
                (11, 13, 2), normalization="zscore", mean=[1, 2], standard_deviation=3, name="in"
            ),
            Convolution2dLayer(3, 4, padding="same", name="conv"),
            BatchNormalizationLayer(name="bn"),
            ReluLayer(name="relu"),
            MaxPooling2dLayer(2, stride=2, has_unpooling_outputs=True, name="pool"),
            Convolution2dLayer(3, 4, padding="same", name="inner"),
            MaxUnpooling2dLayer(name="unpool"),
            DepthConcatenationLayer(2, name="cat"),
            Convolution2dLayer(2, 3, padding="same", stride=2, name="strided"),
            TransposedConv2dLayer(3, 3, stride=2, cropping="same", name="up"),
            Crop2dLayer(name="crop"),
            DropoutLayer(0.1, name="drop"),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(name="pixels"),
        ]
    )
    for source, destination in (
        ("pool/indices", "unpool/indices"),
        ("pool/size", "unpool/size"),
        ("relu", "cat/in2"),
        ("in", "crop/ref"),
    ):
        lgraph = lgraph.connect_layers(source, destination)
    return lgraph


def two_by_two():
    """Two inputs and two outputs; the concatenation has the inputs in reverse order."""
    lgraph = LayerGraph([ImageInputLayer((4, 5, 1), normalization="none", name="first"), ReluLayer(name="r")])
    lgraph = lgraph.add_layers(ImageInputLayer((4, 5, 2), normalization="none", name="second"))
    lgraph = lgraph.add_layers(
        [DepthConcatenationLayer(2, name="cat"), GlobalAveragePooling2dLayer(name="mean")]
    )
    lgraph = lgraph.connect_layers("second", "cat/in1").connect_layers("r", "cat/in2")
    lgraph = lgraph.add_layers(Convolution2dLayer(1, 1, weights_initializer="ones", name="sum"))
    return lgraph.connect_layers("cat", "sum")


def small_classifier(filters=4, last=()):
    return LayerGraph(
        [
            ImageInputLayer((6, 7, 2), normalization="zscore", mean=[0.1, 1 / 3], name="images"),
            Convolution2dLayer(3, filters, padding="same", name="conv"),
            BatchNormalizationLayer(name="norm"),
            DropoutLayer(0.5, name="drop"),
            *last,
            Convolution2dLayer(1, 3, name="scores"),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(name="labels", classes=list("abc"), class_weights=[0.1, 1 / 3, 3]),
        ]
    )


def trained_classifier(dtype=torch.float64, **arguments):
    net = small_classifier(**arguments).compile().to(dtype)
    net.train()(
        torch.rand(4, 2, 6, 7, dtype=dtype) if dtype.itemsize > 2 else torch.rand(4, 2, 6, 7).to(dtype)
    )
    return net.eval()


def with_random_statistics(net):
    """The network in evaluation mode, with batch normalization that changes every channel."""
    for module in net.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(module.weight, -1.5, 1.5)
            nn.init.normal_(module.bias)
            nn.init.normal_(module.running_mean)
            nn.init.uniform_(module.running_var, 0.2, 2)
    return net.eval()
