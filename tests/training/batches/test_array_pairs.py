"""train_network and trainnet on an array of images and an array of targets."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from layergraph import (
    ClassificationLayer,
    FullyConnectedLayer,
    ImageInputLayer,
    LayerGraph,
    RegressionLayer,
    SoftmaxLayer,
)
from layergraph.data import ArrayDatastore, LabelArray, combine
from layergraph.errors import DataError, WrongTypeError
from layergraph.training import TrainingOptions, train_network, trainnet

OPTIONS = TrainingOptions("sgdm", max_epochs=2, mini_batch_size=2, verbose=False, seed=0, device="cpu")


@pytest.fixture
def arrays(pairs):
    return tuple(map(np.stack, zip(*pairs(), strict=True)))


def classifier(size=(4, 4, 1), output=None):
    return LayerGraph(
        [ImageInputLayer(size), FullyConnectedLayer(2), SoftmaxLayer(), output or ClassificationLayer()]
    )


def losses(*arguments, **options):
    return train_network(*arguments, **options)[1].training_loss


def test_arrays_train_as_their_pairs(tiny, pairs, arrays):
    expected = losses(pairs(), tiny(), OPTIONS)
    images, targets = arrays
    assert losses(images, targets, tiny(), OPTIONS) == expected
    assert losses(images, targets, lgraph=tiny(), options=OPTIONS) == expected
    assert losses(images=images, targets=targets, lgraph=tiny(), options=OPTIONS) == expected
    assert losses(data=pairs(), lgraph=tiny(), options=OPTIONS) == expected
    # gray images without a channel axis, targets with one, more than 8 bits, tensors with the channels first
    assert losses(images[..., 0], targets[..., None].astype(np.int64), tiny(), OPTIONS) == expected
    tensors = torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(targets)
    assert losses(*tensors, tiny(), OPTIONS) == expected
    stores = combine(*map(ArrayDatastore, arrays))
    assert losses(stores, tiny(), OPTIONS) == expected


def test_it_goes_on_from_a_checkpoint(tiny, arrays, tmp_path):
    settings = {"mini_batch_size": 2, "verbose": False, "seed": 0, "checkpoint_path": tmp_path}
    train_network(*arrays, tiny(), TrainingOptions("sgdm", max_epochs=1, **settings))
    options = TrainingOptions("sgdm", max_epochs=2, **settings)
    assert losses(*arrays, tiny(), options, resume_from=tmp_path) == losses(*arrays, tiny(), OPTIONS)


def test_labels_name_the_classes(tiny, arrays):
    images, targets = arrays
    net, _ = train_network(images, LabelArray(targets, ["sky", "road"]), tiny(), OPTIONS)
    assert net.classes == ("sky", "road")
    named = np.array(["sky", "road"])[targets]
    net, info = train_network(images, named, tiny(), OPTIONS)
    # in alphabetical order the indices are swapped
    assert net.classes == ("road", "sky")
    assert info.training_loss == losses(images, 1 - targets, tiny(), OPTIONS)


def test_names_of_images(tmp_path):
    images = np.random.default_rng(0).random((6, 4, 4, 1))
    names = ["cat", "dog", "dog"] * 2
    net, info = train_network(images, names, classifier(), OPTIONS)
    assert net.classes == ("cat", "dog")
    # the order of the layer wins
    layer = ClassificationLayer(classes=["dog", "cat"])
    net, other = train_network(images, np.array(names, object), classifier(output=layer), OPTIONS)
    assert net.classes == ("dog", "cat")
    assert other.training_loss == losses(images, [1, 0, 0] * 2, classifier(), OPTIONS)
    assert info.training_loss == losses(images, [0, 1, 1] * 2, classifier(), OPTIONS)
    categorical = SimpleNamespace(categories=np.array(["dog", "cat"]), codes=np.array([1, 0, 0] * 2, np.int8))
    for column in (categorical, SimpleNamespace(cat=categorical)):
        net, named = train_network(images, column, classifier(), OPTIONS)
        assert (net.classes, named.training_loss) == (("dog", "cat"), other.training_loss)
    held = TrainingOptions(
        "sgdm", max_epochs=1, verbose=False, seed=0, validation_data=(images[:2], ["dog", "dog"])
    )
    _, info = train_network(images, names, classifier(), held)
    assert info.final_validation_accuracy in (0, 50, 100)


def test_a_missing_name_is_unlabeled():
    images = np.random.default_rng(0).random((6, 4, 4, 1))
    missing = SimpleNamespace(categories=np.array(["cat", "dog"]), codes=np.array([0, 1, -1] * 2, np.int8))
    expected = losses(images, [0, 1, -100] * 2, classifier(), OPTIONS)
    assert losses(images, missing, classifier(), OPTIONS) == expected


def test_responses():
    layers = [ImageInputLayer((4, 4, 1)), FullyConnectedLayer(2), RegressionLayer()]
    random = np.random.default_rng(0)
    images, responses = random.random((6, 4, 4, 1)), random.random((6, 2))
    assert losses(images, responses, layers, OPTIONS) == losses(
        [*zip(images, responses, strict=True)], layers, OPTIONS
    )


def test_trainnet_takes_arrays(tiny, pairs, arrays):
    bare = tiny().compile().layer_graph().remove_layers("labels")
    expected = trainnet(pairs(), bare, "crossentropy", OPTIONS)[1].training_loss
    assert trainnet(*arrays, bare, "crossentropy", OPTIONS)[1].training_loss == expected
    assert trainnet(*arrays, net=bare, loss="crossentropy", options=OPTIONS)[1].training_loss == expected

    def own(scores, target):
        return torch.nn.functional.nll_loss(scores.log(), target, ignore_index=255)

    assert trainnet(*arrays, bare, own, OPTIONS)[1].training_loss == pytest.approx(expected, rel=1e-5)
    with pytest.raises(
        WrongTypeError, match=r"^trainnet: the arguments must be \(data, net, loss, options\) o"
    ):
        trainnet(*arrays, bare)


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_wrong_number_of_arguments(tiny, arrays, count):
    given = [*arrays, tiny(), OPTIONS, None][:count]
    with pytest.raises(TypeError) as caught:
        train_network(*given)
    assert str(caught.value).startswith(
        "train_network: the arguments must be (data, lgraph, options) or (images, targets, lgraph, options), "
        f"got {count} argument"
    )
    assert ("(ndarray, ndarray" in str(caught.value)) == (count > 1)


def test_unknown_names_of_arguments(tiny, arrays):
    with pytest.raises(WrongTypeError, match=r"got 4 arguments \(ndarray, ndarray, LayerGraph, option=Train"):
        train_network(*arrays, tiny(), option=OPTIONS)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda x, y: (np.moveaxis(x, 0, -1), np.moveaxis(y, 0, -1)),
            r"got 6×6×1×6; np.moveaxis\(images, -1, 0",
        ),
        (
            lambda x, y: (np.moveaxis(x, -1, 1), y),
            r"must be N×6×6×1 .* got 6×1×6×6; np.moveaxis\(images, 1, -1",
        ),
        (lambda x, y: (x, y[:3]), r"targets must be as many as images \(6\), got 3"),
        (
            lambda x, y: (x, np.where(y, 255, 0)),
            "train_network: targets must hold class indices, got 0 and 255",
        ),
        (lambda x, y: (x, y > 0), "must hold class indices, got a boolean mask"),
        (lambda x, y: (x, np.array(["sky", None])[y]), "or hold class names alone, got None among them"),
        (lambda x, y: (x[:0], y[:0]), "data must have one item or more, got none"),
        (
            lambda x, y: (list(x), list(y)),
            r"images must be an array with an item .* got an object of type list",
        ),
        (lambda x, y: (ArrayDatastore(x), ArrayDatastore(y)), r"combine\(images, labels\) pairs datastores"),
        (
            lambda x, y: (x, np.ma.masked_array(y, y == 1)),
            r"without masked values, .* np.ma.filled\(targets, 255",
        ),
        (lambda x, y: (np.ma.masked_array(x, x > 0), y), "without masked values"),
        (lambda x, y: (x, np.array(["sky", ""])[y]), "must be distinct and not empty, got '', 'sky'"),
        (lambda x, y: (x, 3), "targets must be an array with an item .* got an object of type int"),
        (lambda x, y: (x, y[..., None, None]), "the target of item 0 must be an array of whole numbers, 6×6"),
    ],
)
def test_wrong_arrays(tiny, arrays, change, message):
    with pytest.raises((DataError, WrongTypeError), match=message):
        train_network(*change(*arrays), tiny(), OPTIONS)


def test_a_name_that_the_layer_does_not_know():
    layer = ClassificationLayer(classes=["dog", "cat"])
    with pytest.raises(
        DataError, match="must be classes of the output layer, got 'cats'; did you mean 'cat'"
    ):
        train_network(np.zeros((2, 4, 4, 1)), ["dog", "cats"], classifier(output=layer), OPTIONS)


def test_categories_that_read_alike():
    categorical = SimpleNamespace(categories=np.array([1, "1"], object), codes=np.array([0, 1]))
    with pytest.raises(DataError, match="must be distinct and not empty, got '1', '1'"):
        train_network(np.zeros((2, 4, 4, 1)), categorical, classifier(), OPTIONS)


def test_unlabeled_pixels_of_two_classes_are_no_mask(tiny, arrays):
    images, targets = arrays
    targets[0] = 255
    targets[1] = 0
    assert np.isfinite(losses(images, targets, tiny(), OPTIONS)).all()
    # names say that 255 is meant
    labels = LabelArray(np.where(targets == 1, 255, targets), ["sky", "road"])
    assert np.isfinite(losses(images, labels, tiny(), OPTIONS)).all()


def test_a_series_is_read_by_position(tiny):
    class Series:
        """As one of pandas whose rows were shuffled: an index is a name of a row."""

        shape = (6,)

        def __len__(self):
            return 6

        def __getitem__(self, name):
            raise AssertionError("by name")

        def to_numpy(self):
            return np.array([0, 1, 1] * 2)

    images = np.random.default_rng(0).random((6, 4, 4, 1))
    assert losses(images, Series(), classifier(), OPTIONS) == losses(
        images, [0, 1, 1] * 2, classifier(), OPTIONS
    )
