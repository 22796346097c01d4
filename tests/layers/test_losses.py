"""The losses against naive formulas; what never counts; numbers that overflow elsewhere."""

import naive
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from layergraph import (
    UNLABELLED,
    ClassificationLayer,
    Convolution2dLayer,
    DataError,
    FullyConnectedLayer,
    Image3dInputLayer,
    ImageInputLayer,
    LayerGraph,
    LayergraphError,
    PixelClassificationLayer,
    RegressionLayer,
    ReluLayer,
    SoftmaxLayer,
)


def scores_network(output, classes=3, softmax=True, spatial=(4, 5)):
    """A network that hands its input to the loss as the scores."""
    kind = ImageInputLayer if len(spatial) == 2 else Image3dInputLayer
    layers = [kind((*spatial, classes), normalization="none", name="scores")]
    return LayerGraph([*layers, *[SoftmaxLayer()] * softmax, output]).compile().double()


def random_target(seed, shape, classes, unlabelled=UNLABELLED):
    choices = [*range(classes), unlabelled]
    return torch.from_numpy(np.random.default_rng(seed).choice(choices, shape))


@settings(max_examples=60)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 3),
    spatial=st.sampled_from([(4, 5), (1, 1), (2, 3, 2)]),
    weighted=st.booleans(),
    dtype=st.sampled_from([torch.uint8, torch.int32, torch.int64]),
)
def test_pixel_cross_entropy_is_the_mean_over_labelled_pixels(seed, batch, spatial, weighted, dtype):
    weights = [0.25, 4, 1.5] if weighted else "none"
    layer = PixelClassificationLayer(classes=["a", "b", "c"], class_weights=weights)
    net = scores_network(layer, spatial=spatial)
    logits = torch.from_numpy(np.random.default_rng(seed).normal(0, 3, (batch, 3, *spatial)))
    target = random_target(seed, (batch, *spatial), 3)
    probabilities = naive.softmax(logits.numpy())
    wanted = naive.cross_entropy(probabilities, target.numpy(), weights if weighted else None)
    assert net.loss(logits, target.to(dtype)).item() == pytest.approx(wanted, rel=1e-12)
    bare = scores_network(layer, softmax=False, spatial=spatial)  # what comes in are probabilities
    assert bare.loss(torch.from_numpy(probabilities), target).item() == pytest.approx(wanted, rel=1e-6)


def test_weights_are_not_renormalized():
    """Four times the weight is four times the loss; torch's own mean would not change."""
    logits, target = torch.randn(2, 3, 4, 5).double(), torch.randint(0, 3, (2, 4, 5))
    layers = [PixelClassificationLayer(classes=list("abc"), class_weights=[w] * 3) for w in (1, 4)]
    losses = [scores_network(layer).loss(logits, target) for layer in layers]
    assert losses[1].item() == pytest.approx(4 * losses[0].item())


def test_unlabelled_pixels_get_no_gradient_and_do_not_count():
    net = scores_network(PixelClassificationLayer())
    logits = torch.randn(1, 3, 4, 5).double().requires_grad_()
    target = torch.full((1, 4, 5), UNLABELLED)
    target[0, 1, 2] = 2
    net.loss(logits, target).backward()
    touched = logits.grad.abs().sum(1)[0] > 0
    assert touched.nonzero().tolist() == [[1, 2]]
    single = torch.nn.functional.cross_entropy(logits[:, :, 1, 2], torch.tensor([2]))
    assert net.loss(logits, target).item() == pytest.approx(single.item())


@pytest.mark.parametrize("softmax", [True, False])
@pytest.mark.parametrize("weights", ["none", [1, 2, 3]])
def test_a_mini_batch_without_labelled_pixels_gives_zero(softmax, weights):
    layer = PixelClassificationLayer(classes=list("abc"), class_weights=weights)
    net = scores_network(layer, softmax=softmax)
    logits = torch.rand(2, 3, 4, 5).double().requires_grad_()
    loss = net.loss(logits, torch.full((2, 4, 5), UNLABELLED, dtype=torch.uint8))
    loss.backward()
    assert loss.item() == 0
    assert torch.equal(logits.grad, torch.zeros_like(logits))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_huge_logits_neither_overflow_nor_vanish(dtype):
    net = scores_network(PixelClassificationLayer()).to(dtype)
    logits = torch.zeros(1, 3, 4, 5, dtype=dtype)
    logits[:, 0], logits[:, 1] = 1000, -1000
    logits.requires_grad_()
    for true_class, wanted in ((0, 0), (1, 2000), (2, 1000)):
        loss = net.loss(logits, torch.full((1, 4, 5), true_class))
        (gradient,) = torch.autograd.grad(loss, logits)
        assert loss.item() == pytest.approx(wanted)
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
    wanted = naive.cross_entropy(naive.softmax(logits), target.numpy(), range(1, 301), unlabelled=-100)
    assert net.loss(x, target).item() == pytest.approx(wanted)


def test_regression_is_half_the_squared_error_of_an_observation():
    net = scores_network(RegressionLayer(), softmax=False)
    y, t = torch.randn(3, 3, 4, 5).double(), torch.randn(3, 3, 4, 5).double()
    wanted = sum(0.5 * float((y[i] - t[i]).square().sum()) for i in range(3)) / 3
    assert net.loss(y, t).item() == pytest.approx(wanted)
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
    regression = scores_network(RegressionLayer(), softmax=False)
    no_loss = LayerGraph([ImageInputLayer((4, 5, 3)), ReluLayer()]).compile()
    x = torch.zeros(2, 3, 4, 5).double()
    calls = {
        "one-hot targets": lambda: pixels.loss(x, torch.zeros(2, 3, 4, 5)),
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


def test_class_weights_are_not_parameters_and_not_saved():
    net = scores_network(PixelClassificationLayer(classes=list("abc"), class_weights=[1, 2, 3]))
    assert not list(net.parameters())
    assert not [key for key in net.state_dict() if "weight" in key]
