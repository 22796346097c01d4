"""A trained network in a file together with its training."""

import json
import math

import pytest

from layergraph import load
from layergraph.errors import FileFormatError, WrongTypeError
from layergraph.graph import file_format
from layergraph.training import TrainingInfo, TrainingOptions, load_training, save_trained_network


def test_a_file_has_the_network_and_its_training(tmp_path, tiny, pairs, train):
    path, again = tmp_path / "net.safetensors", tmp_path / "again.safetensors"
    settings = {"validation_data": pairs(4, seed=1), "validation_frequency": 2, "max_epochs": 4}
    net, info = train(pairs(8), tiny(batch_norm=True), **settings)
    options = TrainingOptions("sgdm", max_epochs=4, learn_rate_schedule="piecewise", seed=0)
    save_trained_network(path, net, info, options)
    assert load(path) == net.layer_graph()
    loaded, loaded_options = load_training(path)
    assert loaded_options == options
    # NaN where there is no validation is not equal to itself
    course = {name: value for name, value in info.to_dict().items() if name != "time_since_start"}
    assert loaded.to_dict() == course
    assert [math.isnan(loss) for loss in loaded.validation_loss] == [
        math.isnan(loss) for loss in info.validation_loss
    ]
    assert loaded.warnings == ()
    assert repr(loaded) == repr(info)
    # a graph is as good as a network, and equal trainings give equal files
    repeated, other_info = train(pairs(8), tiny(batch_norm=True), **settings)
    save_trained_network(again, repeated.layer_graph(), other_info, options)
    assert path.read_bytes() == again.read_bytes()


def test_options_may_be_absent(tmp_path, tiny):
    info = TrainingInfo([math.inf], None, [1.5], [0.1], "Loss is not finite.", ("a reason",))
    save_trained_network(tmp_path / "net.safetensors", tiny(), info)
    loaded, options = load_training(tmp_path / "net.safetensors")
    assert options is None
    assert math.isnan(loaded.training_loss[0])
    assert (loaded.training_rmse, loaded.stop_reason) == ([1.5], "Loss is not finite.")
    assert loaded.warnings == ("a reason",)


def test_wrong_arguments_write_nothing(tmp_path, tiny):
    info = TrainingInfo([1.0], [50.0], None, [0.1], "Max epochs completed.")
    path = tmp_path / "net.safetensors"
    for arguments, name in [
        ((tiny(), {}), "info must be TrainingInfo, got dict"),
        ((tiny(), info, {}), "options must be TrainingOptions, got dict"),
        ((info, info), "net must be a compiled Network or a LayerGraph, got TrainingInfo"),
    ]:
        with pytest.raises(WrongTypeError, match=f"^save_trained_network: {name}; the order is path, net"):
            save_trained_network(path, *arguments)
    assert not path.exists()


def test_files_without_a_training(tmp_path, tiny):
    path = tmp_path / "net.safetensors"
    with pytest.raises(FileNotFoundError, match="to load a training from"):
        load_training(path)
    tiny().save(path)
    with pytest.raises(FileFormatError, match="must hold a training, got none; save_trained_network writes"):
        load_training(path)
    path.write_bytes(b"no tensors")
    with pytest.raises(FileFormatError, match="is not a safetensors file, or damaged"):
        load_training(path)


GOOD = TrainingInfo([1.0, 0.5], [50.0, 60.0], None, [0.1, 0.1], "Max epochs completed.").to_dict()
HOSTILE = {
    "no JSON": "{",
    "a list": "[]",
    "a number": "1",
    "nothing": "{}",
    "deep": "[" * 100_000,
    "no info": json.dumps({"info": None, "options": None}),
    "no series": json.dumps({"info": {}, "options": None}),
    "an unknown series": json.dumps({"info": {**GOOD, "__class__": [1]}, "options": None}),
    "a text for a number": json.dumps({"info": {**GOOD, "training_loss": ["a", "b"]}, "options": None}),
    "a text for a series": json.dumps({"info": {**GOOD, "training_loss": "ab"}, "options": None}),
    "a boolean": json.dumps({"info": {**GOOD, "training_loss": [True, 1]}, "options": None}),
    "another length": json.dumps({"info": {**GOOD, "base_learn_rate": [1.0]}, "options": None}),
    "a huge number": json.dumps({"info": {**GOOD, "training_loss": [10**400, 1]}, "options": None}),
    "another reason": json.dumps({"info": {**GOOD, "stop_reason": "\x1b[2J"}, "options": None}),
    "a list for a reason": json.dumps({"info": {**GOOD, "stop_reason": []}, "options": None}),
    "an unknown option": json.dumps({"info": GOOD, "options": {"solver": "sgdm", "run": "rm"}}),
    "a wrong option": json.dumps({"info": GOOD, "options": {"solver": "sgdm", "max_epochs": "all"}}),
    "options as a list": json.dumps({"info": GOOD, "options": ["sgdm"]}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_trainings(tmp_path, tiny, name):
    path = tmp_path / "net.safetensors"
    file_format.write(tiny(), path, metadata={"training": HOSTILE[name]})
    with pytest.raises(FileFormatError, match="must hold a valid training") as caught:
        load_training(path)
    assert "\x1b" not in str(caught.value)
    assert load(path) == tiny()
