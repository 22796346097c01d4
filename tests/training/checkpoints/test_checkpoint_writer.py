"""Checkpoints: the network every few epochs or iterations."""

import re

import pytest

from layergraph import load
from layergraph.graph import file_format
from layergraph.training import TrainingOptions, TrainingWarning
from layergraph.training.callbacks.checkpoint_writer import CheckpointWriter
from layergraph.training.ending import Ending


def iterations(folder):
    """The iterations of the checkpoints in a folder."""
    names = [path.name for path in folder.iterdir()]
    pattern = r"net_checkpoint__(\d+)__\d{4}_\d\d_\d\d__\d\d_\d\d_\d\d\.safetensors"
    return sorted(int(re.fullmatch(pattern, name)[1]) for name in names)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, [2, 4, 6, 8]),
        ({"checkpoint_frequency": 3}, [6]),
        ({"checkpoint_frequency": 3, "checkpoint_frequency_unit": "iteration"}, [3, 6]),
        ({"accumulate_grad_batches": 2}, [1, 2, 3, 4]),
    ],
)
def test_when_they_are_written(tiny, pairs, train, tmp_path, options, expected):
    folder = tmp_path / "new" / "folder"
    train(pairs(4), tiny(), max_epochs=4, mini_batch_size=2, checkpoint_path=folder, **options)
    assert iterations(folder) == expected


def test_each_has_the_network_of_its_iteration(tiny, pairs, train, tmp_path):
    settings = {"shuffle": "never", "batch_normalization_statistics": "moving"}
    lgraph = tiny("zerocenter", batch_norm=True)
    net, _ = train(pairs(4), lgraph, max_epochs=3, checkpoint_path=tmp_path / "checkpoints", **settings)
    plain, _ = train(pairs(4), lgraph, max_epochs=3, **settings)
    assert all(plain.state_dict()[key].equal(tensor) for key, tensor in net.state_dict().items())
    for path in (tmp_path / "checkpoints").iterdir():
        epochs = int(path.name.split("__")[1])
        short, _ = train(pairs(4), lgraph, max_epochs=epochs, **settings)
        saved = load(path).compile().state_dict()
        assert saved.keys() == short.state_dict().keys()
        assert all(tensor.equal(saved[key]) for key, tensor in short.state_dict().items())


def test_a_failure_to_write_ends_no_training(tiny, pairs, train, tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("layergraph.graph.file_format.write", fail)
    with pytest.warns(TrainingWarning) as caught:
        _, info = train(pairs(4), tiny(), max_epochs=3, checkpoint_path=tmp_path / "checkpoints")
    assert len(info.training_loss) == 3
    assert len(caught) == 1
    assert re.fullmatch(
        r"train_network: the checkpoint '.*net_checkpoint__1__.*' could not be written \(\[Errno 28\] No "
        r"space left on device\), and perhaps later ones",
        str(caught[0].message),
    )


def test_a_folder_that_cannot_be_made_is_known_before_training(tiny, pairs, refusal, tmp_path):
    (tmp_path / "file").write_text("")
    text = refusal(pairs(4), tiny(), checkpoint_path=tmp_path / "file" / "folder", error=OSError)
    assert "file" in text


def test_the_oldest_are_deleted_when_a_new_one_is_complete(tiny, pairs, train, tmp_path, monkeypatch):
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    # of another training, and of something else
    foreign = [folder / "net_checkpoint__1__2020_01_01__00_00_00.safetensors", folder / "notes.txt"]
    for path in foreign:
        path.write_text("")
    existing, write = [], file_format.write

    def record(*arguments, **options):
        write(*arguments, **options)
        existing.append(len([*folder.glob("net_*")]) - 1)

    monkeypatch.setattr("layergraph.graph.file_format.write", record)
    options = {"checkpoint_path": folder, "checkpoint_limit": 2, "mini_batch_size": 4}
    train(pairs(4), tiny(), max_epochs=4, **options)
    # the new file and the two before it
    assert existing == [1, 2, 3, 3]
    assert all(path.exists() for path in foreign)
    for path in foreign:
        path.unlink()
    assert iterations(folder) == [3, 4]
    # a training that continues knows the files of its first part
    train(pairs(4), tiny(), max_epochs=5, resume_from=folder, **options)
    assert iterations(folder) == [4, 5]


def test_a_failed_write_deletes_nothing(tiny, pairs, train, tmp_path, monkeypatch):
    write, calls = file_format.write, []

    def fail_later(*arguments, **options):
        calls.append(1)
        if len(calls) > 2:
            raise OSError(28, "No space left on device")
        write(*arguments, **options)

    monkeypatch.setattr("layergraph.graph.file_format.write", fail_later)
    with pytest.warns(TrainingWarning, match="could not be written"):
        train(pairs(4), tiny(), max_epochs=5, checkpoint_path=tmp_path / "checkpoints", checkpoint_limit=2)
    assert iterations(tmp_path / "checkpoints") == [1, 2]


def test_a_network_that_is_not_finite_is_not_written(tiny, pairs, train, tmp_path):
    rate = {"initial_learn_rate": 1e30, "checkpoint_frequency_unit": "iteration", "checkpoint_limit": 1}
    with pytest.warns(TrainingWarning, match="not finite"):
        train(pairs(4), tiny(), max_epochs=50, checkpoint_path=tmp_path / "checkpoints", **rate)
    for path in (tmp_path / "checkpoints").glob("net_*"):
        weights = load(path).compile().state_dict().values()
        assert all(tensor.isfinite().all() for tensor in weights)


def test_names_in_a_file_delete_nothing_else(tmp_path):
    writer = CheckpointWriter(TrainingOptions("sgdm", checkpoint_path=tmp_path), 1, Ending())
    name = "net_checkpoint__1__2020_01_01__00_00_00.safetensors"
    writer.load_state_dict({"names": [f"../{name}", "/etc/passwd", "notes.txt", name, f"{name}\n"]})
    assert writer.state_dict() == {"names": [name]}
