"""The README: its program prints the shown text, and .ci/run runs its test command."""

from __future__ import annotations

import io
import re
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from layergraph import LayergraphError

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_the_program_prints_the_text_of_the_readme() -> None:
    printed = io.StringIO()
    names: dict[str, object] = {}
    with redirect_stdout(printed):
        exec(blocks("python")[0], names)
    assert printed.getvalue() == blocks("text")[0]
    mistake = re.search(r"`(lgraph\.connect_layers\(.*?\))` answers", README)
    assert mistake is not None
    with pytest.raises(LayergraphError) as caught:
        eval(mistake[1], names)
    assert blocks("text")[1] == f"{type(caught.value).__name__}: {caught.value}\n"


def test_every_python_block_compiles() -> None:
    for block in blocks("python"):
        compile(block, "README.md", "exec")


def test_ci_runs_the_test_command_of_the_readme() -> None:
    script = (ROOT / ".ci" / "run").read_text()
    assert "sed -n '/<!-- test-command -->/,/<!-- end -->/p' README.md" in script
    command = re.search(r"<!-- test-command -->\n```\n(.*)\n```\n<!-- end -->", README)
    assert command is not None
    assert command[1].endswith(".venv/bin/pytest -q -n 2")


def test_the_readme_is_short_and_its_files_exist() -> None:
    assert len(README.splitlines()) < 150
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).is_file(), target
