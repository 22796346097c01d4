"""Errors before training: one sentence that names the item."""

import sys

import numpy as np
import pytest
import torch

from layergraph import (
    ClassificationLayer,
    Convolution2dLayer,
    DataError,
    DataWarning,
    FullyConnectedLayer,
    ImageInputLayer,
    InvalidNetworkError,
    LayerGraph,
    ModuleLayer,
    PixelClassificationLayer,
    RegressionLayer,
    SoftmaxLayer,
    WrongTypeError,
)
from layergraph.builders import segnet_layers, unet_layers
from layergraph.data import LabelArray, combine, transform, triangle_images
from layergraph.training import TrainingOptions, train_network

EXPECTED = "train_network: lgraph must be a LayerGraph, a compiled Network or a list of layers, got "


def test_order_and_types_of_arguments(tiny, pairs, refusal):
    with pytest.raises(WrongTypeError) as caught:
        train_network(pairs(), tiny(), "sgdm")
    assert str(caught.value) == "train_network: options must be TrainingOptions(...), got str"
    assert refusal(tiny(), pairs()) == (
        f"{EXPECTED}an object of type list; the order is data, lgraph, options"
    )
    assert refusal(7, tiny()) == (
        "train_network: data must be a combined datastore or a sequence of pairs (image, target), got an "
        "object of type int"
    )


def test_the_result_of_train_network_is_no_graph(tiny, pairs, train, refusal):
    assert refusal(pairs(), train(pairs(), tiny())) == (
        f"{EXPECTED}a tuple (Network, TrainingInfo); give its item 0 alone, as in net, info = "
        "train_network(...)"
    )


def test_a_plain_torch_module_must_be_wrapped(tiny, pairs, train, refusal):
    module = torch.nn.Conv2d(1, 2, 3, padding=1)
    assert refusal(pairs(), module) == (
        f"{EXPECTED}a torch module of type Conv2d; wrap it: [ImageInputLayer(size), ModuleLayer(module), "
        "SoftmaxLayer(), PixelClassificationLayer()]"
    )
    layers = [ImageInputLayer((6, 6, 1)), module, SoftmaxLayer(), PixelClassificationLayer()]
    assert refusal(pairs(), layers) == (
        f"{EXPECTED}a list with an object of type Conv2d among its layers; wrap a torch module in "
        "ModuleLayer(module)"
    )
    layers[1] = ModuleLayer(module)
    _, info = train(pairs(), layers)
    assert len(info.training_loss) == 1


def test_a_list_of_layers_is_a_graph_in_series(tiny, pairs, train):
    layers = tiny().layers
    net, info = train(pairs(), list(layers))
    same, again = train(pairs(), tiny())
    assert info == again
    assert all(a.equal(b) for a, b in zip(net.state_dict().values(), same.state_dict().values(), strict=True))


def test_images_of_two_types_are_refused(tiny, pairs, refusal, train):
    (image, target), *_ = pairs()
    whole = [(np.abs(image * 100).astype(dtype), target) for dtype in (np.uint8, np.uint8, np.uint16)]
    assert refusal(whole, tiny(), error=DataError) == (
        "train_network: all images must have one type of numbers, and so one range, got uint16 (item 2) and "
        "uint8 (item 0); convert them, for example with transform"
    )
    message = refusal([(image, target), whole[0]], tiny(), error=DataError)
    assert "got uint8 (item 1) and float32 (item 0); " in message
    train([(image.astype(dtype), target) for dtype in (np.float64, np.float32, np.float16)], tiny())


def test_no_data(tiny, refusal):
    assert refusal([], tiny(), error=DataError) == "train_network: data must have one item or more, got none"


def test_no_loss(tiny, pairs, refusal):
    message = refusal(pairs(), tiny().remove_layers("labels"), error=InvalidNetworkError)
    assert "the network has no output layer" in message


def test_items_must_be_pairs(tiny, pairs, refusal):
    image, target = pairs(1)[0]
    text = "train_network: item 0 must be a pair (image, target), got "
    assert refusal([image], tiny()) == f"{text}an object of type ndarray"
    assert refusal([(image, target, target)], tiny()) == f"{text}3 values"


def test_an_image_with_other_channels(tmp_path, refusal):
    images, labels = triangle_images(tmp_path, 2)
    data = combine(images, labels)
    assert refusal(data, segnet_layers((32, 32, 3), 2, 1), error=DataError) == (
        f"train_network: image '{images.files[0]}' must have 3 channels, as the input layer 'inputImage' "
        "takes, got 32×32×1"
    )


def test_an_image_of_a_size_the_network_cannot_take(pairs, refusal):
    message = refusal(pairs(size=(30, 30)), unet_layers((32, 32, 1), 2, encoder_depth=2))
    assert message.startswith(
        "train_network: item 0: images of 30×30 do not fit: at 'Decoder-Stage-1-DepthConcatenation' "
    )
    assert message.endswith(
        "; use images of 28×28 or 32×32; resize or crop images and targets to 32×32, for example with "
        "transform"
    )


def test_an_image_that_a_fully_connected_layer_cannot_take(refusal):
    layers = [ImageInputLayer((6, 6, 1)), FullyConnectedLayer(2), SoftmaxLayer(), ClassificationLayer()]
    assert refusal([(np.zeros((8, 8, 1)), 0)], LayerGraph(layers)) == (
        "train_network: item 0: images of 8×8 do not fit: the weights of 'fc' are for images of 6×6; resize "
        "or crop images and targets to 6×6, for example with transform"
    )


def test_images_of_another_size_that_the_network_can_take(tiny, pairs, train):
    _, info = train(pairs(size=(7, 9)), tiny())
    assert len(info.training_loss) == 1


def test_no_image_at_all(tiny, refusal):
    data = [("photo.png", np.zeros((6, 6), np.uint8))]
    assert refusal(data, tiny()) == (
        "train_network: item 0 must be an array of numbers, 6×6×1 as the input layer 'image' takes, got <U9 "
        "of shape ()"
    )


def test_sizes_that_differ_in_a_mini_batch(tiny, pairs, refusal, train):
    data = [*pairs(2), *pairs(2, size=(6, 8))]
    assert refusal(data, tiny(), shuffle="never", error=DataError) == (
        "train_network: the images of a mini-batch must have one size, got 6×8×1 (item 2) and 6×6×1 (item "
        "0); resize or crop them, for example with transform, or train with mini_batch_size=1"
    )
    _, info = train(data, tiny(), mini_batch_size=1)
    assert len(info.training_loss) == 4


def test_an_index_that_no_class_has(tiny, pairs, refusal):
    data = pairs()
    data[3][1][2, 2] = 2
    assert refusal(data, tiny("zerocenter"), error=DataError) == (
        "train_network: the target of item 3 must hold class indices from 0 to 1, as the network scores 2 "
        "classes, or 255 (unlabeled), got 2"
    )


def test_the_file_with_an_index_that_no_class_has(tmp_path, tiny, refusal):
    images, labels = triangle_images(tmp_path, 3)
    data = transform(combine(images, labels), lambda pair: (pair[0], pair[1] + np.uint8(7)))
    assert refusal(data, segnet_layers((32, 32, 1), 2, 1)) == (
        f"train_network: the target of image '{images.files[0]}' must hold class indices from 0 to 1, as the "
        "network scores 2 classes, or 255 (unlabeled), got 8"
    )


@pytest.mark.parametrize(
    ("target", "got"),
    [
        (np.zeros((6, 5), np.uint8), "uint8 of shape (6, 5)"),
        (np.zeros((6, 6), np.float32), "float32 of shape (6, 6)"),
        (1, "int64 of shape ()"),
    ],
)
def test_targets_of_another_kind(tiny, pairs, refusal, target, got):
    assert refusal([(pairs(1)[0][0], target)], tiny()) == (
        "train_network: the target of item 0 must be an array of whole numbers, 6×6 (class indices from 0) "
        f"or 6×6×2 (probabilities of the classes), got {got}"
    )


def test_targets_that_are_masks(tiny, pairs, refusal):
    message = refusal([(pairs(1)[0][0], np.zeros((6, 6), bool))], tiny())
    assert message == (
        "train_network: the target of item 0 must hold class indices, got a boolean mask; np.where(mask, 1, "
        "0) makes True class 1 and False class 0, np.where(mask, 0, 255) leaves what is False unlabeled"
    )


def test_masks_of_0_and_255(tiny, pairs, refusal):
    masks = [(image, np.where(label == 1, 255, 0).astype(np.uint8)) for image, label in pairs()]
    assert refusal(masks, tiny()) == (
        "train_network: the targets of data must hold class indices, got 0 and 255 alone, as a mask has, "
        "and 255 means unlabeled; np.where(mask == 255, 1, 0) makes the mask class 1; for labels of the "
        "first class where 255 does mean unlabeled, give LabelArray(labels, classes)"
    )

    class Masks(list):  # may be a dataset that reads files
        pass

    options = TrainingOptions("adam", max_epochs=1, mini_batch_size=2, verbose=False)
    with pytest.raises(DataError, match="0 and 255 alone"):
        train_network(Masks(masks), tiny(), options)
    with pytest.warns(
        DataWarning, match="the targets of data should hold class indices, got 0 and 255 alone"
    ):
        train_network(Masks(masks * 3), tiny(), options)
    # names say that 255 is meant, and another number that it is no mask
    named = [(image, LabelArray(mask, ["sky", "road"])) for image, mask in masks]
    train_network(named, tiny(), options)
    train_network([*masks, pairs()[0]], tiny(), options)


def test_targets_of_a_classification(refusal):
    layers = [ImageInputLayer((6, 6, 1)), FullyConnectedLayer(3), SoftmaxLayer(), ClassificationLayer()]
    image, lgraph = np.zeros((6, 6, 1)), LayerGraph(layers)
    assert refusal([(image, "cat")], lgraph) == (
        "train_network: the target of item 0 must be one whole number (class indices from 0) or 3 numbers "
        "(probabilities of the classes), got <U3 of shape ()"
    )
    assert refusal([(image, 3)], lgraph) == (
        "train_network: the target of item 0 must hold class indices from 0 to 2, as the network scores 3 "
        "classes, or -100 (unlabeled), got 3"
    )


def test_targets_of_a_regression(refusal):
    lgraph = LayerGraph([ImageInputLayer((6, 6, 1)), Convolution2dLayer(1, 2), RegressionLayer()])
    assert refusal([(np.zeros((6, 6, 1)), np.zeros((6, 6)))], lgraph) == (
        "train_network: the target of item 0 must be an array of numbers, 6×6×2, got float64 of shape (6, 6)"
    )


def test_another_number_of_classes(tmp_path, refusal):
    data = combine(*triangle_images(tmp_path, 2))
    assert refusal(data, segnet_layers((32, 32, 1), 3, 1), error=DataError) == (
        "train_network: data must have as many classes as the network scores (3), got 2 ('triangle', "
        "'background'); give the last convolution 2 filters, or build the network with num_classes=2"
    )


@pytest.mark.parametrize(
    ("names", "rule"),
    [(["triangle", "rest"], "those"), (["background", "triangle"], "in the order")],
)
def test_other_class_names(tmp_path, refusal, names, rule):
    data = combine(*triangle_images(tmp_path, 2))
    layer = PixelClassificationLayer(name="pixelLabels", classes=names)
    lgraph = segnet_layers((32, 32, 1), 2, 1).replace_layer("pixelLabels", layer)
    assert refusal(data, lgraph, error=DataError) == (
        f"train_network: the classes of data must be {rule} of layer 'pixelLabels' ({names[0]!r}, "
        f"{names[1]!r}), got ('triangle', 'background'); give the classes of the layer in its order"
    )


def test_more_classes_than_labels_can_hold(tiny, pairs, refusal):
    assert refusal(pairs(), tiny(classes=300)) == (
        "train_network: layer 'labels' must score at most 255 classes, as 8-bit labels hold, got 300"
    )


def test_no_gpu(tiny, pairs, refusal, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert refusal(pairs(), tiny(), device="gpu") == (
        "TrainingOptions: execution_environment must be 'auto' or 'cpu' where torch finds no GPU, got 'gpu'"
    )


def test_lightning_is_missing(tiny, pairs, refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "lightning", None)
    message = refusal(pairs(), tiny(), error=ImportError)
    assert message == (
        'train_network needs the package lightning, which is not installed: pip install "layergraph[train]"'
    )


def test_an_error_prints_nothing(tmp_path, capfd):
    data = combine(*triangle_images(tmp_path, 2))
    with pytest.raises(DataError):
        train_network(data, segnet_layers((32, 32, 1), 3, 1), TrainingOptions("sgdm"))
    assert capfd.readouterr() == ("", "")


def test_data_without_any_label(tiny, pairs, refusal):
    """The network would learn nothing, with an accuracy of nan%."""
    unlabeled = [(image, np.full_like(target, 255)) for image, target in pairs(4)]
    assert refusal(unlabeled, tiny()) == (
        "train_network: the training data must have labels, got targets that are unlabeled (255) "
        "everywhere; check the label ids"
    )
