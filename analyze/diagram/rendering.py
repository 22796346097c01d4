"""Running the program that draws: Graphviz's ``dot``, or where there is none that of ``graphviz-pure``."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import graphviz  # type: ignore[import-untyped]
from graphviz.backend import dot_command  # type: ignore[import-untyped]

from layergraph.analyze.diagram.svg import compact
from layergraph.analyze.diagram.themes import dark_rules
from layergraph.atomic import atomic_file
from layergraph.errors import LayergraphError
from layergraph.extensions import check_extension
from layergraph.wording import visible

_ONE_AT_A_TIME = threading.Lock()  # the package has one place for its program's path
FONT = "Helvetica"  # the programs know how wide its letters are
_FAMILIES = "Helvetica,Arial,Liberation Sans,Arimo,Nimbus Sans,sans-serif"  # as wide as that
_SOURCES = (".dot", ".gv")
_ALIKE = (_SOURCES, (".jpg", ".jpeg", ".jpe"), (".tif", ".tiff"))


class Diagram(graphviz.Digraph):  # type: ignore[misc]
    """A drawn network: a ``graphviz.Digraph`` that finds its program itself; notebooks show it as SVG."""

    follows_screen = False  # whether an SVG has dark colours, too, for dark screens
    simpler: Callable[[], Diagram] | None = None  # what to draw where the program fails

    def pipe(self, *args: Any, **kwargs: Any) -> Any:
        """As in ``graphviz.Digraph``, without the program's remarks on the widths of letters.

        Raises:
            LayergraphError: there is no program to draw with, or it cannot write this format.
        """
        with _program(), _plain_errors():
            try:
                drawn = super().pipe(*args, **{"quiet": True, **kwargs})
            except graphviz.CalledProcessError as error:
                if self.simpler is None or b"trouble in" not in _bytes(error.stderr):
                    raise
                drawn = graphviz.Digraph.pipe(self.simpler(), *args, **{"quiet": True, **kwargs})
        text = drawn if isinstance(drawn, str) else ""
        if isinstance(drawn, bytes) and drawn.startswith(b"<?xml"):
            text = drawn.decode("utf-8")
        if not text.startswith("<?xml"):
            return drawn
        svg = compact(text, style=dark_rules() if self.follows_screen else "", families=_FAMILIES)
        return svg if isinstance(drawn, str) else svg.encode("utf-8")

    def render(self, *args: Any, **kwargs: Any) -> Any:
        """As in ``graphviz.Digraph``; raises as :meth:`pipe` does."""
        with _program(), _plain_errors():
            return super().render(*args, **{"quiet": True, **kwargs})

    def to_svg(self) -> str:
        """The drawing as SVG text."""
        return str(self.pipe(format="svg", encoding="utf-8"))

    def write(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        """Write the drawing to a file, in the format that its suffix names: SVG, PNG, PDF, DOT, ...

        A file without a suffix takes ``format``.

        The file is written beside its place and then renamed, so that an error leaves no half of it
        and keeps an older one.

        Raises:
            ArgumentError: the suffix means another format than the one given.
            LayergraphError: no format is given, or the program cannot write it.
            OSError: the file cannot be written.
        """
        path = Path(path)
        suffix = f".{format.lower()}" if format else path.suffix.lower()
        if not suffix:
            raise LayergraphError(
                f"the file name {str(path)!r} has no suffix that says the format; "
                f"name it {path.name + '.svg'!r}, or give format='svg'"
            )
        fitting = next((endings for endings in _ALIKE if suffix in endings), (suffix,))
        check_extension(path, fitting, f"plot: output of format={suffix[1:]!r}")
        if suffix in _SOURCES:
            content = self.source.encode("utf-8")
        elif suffix == ".svg":
            content = self.to_svg().encode("utf-8")
        else:
            drawing = self.copy()
            drawing.simpler = self.simpler
            drawing.attr(dpi="144")  # twice the 72 of a screen, for slides
            content = drawing.pipe(format=suffix.removeprefix("."))
        with atomic_file(path) as temporary:
            temporary.write_bytes(content)


def _bytes(stderr: str | bytes | None) -> bytes:
    return stderr.encode("utf-8", "replace") if isinstance(stderr, str) else stderr or b""


@contextmanager
def _program() -> Iterator[None]:
    """Have the package run the program that is there."""
    with _ONE_AT_A_TIME:
        before = dot_command.DOT_BINARY
        if before == Path("dot"):  # otherwise the user has chosen one
            dot_command.DOT_BINARY = _found()
        try:
            yield
        finally:
            dot_command.DOT_BINARY = before


def _found() -> Path:
    beside = (str(Path(sys.executable).parent), sysconfig.get_path("scripts"))
    found = shutil.which("dot") or next(
        filter(None, (shutil.which("graphviz-pure", path=folder) for folder in (*beside, None))), None
    )
    if found is None:
        raise LayergraphError(
            "there is no program to draw with: pip install graphviz-pure, or install Graphviz "
            "(https://graphviz.org/download)"
        )
    return Path(found)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """What the program complains of, as one sentence."""
    try:
        yield
    except graphviz.CalledProcessError as error:
        stderr = _bytes(error.stderr).decode("utf-8", "replace")
        said = visible(" ".join(stderr.split()))[:300]
        if "not recognized" in said:
            raise LayergraphError(
                "this format cannot be written by the drawing program found here; SVG and PNG can, and PDF "
                f"with Graphviz installed (https://graphviz.org/download); it says: {said}"
            ) from None
        raise LayergraphError(f"the diagram could not be drawn: {said or error}") from None
    except ValueError as error:  # the package's own check of formats
        # without the sixty names that follow in parentheses
        what = visible(str(error).partition(" (")[0])
        raise LayergraphError(
            f"{what}; SVG, PNG and DOT always work, PDF, EPS and JPG with Graphviz installed"
        ) from None
