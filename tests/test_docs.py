"""The documentation: its blocks run in order and print the text below them; its links and tables."""

from __future__ import annotations

import importlib.util
import io
import re
from collections.abc import Iterator
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import pytest
from matplotlib import pyplot

from layergraph.builders import BUILDERS

ROOT = Path(__file__).parents[1]
# all pages but those that a program writes
PAGES = sorted(
    path
    for path in (ROOT / "docs").rglob("*.md")
    if path.stem not in ("api", "architecture") and path.parent.name != "reference"
)


@pytest.fixture(autouse=True)
def no_windows() -> Iterator[None]:
    """Pictures that blocks show open no window, and their figures are closed."""
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")


OTHER_LIBRARIES = ("albumentations", "kornia", "torchvision")  # of which some blocks of data.md are examples


def run_blocks(page: Path, libraries: tuple[str, ...] = ()) -> None:
    """Run the blocks of a page in order, of those that import another library only the ones named."""
    names: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```(?:\n\n```text\n(.*?)```)?", page.read_text("utf-8"), re.DOTALL)
    assert blocks
    for code, expected in blocks:
        imported = set(re.findall(r"^(?:import|from) (\w+)", code, re.MULTILINE))
        if imported & {*OTHER_LIBRARIES} - {*libraries}:
            continue
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(code, str(page), "exec"), names)
        assert printed.getvalue() == expected


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_blocks_print_the_text_below_them(page: Path) -> None:
    run_blocks(page)


@pytest.mark.parametrize("library", OTHER_LIBRARIES)
def test_blocks_of_other_libraries_print_the_text_below_them(library: str) -> None:
    pytest.importorskip(library)
    run_blocks(ROOT / "docs" / "data.md", (library,))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_the_targets_of_links_exist(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8")):
        assert (page.parent / target).is_file(), target


def test_each_row_for_matlab_users_runs() -> None:
    """The right side of each row, in order, after the block of the page."""
    page = (ROOT / "docs" / "guides" / "matlab.md").read_text("utf-8")
    names: dict[str, object] = {}
    exec(re.findall(r"```python\n(.*?)```", page, re.DOTALL)[0], names)
    rows = re.findall(r"^\| `(.+)` \| `(.+)` \|$", page, re.MULTILINE)
    assert len(rows) == page.count("\n| `")
    for matlab, code in rows:
        try:
            with redirect_stdout(io.StringIO()):
                exec(code, names)
        except Exception as error:
            raise AssertionError(f"{matlab} -> {code}") from error


def script(name: str) -> Any:
    """A script of the documentation as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_of_public_names_is_the_output_of_its_script() -> None:
    assert script("api").page() == (ROOT / "docs" / "api.md").read_text("utf-8")


def test_the_reference_is_the_output_of_its_script() -> None:
    pages = script("reference_pages").pages()
    written = {path.name: path.read_text("utf-8") for path in (ROOT / "docs" / "reference").iterdir()}
    assert pages == written
    site = (ROOT / "mkdocs.yml").read_text("utf-8")
    assert all(f"reference/{name}" in site for name in pages)


def test_the_gallery_is_the_output_of_its_script() -> None:
    gallery = script("gallery")
    assert gallery.page() == (ROOT / "docs" / "gallery.md").read_text("utf-8")
    entries = [gallery.Entry(*entry) for entry in (*gallery.SEGMENTATION, *gallery.BACKBONES)]
    assert {entry.builder for entry in entries} == set(BUILDERS)
    pictures = {entry.picture for entry in entries}
    assert len(pictures) == len(entries)
    assert pictures == set((ROOT / "docs" / "images" / "gallery").iterdir())


def test_every_code_has_a_row_in_the_table_of_issues() -> None:
    code = re.compile(r"LG-[A-Z]+(?:-[A-Z]+)*")
    sources = [*(ROOT / "layergraph").rglob("*.py"), *(ROOT / "analyze").rglob("*.py")]
    used = {match for path in sources for match in code.findall(path.read_text("utf-8"))}
    rows = re.findall(
        r"^\| `(LG-[A-Z-]+)` \|", (ROOT / "docs" / "issues.md").read_text("utf-8"), re.MULTILINE
    )
    assert rows == sorted(used)
