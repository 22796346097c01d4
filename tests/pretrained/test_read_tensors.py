"""read_tensors: all formats of weights, damaged and foreign files, and pickles that must not run."""

import io
import os
import pickle
import tarfile
import zipfile
from argparse import Namespace
from contextlib import suppress
from itertools import product

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import save_file
from torch import nn

from layergraph import FileFormatError, ImageInputLayer, LayerGraph, ReluLayer
from layergraph.builders import segnet_layers
from layergraph.pretrained import read_tensors

NET = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))


class Attack:
    """A pickle of this runs a command when it is read."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def write_zip(path, **files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(f"archive/{name}", content)


def assert_same_tensors(tensors, expected):
    assert {*tensors} == {*expected}
    for key, tensor in expected.items():
        assert torch.equal(tensors[key], tensor)
        assert not tensors[key].requires_grad


# -- readable files ------------------------------------------------------------------------------------


WRITERS = {
    "pth": lambda path: torch.save(NET.state_dict(), path),
    "legacy": lambda path: torch.save(NET.state_dict(), path, _use_new_zipfile_serialization=False),
    "safetensors": lambda path: save_file(NET.state_dict(), path),
    "state_dict": lambda path: torch.save({"epoch": 3, "state_dict": NET.state_dict()}, path),
    "model": lambda path: torch.save(
        {"model": NET.state_dict(), "model_ema": nn.Linear(1, 1).state_dict(), "lr": 0.1}, path
    ),
    "alone": lambda path: torch.save({"weights": NET.state_dict(), "classes": ["a", "b"]}, path),
    "extras": lambda path: torch.save({**NET.state_dict(), "epoch": 3, "time": None}, path),
}


@pytest.mark.parametrize(
    ("form", "extension"),
    [
        *product(WRITERS, ["pth", "bin", ""]),
        ("safetensors", "safetensors"),
    ],  # a file with that extension must have that format
)
def test_every_format_is_read_under_every_extension(form, extension, tmp_path):
    path = tmp_path / f"net.{extension}".rstrip(".")
    WRITERS[form](path)
    assert_same_tensors(read_tensors(path), NET.state_dict())
    assert_same_tensors(read_tensors(str(path)), NET.state_dict())


def test_saved_parameters_are_read(tmp_path):
    torch.save(dict(NET.named_parameters()), tmp_path / "net.pth")
    assert [*read_tensors(tmp_path / "net.pth")] == [name for name, _ in NET.named_parameters()]


@pytest.mark.slow  # because of the import of Lightning
def test_a_checkpoint_of_lightning_is_read(tmp_path):
    lightning = pytest.importorskip("lightning.pytorch")

    class Module(lightning.LightningModule):
        def __init__(self):
            super().__init__()
            self.net = nn.Linear(2, 1)

        def training_step(self, batch):
            return self.net(batch).sum()

        def configure_optimizers(self):
            return torch.optim.Adam(self.parameters())

    module = Module()
    trainer = lightning.Trainer(max_steps=0, logger=False, enable_progress_bar=False, accelerator="cpu")
    trainer.strategy.connect(module)
    trainer.save_checkpoint(tmp_path / "net.ckpt")
    assert_same_tensors(read_tensors(tmp_path / "net.ckpt"), module.state_dict())


def test_a_saved_graph_is_read(tmp_path):
    net = segnet_layers((32, 32, 1), 2, 1, num_output_channels=8).compile()
    net.layer_graph().save(tmp_path / "net.safetensors")
    tensors = read_tensors(tmp_path / "net.safetensors")
    assert {key.replace("/", ".") for key in tensors} == {*net.state_dict()}


# -- unreadable files ----------------------------------------------------------------------------------


def test_no_pickle_is_run(tmp_path):
    marker = tmp_path / "pwned"
    attacks = {
        "zip": lambda path: torch.save({"conv.weight": Attack(marker)}, path),
        "legacy": lambda path: torch.save(Attack(marker), path, _use_new_zipfile_serialization=False),
        "pickle": lambda path: path.write_bytes(pickle.dumps(Attack(marker), 2)),
        "inside": lambda path: write_zip(
            path, **{"data.pkl": pickle.dumps(Attack(marker), 2), "version": "3"}
        ),
    }
    for name, write in attacks.items():
        path = tmp_path / f"{name}.pth"
        write(path)
        with pytest.raises(FileFormatError):
            read_tensors(path)
    assert not marker.exists()
    pickle.loads(pickle.dumps(Attack(marker)))  # the attack itself works
    assert marker.exists()


def test_messages_about_files_that_cannot_be_read(golden_errors, tmp_path, recwarn):
    whole, legacy = io.BytesIO(), io.BytesIO()
    torch.save(NET.state_dict(), whole)
    # one tensor, because several are in the order of their addresses, and the error counts bytes of the last
    torch.save({"weight": torch.ones(5, 5)}, legacy, _use_new_zipfile_serialization=False)
    save_file(NET.state_dict(), tmp_path / "whole")
    saved = (tmp_path / "whole").read_bytes()
    contents = {
        "empty.pth": b"",
        "page.pth": b"<!DOCTYPE html><title>404 Not Found</title>",
        "cut.pth": whole.getvalue()[: len(whole.getvalue()) // 2],
        "cut-legacy.pth": legacy.getvalue()[:-20],
        "cut.safetensors": saved[:-20],
        "page.safetensors": b"<!DOCTYPE html><title>404 Not Found</title>",
        "pickle.pth": pickle.dumps({"a": [1, 2]}, 4),
        "numbers.pth": bytes(range(256)),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    objects = {
        "attack.pth": {"conv": Attack("/nowhere")},
        "module.pth": NET,
        "checkpoint.pth": {"state_dict": NET.state_dict(), "args": Namespace(lr=1)},
        "list.pth": [1, 2],
        "tensor.pth": torch.zeros(3),
        "nothing.pth": {},
        "settings.pth": {"lr": 0.1, "epochs": 90, "momentum": 0.9},
        "gan.pth": {"generator": NET.state_dict(), "discriminator": NET.state_dict()},
    }
    for name, item in objects.items():
        torch.save(item, tmp_path / name)
    with pytest.warns(DeprecationWarning, match="torch.jit"):  # torch.jit is deprecated, but its files exist
        torch.jit.save(torch.jit.script(NET), tmp_path / "script.pt")
    write_zip(tmp_path / "photos.zip", photo="...")
    with tarfile.open(tmp_path / "old.tar", "w") as archive:
        archive.add(tmp_path / "page.pth", "storages")
    (tmp_path / "folder").mkdir()
    LayerGraph([ImageInputLayer((4, 4)), ReluLayer()]).save(tmp_path / "bare.safetensors")
    names = [*contents, *objects, "script.pt", "photos.zip", "old.tar", "folder", "bare.safetensors"]
    golden_errors(
        "read_tensors",
        {name: lambda name=name: read_tensors(tmp_path / name) for name in names},
        hide=str(tmp_path),
    )
    assert not recwarn.list  # torch warns about foreign files, which is no help to a user


def test_a_missing_file_is_reported(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no file '.*/vgg.pth' to read weights from"):
        read_tensors(tmp_path / "vgg.pth")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(data=st.data(), form=st.sampled_from(["pth", "legacy", "safetensors"]))
def test_a_damaged_file_gives_our_error_or_tensors(tmp_path, data, form):
    """Bytes are changed or cut off anywhere."""
    path = tmp_path / "net"
    WRITERS[form](path)
    content = bytearray(path.read_bytes())
    for position in data.draw(st.lists(st.integers(0, len(content) - 1), max_size=4)):
        content[position] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    with suppress(FileFormatError):
        assert all(isinstance(tensor, torch.Tensor) for tensor in read_tensors(path).values())
