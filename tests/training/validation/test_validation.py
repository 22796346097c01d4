"""Validation while a network trains: its numbers, when it runs, and what it leaves as it was."""

import math
import os
import random
import signal

import numpy as np
import pytest
import torch

from layergraph import (
    ArgumentError,
    ClassificationLayer,
    Convolution2dLayer,
    DataError,
    DropoutLayer,
    FullyConnectedLayer,
    ImageInputLayer,
    LayerGraph,
    PixelClassificationLayer,
    RegressionLayer,
    ReluLayer,
    SoftmaxLayer,
)
from layergraph.training import TrainingWarning
from layergraph.training.validation.best_network import BestNetwork


def state(net):
    return {key: tensor.clone() for key, tensor in net.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(one[key].equal(other[key]) for key in one)


def validated(info):
    """The iterations with a validation, from 1."""
    return [i for i, loss in enumerate(info.validation_loss, 1) if not math.isnan(loss)]


def by_hand(net, data):
    """Loss and accuracy over all labeled pixels, image by image in float64."""
    losses, right = [], []
    for image, target in data:
        scores = net.predict(image).astype(np.float64)
        labeled = target != 255
        chosen = np.take_along_axis(scores, np.where(labeled, target, 0)[..., None], -1)[..., 0]
        losses.append(-np.log(chosen[labeled]))
        right.append((scores.argmax(-1) == target)[labeled])
    return np.concatenate(losses).mean(), 100 * np.concatenate(right).mean()


def test_every_labeled_pixel_counts_the_same(tiny, pairs, train):
    """In mini-batches of 4, 4 and 1 images, with very different numbers of labels."""
    held = pairs(9, seed=1)
    for number, (_, target) in enumerate(held):
        target[: number % 6] = 255
    held[8][1][:] = 255
    net, info = train(pairs(8), tiny(batch_norm=True), validation_data=held, max_epochs=2)
    expected = by_hand(net, held)
    assert (info.final_validation_loss, info.final_validation_accuracy) == pytest.approx(expected, rel=1e-5)
    assert info.final_validation_rmse is None


def test_the_final_validation_is_that_of_the_returned_network(tiny, pairs, train):
    held = pairs(5, seed=1)
    settings = {"validation_data": held, "max_epochs": 2}
    _, with_statistics = train(pairs(8), tiny(batch_norm=True), **settings)
    _, moving = train(pairs(8), tiny(batch_norm=True), batch_normalization_statistics="moving", **settings)
    # the statistics of all images replace the running averages of the training after the last iteration
    assert with_statistics.validation_loss == pytest.approx(moving.validation_loss, nan_ok=True)
    assert with_statistics.final_validation_loss != pytest.approx(moving.final_validation_loss)
    assert moving.final_validation_loss == moving.validation_loss[-1]


def test_it_runs_after_the_first_iteration_at_each_multiple_and_at_the_end(tiny, pairs, train, capsys):
    _, info = train(
        pairs(8), tiny(), validation_data=pairs(3), validation_frequency=3, max_epochs=5, verbose=True
    )
    assert validated(info) == [1, 3, 6, 9, 10]
    rows = [line.split("|")[1:-1] for line in capsys.readouterr().out.splitlines() if line[:2] == "| "]
    table = [(int(row[1]), row[4].strip(), row[6].strip()) for row in rows[2:]]
    assert [row[0] for row in table] == [1, 3, 6, 9, 10]
    for iteration, accuracy, loss in table:
        assert accuracy == f"{info.validation_accuracy[iteration - 1]:.2f}%"
        assert loss == f"{info.validation_loss[iteration - 1]:.4f}"


def test_training_is_the_same_with_and_without_it(tiny, pairs, train):
    """Bitwise: with dropout, batch normalization, a new order per epoch and random data."""

    class Noisy(list):
        def __getitem__(self, index):
            image, target = super().__getitem__(index)
            noise = np.random.normal(0, 0.1, image.shape) + random.random() + float(torch.rand(()))
            return (image + noise).astype(np.float32), target

    lgraph = tiny("zerocenter", batch_norm=True)
    lgraph = lgraph.replace_layer("relu", [ReluLayer(name="relu"), DropoutLayer(0.5, name="drop")])
    settings = {"max_epochs": 4, "shuffle": "every-epoch", "mini_batch_size": 2}
    plain, info = train(Noisy(pairs(6)), lgraph, **settings)
    net, watched = train(
        Noisy(pairs(6)), lgraph, validation_data=Noisy(pairs(5)), validation_frequency=2, **settings
    )
    assert same(state(plain), state(net))
    assert info.training_loss == watched.training_loss
    assert validated(watched) == [1, 2, 4, 6, 8, 10, 12]
    _, again = train(
        Noisy(pairs(6)), lgraph, validation_data=Noisy(pairs(5)), validation_frequency=2, **settings
    )
    assert again.validation_loss == pytest.approx(watched.validation_loss, nan_ok=True, rel=0)


def overfitting(pairs):
    """Validation data whose labels are the opposite: its loss grows while the network learns."""
    return [(image, 1 - target) for image, target in pairs(4)]


def test_patience_ends_training(tiny, pairs, train, capsys):
    _, info = train(
        pairs(4),
        tiny(),
        validation_data=overfitting(pairs),
        validation_frequency=2,
        validation_patience=3,
        max_epochs=200,
        initial_learn_rate=0.1,
        verbose=True,
    )
    assert info.stop_reason == "Met validation criterion."
    assert capsys.readouterr().out.splitlines()[-1] == "Training finished: Met validation criterion."
    losses = [info.validation_loss[i - 1] for i in validated(info)]
    best = losses.index(min(losses))
    assert len(losses) == best + 4
    assert len(info.training_loss) == validated(info)[-1] < 200


def test_patience_counts_validations_in_a_row():
    best = BestNetwork(torch.nn.Linear(1, 1), keep=False)
    counts = []
    for iteration, loss in enumerate([3, 3, 4, 2, math.nan, 2, 1], 1):
        best.compare(loss, iteration)
        counts.append(best.num_worse)
    assert counts == [0, 1, 2, 0, 1, 2, 0]
    assert (best.loss, best.iteration) == (1, 7)


@pytest.mark.parametrize("word", ["best-validation-loss", "auto"])
def test_the_best_network_is_the_one_after_its_iteration(tiny, pairs, train, word):
    held = overfitting(pairs)
    settings = {"validation_data": held, "validation_frequency": 1, "initial_learn_rate": 0.01}
    lgraph = tiny(batch_norm=True)
    net, info = train(pairs(4), lgraph, output_network=word, max_epochs=8, **settings)
    best = info.output_network_iteration
    assert best == 1 + int(np.argmin(info.validation_loss)) < 8
    # weights and population statistics are those of a training that ends there
    short, _ = train(pairs(4), lgraph, max_epochs=best, **settings)
    assert same(state(net), state(short))
    assert info.final_validation_loss == pytest.approx(by_hand(net, held)[0], rel=1e-5)
    last, info = train(pairs(4), lgraph, max_epochs=8, **settings)
    assert info.output_network_iteration == 8
    assert not same(state(net), state(last))


def test_auto_is_the_last_network_without_validation_data(tiny, pairs, train):
    _, info = train(pairs(4), tiny(), output_network="auto", max_epochs=2)
    assert (info.output_network_iteration, info.validation_loss) == (2, None)


def test_the_best_network_after_a_loss_that_is_not_finite(tiny, pairs, train):
    data = pairs(10)
    data[7][0][0, 0] = np.nan
    with pytest.warns(TrainingWarning) as caught:
        net, info = train(
            data,
            tiny(),
            validation_data=overfitting(pairs),
            validation_frequency=1,
            output_network="auto",
            mini_batch_size=2,
            shuffle="never",
            initial_learn_rate=0.1,
        )
    assert validated(info) == [1, 2, 3]
    best = info.output_network_iteration
    assert str(caught[1].message) == (
        f"train_network: instead, the network is the one after iteration {best}, which has the smallest "
        "validation loss"
    )
    assert all(tensor.isfinite().all() for tensor in state(net).values())


def test_arrays_of_images_and_targets(tiny, pairs, train):
    held = pairs(6, seed=1)
    arrays = tuple(map(np.stack, zip(*held, strict=True)))
    results = [train(pairs(4), tiny(), validation_data=data)[1] for data in (held, arrays)]
    assert results[0].validation_loss == results[1].validation_loss


def test_images_of_several_sizes(tiny, pairs, train):
    held = [*pairs(2), *pairs(2, size=(9, 7)), *pairs(1), *pairs(1, size=(6, 8))]
    net, info = train(pairs(4), tiny(), validation_data=held)
    assert info.final_validation_loss == pytest.approx(by_hand(net, held)[0], rel=1e-5)


def test_regression(train):
    layers = [ImageInputLayer((4, 4, 1), normalization="none"), FullyConnectedLayer(2), RegressionLayer()]
    rng = np.random.default_rng(0)
    data = [(rng.normal(0, 1, (4, 4)).astype(np.float32), rng.normal(0, 1, 2)) for _ in range(7)]
    net, info = train(data[:4], LayerGraph(layers), validation_data=data)
    errors = [((net.predict(image).reshape(-1) - target) ** 2).sum() for image, target in data]
    assert info.final_validation_rmse == pytest.approx(math.sqrt(np.mean(errors)), rel=1e-5)
    assert info.final_validation_loss == pytest.approx(np.mean(errors) / 2, rel=1e-5)
    assert info.validation_accuracy is None


def test_classification(train):
    layers = [ImageInputLayer((4, 4, 1)), FullyConnectedLayer(2), SoftmaxLayer(), ClassificationLayer()]
    rng = np.random.default_rng(0)
    data = [(rng.normal(label, 1, (4, 4)).astype(np.float32), label) for label in (0, 1, 1) * 3]
    net, info = train(data[:4], LayerGraph(layers), validation_data=data)
    right = [net.predict(image).argmax() == label for image, label in data]
    assert info.final_validation_accuracy == pytest.approx(100 * np.mean(right))


def test_a_scheduler_of_torch_that_watches_the_validation_loss(tiny, pairs, train):
    def schedule(optimizer):
        return torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, factor=0.5, patience=0)

    _, info = train(
        pairs(4),
        tiny(),
        validation_data=overfitting(pairs),
        validation_frequency=1,
        learn_rate_schedule=schedule,
        max_epochs=4,
        initial_learn_rate=0.1,
    )
    assert info.validation_loss[0] < min(info.validation_loss[1:])
    assert info.base_learn_rate == pytest.approx([0.1, 0.1, 0.05, 0.025])


# -- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (
            7,
            "validation_data must be a combined datastore or a sequence of pairs (image, target), got an ob",
        ),
        (
            (np.zeros((3, 6, 6, 1)), np.zeros((2, 6, 6), np.uint8)),
            "validation_data: targets must be as many as images (3), got 2",
        ),
        ([(np.zeros((6, 6, 3), np.float32), np.zeros((6, 6), np.uint8))], "item 0 of validation_data must"),
        ([(np.zeros((6, 6, 1), np.float32), np.full((6, 6), 9))], "target of item 0 of validation_data"),
        (
            [(np.zeros((6, 6, 1), np.float32), np.full((6, 6), 255, np.uint8))],
            "the validation data must have labels, got targets that are unlabeled (255) everywhere",
        ),
    ],
)
def test_wrong_data_is_named(tiny, pairs, refusal, held, message):
    assert message in refusal(pairs(4), tiny(), validation_data=held)


def test_classes_must_be_those_of_the_training(tiny, pairs, refusal):
    class Named(list):
        def __init__(self, items, classes):
            super().__init__(items)
            self.classes = classes

    text = refusal(
        Named(pairs(4), ["a", "b"]), tiny(), validation_data=Named(pairs(2), ["b", "a"]), error=DataError
    )
    assert text == (
        "train_network: the classes of data must be in the order of layer 'labels' ('a', 'b'), got ('b', "
        "'a'); give the classes of the layer in its order"
    )


def test_the_best_network_needs_validation_data(tiny, pairs, refusal):
    assert refusal(pairs(4), tiny(), output_network="best-validation-loss", error=ArgumentError) == (
        "train_network: output_network must be 'last-iteration' or 'auto' without validation_data, got "
        "'best-validation-loss'"
    )


def test_an_unreadable_item_at_the_end_loses_no_network(tiny, pairs, train):
    class Breaking(list):
        reads = 0

        def __getitem__(self, index):
            type(self).reads += 1
            if type(self).reads > 3:  # one at the start, two in the validation of the only iteration
                raise OSError("the disk is gone")
            return super().__getitem__(index)

    with pytest.warns(TrainingWarning, match=r"validation of the trained network failed \(OSError: the disk"):
        net, info = train(pairs(4), tiny(batch_norm=True), validation_data=Breaking(pairs(2)))
    assert (validated(info), info.final_validation_loss) == ([1], None)
    assert not net.training


# -- several output layers, signals --------------------------------------------------------------


def test_several_output_layers(train):
    """Each has its own labels, so that the mini-batches weigh differently in each loss."""
    lgraph = LayerGraph([ImageInputLayer((4, 4, 1), name="image", normalization="none")])
    for name in ("a", "b"):
        head = [
            Convolution2dLayer(1, 2, name=f"conv_{name}"),
            SoftmaxLayer(name=f"softmax_{name}"),
            PixelClassificationLayer(name=name),
        ]
        lgraph = lgraph.add_layers(head).connect_layers("image", f"conv_{name}")
    lgraph = lgraph.add_layers([Convolution2dLayer(1, 1, name="depth"), RegressionLayer(name="c")])
    lgraph = lgraph.connect_layers("image", "depth")
    rng = np.random.default_rng(0)
    held = []
    for number in range(5):
        image = rng.normal(0, 1, (4, 4, 1)).astype(np.float32)
        a, b = rng.integers(0, 2, (2, 4, 4)).astype(np.uint8)
        a[: number % 4], b[3 - number % 4 :] = 255, 255
        held.append((image, a, b, rng.normal(0, 1, (4, 4, 1)).astype(np.float32)))
    net, info = train(held[:4], lgraph, validation_data=held, mini_batch_size=2)
    loss, accuracies = 0.0, []
    for column in (0, 1):
        losses, right = [], []
        for image, *targets in held:
            scores = net.predict(image)[column].astype(np.float64)
            target = targets[column]
            labeled = target != 255
            chosen = np.take_along_axis(scores, np.where(labeled, target, 0)[..., None], -1)[..., 0]
            losses.append(-np.log(chosen[labeled]))
            right.append((scores.argmax(-1) == target)[labeled])
        loss += np.concatenate(losses).mean()
        accuracies.append(100 * np.concatenate(right).mean())
    loss += np.mean([((net.predict(item[0])[2] - item[3]) ** 2).sum() for item in held]) / 2
    assert info.final_validation_loss == pytest.approx(loss, rel=1e-5)
    assert info.final_validation_accuracy == pytest.approx(np.mean(accuracies))


class Interrupting(list):
    """Data whose read number ``at`` sends a signal."""

    def __init__(self, items, at, number=signal.SIGINT):
        super().__init__(items)
        self.at, self.number, self.reads = at, number, 0

    def __getitem__(self, index):
        self.reads += 1
        if self.reads == self.at:
            os.kill(os.getpid(), self.number)
        return super().__getitem__(index)


@pytest.fixture
def handlers():
    """Python's own handlers: a shell starts background processes without that of Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("handlers")
def test_ctrl_c_ends_a_validation_without_a_result(tiny, pairs, train):
    # one read at the start, four in the validation of iteration 1; so in that of iteration 2
    held = Interrupting(pairs(4), at=7)
    net, info = train(
        pairs(4), tiny(), validation_data=held, validation_frequency=1, mini_batch_size=1, max_epochs=50
    )
    assert (info.stop_reason, validated(info), len(info.training_loss)) == ("Stopped manually.", [1], 2)
    # the network that is returned is validated, as it has statistics: a second Ctrl-C would end that
    assert info.final_validation_loss == pytest.approx(by_hand(net, list(held))[0], rel=1e-5)


def test_sigterm_leaves_no_time_for_a_validation(tiny, pairs, train):
    held = Interrupting(pairs(4), at=7, number=signal.SIGTERM)
    _, info = train(
        pairs(4), tiny(), validation_data=held, validation_frequency=1, mini_batch_size=1, max_epochs=50
    )
    assert (info.stop_reason, validated(info)) == ("Stopped by SIGTERM.", [1])
    assert info.final_validation_loss is None
    assert held.reads <= 8


@pytest.mark.slow
def test_workers_change_nothing(tiny, pairs, train):
    """Neither the weights nor the validations, with random data."""

    class Noisy(list):
        def __getitem__(self, index):
            image, target = super().__getitem__(index)
            return image + np.float32(np.random.normal()), target

    settings = {"max_epochs": 2, "mini_batch_size": 2, "validation_frequency": 2, "shuffle": "every-epoch"}
    results = [
        train(Noisy(pairs(6)), tiny(), validation_data=Noisy(pairs(5)), num_workers=number, **settings)
        for number in (0, 2)
    ]
    assert same(*(state(net) for net, _ in results))
    assert validated(results[1][1]) == [1, 2, 4, 6]
    for name in ("training_loss", "validation_loss"):
        np.testing.assert_array_equal(*(getattr(info, name) for _, info in results))
