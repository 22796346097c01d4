"""A training that continues from a checkpoint gives what one without interruption gives, bit for bit."""

import json
import math
import re
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from safetensors import safe_open

from layergraph import (
    BatchNormalizationLayer,
    Convolution2dLayer,
    DataError,
    DataWarning,
    DropoutLayer,
    FileFormatError,
    ImageInputLayer,
    LayerGraph,
    LossLayer,
    ModuleLayer,
    OutputLayer,
    PixelClassificationLayer,
    RegressionLayer,
    ReluLayer,
    SoftmaxLayer,
    load,
)
from layergraph.graph.layer_format import layer_from_json, layer_to_json
from layergraph.layers.layer import Layer
from layergraph.training import CosineLearnRate, TrainingOptions, TrainingWarning, train_network


class NoisyPairs:
    """Images with new noise at each read."""

    def __init__(self, count=7):
        random = np.random.default_rng(0)
        self.images = random.normal(0, 1, (count, 8, 8, 1)).astype(np.float32)
        self.targets = random.integers(0, 2, (count, 8, 8)).astype(np.uint8)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        noise = np.random.normal(0, 0.1, (8, 8, 1)).astype(np.float32)
        return self.images[index] + noise, self.targets[index]


def network(filters=4):
    return LayerGraph(
        [
            ImageInputLayer((8, 8, 1), normalization="zscore"),
            Convolution2dLayer(3, filters, padding="same"),
            BatchNormalizationLayer(),
            ReluLayer(),
            DropoutLayer(0.5),
            Convolution2dLayer(1, 2),
            SoftmaxLayer(),
            PixelClassificationLayer(),
        ]
    )


BASE = {"max_epochs": 3, "mini_batch_size": 2, "shuffle": "every-epoch", "seed": 3, "verbose": False}


def train(solver="adam", resume_from=None, data=None, lgraph=None, **options):
    chosen = TrainingOptions(solver, **{**BASE, **options})
    return train_network(data or NoisyPairs(), lgraph or network(), chosen, resume_from=resume_from)


def checkpoints(folder):
    return sorted(folder.glob("net_*"), key=lambda path: int(path.name.split("__")[1]))


def assert_same(result, expected):
    (net, info), (expected_net, expected_info) = result, expected
    state, expected_state = net.state_dict(), expected_net.state_dict()
    assert state.keys() == expected_state.keys()
    assert all(state[key].equal(expected_state[key]) for key in state)
    assert info.training_loss == expected_info.training_loss
    assert info.base_learn_rate == expected_info.base_learn_rate
    assert str(info.validation_loss) == str(expected_info.validation_loss)  # NaN is unequal to itself


def drops(optimizer):
    return torch.optim.lr_scheduler.MultiStepLR(optimizer, [1, 2])


@pytest.mark.parametrize(
    ("solver", "options", "iterations"),
    [
        ("sgdm", {"learn_rate_schedule": "cosine"}, [1, 3, 5, 9]),
        ("adam", {"shuffle": "once"}, [2, 6]),
        ("adam", {"shuffle": "never", "learn_rate_schedule": drops}, [4]),
        ("rmsprop", {"gradient_threshold": 0.1}, [7]),
        ("adam", {"accumulate_grad_batches": 2}, [1, 2]),
        (
            "adam",
            {"validation_data": NoisyPairs(3), "validation_frequency": 2, "output_network": "auto"},
            [4, 5],
        ),
    ],
)
def test_a_training_continues_at_any_iteration(tmp_path, solver, options, iterations):
    writing = {"checkpoint_path": tmp_path, "checkpoint_frequency_unit": "iteration"}
    expected = train(solver, **options, **writing)
    paths = checkpoints(tmp_path)
    assert len(paths) == len(expected[1].training_loss)
    for iteration in iterations:
        assert_same(train(solver, paths[iteration - 1], **options), expected)


@pytest.mark.slow
def test_workers_change_nothing(tmp_path):
    expected = train(checkpoint_path=tmp_path, checkpoint_frequency_unit="iteration")
    for iteration in (2, 3, 7):
        path = checkpoints(tmp_path)[iteration - 1]
        assert_same(train(resume_from=path, num_workers=2), expected)


def test_a_folder_gives_its_newest_checkpoint_and_a_training_may_become_longer(tmp_path):
    train(checkpoint_path=tmp_path, max_epochs=2)
    # without a seed, the checkpoint has it
    continued = train(resume_from=tmp_path, max_epochs=4, seed=None)
    assert_same(continued, train(max_epochs=4))


def test_a_checkpoint_opens_as_a_graph_and_holds_the_weights_once(tmp_path):
    train("sgdm", checkpoint_path=tmp_path, max_epochs=1)
    (path,) = checkpoints(tmp_path)
    assert load(path).compile().state_dict().keys() == network().compile().state_dict().keys()
    assert load(path, weights=False).layers[0] == network().layers[0]
    with safe_open(path, framework="np") as file:
        names = [name for name in file.keys() if file.get_slice(name).get_shape() == [4, 1, 3, 3]]  # noqa: SIM118
        assert [*json.loads(file.metadata()["training state"])] == ["recipe", "checkpoint"]
    assert len(names) == 2  # the weights and their velocity


def test_another_training_is_refused_with_its_differences(tmp_path):
    train(checkpoint_path=tmp_path, max_epochs=1)
    with pytest.raises(DataError) as caught:
        train(
            resume_from=tmp_path,
            data=NoisyPairs(8),
            lgraph=network(filters=5),
            mini_batch_size=3,
            initial_learn_rate=0.5,
            seed=4,
        )
    text = str(caught.value)
    for part in (
        "got another network (layer 'conv_1' with num_filters 5 instead of 4); initial_learn_rate 0.5 "
        "instead of 0.001; mini_batch_size 3 instead of 2",
        "number of items 8 instead of 7",
        "seed 4 instead of 3",
    ):
        assert part in text


def test_paths_without_a_checkpoint_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"resume_from must be a checkpoint or a folder, got .*missing"):
        train(resume_from=tmp_path / "missing")
    with pytest.raises(DataError, match=r"must have checkpoints .* without any; leave resume_from out"):
        train(resume_from=tmp_path)
    network().save(tmp_path / "plain.safetensors")
    with pytest.raises(FileFormatError, match="got a network without the state of its solver"):
        train(resume_from=tmp_path / "plain.safetensors")
    (tmp_path / "text.safetensors").write_text("no safetensors")
    with pytest.raises(FileFormatError, match="not a safetensors file, or damaged"):
        train(resume_from=tmp_path / "text.safetensors")


def test_a_divergence_right_after_the_resume_restores_a_network(tmp_path):
    class Broken(NoisyPairs):
        def __getitem__(self, index):
            return np.full((8, 8, 1), math.nan, np.float32), self.targets[index]

    net, _ = train(checkpoint_path=tmp_path, max_epochs=1, batch_normalization_statistics="moving")
    with pytest.warns(UserWarning, match="NaN or infinite"):
        restored, info = train(resume_from=tmp_path, data=Broken(), batch_normalization_statistics="moving")
    assert info.stop_reason == "Loss is not finite."
    assert all(net.state_dict()[key].equal(tensor) for key, tensor in restored.state_dict().items())


def test_modules_and_functions_of_the_user_are_given_again(tmp_path):
    def build():
        torch.manual_seed(0)
        return LayerGraph(
            [
                ImageInputLayer((8, 8, 1), normalization="none"),
                ModuleLayer(torch.nn.Conv2d(1, 2, 3, padding=1), name="module"),
                SoftmaxLayer(),
                LossLayer(lambda scores, target: (1 - scores.max(dim=1).values).mean(), name="loss"),
            ]
        )

    # one function: a lambda of another call is another loss
    lgraph = build()
    expected = train(lgraph=lgraph, checkpoint_path=tmp_path)
    assert_same(train(lgraph=lgraph, resume_from=checkpoints(tmp_path)[0]), expected)


@dataclass(frozen=True, repr=False)
class LogCoshLayer(OutputLayer):
    steepness: float = 1.0
    scale: torch.Tensor | None = None  # JSON cannot hold it

    def loss(self, scores, target):
        scale = 1 if self.scale is None else self.scale.mean()
        return (scale * self.steepness * (scores - target)).cosh().log().mean()


@dataclass(frozen=True, repr=False)
class ShiftLayer(Layer):
    """A hidden layer of the user with a parameter."""

    type = "shift"

    def learnables(self, inputs):
        return {"Shift": (1,)}

    def torch_module(self, inputs):
        class Shift(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.shift = torch.nn.Parameter(torch.zeros(1))

            def forward(self, x):
                return x + self.shift

        return Shift()


def own_network(loss=None, *, initializer="glorot", between=()):
    first = Convolution2dLayer(3, 1, padding="same", weights_initializer=initializer, name="conv")
    loss = LogCoshLayer(np.float32(2), torch.ones(2), name="own") if loss is None else loss
    return LayerGraph([ImageInputLayer((8, 8, 1), normalization="none"), first, *between, loss])


def numbers():
    random = np.random.default_rng(0)
    return [tuple(random.random((2, 8, 8, 1)).astype(np.float32)) for _ in range(6)]


def test_layers_of_classes_of_the_user_are_those_of_the_graph_given(tmp_path):
    def build():
        return own_network(between=[ShiftLayer(name="shift")])

    expected = train(lgraph=build(), data=numbers(), checkpoint_path=tmp_path)
    again = train(lgraph=build(), data=numbers(), resume_from=checkpoints(tmp_path)[0])
    assert_same(again, expected)
    assert not expected[1].warnings
    assert again[0].layer_graph()["own"].steepness == 2

    @dataclass(frozen=True, repr=False)
    class OtherLayer(LogCoshLayer):
        pass

    for loss, remark in [
        (LogCoshLayer(3, torch.ones(2), name="own"), "layer 'own' with steepness 3 instead of 2.0"),
        (LogCoshLayer(2, torch.ones(2), name="loss"), "LogCoshLayer 'loss' instead of LogCoshLayer 'own'"),
        (LogCoshLayer(2, name="own"), "layer 'own' with scale None instead of {'not in the file': 'Tensor'}"),
        (OtherLayer(2, torch.ones(2), name="own"), "OtherLayer 'own' instead of LogCoshLayer 'own'"),
        (RegressionLayer(name="own"), "RegressionLayer 'own' instead of LogCoshLayer 'own'"),
    ]:
        lgraph = own_network(loss, between=[ShiftLayer(name="shift")])
        with pytest.raises(DataError, match=re.escape(f"another network ({remark})")):
            train(lgraph=lgraph, data=numbers(), resume_from=tmp_path)


def test_a_function_as_initializer_is_no_difference(tmp_path):
    lgraph = own_network(RegressionLayer(), initializer=np.ones)
    expected = train(lgraph=lgraph, data=numbers(), checkpoint_path=tmp_path)
    assert_same(train(lgraph=lgraph, data=numbers(), resume_from=checkpoints(tmp_path)[0]), expected)


def test_a_file_of_an_own_layer_needs_the_layer(tmp_path):
    lgraph = own_network(LogCoshLayer(2, name="own")).compile().layer_graph()
    lgraph.save(tmp_path / "net.safetensors")
    with pytest.raises(FileFormatError) as caught:
        load(tmp_path / "net.safetensors")
    assert str(caught.value).endswith(
        "layers[2]: 'own' is a layer of the class LogCoshLayer, which the file does not hold; "
        "load(..., modules={'own': layer}) gives it"
    )
    assert load(tmp_path / "net.safetensors", modules={"own": LogCoshLayer(2)}) == lgraph
    with pytest.raises(
        FileFormatError, match=r"must be that of the file, got layer 'own' with steepness 1\.0"
    ):
        load(tmp_path / "net.safetensors", modules={"own": LogCoshLayer()})
    with pytest.raises(FileFormatError, match="got ReluLayer 'own' instead of LogCoshLayer 'own'"):
        load(tmp_path / "net.safetensors", modules={"own": ReluLayer()})
    good = layer_to_json(LogCoshLayer(2, name="own"))
    assert layer_from_json(good, {"own": LogCoshLayer(2)})[0] == lgraph["own"]
    for part in ({"arguments": 5}, {"name": 5}, {"class": [1]}, {"more": 1}, {"arguments": {"more": 1}}):
        with pytest.raises(FileFormatError):
            layer_from_json(good | part, {"own": LogCoshLayer(2)})


@pytest.mark.parametrize("chain", [(3, 6, 9), (3, 4, 6, 8), (2, 3, 9), (6, 9)])
def test_a_training_continues_several_times(tmp_path, chain):
    """Ends of epochs (3, 6, 9) and of the training among them: none is counted twice."""
    writing = {"checkpoint_frequency_unit": "iteration", "batch_normalization_statistics": "population"}
    folder = tmp_path / "whole"
    expected = train(checkpoint_path=folder, **writing)
    for iteration in chain:
        (path,) = folder.glob(f"net_checkpoint__{iteration}__*")
        folder = tmp_path / f"from {iteration}"
        assert_same(train(resume_from=path, checkpoint_path=folder, **writing), expected)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def test_a_damaged_newest_file_of_a_folder_is_skipped_with_a_warning(tmp_path):
    train(checkpoint_path=tmp_path / "checkpoints")
    third, second, first = reversed(checkpoints(tmp_path / "checkpoints"))
    truncate(third)
    with pytest.raises(FileFormatError, match=r"safetensors' is not a safetensors file, or damaged"):
        train(resume_from=third)
    with pytest.warns(DataWarning) as caught:
        continued = train(resume_from=tmp_path / "checkpoints")
    assert [warning.filename for warning in caught] == [__file__]
    text = str(caught[0].message)
    assert text.startswith(f"train_network: '{third}' is not a safetensors file, or damaged: ")
    assert text.endswith(f"; training continues from the older '{second.name}'")
    assert_same(continued, train())
    second.write_bytes(b"")
    network().save(first)
    with pytest.raises(FileFormatError) as error:
        train(resume_from=tmp_path / "checkpoints")
    assert str(error.value).startswith(
        "train_network: resume_from must have a checkpoint that can be read, got the folder "
        f"'{tmp_path / 'checkpoints'}' with 3 damaged ones; leave resume_from out to start a training (the "
        f"newest: '{third}' is not"
    )


@pytest.mark.parametrize("schedule", ["none", "piecewise", "exponential", CosineLearnRate(period=4)])
def test_more_epochs_leave_a_schedule_with_its_own_numbers(tmp_path, schedule):
    options = {"learn_rate_schedule": schedule, "learn_rate_drop_period": 1}
    train(checkpoint_path=tmp_path, max_epochs=2, **options)
    assert_same(train(resume_from=tmp_path, max_epochs=4, **options), train(max_epochs=4, **options))


@pytest.mark.parametrize("schedule", ["cosine", "polynomial", ("warmup", "cosine")])
@pytest.mark.parametrize("iteration", [1, 6])
def test_more_epochs_change_the_rates_of_a_schedule_over_all_epochs(tmp_path, schedule, iteration):
    writing = {"checkpoint_path": tmp_path, "checkpoint_frequency_unit": "iteration"}
    _, short = train(max_epochs=2, learn_rate_schedule=schedule, **writing)
    path = checkpoints(tmp_path)[iteration - 1]
    expected = train(max_epochs=4, learn_rate_schedule=schedule)
    resume = {"resume_from": path, "max_epochs": 4, "learn_rate_schedule": schedule}
    # the first steps have the same rate for any number of epochs
    if iteration == 1 or schedule == ("warmup", "cosine"):
        assert_same(train(**resume), expected)
        return
    with pytest.warns(TrainingWarning) as caught:
        _, info = train(**resume)
    assert len(caught) == 1
    assert info.warnings == (str(caught[0].message),)
    was, now = short.base_learn_rate[iteration - 1], expected[1].base_learn_rate[iteration - 1]
    assert (
        f"max_epochs is 4 instead of 2, and learn_rate_schedule lasts all epochs: iteration {iteration} "
        in (info.warnings[0])
    )
    assert f"had the rate {was:.3g}, and would have {now:.3g};" in info.warnings[0]
    assert info.base_learn_rate == [
        *short.base_learn_rate[:iteration],
        *expected[1].base_learn_rate[iteration:],
    ]
