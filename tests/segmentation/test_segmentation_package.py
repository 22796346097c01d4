"""The package: its names, its examples, and the cost of its import."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import layergraph.segmentation as package

MODULES = [module.name for module in pkgutil.iter_modules(package.__path__, "layergraph.segmentation.")]


def test_every_public_name_is_there_and_documented():
    assert package.__all__ == sorted(package.__all__)
    for name in package.__all__:
        assert getattr(package, name).__doc__


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of(name):
    importlib.import_module(name)
    assert doctest.testmod(sys.modules[name]).failed == 0


def test_the_import_loads_nothing_heavy():
    code = "import sys, layergraph.segmentation; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "lightning", "scipy", "matplotlib", "PIL", "rich"} & set(loaded.split())
