"""The import graph of the package: it has no circles, and packages import only those below them."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import networkx
import pytest

ROOT = Path(__file__).parent.parent
FOLDERS = {"layergraph": "layergraph", "builders": "layergraph.builders", "analyze": "layergraph.analyze"}


def installed_names() -> dict[str, Path]:
    """The path of every module by its installed name."""
    modules = {}
    for folder, package in FOLDERS.items():
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            modules[".".join((package, *(part for part in parts if part != "__init__")))] = path
    return modules


MODULES = installed_names()


def imports(source: str) -> Iterator[str]:
    """The imports of a source, including those in functions and for type checkers."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            for alias in node.names:
                submodule = f"{node.module}.{alias.name}"
                yield submodule if submodule in MODULES else str(node.module)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def import_graph() -> networkx.DiGraph:
    graph = networkx.DiGraph()
    graph.add_nodes_from(MODULES)
    for name, path in MODULES.items():
        targets = {target for target in imports(path.read_text(encoding="utf-8")) if target in MODULES}
        graph.add_edges_from((name, target) for target in targets - {name})
    return graph


def test_imports_form_no_circles():
    circles = [
        sorted(part) for part in networkx.strongly_connected_components(import_graph()) if len(part) > 1
    ]
    assert circles == []


def test_imports_in_functions_and_for_type_checkers_count():
    source = "if TYPE_CHECKING:\n    import layergraph.sizes\ndef f():\n    from layergraph import errors"
    assert [*imports(source)] == ["layergraph.sizes", "layergraph.errors"]


# each package, and the packages that may import it
ABOVE = {
    "layergraph.modules": ("layers",),
    "layergraph.layers": (
        *("graph", "network", "edits", "export", "pretrained", "builders", "analyze"),
        *("data", "training", "segmentation", "unknown_names", "cli"),
    ),
    "layergraph.pages": ("analyze", "training", "segmentation", "cli"),
    "layergraph.network": ("graph", "training", "segmentation", "analyze"),
    "layergraph.export": ("network",),
    "layergraph.builders": ("cli",),
    "layergraph.analyze": ("cli",),
    "layergraph.training": ("cli",),
    "layergraph.segmentation": ("cli",),
    "layergraph.cli": (),
}


@pytest.mark.parametrize("package", ABOVE)
def test_packages_are_imported_from_above_only(package):
    def is_inside(name: str, folder: str) -> bool:
        return name == folder or name.startswith(f"{folder}.")

    # layergraph/__init__.py imports the namespaces lazily
    above = (package, "layergraph.__main__", *(f"layergraph.{name}" for name in ABOVE[package]))
    wrong = [
        f"{source} -> {target}"
        for source, target in import_graph().edges
        if is_inside(target, package)
        and source != "layergraph"
        and not any(is_inside(source, f) for f in above)
    ]
    assert wrong == []
