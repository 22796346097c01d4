"""Networks with several input and output layers: their items, statistics, loss, metric and class names."""

import numpy as np
import pytest
import torch

from layergraph import (
    AdditionLayer,
    BatchNormalizationLayer,
    ClassificationLayer,
    Convolution2dLayer,
    DataError,
    FullyConnectedLayer,
    ImageInputLayer,
    LayerGraph,
    PixelClassificationLayer,
    RegressionLayer,
    SoftmaxLayer,
)
from layergraph.training import TrainingOptions, load_training, save_trained_network, train_network

SETTINGS = {"verbose": False, "seed": 0, "device": "cpu"}  # of the fixture train


def two_and_two(normalization="none", batch_norm=False):
    """Images of 1 and of 2 channels; classes of pixels and a regression."""
    lgraph = LayerGraph(
        [
            ImageInputLayer((6, 6, 1), name="gray", normalization=normalization),
            Convolution2dLayer(3, 4, padding=1, name="conv1"),
            AdditionLayer(2, name="sum"),
            *([BatchNormalizationLayer(name="bn")] if batch_norm else []),
            Convolution2dLayer(1, 2, name="scores"),
            SoftmaxLayer(name="softmax"),
            PixelClassificationLayer(name="labels"),
        ]
    )
    lgraph = lgraph.add_layers(
        [
            ImageInputLayer((6, 6, 2), name="flow", normalization=normalization),
            Convolution2dLayer(3, 4, padding=1, name="conv2"),
        ]
    ).connect_layers("conv2", "sum/in2")
    depth = [Convolution2dLayer(1, 1, name="depth"), RegressionLayer(name="values")]
    return lgraph.add_layers(depth).connect_layers("bn" if batch_norm else "sum", "depth")


@pytest.fixture
def columns():
    """Items of two images and two targets."""
    random = np.random.default_rng(0)

    def make(count=6, size=(6, 6)):
        return [
            (
                random.normal(3, 2, (*size, 1)).astype(np.float32),
                random.normal(-1, 4, (*size, 2)).astype(np.float32),
                random.integers(0, 2, size).astype(np.uint8),
                random.normal(0, 1, (*size, 1)).astype(np.float32),
            )
            for _ in range(count)
        ]

    return make


def stacked(items, column):
    array = np.stack([item[column] for item in items])
    return torch.from_numpy(np.moveaxis(array, -1, 1) if array.ndim == 4 else array)


def test_the_loss_is_the_sum_over_the_output_layers_and_the_metric_that_of_the_classes(columns, train):
    items, lgraph = columns(4), two_and_two()
    start = lgraph.compile().eval()
    _, info = train(items, start.layer_graph(), initial_learn_rate=1e-3)
    images, targets = [stacked(items, i) for i in (0, 1)], [stacked(items, i) for i in (2, 3)]
    scores, depth = start(*images)
    cross_entropy = torch.nn.functional.nll_loss(scores.log(), targets[0].long()).item()
    half_squares = 0.5 * (depth - targets[1]).square().sum().item() / 4
    assert info.training_loss[0] == pytest.approx(cross_entropy + half_squares, rel=1e-5)
    accuracy = 100 * (scores.argmax(1) == targets[0]).double().mean().item()
    assert info.training_accuracy[0] == pytest.approx(accuracy)
    assert info.training_rmse is None


def test_all_layers_of_all_branches_learn(columns, train):
    lgraph = two_and_two()
    start = lgraph.compile()
    before = {key: tensor.clone() for key, tensor in start.state_dict().items()}
    net, _ = train(columns(), start)
    assert net.input_names == ("gray", "flow")
    changed = {key for key, tensor in net.state_dict().items() if not tensor.equal(before[key])}
    assert changed == set(before)


def test_items_by_the_names_of_the_layers_are_those_in_their_order(columns, train):
    items = columns()
    names = ("values", "gray", "labels", "flow")  # in any order
    by_name = [
        {name: item[("gray", "flow", "labels", "values").index(name)] for name in names} for item in items
    ]
    nets = [train(data, two_and_two())[0] for data in (items, by_name)]
    tensors = zip(*(net.state_dict().values() for net in nets), strict=True)
    assert all(a.equal(b) for a, b in tensors)


def test_statistics_of_each_input_layer_are_those_of_its_images(columns, train):
    items = columns()
    net, _ = train(items, two_and_two("zscore"))
    for name, column in (("gray", 0), ("flow", 1)):
        images = np.stack([item[column] for item in items]).astype(np.float64)
        buffers = dict(net.layer_module(name).named_buffers())
        mean, deviation = (buffers[key].flatten().numpy() for key in ("mean", "standard_deviation"))
        np.testing.assert_allclose(mean, images.mean((0, 1, 2)), rtol=1e-5)
        np.testing.assert_allclose(deviation, images.std((0, 1, 2)), rtol=1e-5)


def test_statistics_of_batch_normalization_are_those_of_all_items(columns, train):
    items = columns(7)
    net, info = train(items, two_and_two(batch_norm=True))
    assert not info.warnings
    features = net.activations([stacked(items, 0), stacked(items, 1)], "sum").double()
    norm = net.layer_module("bn")
    torch.testing.assert_close(norm.running_mean.double(), features.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    variance = features.var((0, 2, 3), correction=0)
    torch.testing.assert_close(norm.running_var.double(), variance, rtol=1e-4, atol=1e-5)


def test_sizes_may_differ_between_items_in_batches_of_one(columns, train):
    items = columns(2) + columns(2, (8, 10))
    _, info = train(items, two_and_two(batch_norm=True), mini_batch_size=1)
    assert len(info.training_loss) == 4
    assert not info.warnings


def test_the_accuracy_is_the_mean_of_the_layers_with_classes(train):
    """One image, whose class of the whole image is right with these weights, and no pixel is."""
    lgraph = LayerGraph(
        [ImageInputLayer((2, 2, 2), name="image", normalization="none"), SoftmaxLayer(name="probabilities")]
    )
    lgraph = lgraph.add_layers(PixelClassificationLayer(name="pixels"))
    lgraph = lgraph.connect_layers("probabilities", "pixels").add_layers(
        [FullyConnectedLayer(2, name="fc"), SoftmaxLayer(name="softmax"), ClassificationLayer(name="whole")]
    )
    net = lgraph.connect_layers("image", "fc").compile()
    with torch.no_grad():
        net.fc.weight.zero_()
        net.fc.bias.copy_(torch.tensor([0.0, 1.0]))
    image = np.stack([np.ones((2, 2)), np.zeros((2, 2))], axis=-1).astype(np.float32)
    item = (image, np.ones((2, 2), np.uint8), 1)
    _, info = train([item], net)
    assert info.training_accuracy == [50]
    unlabeled = (image, np.full((2, 2), 255, np.uint8), 1)
    _, info = train([unlabeled, item], net, shuffle="never", mini_batch_size=1)
    assert info.training_accuracy == [100, 50]  # only where there are labels


def test_the_error_of_two_regressions_is_that_of_their_sum(train):
    lgraph = LayerGraph([ImageInputLayer((2, 2, 1), name="image", normalization="none")])
    for name in ("a", "b"):
        layers = [Convolution2dLayer(1, 1, name=f"conv_{name}"), RegressionLayer(name=name)]
        lgraph = lgraph.add_layers(layers).connect_layers("image", f"conv_{name}")
    net = lgraph.compile()
    random = np.random.default_rng(1)
    items = [tuple(random.normal(size=(2, 2, 1)).astype(np.float32) for _ in range(3)) for _ in range(3)]
    a, b = net(stacked(items, 0))
    squares = (a - stacked(items, 1)).square().sum() + (b - stacked(items, 2)).square().sum()
    _, info = train(items, net.eval())
    assert info.training_rmse[0] == pytest.approx((squares.item() / 3) ** 0.5, rel=1e-5)
    assert info.training_loss[0] == pytest.approx(squares.item() / 6, rel=1e-5)


def test_class_names_come_from_the_column_of_each_output_layer(train, tmp_path):
    class Stores(list):
        """Items with the stores of their columns, as a combined store has them."""

        stores = (
            object(),
            type("A", (), {"classes": ("cat", "dog")}),
            type("B", (), {"classes": ("x", "y")}),
        )
        classes = ("cat", "dog")

    lgraph = LayerGraph(
        [
            ImageInputLayer((2, 2, 1), name="image", normalization="none"),
            Convolution2dLayer(1, 2),
            SoftmaxLayer(),
        ]
    )
    for name in ("a", "b"):
        lgraph = lgraph.add_layers(PixelClassificationLayer(name=name)).connect_layers("softmax", name)
    item = (np.zeros((2, 2, 1), np.float32), np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8))
    graph = train(Stores([item]), lgraph)[0].layer_graph()
    assert (graph["a"].classes, graph["b"].classes) == (("cat", "dog"), ("x", "y"))
    plain = train([item], lgraph)[0].layer_graph()
    assert (plain["a"].classes, plain["b"].classes) == ("auto", "auto")
    nested = Stores([item])
    nested.stores = ()  # one set of names says nothing about two layers
    graph = train(nested, lgraph)[0].layer_graph()
    assert (graph["a"].classes, graph["b"].classes) == ("auto", "auto")


def test_wrong_items_are_named_with_their_layer(columns, refusal):
    lgraph = two_and_two()
    (gray, flow, labels, values), *_ = columns(1)
    assert refusal([(gray, labels)], lgraph, error=DataError) == (
        "train_network: item 0 must be 4 values, one per input and output layer ('gray', 'flow', 'labels', "
        "'values'), got 2 values"
    )
    by_name = {"gray": gray, "flow": flow, "labels": labels}
    assert refusal([by_name], lgraph, error=DataError) == (
        "train_network: item 0 must have a value for each input and output layer ('gray', 'flow', 'labels', "
        "'values'), got none for 'values'; DatasetDatastore(dataset, ('image', 'label')) chooses columns"
    )
    assert refusal([(flow, gray, labels, values)], lgraph, error=DataError) == (
        "train_network: item 0 must have 1 channel, as the input layer 'gray' takes, got 6×6×2"
    )
    assert "the target of item 0 for layer 'labels' must be an array of whole numbers" in refusal(
        [(gray, flow, values, labels)], lgraph, error=DataError
    )
    unlabeled = np.full((6, 6), 255, np.uint8)
    assert refusal([(gray, flow, unlabeled, values)], lgraph, error=DataError) == (
        "train_network: the training data must have labels for layer 'labels', got targets that are "
        "unlabeled (255) everywhere; check the label ids"
    )


def test_an_image_that_is_not_finite_is_found_in_each_column(columns, train):
    items = columns(4)
    items[2][1][3, 3, 0] = np.nan
    with pytest.warns(UserWarning, match=r"item 2 holds values that are NaN or infinite"):
        train(items, two_and_two())


@pytest.mark.parametrize("options", [{}, {"accumulate_grad_batches": 2}, {"solver": "lbfgs"}])
def test_the_loss_of_each_output_layer_is_recorded(columns, train, tmp_path, options):
    items = columns()
    settings = {
        "max_epochs": 3,
        "mini_batch_size": 2,
        "initial_learn_rate": 1e-4,
        "checkpoint_path": tmp_path / "checkpoints",
        **options,
    }
    net, info = train(items, two_and_two(), log_path=tmp_path / "logs", logger="csv", **settings)
    assert [*info.output_losses] == ["labels", "values"]
    sums = [sum(pair) for pair in zip(*info.output_losses.values(), strict=True)]
    assert sums == pytest.approx(info.training_loss)
    rows = [row.split(",") for row in (tmp_path / "logs" / "log.csv").read_text().splitlines()]
    assert rows[0][-2:] == ["loss/labels", "loss/values"]
    expected = [str(losses[-1]) for losses in info.output_losses.values()]
    assert rows[-1][-2:] == expected
    info.to_csv(tmp_path / "info.csv")
    assert (tmp_path / "info.csv").read_text().splitlines()[-1].split(",")[-2:] == expected
    save_trained_network(tmp_path / "net.safetensors", net, info)
    assert load_training(tmp_path / "net.safetensors")[0] == info
    first = min((tmp_path / "checkpoints").iterdir(), key=lambda path: int(path.name.split("__")[1]))
    solver = TrainingOptions(settings.pop("solver", "sgdm"), **SETTINGS, **settings)
    _, again = train_network(items, two_and_two(), solver, resume_from=first)
    assert again.output_losses == info.output_losses


def test_one_output_layer_has_no_losses_of_its_own(tiny, pairs, train):
    _, info = train(pairs(), tiny())
    assert info.output_losses is None
    assert "output_losses" not in info.to_dict()
