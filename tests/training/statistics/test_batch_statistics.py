"""Statistics of batch normalization over the training set, in float64, with final statistics upstream."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import nn

from layergraph import (
    AdditionLayer,
    BatchNormalizationLayer,
    Convolution2dLayer,
    DropoutLayer,
    GlobalAveragePooling2dLayer,
    ImageInputLayer,
    LayerGraph,
    ModuleLayer,
    MultiplicationLayer,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
)
from layergraph.training.statistics.batch_statistics import finalize_batch_normalization
from layergraph.training.statistics.stages import stages_of


def noisy_images(sizes, seed=0):
    """Images of different brightness: most of their variance is between images."""
    random = np.random.default_rng(seed)
    return [random.normal(random.uniform(-80, 80), 5, (1, *size)).astype(np.float32) for size in sizes]


def deep() -> LayerGraph:
    """Batch normalization on the image, in a branch, after an addition, and on a map of 1×1."""
    layers = [
        ImageInputLayer((5, 5, 1), name="image", normalization="none"),
        BatchNormalizationLayer(name="bn1"),
        Convolution2dLayer(3, 3, padding="same", name="conv1"),
        BatchNormalizationLayer(name="bn2"),
        ReluLayer(name="relu1"),
        DropoutLayer(0.5, name="dropout"),
        Convolution2dLayer(3, 3, padding="same", name="conv2"),
        BatchNormalizationLayer(name="bn3"),
        AdditionLayer(2, name="add"),
        ReluLayer(name="relu2"),
        GlobalAveragePooling2dLayer(name="pool"),
        BatchNormalizationLayer(name="bn_pool"),
        Convolution2dLayer(1, 2, name="conv3"),
        SoftmaxLayer(name="softmax"),
        PixelClassificationLayer(name="labels"),
    ]
    branch = [Convolution2dLayer(1, 3, name="branch"), BatchNormalizationLayer(name="bn_branch")]
    lgraph = LayerGraph(layers).add_layers(branch)
    return lgraph.connect_layers("bn1", "branch").connect_layers("bn_branch", "add/in2")


def reading(images):
    """The images of some items, one tensor per size and input layer, and the number of reads of each."""
    counts = [0] * len(images)

    def read(indices):
        sizes: dict = {}
        for index in indices:
            counts[index] += 1
            sizes.setdefault(images[index].shape, []).append(torch.from_numpy(images[index]))
        return [(torch.stack(group),) for group in sizes.values()]

    return read, counts


def finalize(net, batches, read, **options):
    stages = stages_of(net, read([0])[0])
    finalize_batch_normalization(net, stages, batches, read, **options)


def batches_of(count, size):
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


def expected_statistics(net, images):
    """Mean and variance of the input of each batch normalization: layer by layer, in float64, image by image.

    A copy of the network computes them by plain forward hooks: in pass k the k-th one gets its statistics.
    """
    wide = copy.deepcopy(net).double().eval()
    norms = [m for m in wide.modules() if isinstance(m, nn.BatchNorm2d)]
    statistics = {}
    for _ in range(len(norms) + 1):
        seen: dict = {norm: [] for norm in norms}
        hooks = [
            norm.register_forward_pre_hook(lambda norm, inputs, seen=seen: seen[norm].append(inputs[0]))
            for norm in norms
        ]
        with torch.no_grad():
            for image in images:
                wide(torch.from_numpy(image)[None].double())
        for hook in hooks:
            hook.remove()
        for norm in norms:
            values = torch.cat([x.movedim(1, 0).flatten(1) for x in seen[norm]], dim=1)
            norm.running_mean.copy_(values.mean(1))
            norm.running_var.copy_(values.var(1, correction=0))
            statistics[norm] = (norm.running_mean.clone(), norm.running_var.clone())
    return [statistics[norm] for norm in norms]


def assert_exact(net, images):
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm, (mean, variance) in zip(norms, expected_statistics(net, images), strict=True):
        deviation = variance.sqrt()
        assert ((norm.running_mean - mean).abs() <= 1e-4 * deviation + 1e-6).all()
        torch.testing.assert_close(norm.running_var.double(), variance, rtol=1e-3, atol=1e-6)


SIZES = {
    "one size": [(5, 5)] * 16,
    "sizes that differ": [(5, 5)] * 3 + [(3, 7)] * 4 + [(1, 1)] * 2 + [(5, 5)] * 7,
    "single pixels": [(1, 1)] * 11,
}


@pytest.mark.parametrize("memory_limit", [0, 2000, 1024**3], ids=["read again", "some fit", "all fit"])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 16])
@pytest.mark.parametrize("sizes", SIZES.values(), ids=SIZES.keys())
def test_statistics_are_those_of_all_images(sizes, size, memory_limit):
    images = noisy_images(sizes)
    net = deep().compile().train()
    read, _ = reading(images)
    finalize(net, batches_of(len(images), size), read, memory_limit=memory_limit)
    assert_exact(net, images)
    assert not any(module.training for module in net.modules())


def test_the_variance_between_images_counts():
    images = noisy_images([(5, 5)] * 16)
    variance = np.var(np.stack(images), dtype=np.float64)
    assert variance > 1000 > 2 * np.mean([image.var() for image in images])
    for size in (1, 2, 4, 16):
        net = deep().compile()
        finalize(net, batches_of(16, size), reading(images)[0])
        assert net.layer_module("bn1").running_var.item() == pytest.approx(variance, rel=1e-5)


def test_the_cost_is_one_reading_if_features_fit_else_one_per_stage():
    images = noisy_images([(5, 5)] * 6)
    net = deep().compile()
    stages = stages_of(net, [torch.from_numpy(images[0])[None]])
    assert len(stages) == 4  # bn1, then bn2 and bn_branch, bn3, bn_pool
    for memory_limit, readings in ((1024**3, 1), (0, 4)):
        read, counts = reading(images)
        finalize_batch_normalization(net, stages, batches_of(6, 2), read, memory_limit=memory_limit)
        assert counts == [readings] * 6


class Block(nn.Module):
    """A module with two batch normalizations in series that changes its input."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.BatchNorm2d(1), nn.BatchNorm2d(2)
        self.conv = nn.Conv2d(1, 2, 1)

    def forward(self, x):
        x += 1
        return self.norm2(self.conv(self.norm1(x)).abs())


@pytest.mark.parametrize("memory_limit", [0, 1024**3])
def test_batch_normalization_inside_modules(memory_limit):
    images = noisy_images([(4, 4)] * 7)
    layers = [
        ImageInputLayer((4, 4, 1), normalization="none"),
        ModuleLayer(Block(), name="block"),
        BatchNormalizationLayer(name="bn"),
        SoftmaxLayer(),
        PixelClassificationLayer(),
    ]
    net = LayerGraph(layers).compile()
    assert len(stages_of(net, [torch.from_numpy(images[0])[None]])) == 3
    finalize(net, batches_of(7, 2), reading(images)[0], memory_limit=memory_limit)
    assert_exact(net, images)


def test_a_module_in_two_layers_has_the_statistics_of_both_inputs():
    images = noisy_images([(4, 4)] * 7)
    norm = nn.BatchNorm2d(1)
    layers = [
        ImageInputLayer((4, 4, 1), normalization="none"),
        ModuleLayer(norm, name="first"),
        ModuleLayer(nn.Softplus(), name="between"),
        ModuleLayer(norm, name="second"),
        SoftmaxLayer(),
        PixelClassificationLayer(),
    ]
    net = LayerGraph(layers).compile()
    finalize(net, batches_of(7, 2), reading(images)[0])
    first = torch.from_numpy(np.stack(images)).double()
    scaled = (first - first.mean()) / (first.var(correction=0) + norm.eps).sqrt()
    both = torch.cat([first, nn.functional.softplus(scaled)])
    shared = net.layer_module("first")
    assert shared is net.layer_module("second")
    assert shared.running_mean.item() == pytest.approx(both.mean().item(), rel=1e-4)
    assert shared.running_var.item() == pytest.approx(both.var(correction=0).item(), rel=1e-4)

    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm2d(1)

        def forward(self, x):
            return self.norm(nn.functional.softplus(self.norm(x)))

    net = LayerGraph([layers[0], ModuleLayer(Twice(), name="twice"), *layers[-2:]]).compile()
    finalize(net, batches_of(7, 2), reading(images)[0], memory_limit=0)
    inner = net.layer_module("twice").norm
    assert inner.running_mean.item() == pytest.approx(both.mean().item(), rel=1e-4)
    assert inner.running_var.item() == pytest.approx(both.var(correction=0).item(), rel=1e-4)


def test_an_error_restores_the_running_averages():
    images = noisy_images([(5, 5)] * 4)
    net = deep().compile()
    before = {key: tensor.clone() for key, tensor in net.state_dict().items()}

    def read(indices):
        if 3 in indices:
            raise OSError("gone")
        return reading(images)[0](indices)

    with pytest.raises(OSError, match="gone"):
        finalize(net, batches_of(4, 2), read)
    assert all(tensor.equal(before[key]) for key, tensor in net.state_dict().items())
    images[2][0, 0, 0] = np.inf
    with pytest.raises(ArithmeticError):
        finalize(net, batches_of(4, 2), reading(images)[0])
    assert all(tensor.equal(before[key]) for key, tensor in net.state_dict().items())


def test_without_batch_normalization_the_data_is_not_read_again(tiny, pairs, train):
    reads = []

    class Reads(list):
        def __getitem__(self, index):
            reads.append(index)
            return super().__getitem__(index)

    train(Reads(pairs(4)), tiny(), mini_batch_size=4)
    assert sorted(reads) == [0, 0, 1, 2, 3]


@pytest.mark.parametrize("size", [1, 2, 4, 16])
@pytest.mark.parametrize("shuffle", ["never", "every-epoch"])
def test_training_ends_with_the_statistics_of_its_data(tiny, train, size, shuffle):
    images = [np.moveaxis(image, 0, -1) for image in noisy_images([(6, 6)] * 15)]
    data = [(image, (image[..., 0] > 0).astype(np.uint8)) for image in images]
    net, info = train(data, tiny(batch_norm=True), mini_batch_size=size, shuffle=shuffle)
    assert info.warnings == ()
    assert_exact(net, [np.moveaxis(image, -1, 0) for image in images])


def test_moving_statistics_are_those_of_the_training(tiny, pairs, train):
    settings = {"mini_batch_size": 4, "max_epochs": 3, "shuffle": "never"}
    net, _ = train(pairs(8), tiny(batch_norm=True), **settings)
    moving, _ = train(pairs(8), tiny(batch_norm=True), batch_normalization_statistics="moving", **settings)
    assert not moving.state_dict()["bn.running_mean"].allclose(net.state_dict()["bn.running_mean"])
    assert moving.state_dict()["bn.num_batches_tracked"] == 6
    assert moving.state_dict()["bn.weight"].equal(net.state_dict()["bn.weight"])


def on_single_pixels(tiny, channels=1) -> LayerGraph:
    """A network whose batch normalization gets one value per channel of an image."""
    lgraph = tiny(channels=channels)
    pool = [
        GlobalAveragePooling2dLayer(name="pool"),
        Convolution2dLayer(1, 4, name="squeeze"),
        BatchNormalizationLayer(name="bn_pool"),
    ]
    lgraph = lgraph.disconnect_layers("conv1", "relu").add_layers(pool).connect_layers("conv1", "pool")
    lgraph = lgraph.add_layers(MultiplicationLayer(2, name="excite"))
    lgraph = lgraph.connect_layers("conv1", "excite/in1").connect_layers("bn_pool", "excite/in2")
    return lgraph.connect_layers("excite", "relu")


@pytest.mark.parametrize(("count", "size"), [(5, 2), (7, 3), (3, 2), (9, 8)])
def test_a_remainder_of_one_image_with_one_value_per_channel(tiny, pairs, train, count, size):
    data = pairs(count)
    net, info = train(data, on_single_pixels(tiny), mini_batch_size=size)
    assert info.warnings == ()
    assert_exact(net, [np.moveaxis(image, -1, 0) for image, _ in data])


@pytest.mark.parametrize(("count", "size"), [(4, 1), (1, 8)])
def test_a_mini_batch_of_one_value_per_channel_is_named_before_training(tiny, pairs, refusal, count, size):
    assert refusal(pairs(count), on_single_pixels(tiny), mini_batch_size=size) == (
        "train_network: batch normalization in layer 'bn_pool' must have at least two values per channel in "
        "a mini-batch, got a mini-batch of one image, which is 1×1 there; train with mini_batch_size=2 or "
        "more (and as many images), with larger images, or without the layer"
    )


def test_statistics_in_double(tiny, pairs, train):
    """Rounding to float32 would lose a variance of 1e-6 next to a mean of 1000."""
    random = np.random.default_rng(0)
    images = [1000 + random.normal(0, 1e-3, (1, 5, 5)) for _ in range(6)]
    net = deep().compile().double()
    finalize(net, batches_of(6, 2), reading(images)[0])
    variance = np.var(np.stack(images))
    assert net.layer_module("bn1").running_var.item() == pytest.approx(variance, rel=1e-9)


def test_images_of_sizes_grouped_by_mini_batch(tiny, pairs, train):
    data = [*pairs(4, size=(8, 8)), *pairs(5, size=(16, 8))]
    lgraph = tiny(batch_norm=True)
    net, info = train(data, lgraph, mini_batch_size=4, shuffle="never")
    assert (len(info.training_loss), info.warnings) == (2, ())
    assert_exact(net, [np.moveaxis(image, -1, 0) for image, _ in data])
