"""trainnet: networks without an output layer, with a loss by name, function or layer."""

import numpy as np
import pytest
import torch

from layergraph import (
    ArgumentError,
    Convolution2dLayer,
    DicePixelClassificationLayer,
    FullyConnectedLayer,
    ImageInputLayer,
    InvalidNetworkError,
    LayerGraph,
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
