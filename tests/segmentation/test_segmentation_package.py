"""The package: its names, and the cost of its import."""

import subprocess
import sys

import layergraph.segmentation as package


def test_every_public_name_is_there_and_documented():
    assert package.__all__ == sorted(package.__all__)
    for name in package.__all__:
        assert getattr(package, name).__doc__


def test_the_import_loads_nothing_heavy():
    code = "import sys, layergraph.segmentation; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert not {"torch", "lightning", "scipy", "matplotlib", "PIL", "rich"} & set(loaded.split())
