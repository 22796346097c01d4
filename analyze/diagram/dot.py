"""Write an arrangement of stacks in Graphviz's language DOT.

No name becomes markup: nodes are numbered, and every text is escaped for its position.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

import graphviz  # type: ignore[import-untyped]

from layergraph.analyze.diagram.boxes import (
    LONGEST,
    BoxForm,
    DrawnNetwork,
    box,
    column_widths,
    label_text,
    small,
    tooltip,
)
from layergraph.analyze.diagram.rendering import FONT, Diagram
from layergraph.analyze.diagram.stacks import Arrangement, Link, Stack
from layergraph.analyze.diagram.themes import Palette, Theme, palette_of
from layergraph.analyze.result import AnalysisResult
from layergraph.analyze.size_text import plain_size
from layergraph.issues import Issue
from layergraph.wording import shortened, visible

Direction = Literal["vertical", "horizontal"]
Detail = Literal["blocks", "layers"]
Sizes = Literal["boxes", "edges", "both"]


def draw(
    analysis: AnalysisResult,
    arrangement: Arrangement,
    *,
    direction: Direction,
    sizes: Sizes,
    theme: Theme,
    title: str,
) -> Diagram:
    """The diagram of an analyzed network whose layers are arranged in stacks."""
    findings: dict[str, list[Issue]] = {}
    for issue in analysis.issues:
        findings.setdefault(issue.layer, []).append(issue)
    network = DrawnNetwork(
        analysis.lgraph,
        analysis.inferred_sizes,
        {info.name: info.num_learnables for info in analysis.layers},
        findings,
        {link.destination: link for link in arrangement.links if link.ports},
        palette_of(theme),
        sizes != "edges",
    )
    look = direction, sizes, title
    # in some large drawings the programs fail at frames, and at edges that must leave at a given side
    unframed = replace(arrangement, frames={})
    return Diagram(
        _dot_graph(network, arrangement, *look),
        fallback=(lambda: _dot_graph(network, unframed, *look, plain=True)) if arrangement.frames else None,
        follows_screen=theme == "auto",
    )


def _dot_graph(
    network: DrawnNetwork,
    arrangement: Arrangement,
    direction: Direction,
    sizes: Sizes,
    title: str,
    *,
    plain: bool = False,
) -> graphviz.Digraph:
    graph = _empty_graph(network.palette, direction, title, network.findings.get("", ()))
    if arrangement.frames:
        graph.attr(newrank="true")  # ranking each frame by itself fails more often
    writer = _GraphWriter(graph, network, arrangement, direction, in_edges=sizes != "boxes", plain=plain)
    writer.write_boxes()
    writer.write_edges()
    return graph


def _empty_graph(
    palette: Palette, direction: Direction, title: str, findings: Sequence[Issue]
) -> graphviz.Digraph:
    """A graph with its look and its heading: the title, and an error of the network as a whole."""
    graph = graphviz.Digraph("network")
    heading = [label_text(title)] if title else []
    errors = [issue for issue in findings if issue.severity == "error"]
    heading += [small(label_text(issue.text), palette.error) for issue in errors[:1]]
    label = "<BR/>".join(heading)
    graph.attr(
        "graph",
        rankdir="TB" if direction == "vertical" else "LR",
        bgcolor=palette.background,
        pad="0.2",
        nodesep="0.5",
        ranksep="0.35",
        fontname=FONT,
        fontsize="16",
        fontcolor=palette.ink,
        labelloc="t",
        tooltip=graphviz.escape(shortened(visible(title), LONGEST) or "network"),
        label=f"<{label}>" if label else "",
    )
    graph.attr("node", shape="plain", fontname=FONT, fontsize="11", fontcolor=palette.ink)
    graph.attr(
        "edge", color=palette.line, arrowsize="0.7", fontname=FONT, fontsize="9", fontcolor=palette.muted
    )
    return graph


class _GraphWriter:
    """Writes the boxes and edges of an arrangement.

    Graphviz places nodes on levels so that edges lead downward and are short. Left alone it draws a U-Net as
    a long column with its skip connections across everything. The form comes from three devices:

    1. In a U, edges up the right side are written in reverse, so that both sides count their levels from
       the top; a skip connection has length 0, which puts its ends side by side.
    2. The boxes of each side are one ``group``, which Graphviz keeps in a straight column, of equal widths.
    3. Without a U, the longest path through the boxes is that group. Heavy edges hold it together, and edges
       that pass boxes of it weigh nothing, so that they do not bend it.
    """

    def __init__(
        self,
        graph: graphviz.Digraph,
        network: DrawnNetwork,
        arrangement: Arrangement,
        direction: Direction,
        *,
        in_edges: bool,
        plain: bool,
    ) -> None:
        self.graph, self.network, self.arrangement = graph, network, arrangement
        self.in_edges, self.plain = in_edges, plain
        self.horizontal = direction == "horizontal"
        self.is_u = not self.horizontal and arrangement.is_u
        self.position = {
            name: (index, number)
            for index, stack in enumerate(arrangement.stacks)
            for number, row in enumerate(stack.rows)
            for name in row
        }
        self.level_pairs = self._pairs("skip")
        self.bottom = self._bottom()
        self.spine = {} if self.is_u else self._spine()
        sides: dict[str, list[Stack]] = {}
        for index, stack in enumerate(arrangement.stacks):
            if self.is_u and index not in self.bottom:
                sides.setdefault(stack.side, []).append(stack)
        self.widths = {side: column_widths(network, stacks) for side, stacks in sides.items()}

    def _pairs(self, role: str) -> set[tuple[int, int]]:
        """Pairs of boxes that a link of this role joins."""
        position = self.position
        return {
            (position[link.source][0], position[link.destination][0])
            for link in self.arrangement.links
            if link.role == role
        }

    def _spine(self) -> dict[int, int]:
        """The boxes of the longest path, counted in layers, each with its position on the path."""
        length = [len(stack.layers) for stack in self.arrangement.stacks]
        previous = [-1] * len(length)
        longest = list(length)  # of the paths that end at each box
        for tail, head in sorted(self._pairs("main")):
            if longest[tail] + length[head] > longest[head]:
                longest[head], previous[head] = longest[tail] + length[head], tail
        spine: list[int] = []
        index = max(range(len(longest)), key=longest.__getitem__, default=-1)
        while index >= 0:
            spine.append(index)
            index = previous[index]
        return {index: position for position, index in enumerate(reversed(spine))}

    def _bottom(self) -> set[int]:
        """The boxes at the bottom of the U, which are drawn between the two sides."""
        sides = [stack.side for stack in self.arrangement.stacks]
        turns = self._pairs("main") - self.level_pairs
        return {tail for tail, head in turns if (sides[tail], sides[head]) == ("down", "up")}

    # -- boxes ---------------------------------------------------------------------------------

    def write_boxes(self) -> None:
        """Write every box, inside its frame where it has one."""
        palette = self.network.palette
        framed: set[int] = set()
        for number, (name, inside) in enumerate(self.arrangement.frames.items()):
            look = {
                "label": f"<{small(label_text(name), palette.muted)}>",
                "labeljust": "l",
                "style": "rounded",
                "color": palette.frame,
                "margin": "8",
                "tooltip": graphviz.escape(shortened(visible(name), LONGEST)),
            }
            with self.graph.subgraph(name=f"cluster_{number}", graph_attr=look) as frame:
                for index in inside:
                    self._write_box(frame, index)
            framed.update(inside)
        for index in range(len(self.arrangement.stacks)):
            if index not in framed:
                self._write_box(self.graph, index)

    def _write_box(self, graph: graphviz.Digraph, index: int) -> None:
        stack = self.arrangement.stacks[index]
        form: BoxForm = "upward" if self.is_u and stack.side == "up" else "wide"
        group: str | None = None
        widths = None
        if self.is_u and index not in self.bottom:
            group, widths = stack.side, self.widths[stack.side]
        elif index in self.spine:
            group = "spine"
        graph.node(
            f"n{index}",
            label=box(self.network, stack, "narrow" if self.horizontal else form, widths),
            tooltip=graphviz.escape(tooltip(self.network, stack)),
            group=group,
        )

    # -- edges ---------------------------------------------------------------------------------

    def write_edges(self) -> None:
        """Write one edge per link, and only one between a folded block and another box."""
        written: set[tuple[int, int, str]] = set()
        for link in self.arrangement.links:
            tail, head = self.position[link.source][0], self.position[link.destination][0]
            if link.role == "reference":
                continue  # no data flows here; the box names the layer whose size it takes
            if self.arrangement.stacks[tail].part or self.arrangement.stacks[head].part:
                if (tail, head, link.role) in written:
                    continue
                written.add((tail, head, link.role))
            self._write_edge(link)

    def _write_edge(self, link: Link) -> None:
        (tail, tail_row), (head, head_row) = self.position[link.source], self.position[link.destination]
        names = (shortened(visible(name), LONGEST) for name in (link.source, link.destination))
        look = {"tooltip": graphviz.escape(" → ".join(names)), **self._size_label(link)}
        skip = {"color": self.network.palette.skip, "penwidth": "1.6"}
        edge = self.graph.edge
        if self.is_u and link.role == "skip":
            # length 0 puts both ends on one level
            edge(f"n{tail}:e{tail_row}:e", f"n{head}:w{head_row}:w", minlen="0", weight="6", **skip, **look)
        elif link.role == "skip":
            # the weight draws a box across to its source; with none, it could go before the input
            weight = "0" if self._side(head) == "up" else "1"
            start, end = ("", "") if self.plain else (f":r{tail_row}:e", f":r{head_row}:w")
            edge(f"n{tail}{start}", f"n{head}{end}", weight=weight, **skip, **look)
        elif link.role == "shortcut":
            # from side to side, beside the edge that leads through the block; a U has its skips on the inside
            side = ":s" if self.horizontal else ":w" if self.is_u and self._side(head) != "up" else ":e"
            if self.plain or head in self.bottom:
                side = ""
            edge(f"n{tail}{side}", f"n{head}{side}", constraint="false", **skip, **look)
        elif not self.is_u:
            self._write_column_edge(tail, head, look, skip)
        elif self._side(head) != "up":
            edge(f"n{tail}", f"n{head}", weight="4", **look)
        elif (tail, head) in self.level_pairs:  # at the bottom of the U, both ends are on one level
            edge(f"n{tail}:se", f"n{head}:sw", constraint="false", **look)
        else:  # up the right side: levels count from the tail, so the upper end is written as the tail
            edge(f"n{head}", f"n{tail}", dir="back", weight="4", **look)

    def _write_column_edge(
        self, tail: int, head: int, look: Mapping[str, str], skip: Mapping[str, str]
    ) -> None:
        """An edge along the spine, from or to a branch, or past boxes of the spine."""
        edge = self.graph.edge
        if tail not in self.spine or head not in self.spine:
            edge(f"n{tail}", f"n{head}", weight="2", **look)
        elif self.spine[head] == self.spine[tail] + 1:
            edge(f"n{tail}", f"n{head}", weight="20", **look)
        else:
            side = "" if self.plain else ":s" if self.horizontal else ":e"
            edge(f"n{tail}{side}", f"n{head}{side}", weight="0", **skip, **look)

    def _side(self, index: int) -> str:
        return self.arrangement.stacks[index].side

    def _size_label(self, link: Link) -> dict[str, str]:
        """The size of the data, where the box of its source changed it."""
        if not self.in_edges or link.role == "shortcut":  # the edge beside it has the same size
            return {}
        sizes, stack = self.network.sizes, self.arrangement.stacks[self.position[link.source][0]]
        size = sizes.outputs[link.source][0]
        entering = sizes.inputs[stack.layers[0]]
        if entering and entering[0] == size:
            return {}
        return {"label": f" {plain_size(size)} "}
