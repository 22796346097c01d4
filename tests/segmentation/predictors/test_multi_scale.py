"""A network at several scales: fusion, losses, gradients, and its use in semanticseg."""

import copy
import pickle

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import layergraph as lg
from layergraph.data import resize_labels
from layergraph.segmentation import MultiScale, semanticseg

SCALES = (0.5, 0.75, 1.0)
X = torch.rand(2, 3, 33, 21, dtype=torch.float64) * 255

pytestmark = pytest.mark.usefixtures("double_precision")


def network(stride=1):
    """Scores every pixel, or every second one, as DeepLab scores every eighth."""
    layers = [lg.ImageInputLayer((32, 32, 3), mean=[99.0, 100, 101])]
    layers += [lg.Convolution2dLayer(3, 6, padding="same", stride=stride), lg.BatchNormalizationLayer()]
    layers += [lg.ReluLayer(), lg.Convolution2dLayer(1, 4), lg.SoftmaxLayer()]
    output = lg.PixelClassificationLayer(classes=list("abcd"))
    torch.manual_seed(4)
    return lg.LayerGraph([*layers, output]).compile().eval()


def plain_logits(net, x):
    """The same network in plain torch."""
    x = x - torch.tensor([99.0, 100, 101]).view(3, 1, 1)
    conv, bn, last = (net.layer_module(name) for name in ("conv_1", "batchnorm", "conv_2"))
    stride = conv.stride[0]
    rows, columns = (max((-(-n // stride) - 1) * stride + 3 - n, 0) for n in x.shape[2:])
    x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
    x = F.conv2d(x, conv.weight, conv.bias, stride)
    training = net.training
    x = F.batch_norm(
        x, bn.running_mean.clone(), bn.running_var.clone(), bn.weight, bn.bias, training, eps=bn.eps
    )
    return F.conv2d(x.relu(), last.weight, last.bias)


def at_scales(net, x, scales=SCALES):
    logits = []
    for scale in scales:
        size = [int(n * scale + 0.5) for n in x.shape[2:]]
        logits.append(plain_logits(net, F.interpolate(x, size, mode="bilinear")))
    return logits


def enlarge(scores, x):
    return F.interpolate(scores, x.shape[2:], mode="bilinear")


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(33, 21), (32, 32), (7, 50), (1, 1)])
def test_the_maximum_is_of_the_scores_before_the_softmax(stride, size):
    net, x = network(stride), torch.rand(2, 3, *size) * 255
    logits = [enlarge(scores, x) for scores in at_scales(net, x)]
    wanted = torch.maximum(torch.maximum(logits[0], logits[1]), logits[2]).softmax(dim=1)
    torch.testing.assert_close(MultiScale(net, SCALES)(x), wanted, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("stride", [1, 2])
def test_the_mean_is_of_the_probabilities(stride):
    net = network(stride)
    scales = (0.5, 1.0, 1.75)
    wanted = sum(enlarge(s, X).softmax(dim=1) for s in at_scales(net, X, scales)) / 3
    torch.testing.assert_close(MultiScale(net, scales, fuse="mean")(X), wanted, atol=1e-9, rtol=1e-9)


@pytest.mark.parametrize("fuse", ["max", "mean"])
def test_flips(fuse):
    net = network(2)
    scaled = MultiScale(net, SCALES, fuse=fuse, flip=True)
    mirrored = X.flip(3)
    logits = [enlarge(s, X) for s in at_scales(net, X)]
    logits += [enlarge(s, X).flip(3) for s in at_scales(net, mirrored)]
    fused = torch.stack(logits)
    wanted = fused.amax(0).softmax(1) if fuse == "max" else fused.softmax(2).mean(0)
    torch.testing.assert_close(scaled(X), wanted, atol=1e-9, rtol=1e-9)
    torch.testing.assert_close(scaled(mirrored).flip(3), scaled(X), atol=1e-9, rtol=1e-9)


def test_one_scale_is_the_network_itself():
    net = network()
    for fuse in ("max", "mean"):
        torch.testing.assert_close(MultiScale(net, [1], fuse=fuse)(X), net(X))


@pytest.mark.parametrize("fuse", ["max", "mean"])
def test_the_loss_is_that_of_each_scale_and_of_the_fused_scores(fuse):
    net = network(2).train()
    target = torch.randint(0, 4, (2, 33, 21), dtype=torch.uint8)
    target[:, :4] = 255
    loss = MultiScale(net, SCALES, fuse=fuse).loss(X, target)
    scores = at_scales(net, X)
    wanted = 0.0
    for score in scores:
        small = np.stack([resize_labels(one.numpy(), tuple(score.shape[2:])) for one in target])
        wanted = wanted + F.cross_entropy(score, torch.from_numpy(small).long(), ignore_index=255)
    fused = torch.stack([enlarge(score, X) for score in scores])
    logs = fused.amax(0).log_softmax(1) if fuse == "max" else fused.softmax(2).mean(0).log()
    wanted = wanted + F.nll_loss(logs, target.long(), ignore_index=255)
    torch.testing.assert_close(loss, wanted, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("fuse", ["max", "mean"])
def test_gradients_are_those_of_the_loss_in_plain_torch(fuse):
    net = network().train()
    scaled = MultiScale(net, SCALES, fuse=fuse)
    target = torch.randint(0, 4, (2, 33, 21))
    scaled.loss(X, target).backward()
    gradients = {name: p.grad.clone() for name, p in net.named_parameters()}
    assert all(grad.abs().sum() > 0 for name, grad in gradients.items() if name != "conv_1.bias")
    twin = copy.deepcopy(net)
    twin.zero_grad()
    scores = at_scales(twin, X)
    fused = torch.stack([enlarge(score, X) for score in scores])
    logs = fused.amax(0).log_softmax(1) if fuse == "max" else fused.softmax(2).mean(0).log()
    total = F.nll_loss(logs, target)
    for score in scores:
        small = F.interpolate(target[:, None].double(), score.shape[2:], mode="nearest-exact")[:, 0].long()
        total = total + F.cross_entropy(score, small)
    total.backward()
    for name, parameter in twin.named_parameters():
        torch.testing.assert_close(gradients[name], parameter.grad, rtol=1e-8, atol=1e-8)


def test_training_lowers_the_loss():
    net = network(2)
    scaled = MultiScale(net).train()
    target = (X[:, 0] > 128).long()
    optimizer = torch.optim.Adam(scaled.parameters(), 0.02)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        losses.append(scaled.loss(X, target))
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.8 * losses[0]
    assert net.layer_graph().order == network(2).layer_graph().order


def test_semanticseg_takes_a_multi_scale_network():
    image = X[0].permute(1, 2, 0).numpy().astype(np.uint8)
    scaled = MultiScale(network(2), flip=True).train()
    labels, scores = semanticseg(image, scaled, return_scores=True)
    wanted = scaled.eval()(torch.from_numpy(image).permute(2, 0, 1)[None].double())[0].permute(1, 2, 0)
    np.testing.assert_allclose(scores, wanted.detach(), atol=1e-6)
    assert labels.shape == (33, 21)
    assert scaled.classes == ("a", "b", "c", "d")
    assert scaled.predict(image).shape == (33, 21, 4)
    scaled.train().predict(image)
    assert all(module.training for module in scaled.modules())


def test_multi_scale_is_a_module():
    scaled = MultiScale(network())
    assert {key.split(".")[0] for key in scaled.state_dict()} == {"net"}
    twin = copy.deepcopy(scaled)
    twin.load_state_dict(scaled.state_dict())
    torch.testing.assert_close(twin(X), scaled(X))
    torch.testing.assert_close(scaled.float()(X.float()).double(), twin(X), atol=1e-3, rtol=1e-3)


@pytest.mark.slow
def test_many_compile_in_one_process():
    torch._dynamo.reset()
    for number in range(1, 11):
        net = MultiScale(network(), [0.5 + 0.1 * i for i in range(number)])
        compiled = torch.compile(net, fullgraph=True, backend="eager")
        assert torch.equal(compiled(X), net(X))
    again = pickle.loads(pickle.dumps(net))
    assert torch.equal(again(X), net(X))
    assert isinstance(again, MultiScale)


def test_texts_of_errors(golden_errors):
    net = network()
    image = [lg.ImageInputLayer((8, 8)), lg.Convolution2dLayer(1, 2)]
    bare = lg.LayerGraph(image).compile()
    regression = lg.LayerGraph([*image, lg.RegressionLayer()]).compile()
    layers = [lg.ImageInputLayer((8, 8, 2)), lg.MaxPooling2dLayer(3), lg.Convolution2dLayer(1, 2)]
    pooling = lg.LayerGraph([*layers, lg.SoftmaxLayer(), lg.PixelClassificationLayer()]).compile()
    golden_errors(
        "multi_scale",
        {
            "no scales": lambda: MultiScale(net, []),
            "a scale of zero": lambda: MultiScale(net, [1, 0]),
            "a scale in words": lambda: MultiScale(net, ["half"]),
            "an unknown fusion": lambda: MultiScale(net, fuse="sum"),
            "a flip in words": lambda: MultiScale(net, flip="yes"),
            "a graph": lambda: MultiScale(lg.LayerGraph(image)),
            "no output layer": lambda: MultiScale(bare),
            "no softmax": lambda: MultiScale(regression),
            "a target of another size": lambda: MultiScale(net).loss(X, torch.zeros(2, 30, 21)),
            "other channels": lambda: MultiScale(net).predict(np.zeros((8, 8))),
            "images too small at a scale": lambda: semanticseg(
                np.zeros((10, 11, 2)), MultiScale(pooling, [1, 0.2])
            ),
        },
    )
