"""The pages of the lecture as notebooks, and on real images (test_docs.py runs them as they are)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "lecture").glob("*.md"))
CAMVID = ROOT.parent / "shared/data/camvid_raw"  # no part of the repository


def blocks(page: Path) -> list[str]:
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_is_a_notebook_whose_cells_are_its_blocks(page: Path) -> None:
    jupytext = pytest.importorskip("jupytext")
    cells = jupytext.read(page).cells
    assert [cell.source for cell in cells if cell.cell_type == "code"] == [
        code.rstrip() for code in blocks(page)
    ]
    text = "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    assert "region" not in text
    assert text.count("```matlab") == page.read_text("utf-8").count("```matlab") > 0


@pytest.mark.slow
@pytest.mark.skipif(not CAMVID.is_dir(), reason="the image sets are not here")
@pytest.mark.parametrize("name", ["deeplabv3plus_camvid", "fcn_camvid"])
def test_the_pages_of_camvid_run_on_real_images(name: str) -> None:
    first, *others = blocks(ROOT / "docs" / "lecture" / f"{name}.md")
    assert first.startswith("camvid = None")
    names: dict[str, Any] = {}
    for code in (first.replace("None", repr(str(CAMVID)), 1), *others):
        exec(compile(code, name, "exec"), names)
    assert names["tbl"].pixel_count.tolist() == [
        49652, 50256, 2581, 68114, 15695, 25743, 2673, 3307, 16304, 1705, 1194
    ]  # fmt: skip
    assert names["net"].classes == names["classes"]
