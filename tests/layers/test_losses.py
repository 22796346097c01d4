"""The losses against naive formulas; what never counts; numbers that overflow elsewhere."""

import math
from dataclasses import dataclass

import naive
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layergraph import (
    UNLABELED,
    AdditionLayer,
    AveragePooling2dLayer,
    BatchNormalizationLayer,
    ClassificationLayer,
    ClippedReluLayer,
    Convolution2dLayer,
    DataError,
    DicePixelClassificationLayer,
    DropoutLayer,
    FocalLossLayer,
    FullyConnectedLayer,
    Image3dInputLayer,
    ImageInputLayer,
    InvalidNetworkError,
    LayerGraph,
    LayergraphError,
    LossLayer,
    MaxPooling2dLayer,
    ModuleLayer,
    OutputLayer,
    PixelClassificationLayer,
    RegressionLayer,
    ReluLayer,
    Resize2dLayer,
    ScalingLayer,
    SigmoidLayer,
    SoftmaxLayer,
    TverskyPixelClassificationLayer,
    load,
)
from layergraph.analyze import analyze_network


def scores_network(output, classes=3, softmax=True, spatial=(4, 5)):
    """A network that hands its input to the loss as the scores."""
    kind = ImageInputLayer if len(spatial) == 2 else Image3dInputLayer
    layers = [kind((*spatial, classes), normalization="none", name="scores")]
    return LayerGraph([*layers, *[SoftmaxLayer()] * softmax, output]).compile().double()


def random_target(seed, shape, classes, unlabeled=UNLABELED):
    choices = [*range(classes), unlabeled]
    return torch.from_numpy(np.random.default_rng(seed).choice(choices, shape))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 3),
    spatial=st.sampled_from([(4, 5), (1, 1), (2, 3, 2)]),
    weighted=st.booleans(),
    dtype=st.sampled_from([torch.uint8, torch.int32, torch.int64]),
)
def test_pixel_cross_entropy_is_the_mean_over_labeled_pixels(seed, batch, spatial, weighted, dtype):
    weights = [0.25, 4, 1.5] if weighted else "none"
    layer = PixelClassificationLayer(classes=["a", "b", "c"], class_weights=weights)
    net = scores_network(layer, spatial=spatial)
    logits = torch.from_numpy(np.random.default_rng(seed).normal(0, 3, (batch, 3, *spatial)))
    target = random_target(seed, (batch, *spatial), 3)
    probabilities = naive.softmax(logits.numpy())
    expected = naive.cross_entropy(probabilities, target.numpy(), weights if weighted else None)
    assert net.loss(logits, target.to(dtype)).item() == pytest.approx(expected, rel=1e-12)
    bare = scores_network(layer, softmax=False, spatial=spatial)  # what comes in are probabilities
    assert bare.loss(torch.from_numpy(probabilities), target).item() == pytest.approx(expected, rel=1e-6)


def test_weights_are_not_renormalized():
    """Four times the weight is four times the loss; torch's own mean would not change."""
    logits, target = torch.randn(2, 3, 4, 5).double(), torch.randint(0, 3, (2, 4, 5))
    layers = [PixelClassificationLayer(classes=list("abc"), class_weights=[w] * 3) for w in (1, 4)]
    losses = [scores_network(layer).loss(logits, target) for layer in layers]
    assert losses[1].item() == pytest.approx(4 * losses[0].item())


def test_unlabeled_pixels_get_no_gradient_and_do_not_count():
    net = scores_network(PixelClassificationLayer())
    logits = torch.randn(1, 3, 4, 5).double().requires_grad_()
    target = torch.full((1, 4, 5), UNLABELED)
    target[0, 1, 2] = 2
    net.loss(logits, target).backward()
    touched = logits.grad.abs().sum(1)[0] > 0
    assert touched.nonzero().tolist() == [[1, 2]]
    single = torch.nn.functional.cross_entropy(logits[:, :, 1, 2], torch.tensor([2]))
    assert net.loss(logits, target).item() == pytest.approx(single.item())


@pytest.mark.parametrize("softmax", [True, False])
@pytest.mark.parametrize("weights", ["none", [1, 2, 3]])
def test_a_mini_batch_without_labeled_pixels_gives_zero(softmax, weights):
    layer = PixelClassificationLayer(classes=list("abc"), class_weights=weights)
    net = scores_network(layer, softmax=softmax)
    logits = torch.rand(2, 3, 4, 5).double().requires_grad_()
    loss = net.loss(logits, torch.full((2, 4, 5), UNLABELED, dtype=torch.uint8))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_huge_logits_neither_overflow_nor_vanish(dtype):
    net = scores_network(PixelClassificationLayer()).to(dtype)
    logits = torch.zeros(1, 3, 4, 5, dtype=dtype)
    logits[:, 0], logits[:, 1] = 1000, -1000
    logits.requires_grad_()
    for true_class, expected in ((0, 0), (1, 2000), (2, 1000)):
        loss = net.loss(logits, torch.full((1, 4, 5), true_class))
        (gradient,) = torch.autograd.grad(loss, logits)
        assert loss.item() == pytest.approx(expected)
        assert gradient.isfinite().all()
        assert (true_class == 0) == (not gradient.any())


def test_probabilities_of_zero_stay_finite():
    net = scores_network(PixelClassificationLayer(), softmax=False)
    loss = net.loss(torch.zeros(1, 3, 4, 5).double(), torch.zeros(1, 4, 5))
    assert loss.item() == pytest.approx(-np.log(np.finfo(float).eps))


def test_the_scores_are_the_softmax_and_the_loss_starts_before_it():
    net = scores_network(PixelClassificationLayer())
    logits = torch.randn(2, 3, 4, 5).double()
    torch.testing.assert_close(net(logits), logits.softmax(1))
    loss, scores = net.loss_and_scores(logits, torch.zeros(2, 4, 5))
    assert loss.shape == ()
    assert torch.equal(scores[0], logits)


@pytest.mark.parametrize("spatial", [(1, 1), None])
def test_classification_is_the_cross_entropy_of_observations(spatial):
    layers = [ImageInputLayer((2, 2, 1), normalization="none"), FullyConnectedLayer(300)]
    layer = ClassificationLayer(classes=[str(i) for i in range(300)], class_weights=[*range(1, 301)])
    net = LayerGraph([*layers, SoftmaxLayer(), layer]).compile().double()
    x, target = torch.randn(5, 1, 2, 2).double(), torch.tensor([3, 255, 299, -100, 0])
    assert net(x).shape == (5, 300)  # 255 is a class here
    logits = net.fc(x).flatten(1).detach().numpy()
    expected = naive.cross_entropy(naive.softmax(logits), target.numpy(), range(1, 301), unlabeled=-100)
    assert net.loss(x, target).item() == pytest.approx(expected)


def test_regression_is_half_the_squared_error_of_an_observation():
    net = scores_network(RegressionLayer(), softmax=False)
    y, t = torch.randn(3, 3, 4, 5).double(), torch.randn(3, 3, 4, 5).double()
    expected = sum(0.5 * float((y[i] - t[i]).square().sum()) for i in range(3)) / 3
    assert net.loss(y, t).item() == pytest.approx(expected)
    after_softmax = scores_network(RegressionLayer()).loss(y, t).item()
    assert after_softmax == pytest.approx(0.5 * float((y.softmax(1) - t).square().sum()) / 3)


def test_the_loss_of_several_output_layers_is_their_sum():
    lgraph = LayerGraph(
        [ImageInputLayer((4, 4, 1), name="in"), Convolution2dLayer(1, 3, name="conv"), SoftmaxLayer()]
    ).add_layers([PixelClassificationLayer(name="pixels")])
    lgraph = lgraph.connect_layers("softmax", "pixels").add_layers(RegressionLayer(name="values"))
    net = lgraph.connect_layers("conv", "values").compile().double()
    x, classes, values = torch.rand(2, 1, 4, 4).double(), torch.ones(2, 4, 4), torch.rand(2, 3, 4, 4)
    logits = net.activations(x, "conv")
    first = naive.cross_entropy(naive.softmax(logits.numpy()), classes.numpy())
    second = 0.5 * float((logits - values).square().sum()) / 2
    assert net.loss(x, [classes, values]).item() == pytest.approx(first + second)
    scores = net(x)
    assert isinstance(scores, tuple)
    torch.testing.assert_close(scores[0], logits.softmax(1))
    torch.testing.assert_close(scores[1], logits)


def test_the_texts_of_wrong_targets(golden_errors):
    pixels = scores_network(PixelClassificationLayer())
    dice = scores_network(DicePixelClassificationLayer())
    regression = scores_network(RegressionLayer(), softmax=False)
    no_loss = LayerGraph([ImageInputLayer((4, 5, 3)), ReluLayer()]).compile()
    x = torch.zeros(2, 3, 4, 5).double()
    calls = {
        "one-hot targets": lambda: dice.loss(x, torch.zeros(2, 3, 4, 5)),
        "probabilities with another sum": lambda: pixels.loss(x, torch.ones(2, 3, 4, 5)),
        "targets of another size": lambda: pixels.loss(x, torch.zeros(2, 5, 4)),
        "two targets for one output": lambda: pixels.loss(x, [torch.zeros(2, 4, 5)] * 2),
        "two inputs for one": lambda: pixels.loss([x, x], torch.zeros(2, 4, 5)),
        "no input": lambda: pixels.loss([], torch.zeros(2, 4, 5)),
        "a regression target that would broadcast": lambda: regression.loss(x, torch.zeros(2, 1, 4, 5)),
        "no output layer": lambda: no_loss.loss(x, torch.zeros(2, 4, 5)),
    }
    golden_errors("losses", calls)
    for label, call in calls.items():
        with pytest.raises(LayergraphError if label == "no output layer" else DataError):
            call()


@pytest.mark.parametrize("kind", [PixelClassificationLayer, ClassificationLayer])
def test_an_index_that_no_class_has_is_named_with_its_layer(kind):
    net = scores_network(kind(name="labels"), spatial=(1, 1))
    shape = (2, 1, 1) if kind is PixelClassificationLayer else (2,)
    for index in (3, 254, -1, -101):
        target = torch.zeros(shape, dtype=torch.long)
        target[1] = index
        with pytest.raises(DataError, match=rf"layer 'labels': .*0 to 2, .*3 classes.*got {index}$"):
            net.loss(torch.randn(2, 3, 1, 1).double(), target)


@pytest.mark.parametrize("classes", [255, 256, 300])
def test_pixels_of_class_255_count_where_there_are_more_classes(classes):
    net = scores_network(PixelClassificationLayer(), classes=classes, spatial=(3, 4))
    generator = np.random.default_rng(classes)
    logits = generator.normal(0, 3, (2, classes, 3, 4))
    unlabeled = 255 if classes == 255 else -100
    target = generator.choice([*range(classes), unlabeled], (2, 3, 4))
    target[0, 0] = [classes - 1, unlabeled, 0, 255]
    expected = naive.cross_entropy(naive.softmax(logits), target, unlabeled=unlabeled)
    loss = net.loss(torch.from_numpy(logits), torch.from_numpy(target)).item()
    assert loss == pytest.approx(expected, rel=1e-12)
    if classes > 255:
        with pytest.raises(DataError, match="more than 8 bits, got uint8"):
            net.loss(torch.from_numpy(logits), torch.from_numpy(target).byte())


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("softmax", [True, False])
def test_sums_of_half_precision_are_in_float32(dtype, softmax):
    """The sum over these pixels is beyond 65504, the largest number of float16."""
    layer = PixelClassificationLayer(classes=list("abc"), class_weights=[100, 1e-9, 2.5])
    net = scores_network(layer, softmax=softmax, spatial=(300, 300)).to(dtype)
    scores = torch.randn(2, 3, 300, 300) * 4
    scores = (scores if softmax else scores.softmax(1)).to(dtype)
    target = random_target(0, (2, 300, 300), 3)
    probabilities = scores.double().numpy()
    probabilities = naive.softmax(probabilities) if softmax else np.maximum(probabilities, 2.0**-23)
    expected = naive.cross_entropy(probabilities, target.numpy(), [100, 1e-9, 2.5])
    loss = net.loss(scores, target)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(expected, rel=1e-5)


def test_squared_errors_of_half_precision_are_summed_in_float32():
    net = scores_network(RegressionLayer(), softmax=False, spatial=(300, 300)).half()
    y, t = torch.randn(2, 3, 300, 300).half(), torch.randn(2, 3, 300, 300)
    expected = 0.25 * (y.double() - t.double()).square().sum().item()
    assert net.loss(y, t).item() == pytest.approx(expected, rel=1e-5)


def test_class_weights_are_exact_in_every_dtype():
    layer = PixelClassificationLayer(classes=list("abc"), class_weights=[0.1, 1 / 3, 1e-9])
    net = LayerGraph([ImageInputLayer((2, 2, 3)), SoftmaxLayer(), layer]).compile()
    for dtype, expected in ((torch.float64, torch.float64), (torch.float16, torch.float32)):
        weight = net.to(dtype).layer_module("pixel-class").weight
        assert weight.dtype == expected
        assert torch.equal(weight, torch.tensor([0.1, 1 / 3, 1e-9], dtype=expected))


def graph_that_ends_in(*layers):
    return LayerGraph(
        [ImageInputLayer((4, 5, 2)), Convolution2dLayer(1, 3, name="scores"), *layers]
    ).add_layers(PixelClassificationLayer(name="labels"))


def connect_loss(lgraph):
    return lgraph.connect_layers([*lgraph][-2], "labels")


@pytest.mark.parametrize(
    "layers",
    [
        [],
        [ReluLayer()],
        [BatchNormalizationLayer()],
        [Resize2dLayer(scale=2.0)],
        [DropoutLayer(0.5)],
        [MaxPooling2dLayer(2)],
        [ClippedReluLayer(2)],
        [ScalingLayer(0.1)],
    ],
    ids=lambda layers: type(layers[0]).__name__ if layers else "convolution",
)
def test_a_loss_of_raw_scores_is_an_error(layers):
    net = connect_loss(graph_that_ends_in(*layers)).compile()
    scores = net(torch.randn(2, 2, 4, 5))  # the network itself works
    with pytest.raises(InvalidNetworkError, match="LG-NO-SOFTMAX") as caught:
        net.loss(torch.randn(2, 2, 4, 5), torch.zeros(2, *scores.shape[2:]))
    assert [(issue.code, issue.layer) for issue in caught.value.issues] == [("LG-NO-SOFTMAX", "labels")]
    assert analyze_network(connect_loss(graph_that_ends_in(*layers))).issues[0].severity == "error"
    assert (
        analyze_network(connect_loss(graph_that_ends_in(*layers)), target_usage="network").issues[0].severity
        == "warning"
    )


@pytest.mark.parametrize(
    "layers",
    [
        [SoftmaxLayer()],
        [SigmoidLayer()],
        [ClippedReluLayer(1)],
        [SoftmaxLayer(), Resize2dLayer(scale=2.0, method="bilinear")],
        [SigmoidLayer(), AveragePooling2dLayer(2), ReluLayer(), MaxPooling2dLayer(2)],
        [ModuleLayer(torch.nn.Softmax(dim=1), name="module")],
        [ModuleLayer(torch.nn.Softmax(dim=1), name="module"), Resize2dLayer(scale=2.0)],
    ],
    ids=lambda layers: "+".join(type(layer).__name__ for layer in layers),
)
def test_a_loss_of_probabilities_is_computed(layers):
    lgraph = connect_loss(graph_that_ends_in(*layers))
    assert not [issue for issue in analyze_network(lgraph).issues if issue.code == "LG-NO-SOFTMAX"]
    net, x = lgraph.compile().double(), torch.randn(2, 2, 4, 5).double()
    scores = net(x)
    target = torch.randint(0, 3, (2, *scores.shape[2:]))
    eps = np.finfo(float).eps
    expected = naive.cross_entropy(np.maximum(scores.detach().numpy(), eps), target.numpy())
    assert net.loss(x, target).item() == pytest.approx(expected, rel=1e-9)


def test_branches_that_end_in_softmax_may_be_averaged():
    halves = [SoftmaxLayer(name="a"), AdditionLayer(2, name="sum"), ScalingLayer(0.5)]
    lgraph = connect_loss(graph_that_ends_in(*halves)).add_layers(
        [Convolution2dLayer(1, 3, name="other"), SoftmaxLayer(name="b")]
    )
    lgraph = lgraph.connect_layers("imageinput", "other").connect_layers("b", "sum/in2")
    net, x, target = lgraph.compile().double(), torch.randn(2, 2, 4, 5).double(), torch.ones(2, 4, 5)
    expected = naive.cross_entropy(net(x).detach().numpy(), target.numpy())
    assert net.loss(x, target).item() == pytest.approx(expected, rel=1e-9)
    unscaled = connect_loss(lgraph.remove_layers(["scaling", "labels"]).add_layers(lgraph["labels"]))
    unscaled = unscaled.disconnect_layers("b", "labels").connect_layers("sum", "labels").compile().double()
    with pytest.raises(DataError, match="probabilities from 0 to 1"):
        unscaled.loss(20 * x, target)  # a sum of probabilities, up to 2


def test_raw_scores_of_a_module_are_an_error_when_the_loss_is_computed():
    net = connect_loss(graph_that_ends_in(ModuleLayer(torch.nn.Conv2d(3, 3, 1), name="module"))).compile()
    x, target = 50 * torch.randn(2, 2, 4, 5), torch.zeros(2, 4, 5)
    with pytest.raises(DataError, match="layer 'labels': the scores must be probabilities from 0 to 1"):
        net.loss(x, target)


def test_soft_targets_are_not_rounded_to_classes():
    net, x = scores_network(PixelClassificationLayer()), torch.randn(1, 3, 4, 5).double()
    assert torch.equal(net.loss(x, torch.full((1, 4, 5), 2.0)), net.loss(x, torch.full((1, 4, 5), 2)))
    for wrong in (0.5, float("nan")):
        with pytest.raises(DataError, match="integers"):
            net.loss(x, torch.full((1, 4, 5), wrong))


@pytest.mark.parametrize("softmax", [True, False])
def test_a_loss_compiles_without_breaks(softmax):
    torch._dynamo.reset()
    net, x = scores_network(PixelClassificationLayer(), softmax=softmax), torch.rand(2, 3, 4, 5).double()
    target = random_target(0, (2, 4, 5), 3)
    loss = torch.compile(net.loss, fullgraph=True, backend="eager")
    assert torch.equal(loss(x, target), net.loss(x, target))


def test_class_weights_are_not_parameters_and_not_saved():
    net = scores_network(PixelClassificationLayer(classes=list("abc"), class_weights=[1, 2, 3]))
    assert not list(net.parameters())
    assert not [key for key in net.state_dict() if "weight" in key]


def test_targets_of_a_regression_are_not_rounded_to_half_precision():
    """100,000 is beyond float16, and 2049 is not one of its numbers."""
    net = scores_network(RegressionLayer(), softmax=False, spatial=(1, 1)).half()
    target = torch.tensor([1e5, 2049, 0]).view(1, 3, 1, 1)
    loss = net.loss(torch.zeros(1, 3, 1, 1).half(), target)
    assert loss.item() == pytest.approx(0.5 * (1e10 + 2049**2), rel=1e-6)


@pytest.mark.parametrize(
    "kind", [DicePixelClassificationLayer, TverskyPixelClassificationLayer, FocalLossLayer]
)
@pytest.mark.parametrize("softmax", [True, False])
class TestLossesOfPixels:
    """What holds for every loss of pixels beyond the contract of output layers."""

    def test_without_labeled_pixels_loss_and_gradient_are_zero(self, kind, softmax):
        scores = torch.rand(2, 3, 4, 5).double().requires_grad_()
        loss = scores_network(kind(), softmax=softmax).loss(scores, torch.full((2, 4, 5), UNLABELED))
        loss.backward()
        assert loss.item() == 0
        assert torch.equal(scores.grad, torch.zeros_like(scores))

    def test_an_image_without_labels_changes_nothing(self, kind, softmax):
        net, scores = scores_network(kind(), softmax=softmax), torch.rand(2, 3, 4, 5).double()
        target = random_target(0, (2, 4, 5), 3)
        target[1] = UNLABELED
        assert net.loss(scores, target).item() == pytest.approx(net.loss(scores[:1], target[:1]).item())

    def test_an_index_that_no_class_has_is_named(self, kind, softmax):
        net = scores_network(kind(name="labels"), softmax=softmax, spatial=(1, 1))
        for index in (3, 254, -1):
            target = torch.zeros(2, 1, 1, dtype=torch.long)
            target[1] = index
            with pytest.raises(DataError, match=rf"layer 'labels': .*0 to 2, .*got {index}$"):
                net.loss(torch.rand(2, 3, 1, 1).double(), target)

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision_is_summed_in_float32(self, kind, softmax, dtype):
        net = scores_network(kind(), softmax=softmax, spatial=(300, 300)).to(dtype)
        scores = torch.rand(2, 3, 300, 300)
        scores = (scores if softmax else scores.softmax(1)).to(dtype)
        target = random_target(0, (2, 300, 300), 3)
        loss = net.loss(scores, target)
        assert loss.dtype == torch.float32
        exact = scores_network(kind(), softmax=softmax, spatial=(300, 300)).loss(scores.double(), target)
        assert loss.item() == pytest.approx(exact.item(), rel=1e-4)

    def test_it_compiles_without_breaks_and_takes_channels_last(self, kind, softmax):
        torch._dynamo.reset()
        net, x = scores_network(kind(), softmax=softmax), torch.rand(2, 3, 4, 5).double()
        target = random_target(0, (2, 4, 5), 3)
        loss = torch.compile(net.loss, fullgraph=True, backend="eager")
        assert torch.equal(loss(x, target), net.loss(x, target))
        last = x.contiguous(memory_format=torch.channels_last)
        assert net.loss(last, target).item() == pytest.approx(net.loss(x, target).item(), rel=1e-12)

    def test_huge_logits_have_a_finite_gradient(self, kind, softmax):
        if not softmax:
            return
        logits = torch.zeros(1, 3, 4, 5)
        logits[:, 0], logits[:, 1] = 1000, -1000
        logits.requires_grad_()
        for true_class in (0, 1, 2):
            loss = scores_network(kind()).float().loss(logits, torch.full((1, 4, 5), true_class))
            (gradient,) = torch.autograd.grad(loss, logits)
            assert loss.isfinite()
            assert gradient.isfinite().all()

    def test_raw_scores_are_an_error(self, kind, softmax):
        layers = [ImageInputLayer((4, 5, 2)), Convolution2dLayer(1, 3), *[SoftmaxLayer()] * softmax, kind()]
        net = LayerGraph(layers).compile()
        arguments = torch.randn(2, 2, 4, 5), torch.zeros(2, 4, 5)
        if softmax:
            assert net.loss(*arguments).isfinite()
            return
        with pytest.raises(InvalidNetworkError, match="LG-NO-SOFTMAX"):
            net.loss(*arguments)


def test_focal_loss_without_focus_is_cross_entropy():
    x, target = torch.randn(2, 3, 4, 5).double(), random_target(1, (2, 4, 5), 3)
    focal = scores_network(FocalLossLayer(alpha=1, gamma=0)).loss(x, target)
    assert focal.item() == pytest.approx(scores_network(PixelClassificationLayer()).loss(x, target).item())


def test_a_perfect_prediction_has_no_loss_of_overlap():
    target = torch.tensor([[[0, 1, 1, 0]]])
    scores = torch.nn.functional.one_hot(target, 3).movedim(-1, 1).double()
    dice = scores_network(DicePixelClassificationLayer(), softmax=False, spatial=(1, 4))
    assert dice.loss(scores, target).item() == pytest.approx(0, abs=1e-12)
    assert dice.loss(1 - scores, target).item() > 0.4


def test_a_loss_of_ones_own_gets_probabilities_and_indices(tmp_path):
    def own(scores, target):
        assert target.dtype == torch.int64
        return torch.nn.functional.nll_loss(scores.log(), target, ignore_index=UNLABELED)

    layer = LossLayer(own, name="own")
    net, x = scores_network(layer), torch.randn(2, 3, 4, 5).double()
    target = random_target(2, (2, 4, 5), 3)
    expected = scores_network(PixelClassificationLayer()).loss(x, target)
    assert net.loss(x, target.byte()).item() == pytest.approx(expected.item())
    net.layer_graph().save(tmp_path / "net.safetensors")
    assert load(tmp_path / "net.safetensors", modules={"own": own})["own"] == layer
    with pytest.raises(LayergraphError, match=r"'own' is a loss function.*modules=\{'own': function\}"):
        load(tmp_path / "net.safetensors")
    with pytest.raises(DataError, match=r"the target must have the shape \(2, 4, 5\)"):
        net.loss(x, target[:, :3])
    with pytest.raises(DataError, match="a tensor of one number"):
        scores_network(LossLayer(lambda scores, target: scores, name="all")).loss(x, target)


def test_a_class_of_ones_own_works_in_a_graph_and_in_files(tmp_path):
    @dataclass(frozen=True, repr=False)
    class CubeLayer(OutputLayer):
        factor: float = 1.0

        def loss(self, scores, target):
            return self.factor * (scores - target).abs().pow(3).mean()

    net = scores_network(CubeLayer(2), softmax=False)
    x, target = torch.randn(2, 3, 4, 5).double(), torch.randn(2, 3, 4, 5).double()
    assert net.loss(x, target).item() == pytest.approx(2 * float(((x - target).abs() ** 3).mean()))
    assert net.layer_graph()["loss"].type == "CubeLayer"
    assert "CubeLayer" in str(analyze_network(net.layer_graph()))
    net.layer_graph().save(tmp_path / "net.safetensors")
    again = load(tmp_path / "net.safetensors", modules={"loss": CubeLayer(2)})
    assert again == net.layer_graph()


@pytest.mark.parametrize("weights", ["none", (1.0, 2.0, 0.5)])
@pytest.mark.parametrize("unlabeled", [0.0, math.nan])
def test_cross_entropy_of_probabilities_is_its_formula(weights, unlabeled):
    random = np.random.default_rng(0)
    logits, target = random.normal(size=(2, 3, 4, 5)), random.dirichlet([1, 1, 1], (2, 4, 5))
    target[0, :2] = unlabeled
    scores = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    each = (
        -np.array((1.0, 1.0, 1.0) if weights == "none" else weights)
        * target
        * np.log(np.moveaxis(scores, 1, -1))
    )
    expected = np.nansum(each) / (2 * 4 * 5 - 2 * 5)
    net = scores_network(PixelClassificationLayer(classes=["a", "b", "c"], class_weights=weights))
    x = torch.from_numpy(logits).requires_grad_()
    loss = net.loss(x, torch.from_numpy(target).movedim(-1, 1))
    assert loss.item() == pytest.approx(expected)
    loss.backward()
    assert x.grad.isfinite().all()
    assert not x.grad[0, :, :2].any()
    assert x.grad[0, :, 2:].all()


@pytest.mark.parametrize("dtype", [torch.uint8, torch.bool, torch.float16, torch.float64])
def test_one_hot_targets_give_the_loss_of_their_indices(dtype):
    net, x = scores_network(PixelClassificationLayer()), torch.randn(2, 3, 4, 5).double()
    target = random_target(0, (2, 4, 5), 3)
    labeled = target != UNLABELED
    one_hot = torch.nn.functional.one_hot(torch.where(labeled, target.long(), 0), 3) * labeled.unsqueeze(-1)
    assert not labeled.all()
    assert net.loss(x, one_hot.movedim(-1, 1).to(dtype)).item() == pytest.approx(net.loss(x, target).item())


@pytest.mark.parametrize(
    "row", [(0.5, 0.4, 0.0), (1.5, -0.5, 0.0), (math.nan, 1.0, 0.0), (math.inf, 0.0, 0.0)]
)
def test_targets_that_are_no_probabilities_are_refused(row):
    net = scores_network(PixelClassificationLayer())
    target = torch.tensor(row).view(1, 3, 1, 1).expand(2, 3, 4, 5)
    with pytest.raises(DataError, match="the target must be probabilities of at least 0 with the sum 1"):
        net.loss(torch.zeros(2, 3, 4, 5).double(), target)
