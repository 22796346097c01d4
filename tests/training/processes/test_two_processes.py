"""Training in two processes: the result of one process with the joint mini-batch, one log, one end."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import two_process_trainings as trainings

from layergraph import DataError

pytestmark = pytest.mark.slow

PROGRAM = trainings.__file__
LIMIT = 600  # seconds, also on a machine that does much else


def start(*words):
    return subprocess.run([sys.executable, PROGRAM, *words], capture_output=True, text=True, timeout=LIMIT)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """The folder of the trainings in two processes, what they print, and the results of both."""
    folder = tmp_path_factory.mktemp("two")
    run = start(str(folder))
    assert run.returncode == 0, run.stderr
    return folder, run.stdout, [torch.load(folder / f"results-{rank}.pt") for rank in (0, 1)]


def comparable(value):
    """A value of the info; a loss of None is that of an iteration without validation."""
    return [-1.0 if item is None else item for item in value] if isinstance(value, list) else value


def approximately(value):
    return value if isinstance(value, str) else pytest.approx(comparable(value), rel=1e-6)


@pytest.mark.parametrize("name", ["weighted", "dice", "function", "regression", "line_search", "patience"])
def test_the_result_is_that_of_one_process(two, tmp_path, name):
    _, _, (result, _) = two
    expected = trainings.record(getattr(trainings, name)(1, tmp_path))
    torch.testing.assert_close(result[name]["state"], expected["state"], rtol=1e-9, atol=1e-12)
    info, wanted = result[name]["info"], expected["info"]
    assert info.keys() == wanted.keys()
    for key, value in wanted.items():
        assert comparable(info[key]) == approximately(value), key


def test_all_processes_return_the_same(two):
    _, _, (first, second) = two
    for name, result in first.items():
        if isinstance(result, str):
            assert second[name] == result, name
        else:
            torch.testing.assert_close(second[name]["state"], result["state"], rtol=0, atol=0, msg=name)
            # output functions are called in the first process, but their end is that of all
            assert second[name]["info"] == result["info"], name


def test_there_is_one_log_one_page_and_one_checkpoint_per_epoch(two):
    folder, printed, _ = two
    assert printed.count("Training on 2 CPUs") == printed.count("Training finished:") == 1
    assert printed.count("Initializing input data normalization.") == 1
    assert sorted(file.name for file in (folder / "log").iterdir()) == ["log.csv", "training.html"]
    assert len((folder / "log" / "log.csv").read_text().splitlines()) == 1 + 4
    assert [file.name.split("__")[1] for file in sorted((folder / "checkpoints").iterdir())] == ["2", "4"]


def test_ends_reach_all_processes(two):
    _, _, results = two
    for result in results:
        assert result["output_function"]["info"]["stop_reason"] == "Stopped by output function."
        assert len(result["output_function"]["info"]["training_loss"]) == 3
        assert result["patience"]["info"]["stop_reason"] == "Met validation criterion."
        assert result["sigterm"]["info"]["stop_reason"] == "Stopped by SIGTERM."
        assert len(result["sigterm"]["info"]["training_loss"]) == 2


def test_a_continued_training_is_bitwise_that_without_interruption(two):
    _, _, results = two
    for result in results:
        whole, continued = result["own_statistics"], result["continued"]
        torch.testing.assert_close(continued["state"], whole["state"], rtol=0, atol=0)
        assert continued["info"] == whole["info"]


def test_a_checkpoint_of_two_devices_is_not_continued_on_one(two):
    folder, _, _ = two
    (folder / "own-1").mkdir()
    for file in (folder / "own-2").iterdir():
        (folder / "own-1" / file.name).write_bytes(file.read_bytes())
    with pytest.raises(DataError, match="number of devices 1 instead of 2"):
        trainings.continued(1, folder)


def test_an_error_of_one_process_is_raised_in_all(two):
    _, _, results = two
    for result in results:
        assert result["unlabeled"].startswith("train_network: the training data must have labels, got")
        assert result["unreadable"] == "item 9 is gone; Network"


def test_the_death_of_one_process_ends_the_other(tmp_path):
    assert start(str(tmp_path), "killed").returncode != 0
    assert not [*tmp_path.glob("results-*")]
