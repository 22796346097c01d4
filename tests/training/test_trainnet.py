"""trainnet: networks without an output layer, with a loss by name, function or layer."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from layergraph import (
    ArgumentError,
    Convolution2dLayer,
    DataError,
    DicePixelClassificationLayer,
    FullyConnectedLayer,
    ImageInputLayer,
    InvalidNetworkError,
    LayerGraph,
    LayergraphError,
    SigmoidLayer,
    SoftmaxLayer,
    WrongTypeError,
)
from layergraph.training import TrainingOptions, trainnet

OPTIONS = TrainingOptions("sgdm", max_epochs=2, verbose=False, seed=0, execution_environment="cpu")


@pytest.mark.parametrize("loss", ["crossentropy", "index-crossentropy", "CrossEntropy"])
def test_it_trains_as_train_network_with_the_output_layer(tiny, pairs, train, loss):
    start = tiny().compile()
    expected, expected_info = train(pairs(), start, max_epochs=2, mini_batch_size=128)
    net, info = trainnet(pairs(), start.layer_graph().remove_layers("labels"), loss, OPTIONS)
    assert info.training_loss == expected_info.training_loss
    assert info.training_accuracy == expected_info.training_accuracy
    assert net.layer_graph().output_names == ()
    assert not net.training
    states = zip(net.state_dict().values(), expected.state_dict().values(), strict=True)
    assert all(a.equal(b) for a, b in states)
    x = torch.rand(1, 1, 6, 6)
    assert net(x).equal(expected(x))


def regression():
    layers = [
        ImageInputLayer((4, 4, 1), name="in", normalization="none"),
        Convolution2dLayer(1, 1),
        SigmoidLayer(),
    ]
    return LayerGraph(layers).compile().eval().layer_graph()


@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        ("mse", lambda y, t: ((y - t) ** 2).sum() / 2 / len(y)),
        ("mean-squared-error", lambda y, t: ((y - t) ** 2).sum() / 2 / len(y)),
        ("l1", lambda y, t: np.abs(y - t).sum() / len(y)),
        ("mean-absolute-error", lambda y, t: np.abs(y - t).sum() / len(y)),
        ("mae", lambda y, t: np.abs(y - t).sum() / len(y)),
        ("l1loss", lambda y, t: np.abs(y - t).sum() / len(y)),
        ("l2loss", lambda y, t: ((y - t) ** 2).sum() / len(y)),
        ("huber", lambda y, t: np.where(abs(y - t) < 1, (y - t) ** 2 / 2, abs(y - t) - 0.5).sum() / len(y)),
        ("binary-crossentropy", lambda y, t: -(t * np.log(y) + (1 - t) * np.log(1 - y)).mean()),
        (torch.nn.functional.mse_loss, lambda y, t: ((y - t) ** 2).mean()),
    ],
)
def test_losses_of_numbers_are_their_formulas(loss, formula):
    random = np.random.default_rng(0)
    data = [tuple(random.random((4, 4, 1)).astype(np.float32) for _ in range(2)) for _ in range(3)]
    net = regression()
    y = net.compile().predict(np.stack([x for x, _ in data])).astype(np.float64)
    expected = formula(y, np.stack([t for _, t in data]))
    _, info = trainnet(data, net, loss, OPTIONS)
    assert info.training_loss[0] == pytest.approx(expected, rel=1e-5)
    assert info.training_rmse[0] == pytest.approx(
        (np.square(y - np.stack([t for _, t in data])).sum() / 3) ** 0.5, rel=1e-5
    )


def test_a_function_gets_class_indices_and_a_layer_is_taken_as_it_is(tiny, pairs):
    bare = tiny().compile().layer_graph().remove_layers("labels")

    def own(scores, target):
        return torch.nn.functional.nll_loss(scores.log(), target, ignore_index=255)

    losses = [trainnet(pairs(), bare, loss, OPTIONS)[1].training_loss for loss in (own, "crossentropy")]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    _, info = trainnet(pairs(), bare, DicePixelClassificationLayer(), OPTIONS)
    assert 0 < info.training_loss[0] < 1
    assert info.training_accuracy is not None


def test_classes_of_whole_images():
    layers = [ImageInputLayer((4, 4, 1)), FullyConnectedLayer(3), SoftmaxLayer()]
    data = [(np.full((4, 4), 50 * i, np.uint8), i) for i in range(3)]
    net, info = trainnet(data, layers, "crossentropy", OPTIONS)
    assert net.predict(data[0][0]).shape == (1, 1, 3)
    assert len(info.training_accuracy) == 2


def test_wrong_arguments(tiny, pairs):
    bare = tiny().remove_layers("labels")
    with pytest.raises(
        ArgumentError, match="trainnet: net must have no output layer, got 'labels'; remove it"
    ):
        trainnet(pairs(), tiny(), "crossentropy", OPTIONS)
    with pytest.raises(ArgumentError, match=r"trainnet: loss must be 'crossentropy', .*got 'dice'"):
        trainnet(pairs(), bare, "dice", OPTIONS)
    with pytest.raises(WrongTypeError, match="the order is data, net, loss, options"):
        trainnet(pairs(), bare, 7, OPTIONS)
    with pytest.raises(ArgumentError, match=r"or 1 \(one per output\), got 2"):
        trainnet(pairs(), bare, ["mse", "mse"], OPTIONS)
    with pytest.raises(InvalidNetworkError, match="LG-NO-SOFTMAX"):
        trainnet(pairs(), bare.remove_layers("softmax"), "crossentropy", OPTIONS)


def one_hot(target, classes=2):
    """Probabilities of class indices; 0 in all classes for others."""
    return np.eye(classes, dtype=np.uint8)[np.minimum(target, classes - 1)] * (target < classes)[..., None]


def test_one_hot_targets_train_as_class_indices(tiny, pairs):
    indices = pairs()
    for _, target in indices:
        target[:2] = 255
    probabilities = [(image, one_hot(target)) for image, target in indices]
    missing = [
        (image, np.where(target == 255, np.nan, 1)[..., None] * one_hot(target)) for image, target in indices
    ]
    tensors = [
        (torch.from_numpy(image).movedim(-1, 0), torch.from_numpy(t).movedim(-1, 0)) for image, t in missing
    ]
    start = tiny().compile().layer_graph().remove_layers("labels")
    options = replace(OPTIONS, validation_data=indices, validation_frequency=1)
    _, expected = trainnet(indices, start, "crossentropy", options)
    for data in (probabilities, missing, tensors):
        _, info = trainnet(data, start, "crossentropy", replace(options, validation_data=data))
        assert info.training_loss == pytest.approx(expected.training_loss)
        assert info.training_accuracy == pytest.approx(expected.training_accuracy)
        assert info.validation_loss == pytest.approx(expected.validation_loss)
        assert info.validation_accuracy == pytest.approx(expected.validation_accuracy)
        assert info.final_validation_accuracy == pytest.approx(expected.final_validation_accuracy)


def test_soft_targets_of_whole_images():
    layers = [ImageInputLayer((4, 4, 1), normalization="none"), FullyConnectedLayer(3), SoftmaxLayer()]
    net = LayerGraph(layers).compile().eval()
    soft = np.array([[0.2, 0.5, 0.3], [0.7, 0.1, 0.2], [0, 0, 1]])
    data = [(np.full((4, 4, 1), i, np.float32), soft[i]) for i in range(3)]
    scores = net.predict(np.stack([image for image, _ in data])).reshape(3, 3)
    _, info = trainnet(data, net, "crossentropy", OPTIONS)
    assert info.training_loss[0] == pytest.approx(-(soft * np.log(scores)).sum() / 3, rel=1e-5)
    right = scores.argmax(1) == soft.argmax(1)
    assert info.training_accuracy[0] == pytest.approx(100 * right.mean())


def test_wrong_probabilities_are_refused(tiny, pairs):
    bare, (first, *others) = tiny().remove_layers("labels"), pairs()
    for target, text in [
        (np.full((6, 6, 2), 0.4), r"probabilities of at least 0 with the sum 1 .*got 0\.4, 0\.4"),
        (np.full((6, 6, 2), 255, np.uint8), "got 255, 255"),
        (
            np.full((6, 6, 3), 1 / 3),
            r"6×6 \(class indices from 0\) or 6×6×2 \(probabilities of the classes\)",
        ),
        (np.full((6, 6, 2), np.nan), r"must have labels, got targets that are unlabeled"),
    ]:
        data = [(image, target) for image, _ in pairs()]
        with pytest.raises(DataError, match=text):
            trainnet(data, bare, "crossentropy", OPTIONS)
    mixed = [(first[0], one_hot(first[1])), *others]
    with pytest.raises(DataError, match="must be all class indices or all probabilities, got both"):
        trainnet(mixed, bare, "crossentropy", OPTIONS)


def test_a_function_gets_one_hot_targets_of_the_shape_of_the_scores(tiny, pairs):
    bare = tiny().compile().layer_graph().remove_layers("labels")
    shapes = set()

    def own(scores, target):
        shapes.add((tuple(scores.shape), tuple(target.shape), target.dtype))
        return (scores - target).square().mean()

    trainnet([(image, one_hot(target)) for image, target in pairs()], bare, own, OPTIONS)
    assert shapes == {((6, 2, 6, 6), (6, 2, 6, 6), torch.float32)}


def test_errors_speak_of_trainnet_and_of_the_layers_that_the_user_wrote(tiny, pairs):
    bare = tiny().remove_layers("labels")
    wrong = [(image, target + 7) for image, target in pairs()]
    calls = {
        "trainnet: the target of item 0 must hold class indices from 0 to 1": (wrong, bare, "crossentropy"),
        "trainnet: net must be a LayerGraph, .*the order is data, net, loss, options$": (pairs(), 3, "mse"),
        r"ModuleLayer\(module\), SoftmaxLayer\(\)\]$": (pairs(), torch.nn.ReLU(), "mse"),
        "^the output of 'softmax': the loss must be a tensor": (pairs(), bare, lambda scores, target: scores),
        "error at the output of 'conv2': the loss takes": (
            pairs(),
            bare.remove_layers("softmax"),
            "crossentropy",
        ),
    }
    for text, arguments in calls.items():
        with pytest.raises(LayergraphError, match=text) as caught:
            trainnet(*arguments, OPTIONS)
        assert "train_network" not in str(caught.value)
