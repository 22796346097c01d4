"""Render a diagram with Graphviz's program ``dot``, or without it with that of ``graphviz-pure``."""

from __future__ import annotations

import os
import shutil
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import graphviz  # type: ignore[import-untyped]
from graphviz.backend import dot_command  # type: ignore[import-untyped]

from layergraph.analyze.diagram.pdf import svg_to_pdf
from layergraph.analyze.diagram.svg import shorten_svg
from layergraph.analyze.diagram.themes import dark_rules
from layergraph.atomic import atomic_file
from layergraph.errors import LayergraphError
from layergraph.extensions import check_extension
from layergraph.wording import visible

# the package graphviz keeps the path of its program in a global variable
_PROGRAM_LOCK = threading.Lock()
FONT = "Helvetica"  # both programs know the widths of its letters
_FONT_FAMILIES = (
    "Helvetica,Arial,Liberation Sans,Arimo,Nimbus Sans,sans-serif"  # with letters of these widths
)
_SOURCE_EXTENSIONS = (".dot", ".gv")
_SYNONYMS = (_SOURCE_EXTENSIONS, (".jpg", ".jpeg", ".jpe"), (".tif", ".tiff"))
_SLIDE_DPI = "144"  # twice the 72 of a screen, so that a picture is sharp on a slide


class Diagram:
    """A drawing of a network, the result of :func:`plot`; notebooks show it, ``save`` writes it to a file.

    >>> from layergraph import ImageInputLayer, ReluLayer
    >>> from layergraph.analyze import plot
    >>> diagram = plot([ImageInputLayer((8, 8, 1)), ReluLayer()])
    >>> diagram.save("net.svg")
    >>> diagram.source.splitlines()[0]
    'digraph network {'
    """

    def __init__(
        self,
        graph: graphviz.Digraph,
        *,
        fallback: Callable[[], graphviz.Digraph] | None = None,
        follows_screen: bool = False,
    ) -> None:
        # ``fallback`` makes a simpler graph, which is drawn where the program fails at this one
        self._graph, self._fallback, self._follows_screen = graph, fallback, follows_screen

    @property
    def source(self) -> str:
        """The drawing in Graphviz's language DOT."""
        return str(self._graph.source)

    def to_svg(self) -> str:
        """The drawing as the text of an SVG file.

        Raises:
            LayergraphError: there is no program to draw with.
        """
        return self._svg(dark_rules() if self._follows_screen else "")

    def _repr_svg_(self) -> str:
        # a wide drawing shrinks to its cell, which would cut it
        return self.to_svg().replace("<svg ", '<svg style="max-width:100%;height:auto" ', 1)

    def save(self, path: str | os.PathLike[str], format: str | None = None) -> None:
        """Write the drawing to a file: SVG, PNG, PDF or DOT by its extension; with Graphviz others too.

        A PDF needs Graphviz or the extra ``pdf``. The file appears whole or not at all, and an error keeps an
        older file.

        Args:
            path: the file.
            format: the format of a file without an extension, such as ``"png"``.

        Raises:
            ArgumentError: the extension names another format than ``format``.
            LayergraphError: no format is named, the program cannot write it, or there is no program.
            MissingExtraError: neither Graphviz nor the extra ``pdf`` is installed, for a PDF.
            OSError: the file cannot be written.
        """
        path = Path(path)
        extension = f".{format.lower()}" if format else path.suffix.lower()
        if not extension:
            raise LayergraphError(
                f"save: path must have an extension that names the format, got {str(path)!r}; "
                f"name it {path.name + '.svg'!r}, or give format='svg'"
            )
        accepted = next((synonyms for synonyms in _SYNONYMS if extension in synonyms), (extension,))
        check_extension(path, accepted, f"save: path of format={extension[1:]!r}")
        if extension in _SOURCE_EXTENSIONS:
            content = self.source.encode("utf-8")
        elif extension == ".svg":
            content = self.to_svg().encode("utf-8")
        elif extension == ".pdf" and _has_own_program_only():
            content = svg_to_pdf(self._svg())  # paper is light: without rules for dark screens
        else:
            content = self._draw(extension.removeprefix("."), dpi=_SLIDE_DPI)
        with atomic_file(path) as temporary:
            temporary.write_bytes(content)

    def _svg(self, style: str = "") -> str:
        return shorten_svg(self._draw("svg").decode("utf-8"), style=style, families=_FONT_FAMILIES)

    def _draw(self, format: str, **attributes: str) -> bytes:
        with _installed_program(), _plain_errors():
            try:
                return _run_program(self._graph, format, attributes)
            except graphviz.CalledProcessError as error:
                if self._fallback is None or b"trouble in" not in _bytes(error.stderr):
                    raise
                return _run_program(self._fallback(), format, attributes)


def _run_program(graph: graphviz.Digraph, format: str, attributes: dict[str, str]) -> bytes:
    graph = graph.copy()
    graph.attr(**attributes)
    # quiet: the program warns about each letter whose width it does not know
    return bytes(graph.pipe(format=format, quiet=True))


def _bytes(stderr: str | bytes | None) -> bytes:
    return stderr.encode("utf-8", "replace") if isinstance(stderr, str) else stderr or b""


@contextmanager
def _installed_program() -> Iterator[None]:
    """Let the package graphviz run the program that this machine has."""
    with _PROGRAM_LOCK:
        before = dot_command.DOT_BINARY
        if before == Path("dot"):  # any other path is the user's choice
            dot_command.DOT_BINARY = _find_program()
        try:
            yield
        finally:
            dot_command.DOT_BINARY = before


def _has_own_program_only() -> bool:
    """Whether the machine has at most the program of graphviz-pure, which cannot write PDF."""
    is_chosen = Path("dot") != dot_command.DOT_BINARY
    return not is_chosen and shutil.which("dot") is None


def _find_program() -> Path:
    # an environment that is not activated has its programs beside its Python, and not on the path
    folders = (str(Path(sys.executable).parent), sysconfig.get_path("scripts"), None)
    program = shutil.which("dot") or next(
        filter(None, (shutil.which("graphviz-pure", path=folder) for folder in folders)), None
    )
    if program is None:
        raise LayergraphError(
            "there is no program to draw with: pip install graphviz-pure, or install Graphviz "
            "(https://graphviz.org/download)"
        )
    return Path(program)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Turn errors of the program, and of the package that runs it, into one sentence."""
    try:
        yield
    except graphviz.CalledProcessError as error:
        stderr = _bytes(error.stderr).decode("utf-8", "replace")
        reason = visible(" ".join(stderr.split()))[:300]
        if "not recognized" in reason:
            raise LayergraphError(
                "the drawing program cannot write this format; SVG, PNG, PDF and DOT can be written, and "
                f"others with Graphviz installed (https://graphviz.org/download); it reports: {reason}"
            ) from None
        raise LayergraphError(f"the diagram could not be drawn: {reason or error}") from None
    except ValueError as error:  # the package checks formats before it runs the program
        # the message continues with sixty names of formats in parentheses
        reason = visible(str(error).partition(" (")[0])
        raise LayergraphError(
            f"{reason}; SVG, PNG and DOT always work, EPS and JPG with Graphviz installed, PDF with Graphviz "
            "or the extra 'pdf'"
        ) from None
