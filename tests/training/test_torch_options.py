"""Options of torch and Lightning: precision, accumulation, compilation, order of channels, determinism."""

import os
from functools import partial

import numpy as np
import pytest
import torch

from layergraph import ArgumentError, Convolution2dLayer, DropoutLayer, ModuleLayer, ReluLayer
from layergraph.training import TrainingWarning
from layergraph.training.batches.mini_batches import MiniBatches


def state(net):
    return {key: tensor.clone() for key, tensor in net.state_dict().items()}


def close(one, other, **tolerance):
    for key, tensor in one.state_dict().items():
        torch.testing.assert_close(other.state_dict()[key], tensor, **tolerance)


# -- accumulation --------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["sgdm", "adam"])
def test_two_mini_batches_of_2_step_as_one_of_4(tiny, pairs, train, solver, double_precision):
    data = [(image.astype(np.float64), target) for image, target in pairs(8)]
    net = tiny().compile()
    settings = {"max_epochs": 3, "learn_rate_schedule": "polynomial", "gradient_threshold": 0.5}
    joint, info = train(data, net, solver, mini_batch_size=4, **settings)
    split, parts = train(data, net, solver, mini_batch_size=2, accumulate_grad_batches=2, **settings)
    close(joint, split, rtol=1e-7, atol=1e-10)
    assert len(parts.training_loss) == len(info.training_loss) == 6
    assert parts.training_loss == pytest.approx(info.training_loss)
    assert parts.training_accuracy == pytest.approx(info.training_accuracy)
    assert parts.base_learn_rate == info.base_learn_rate
    assert parts.epochs == info.epochs == [1, 1, 2, 2, 3, 3]


@pytest.mark.parametrize(
    ("count", "size", "group", "length"),
    [(8, 2, 2, 4), (7, 2, 2, 2), (10, 2, 3, 3), (5, 2, 9, 2), (1, 4, 3, 1)],
)
def test_an_epoch_has_whole_iterations(count, size, group, length):
    batches = MiniBatches(count, size, "never", 0, group=group)
    assert len(batches) == length
    assert length % batches.group == 0
    assert sum(1 for _ in batches) == length


def test_a_smaller_set_is_one_iteration_of_full_size(tiny, pairs, train, double_precision):
    """Lightning divides by the given number of mini-batches, not by those that there are."""
    data = [(image.astype(np.float64), target) for image, target in pairs(4)]
    net = tiny().compile()
    joint, _ = train(data, net, mini_batch_size=4, max_epochs=2)
    split, info = train(data, net, mini_batch_size=2, accumulate_grad_batches=5, max_epochs=2)
    assert len(info.training_loss) == 2
    close(joint, split, rtol=1e-7, atol=1e-10)


def test_a_loss_that_is_not_finite_in_the_first_of_two_mini_batches(tiny, pairs, train):
    data = pairs(8)
    data[4][0][0, 0] = np.nan
    settings = {"mini_batch_size": 2, "shuffle": "never", "accumulate_grad_batches": 2}
    with pytest.warns(
        TrainingWarning, match=r"iteration 2 \(item 4, item 5, item 6 and 1 more\).* item 4 hold"
    ):
        net, info = train(data, tiny(), max_epochs=3, **settings)
    before, _ = train(data[:4], tiny(), **settings)
    assert all(before.state_dict()[key].equal(tensor) for key, tensor in net.state_dict().items())
    assert len(info.training_loss) == 2


# -- precision -----------------------------------------------------------------------------------


def test_bf16_mixed_trains_weights_in_float32(tiny, pairs, train):
    settings = {"max_epochs": 20, "initial_learn_rate": 0.1, "validation_data": pairs(4, seed=1)}
    net, info = train(pairs(8), tiny(batch_norm=True), precision="bf16-mixed", **settings)
    _, expected = train(pairs(8), tiny(batch_norm=True), **settings)
    assert {t.dtype for t in net.state_dict().values() if t.is_floating_point()} == {torch.float32}
    assert info.training_loss != expected.training_loss
    assert info.training_loss == pytest.approx(expected.training_loss, rel=0.05)
    assert info.final_validation_loss == pytest.approx(expected.final_validation_loss, rel=0.05)


def test_64_true_trains_in_double(tiny, pairs, train):
    net, _ = train(pairs(4), tiny("zerocenter", batch_norm=True), precision="64-true")
    assert {t.dtype for t in net.state_dict().values() if t.is_floating_point()} == {torch.float64}
    again, _ = train(pairs(4), tiny("zerocenter", batch_norm=True).compile().double())
    assert torch.get_default_dtype() == torch.float32
    assert [*net.state_dict()] == [*again.state_dict()]


def test_16_mixed_needs_a_gpu(tiny, pairs, refusal):
    assert refusal(pairs(), tiny(), precision="16-mixed", error=ArgumentError) == (
        "train_network: precision must be 'bf16-mixed', '32-true' or '64-true' on the CPU, got '16-mixed'"
    )


# -- channels last, compilation, determinism -----------------------------------------------------


def test_channels_last_is_the_order_while_training_runs(tiny, pairs, train):
    seen = []

    class Seen(torch.nn.Module):
        def forward(self, x):
            seen.append(x.is_contiguous(memory_format=torch.channels_last))
            return x

    # one channel is last in either order
    lgraph, data = tiny(channels=3), pairs(channels=3)
    lgraph = lgraph.replace_layer(
        "relu",
        [ReluLayer(name="relu"), ModuleLayer(Seen(), name="seen"), Convolution2dLayer(3, 4, padding=1)],
    )
    net = lgraph.compile()
    plain, expected = train(data, net, max_epochs=2)
    assert not any(seen[-2:])
    last, info = train(data, net, max_epochs=2, channels_last=True)
    assert all(seen[-2:])
    assert info.training_loss == pytest.approx(expected.training_loss, rel=1e-5)
    close(plain, last)
    assert all(tensor.is_contiguous() for tensor in last.state_dict().values())


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
def test_a_compiled_network_trains_as_any_other(tiny, pairs, train, monkeypatch):
    # with the instruction set of another processor, torch's own code generator fails, or computes NaN
    if os.environ.get("ATEN_CPU_CAPABILITY"):
        monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    net = tiny("zerocenter", batch_norm=True).compile()
    settings = {"max_epochs": 2, "validation_data": pairs(3)}
    plain, expected = train(pairs(8), net, **settings)
    fast, info = train(pairs(8), net, compile=True, **settings)
    close(plain, fast, rtol=1e-4, atol=1e-5)
    assert info.training_loss == pytest.approx(expected.training_loss, rel=1e-4)
    assert info.final_validation_loss == pytest.approx(expected.final_validation_loss, rel=1e-4)
    assert not any("_orig_mod" in key for key in fast.state_dict())


def test_deterministic_holds_in_the_training_alone(tiny, pairs, train):
    seen = []

    class Seen(torch.nn.Module):
        def forward(self, x):
            seen.append(torch.are_deterministic_algorithms_enabled())
            return x

    lgraph = tiny().replace_layer("relu", [ReluLayer(name="relu"), ModuleLayer(Seen(), name="seen")])
    benchmark, variable = torch.backends.cudnn.benchmark, os.environ.get("CUBLAS_WORKSPACE_CONFIG")
    train(pairs(), lgraph, deterministic=True)
    assert seen[-1]
    assert not torch.are_deterministic_algorithms_enabled()
    assert torch.backends.cudnn.benchmark == benchmark
    assert os.environ.get("CUBLAS_WORKSPACE_CONFIG") == variable
    train(pairs(), lgraph)
    assert not seen[-1]


def test_the_choice_of_the_user_for_all_of_torch_stays(tiny, pairs, train):
    torch.use_deterministic_algorithms(True, warn_only=True)
    try:
        train(pairs(), tiny().replace_layer("relu", DropoutLayer(0.5, name="relu")))
        assert torch.is_deterministic_algorithms_warn_only_enabled()
    finally:
        torch.use_deterministic_algorithms(False)
