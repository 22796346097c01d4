"""Files of layer graphs: equal after loading, weights to the bit; a failed save leaves nothing behind."""

import errno
import json
import os
import stat
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch
from layer_examples import EXAMPLES
from safetensors import safe_open

import layergraph.graph.file_format
from layergraph import (
    Convolution2dLayer,
    DropoutLayer,
    FileFormatError,
    ImageInputLayer,
    LayerGraph,
    LayergraphError,
    LossLayer,
    ModuleLayer,
    ReluLayer,
    Weights,
    load,
)
from layergraph.builders import segnet_layers, unet_layers

GRAPHS = {
    "empty": LayerGraph(),
    "one layer": LayerGraph(ReluLayer()),
    "segnet": segnet_layers((13, 11, 2), 3, 2, num_output_channels=4),
    "unet": unet_layers((92, 92, 3), 2, encoder_depth=3, convolution_padding="valid"),
    "all layers, apart": LayerGraph(),
}
for number, example in enumerate(EXAMPLES):
    if not isinstance(example.layer, (LossLayer, ModuleLayer)):
        layer = replace(example.layer, name=f"{number}")
        GRAPHS["all layers, apart"] = GRAPHS["all layers, apart"].add_layers(layer)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "net.safetensors"


@pytest.mark.parametrize("name", GRAPHS)
def test_loaded_graphs_are_equal(name, path):
    lgraph = GRAPHS[name]
    lgraph.save(path)
    again = load(path)
    assert again == lgraph
    assert hash(again) == hash(lgraph)
    assert again.order == lgraph.order
    assert repr(again.layers) == repr(lgraph.layers)


def test_loaded_weights_are_equal_to_the_bit(path):
    weights = {
        "weight": torch.tensor([[1.5, float("nan"), -0.0], [float("inf"), 1e-45, 2]]),
        "half": torch.rand(3).half(),
        "bfloat": torch.rand(2, 2).bfloat16(),
        "double": torch.rand(1, dtype=torch.float64),
        "scalar": torch.tensor(7),
        "flags": torch.tensor([True, False]),
        "bytes": torch.arange(5, dtype=torch.uint8),
        "empty": torch.zeros(0, 3),
        "transposed": torch.rand(3, 4).T,
        "a.b.c": torch.rand(2),
    }
    lgraph = LayerGraph([ReluLayer(name="a"), ReluLayer(name="b")])
    lgraph = lgraph.with_weights({"a": Weights(weights), "b": Weights({"weight": weights["weight"]})})
    lgraph.save(path)
    again = load(path)
    assert again == lgraph
    assert set(again["a"].weights) == set(weights)
    assert load(path, weights=False) == lgraph.with_weights({"a": None, "b": None})


def test_tensors_that_share_memory_are_saved_as_copies(path):
    shared = torch.rand(4)
    lgraph = LayerGraph(ReluLayer(name="a")).with_weights(
        {"a": Weights({"x": shared, "y": shared[:2], "z": shared})}
    )
    lgraph.save(path)
    assert load(path) == lgraph


def test_any_layer_name_can_be_saved(path):
    names = [
        '"',
        "'",
        "\\",
        "\n",
        "é",
        "层",
        "a.b",
        " ",
        "__metadata__",
        "..",
        "%00",
        "\x00",
        "🙂",
    ]
    lgraph = LayerGraph([Convolution2dLayer(1, 1, name=name) for name in names])
    lgraph = lgraph.with_weights({name: Weights({"weight": torch.rand(1)}) for name in names})
    lgraph.save(path)
    assert load(path) == lgraph


def test_the_file_holds_json_and_numbers_and_no_code(path):
    net = GRAPHS["segnet"].compile()
    net.layer_graph().save(path)
    with safe_open(path, framework="numpy") as file:
        metadata, keys = file.metadata(), set(file.keys())
    assert metadata["format"] == "layergraph 1"
    architecture = json.loads(metadata["architecture"])
    assert [item["name"] for item in architecture["layers"]] == [*GRAPHS["segnet"]]
    assert len(architecture["connections"]) == len(GRAPHS["segnet"].connections)
    names = {f"{n}/{k}" for n in net.layer_graph() for k in net.layer_graph()[n].weights or ()}
    assert keys == names
    assert b"pickle" not in path.read_bytes()


def test_defaults_are_not_written(path):
    LayerGraph(Convolution2dLayer(3, 8, name="conv")).save(path)
    with safe_open(path, framework="numpy") as file:
        (layer,) = json.loads(file.metadata()["architecture"])["layers"]
    assert set(layer) == {
        "type",
        "name",
        "filter_size",
        "num_filters",
        "stride",
        "dilation_factor",
        "padding",
    }


# -- appearing whole -----------------------------------------------------------------------------------


def test_an_older_file_is_replaced_in_one_step(path):
    GRAPHS["segnet"].save(path)
    GRAPHS["one layer"].save(path)
    assert load(path) == GRAPHS["one layer"]
    assert os.listdir(path.parent) == [path.name]


def test_the_file_has_the_permissions_of_any_new_file(path):
    old = os.umask(0o027)
    try:
        GRAPHS["one layer"].save(path)
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def failing_save(monkeypatch, error):
    def save_file(tensors, filename, metadata):
        with open(filename, "wb") as file:
            file.write(b"half of it")
        raise error

    monkeypatch.setattr("safetensors.torch.save_file", save_file)


@pytest.mark.parametrize("error", [OSError("no space left"), KeyboardInterrupt(), MemoryError()])
@pytest.mark.parametrize("older", [True, False])
def test_a_failed_save_leaves_the_older_file_and_no_other(path, monkeypatch, error, older):
    if older:
        GRAPHS["segnet"].save(path)
    before = path.read_bytes() if older else None
    with monkeypatch.context() as patch:
        failing_save(patch, error)
        with pytest.raises(type(error)):
            GRAPHS["one layer"].save(path)
    assert os.listdir(path.parent) == ([path.name] if older else [])
    assert not older or path.read_bytes() == before


def test_a_graph_that_cannot_be_saved_touches_no_file(path):
    GRAPHS["segnet"].save(path)
    before = path.read_bytes()
    lgraph = LayerGraph(Convolution2dLayer(3, 8, weights_initializer=np.zeros, name="conv"))
    with pytest.raises(LayergraphError) as caught:
        lgraph.save(path)
    assert str(caught.value) == (
        "save: weights_initializer of layer 'conv' must not be a Python function, which a file "
        "cannot hold; compile the graph and save net.layer_graph(), which has weights"
    )
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_a_function_as_initializer_is_not_saved_once_there_are_weights(path):
    conv = Convolution2dLayer(3, 2, weights_initializer=np.ones, name="conv")
    net = LayerGraph([ImageInputLayer((5, 5), name="in"), conv]).compile()
    net.layer_graph().save(path)
    again = load(path)
    assert again["conv"].weights == net.layer_graph()["conv"].weights
    assert again["conv"].weights_initializer == "glorot"


def test_a_missing_folder_is_named(path):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        GRAPHS["one layer"].save(path.parent / "nowhere" / "net.safetensors")
    assert os.listdir(path.parent) == []


def test_a_missing_file_is_named(path):
    with pytest.raises(FileNotFoundError) as caught:
        load(path)
    assert str(caught.value) == f"no file {str(path)!r} to load a layer graph from"


def test_paths_may_be_text(path, monkeypatch):
    monkeypatch.chdir(path.parent)
    GRAPHS["one layer"].save("net.safetensors")
    assert load(str(path)) == load("net.safetensors") == GRAPHS["one layer"]


# -- modules -------------------------------------------------------------------------------------------


def test_modules_must_be_given_to_load(path, golden_errors):
    module = torch.nn.Conv2d(2, 3, 3)
    lgraph = LayerGraph([ImageInputLayer((5, 5, 2), name="in"), ModuleLayer(module, name="mine")])
    lgraph.save(path)
    fresh = torch.nn.Conv2d(2, 3, 3)
    again = load(path, modules={"mine": fresh})
    assert again["mine"].module is fresh
    assert torch.equal(again.compile().mine.weight, module.weight)
    assert not torch.equal(fresh.weight, module.weight)
    calls = {
        "without the module": lambda: load(path),
        "with another module": lambda: load(path, modules={"your": fresh}),
        "with what is none": lambda: load(path, modules={"mine": 5}),
        "with one that does not fit": lambda: load(
            path, modules={"mine": torch.nn.Conv2d(2, 4, 3)}
        ).compile(),
    }
    golden_errors("file_modules", {k: v for k, v in calls.items() if "fit" not in k}, hide=str(path.parent))
    with pytest.raises(LayergraphError, match="its weights do not fit"):
        calls["with one that does not fit"]()
    with pytest.raises(FileFormatError):
        load(path)


# -- without torch -------------------------------------------------------------------------------------


def test_loading_without_weights_imports_no_torch(path):
    GRAPHS["segnet"].compile().layer_graph().save(path)
    program = (
        "import sys, layergraph; from layergraph.graph.size_inference import infer_sizes;"
        f"g = layergraph.load({str(path)!r}, weights=False); infer_sizes(g);"
        "assert len(g) == 31; print([m for m in ('torch', 'networkx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_limit_of_a_file_is_far_above_real_graphs():
    assert layergraph.graph.file_format._LARGEST_ARCHITECTURE > 10_000 * 300


def test_equal_graphs_give_equal_files(path):
    net = GRAPHS["segnet"].compile().layer_graph()
    reordered = net.with_weights(
        {
            name: Weights(dict(reversed([*net[name].weights.items()]))) if net[name].weights else None
            for name in net
        }
    )
    assert reordered == net
    written = set()
    for lgraph in (net, reordered) * 4:  # one order of two entries comes out alike by chance
        lgraph.save(path)
        written.add(path.read_bytes())
    load(path).save(path)
    written.add(path.read_bytes())
    assert len(written) == 1


def test_minus_zero_is_zero():
    assert str(DropoutLayer(-0.0).probability) == "0.0"


def test_a_folder_and_a_file_without_read_permission(path, monkeypatch):
    with pytest.raises(FileFormatError, match="must be a file that save wrote, got a folder"):
        load(path.parent)
    GRAPHS["one layer"].save(path)
    really = type(path).open

    def refuse(self, *arguments, **options):  # root may read everything
        if self == path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(self))
        return really(self, *arguments, **options)

    monkeypatch.setattr(type(path), "open", refuse)
    with pytest.raises(PermissionError, match="Permission denied"):
        load(path)
