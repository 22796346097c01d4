"""The installed package: its folders and types, its imports, its examples, its public names."""

import ast
import doctest
import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import layergraph

ROOT = Path(__file__).parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS = PYPROJECT["tool"]["setuptools"]
EXTRAS = {
    "lightning", "torchmetrics", "matplotlib", "scipy", "onnx", "onnxruntime", "onnxscript", "pydensecrf"
}  # fmt: skip


def folders():
    """The import names of all folders with a package."""
    roots = {"layergraph": ROOT / "layergraph", "layergraph.builders": ROOT / "builders"}
    roots["layergraph.analyze"] = ROOT / "analyze"
    for name, root in roots.items():
        for init in root.rglob("__init__.py"):
            inner = init.parent.relative_to(root).parts
            yield ".".join([name, *inner])


def modules():
    """The import names of all modules."""
    names = []
    for name in sorted(SETUPTOOLS["packages"]):
        package = importlib.import_module(name)
        names.append(name)
        names += [f"{name}.{m.name}" for m in pkgutil.iter_modules(package.__path__) if not m.ispkg]
    return sorted({name for name in names if not name.endswith("__main__")})


def run(program: str) -> str:
    """The output of a program in a new Python process."""
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


# -- installed files -----------------------------------------------------------------------------------


def test_the_list_of_packages_is_complete():
    assert sorted(SETUPTOOLS["packages"]) == sorted(folders())


def test_the_folders_outside_the_package_are_mapped():
    assert SETUPTOOLS["package-dir"] == {"layergraph.builders": "builders", "layergraph.analyze": "analyze"}


def test_data_files_are_listed():
    data = SETUPTOOLS["package-data"]
    for name in SETUPTOOLS["packages"]:
        parts = name.split(".")
        folder = ROOT.joinpath(*parts[1:] if parts[1:2] in (["builders"], ["analyze"]) else parts)
        listed = {path for pattern in data.get(name, []) for path in folder.glob(pattern)}
        files = {p for p in folder.iterdir() if p.is_file() and p.suffix not in (".py", ".pyc")}
        assert files == listed & files, name


def test_types_are_installed():
    assert (ROOT / "layergraph" / "py.typed").is_file()
    assert "py.typed" in SETUPTOOLS["package-data"]["layergraph"]


def test_the_version_equals_that_of_the_project():
    assert layergraph.__version__ == PYPROJECT["project"]["version"]


# -- imports -------------------------------------------------------------------------------------------

HEAVY = (
    "torch",
    "numpy",
    "networkx",
    "safetensors",
    "tabulate",
    "graphviz",
    "PIL",
    "lightning",
    "matplotlib",
)
BUILD = (
    "from layergraph import LayerGraph, ReluLayer, load;"
    "from layergraph.builders import segnet_layers, unet_layers;"
    "from layergraph.graph.size_inference import infer_sizes;"
    "g = segnet_layers((360, 480, 3), 11, 4); u = unet_layers((480, 640, 3), 5);"
    "assert not infer_sizes(g).issues and not infer_sizes(u).issues;"
    "g = g.replace_layer('softmax', ReluLayer(name='r')).remove_layers('r').add_layers(ReluLayer(name='s'));"
    "g.order, g.connections, repr(g), hash(u), u == g;"
)


@pytest.mark.parametrize("program", ["import layergraph;", "import layergraph.builders;", BUILD])
def test_building_and_size_inference_import_no_large_package(program):
    end = f"import sys; print([name for name in {HEAVY!r} if name in sys.modules])"
    assert run(program + end) == "[]"


def test_the_core_imports_no_package_above_it():
    program = (
        "import sys, layergraph, layergraph.network.network;"
        "above = ('builders', 'analyze', 'training', 'segmentation', 'data', 'cli');"
        "print([m for m in sys.modules for name in above if m.startswith(f'layergraph.{name}')])"
    )
    assert run(program) == "[]"


LIGHT = [n for n in modules() if n.startswith("layergraph.layers")] + [
    "layergraph.graph.draft",
    "layergraph.graph.file_format",
    "layergraph.graph.layer_format",
]
TORCH = [n for n in modules() if n.startswith(("layergraph.modules", "layergraph.network.network"))]


@pytest.mark.parametrize("name", [*LIGHT, *(pytest.param(n, marks=pytest.mark.slow) for n in TORCH)])
def test_each_module_can_be_imported_first(name):
    """A circle of imports would fail for one of its modules."""
    run(f"import {name}")


# -- examples ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", modules())
@pytest.mark.filterwarnings("ignore")
def test_the_examples_of_a_module_print_the_shown_results(name, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] in EXTRAS:
            pytest.skip(f"needs {error.name}")
        raise
    failed, _ = doctest.testmod(module)
    assert failed == 0


def public_objects():
    for name in layergraph.__all__:
        value = getattr(layergraph, name)
        if inspect.isclass(value) or inspect.isfunction(value):
            yield name, value


@pytest.mark.parametrize(("name", "value"), [*public_objects()])
def test_everything_public_is_documented(name, value):
    assert value.__doc__
    assert not value.__doc__.startswith(f"{name}(")  # the docstring that dataclass generates


# -- names ---------------------------------------------------------------------------------------------


def test_all_public_names_exist_in_sorted_order():
    names = layergraph.__all__
    assert all(hasattr(layergraph, name) for name in names)
    assert len(set(names)) == len(names)
    constants = sorted(name for name in names if name.isupper())
    classes = sorted(name for name in names if name[0].isupper() and not name.isupper())
    functions = sorted(name for name in names if name[0].islower())
    assert names == [*constants, *classes, *functions]


def test_all_public_names_of_the_module_are_listed():
    defined = {
        name
        for name, value in vars(layergraph).items()
        if not name.startswith("_") and not inspect.ismodule(value) and name not in ("TYPE_CHECKING", "Any")
    }
    assert defined == set(layergraph.__all__)


def sources():
    for folder in ("layergraph", "builders", "analyze"):
        yield from (ROOT / folder).rglob("*.py")


def test_no_file_has_a_name_without_a_meaning():
    forbidden = {"utils", "util", "helpers", "helper", "common", "misc", "base", "tools"}
    assert [str(path) for path in sources() if path.stem.strip("_") in forbidden] == []


def test_no_module_is_longer_than_500_lines():
    long = {str(p): n for p in sources() if (n := len(p.read_text(encoding="utf-8").splitlines())) > 500}
    assert long == {}


def test_no_module_evaluates_text_or_unpickles():
    """Otherwise a file, or a name in it, could become code."""
    names = {"eval", "exec", "compile", "__import__", "pickle", "marshal", "shelve", "dill", "joblib"}
    for path in sources():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            used = set()
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                used = {node.func.id}
            elif isinstance(node, (ast.Import, ast.ImportFrom)):
                used = {alias.name for alias in node.names} | {getattr(node, "module", None)}
            elif isinstance(node, ast.keyword) and node.arg == "shell":
                used = {"eval"}
            assert not used & names, f"{path}:{node.lineno}"
