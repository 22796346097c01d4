"""The names of the package: namespaces without an import of their own, and answers for unknown names."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import layergraph
from layergraph.unknown_names import NAMESPACES, explanation


def output_of(program: str) -> str:
    """The output of a program in a new Python process."""
    command = [sys.executable, "-P", "-c", f"import layergraph, sys; {program}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("name", NAMESPACES)
def test_namespaces_are_attributes_after_one_import(name):
    program = f"assert 'layergraph.{name}' not in sys.modules; print(layergraph.{name})"
    assert f"module 'layergraph.{name}'" in output_of(program)


def test_network_imports_torch_where_it_is_used():
    program = "print('torch' in sys.modules, layergraph.Network.__name__, 'torch' in sys.modules)"
    assert output_of(program).split() == ["False", "Network", "True"]


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        ("unet_layers", "write: from layergraph.builders import unet_layers"),
        ("deeplabv3plusLayers", "write: from layergraph.builders import deeplabv3plus_layers"),
        ("vgg16", "write: from layergraph.builders.backbones import vgg16"),
        ("analyzeNetwork", "write: from layergraph.analyze import analyze_network"),
        ("semanticseg", "write: from layergraph.segmentation import semanticseg"),
        ("convolution2dLayer", "write: from layergraph import Convolution2dLayer"),
        ("addLayers", "it is a method of a layer graph: lgraph.add_layers(...)"),
        ("bilstmLayer", "it has layers for images and volumes, and none for sequences"),
        ("sequenceInputLayer", "it has layers for images and volumes, and none for sequences"),
        ("ReluLayr", "did you mean 'ReluLayer'"),
    ],
)
def test_an_unknown_name_answers_where_it_is(name, answer):
    assert answer in explanation(name)
    with pytest.raises(AttributeError, match=f"layergraph has no '{name}'"):
        getattr(layergraph, name)
    with pytest.raises(ImportError, match=f"layergraph has no '{name}'"):
        exec(f"from layergraph import {name}", {})


def test_every_name_that_an_answer_gives_exists():
    for namespace in ("layergraph", *(f"layergraph.{name}" for name in NAMESPACES)):
        module = importlib.import_module(namespace)
        for name in module.__all__:
            assert hasattr(module, name), f"{namespace}.{name}"


def test_tools_that_ask_for_names_get_no_error():
    assert not hasattr(layergraph, "nothing")
    assert not hasattr(layergraph, "__wrapped__")
    assert {"builders", "Network", "LayerGraph"} <= set(dir(layergraph))


def test_submodules_can_be_imported_from_the_package():
    program = "from layergraph import cli, modules, training; print(cli, modules, training)"
    assert output_of(program).count("<module 'layergraph.") == 3
