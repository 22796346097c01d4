"""From stacks to Graphviz: boxes with a line for each row, and the edges that make the form.

No name becomes markup: nodes have numbers, and every text is escaped for the place where it stands.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from graphviz import escape  # type: ignore[import-untyped]

from layergraph.analyze.kinds import COLORS, kind_of
from layergraph.analyze.rendering import FONT, Diagram
from layergraph.analyze.stacks import Drawing, Link, Row, Stack, arrange
from layergraph.analyze.wording import plain_size, shortened, visible
from layergraph.graph import LayerGraph
from layergraph.propagation import Propagation

Direction = Literal["vertical", "horizontal"]
Detail = Literal["blocks", "layers"]
# one line a row; the same with the first row at the bottom; a few short lines a row
_Form = Literal["wide", "upwards", "narrow"]

_INK, _MUTED, _LINE, _SKIP, _RED, _PINK = "#1f2328", "#57606a", "#6e7781", "#3b6fb6", "#c62828", "#ffe1e1"
_LONGEST = 60  # characters of a name or an error; the rest is in the tooltip
_LONGEST_TOOLTIP = 4000  # older programs take no text over 16384 bytes


@dataclass(frozen=True)
class _Scene:
    """What is drawn: the graph, its sizes, its errors by layer, and by layer what it looks up elsewhere."""

    lgraph: LayerGraph
    sizes: Propagation
    errors: Mapping[str, str]
    references: Mapping[str, Link]


def draw(
    lgraph: LayerGraph, sizes: Propagation, *, direction: Direction, detail: Detail, title: str
) -> Diagram:
    """The diagram of a graph whose sizes are known already."""
    drawing = arrange(lgraph, sizes, blocks=detail == "blocks")
    folded = direction == "vertical" and drawing.is_u
    errors: dict[str, str] = {}
    for issue in sizes.errors:
        errors.setdefault(issue.layer, issue.text)
    references = {link.destination: link for link in drawing.links if link.ports}
    scene = _Scene(lgraph, sizes, errors, references)
    diagram = _empty(direction, title, errors.get("", ""))
    if folded:
        diagram.attr(nodesep="0.8")  # room for what goes across
    middle = _turning(drawing)
    for index, stack in enumerate(drawing.stacks):
        form: _Form = "upwards" if folded and stack.side == "up" else "wide"
        diagram.node(
            f"n{index}",
            label=_box(scene, stack, "narrow" if direction == "horizontal" else form),
            tooltip=escape(_tooltip(scene, stack)),
            group=stack.side if folded and index not in middle else None,  # a straight column each
        )
    _connect(diagram, drawing, folded)
    return diagram


def _empty(direction: Direction, title: str, error: str) -> Diagram:
    diagram = Diagram("network", format="svg")
    heading = _short(title)
    if error:
        heading += f'{"<BR/>" * bool(title)}<FONT COLOR="{_RED}" POINT-SIZE="11">{_short(error)}</FONT>'
    diagram.attr(
        "graph",
        rankdir="TB" if direction == "vertical" else "LR",
        bgcolor="white",
        pad="0.2",
        nodesep="0.5",
        ranksep="0.35",
        fontname=FONT,
        fontsize="16",
        fontcolor=_INK,
        labelloc="t",
        tooltip=escape(shortened(visible(title), _LONGEST) or "network"),
        label=f"<{heading}>" if heading else "",
    )
    diagram.attr("node", shape="plain", fontname=FONT, fontsize="11", fontcolor=_INK)
    diagram.attr("edge", color=_LINE, arrowsize="0.7")
    return diagram


# -- boxes -------------------------------------------------------------------------------------


def _box(scene: _Scene, stack: Stack, form: _Form) -> str:
    """A stack as an HTML-like label."""
    rows = [_row(scene, row, number, form) for number, row in enumerate(stack.rows)]
    if form == "upwards":
        rows.reverse()
    return (
        f'<<TABLE BORDER="0" CELLBORDER="1" CELLSPACING="0" CELLPADDING="4" COLOR="{_LINE}">'
        f"{''.join(rows)}</TABLE>>"
    )


def _row(scene: _Scene, row: Row, number: int, form: _Form) -> str:
    first = scene.lgraph[row[0]]
    wrong = next((scene.errors[name] for name in row if name in scene.errors), "")
    look = f'BGCOLOR="{_PINK}" COLOR="{_RED}"' if wrong else f'BGCOLOR="{COLORS[kind_of(first)]}"'
    names = [f"<B>{_short(row[0])}</B>"]
    if len(row) > 1:
        names.append(_small(" · ".join(map(_short, row[1:])), _MUTED))
    for link in (scene.references[name] for name in row if name in scene.references):
        # in the box: a label at the edge would lie on it, or bend it
        what = "size" if link.role == "reference" else " and ".join(link.ports)
        names.append(_small(f"{what} of {_short(link.source)}", _MUTED))
    if wrong:
        names.append(_small(_short(wrong), _RED))
    # the wording before its details, such as stride and padding
    what = _plain(_short(first.description.partition(" with ")[0]))
    size = _plain(plain_size(scene.sizes.outputs[row[-1]][0]))
    if form == "narrow":
        return f'<TR><TD ALIGN="LEFT" {look}>{_lines([*names, what, size])}</TD></TR>'
    return (
        f'<TR><TD PORT="w{number}" ALIGN="LEFT" SIDES="LTB" {look}>{_lines(names)}</TD>'
        f'<TD ALIGN="LEFT" SIDES="TB" {look}>{_lines([what])}</TD>'
        f'<TD PORT="e{number}" ALIGN="RIGHT" SIDES="TBR" {look}>{_lines([size])}</TD></TR>'
    )


def _lines(lines: Sequence[str]) -> str:
    return "".join(f'{line}<BR ALIGN="LEFT"/>' for line in lines)


def _plain(text: str) -> str:
    # text without any tag would stand a little lower than the bold name beside it
    return f'<FONT COLOR="{_INK}">{text}</FONT>'


def _small(text: str, color: str) -> str:
    return f'<FONT POINT-SIZE="9" COLOR="{color}">{text}</FONT>'


def _short(text: str) -> str:
    # in HTML-like labels, too, Graphviz takes a backslash for the start of a command such as \N
    return html.escape(shortened(visible(text), _LONGEST)).replace("\\", "\\\\")


def _tooltip(scene: _Scene, stack: Stack) -> str:
    lines = []
    for name in (name for row in stack.rows for name in row):
        size = scene.sizes.outputs[name][0]
        lines.append(f"{visible(name)}: {visible(scene.lgraph[name].description)}, {size or 'size unknown'}")
        if name in scene.errors:
            lines.append(visible(scene.errors[name]))
    return shortened("\n".join(lines), _LONGEST_TOOLTIP)


# -- edges -------------------------------------------------------------------------------------


def _connect(diagram: Diagram, drawing: Drawing, folded: bool) -> None:
    place, level = _places(drawing), _level(drawing)
    for link in drawing.links:
        (tail, tail_row), (head, head_row) = place[link.source], place[link.destination]
        ends = (shortened(visible(name), _LONGEST) for name in (link.source, link.destination))
        look = {"tooltip": escape(" → ".join(ends))}
        if link.role == "reference":
            continue  # no data flows here; the box says whose size it takes
        if link.role == "skip":
            look |= {"color": _SKIP, "penwidth": "1.6"}
            if folded:
                # length 0: both ends on one level
                diagram.edge(
                    f"n{tail}:e{tail_row}:e", f"n{head}:w{head_row}:w", minlen="0", weight="6", **look
                )
            else:
                diagram.edge(f"n{tail}", f"n{head}", constraint="false", **look)
        elif not folded or drawing.stacks[head].side != "up":
            diagram.edge(f"n{tail}", f"n{head}", weight="4", **look)
        elif (tail, head) in level:  # the turn at the bottom
            diagram.edge(f"n{tail}:se", f"n{head}:sw", constraint="false", **look)
        else:  # drawn upwards: for the levels the upper end counts as the tail
            diagram.edge(f"n{head}", f"n{tail}", dir="back", weight="4", **look)


def _places(drawing: Drawing) -> dict[str, tuple[int, int]]:
    """Stack and row of each layer."""
    return {
        name: (index, number)
        for index, stack in enumerate(drawing.stacks)
        for number, row in enumerate(stack.rows)
        for name in row
    }


def _level(drawing: Drawing) -> set[tuple[int, int]]:
    """Pairs of stacks with something across from the one to the other: they stand side by side."""
    place = _places(drawing)
    return {
        (place[link.source][0], place[link.destination][0]) for link in drawing.links if link.role == "skip"
    }


def _turning(drawing: Drawing) -> set[int]:
    """The stacks at the bottom, between the way down and the way up, which stand in the middle."""
    place, sides = _places(drawing), [stack.side for stack in drawing.stacks]
    main = {
        (place[link.source][0], place[link.destination][0]) for link in drawing.links if link.role == "main"
    }
    turns = main - _level(drawing)
    return {tail for tail, head in turns if (sides[tail], sides[head]) == ("down", "up")}
