"""From stacks to Graphviz: nodes, frames, and the edges that make the form.

No name becomes markup: nodes have numbers, and every text is escaped for the place where it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Literal

from graphviz import escape  # type: ignore[import-untyped]

from layergraph.analyze.diagram.boxes import LONGEST, Form, Scene, box, short, small, tooltip
from layergraph.analyze.diagram.rendering import FONT, Diagram
from layergraph.analyze.diagram.stacks import Drawing, Link
from layergraph.analyze.diagram.themes import Palette
from layergraph.analyze.result import AnalysisResult
from layergraph.analyze.size_text import plain_size
from layergraph.issues import Issue
from layergraph.wording import shortened, visible

Direction = Literal["vertical", "horizontal"]
Detail = Literal["blocks", "layers"]
Sizes = Literal["boxes", "edges", "both"]


def draw(
    analysis: AnalysisResult,
    drawing: Drawing,
    palette: Palette,
    *,
    direction: Direction,
    sizes: Sizes,
    title: str,
) -> Diagram:
    """The diagram of an analyzed network that is cut into stacks."""
    findings: dict[str, list[Issue]] = {}
    for issue in analysis.issues:
        findings.setdefault(issue.layer, []).append(issue)
    scene = Scene(
        analysis.lgraph,
        analysis.inferred_sizes,
        {info.name: info.num_learnables for info in analysis.layers},
        findings,
        {link.destination: link for link in drawing.links if link.ports},
        palette,
        sizes != "edges",
    )
    looks = direction, sizes, title
    diagram = _drawn(scene, drawing, *looks)
    if drawing.frames:
        # now and then the programs fail at frames and sides in large drawings
        diagram.simpler = lambda: _drawn(scene, replace(drawing, frames={}), *looks, plain=True)
    return diagram


def _drawn(
    scene: Scene, drawing: Drawing, direction: Direction, sizes: Sizes, title: str, *, plain: bool = False
) -> Diagram:
    diagram = _empty(scene.palette, direction, title, scene.findings.get("", ()))
    if drawing.frames:
        diagram.attr(newrank="true")  # otherwise each frame is ranked by itself, which fails more often
    pen = _Pen(scene, drawing, direction, in_edges=sizes != "boxes", plain=plain)
    pen.boxes(diagram)
    pen.edges(diagram)
    return diagram


def _empty(palette: Palette, direction: Direction, title: str, findings: Sequence[Issue]) -> Diagram:
    diagram = Diagram("network", format="svg")
    heading = [short(title)] if title else []
    errors = [issue for issue in findings if issue.severity == "error"]
    heading += [small(short(issue.text), palette.error) for issue in errors[:1]]
    label = "<BR/>".join(heading)
    diagram.attr(
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
        tooltip=escape(shortened(visible(title), LONGEST) or "network"),
        label=f"<{label}>" if label else "",
    )
    diagram.attr("node", shape="plain", fontname=FONT, fontsize="11", fontcolor=palette.ink)
    diagram.attr(
        "edge", color=palette.line, arrowsize="0.7", fontname=FONT, fontsize="9", fontcolor=palette.muted
    )
    return diagram


class _Pen:
    """Draws boxes and edges; knows which box a layer is in."""

    def __init__(
        self, scene: Scene, drawing: Drawing, direction: Direction, *, in_edges: bool, plain: bool
    ) -> None:
        self.scene, self.drawing, self.in_edges, self.plain = scene, drawing, in_edges, plain
        self.horizontal = direction == "horizontal"
        self.is_u = not self.horizontal and drawing.is_u
        self.place = {
            name: (index, number)
            for index, stack in enumerate(drawing.stacks)
            for number, row in enumerate(stack.rows)
            for name in row
        }
        self.level = self._pairs("skip")
        self.turning = self._turning()
        self.spine = {} if self.is_u else self._spine()

    def _pairs(self, role: str) -> set[tuple[int, int]]:
        """Pairs of boxes that such a link joins; those of a skip stand side by side."""
        place = self.place
        return {
            (place[link.source][0], place[link.destination][0])
            for link in self.drawing.links
            if link.role == role
        }

    def _spine(self) -> dict[int, int]:
        """The longest way through the boxes, by layers, each with its place: a straight
        column, what passes it by stands aside."""
        length = [len(stack.layers) for stack in self.drawing.stacks]
        before = [-1] * len(length)
        best = list(length)
        for tail, head in sorted(self._pairs("main")):
            if best[tail] + length[head] > best[head]:
                best[head], before[head] = best[tail] + length[head], tail
        spine: list[int] = []
        index = max(range(len(best)), key=best.__getitem__, default=-1)
        while index >= 0:
            spine.append(index)
            index = before[index]
        return {index: place for place, index in enumerate(reversed(spine))}

    # -- boxes ---------------------------------------------------------------------------------

    def boxes(self, diagram: Diagram) -> None:
        """Draw every box, those of a frame in it."""
        framed = {index: name for name, inside in self.drawing.frames.items() for index in inside}
        for number, (name, inside) in enumerate(self.drawing.frames.items()):
            palette = self.scene.palette
            look = {
                "label": f"<{small(short(name), palette.muted)}>",
                "labeljust": "l",
                "style": "rounded",
                "color": palette.frame,
                "margin": "8",
                "tooltip": escape(shortened(visible(name), LONGEST)),
            }
            with diagram.subgraph(name=f"cluster_{number}", graph_attr=look) as frame:
                for index in inside:
                    self._box(frame, index)
        for index in range(len(self.drawing.stacks)):
            if index not in framed:
                self._box(diagram, index)

    def _box(self, diagram: Diagram, index: int) -> None:
        stack = self.drawing.stacks[index]
        form: Form = "upwards" if self.is_u and stack.side == "up" else "wide"
        group: str | None = None
        if self.is_u and index not in self.turning:
            group = stack.side
        elif index in self.spine:
            group = "spine"
        diagram.node(
            f"n{index}",
            label=box(self.scene, stack, "narrow" if self.horizontal else form),
            tooltip=escape(tooltip(self.scene, stack)),
            group=group,  # a straight column each
        )

    def _turning(self) -> set[int]:
        """The boxes at the bottom, between the way down and the way up, which stand in the middle."""
        sides = [stack.side for stack in self.drawing.stacks]
        turns = self._pairs("main") - self.level
        return {tail for tail, head in turns if (sides[tail], sides[head]) == ("down", "up")}

    # -- edges ---------------------------------------------------------------------------------

    def edges(self, diagram: Diagram) -> None:
        """Draw every link; of several between a folded block and another box one."""
        drawn: set[tuple[int, int, str]] = set()
        for link in self.drawing.links:
            tail, head = self.place[link.source][0], self.place[link.destination][0]
            if link.role == "reference":
                continue  # no data flows here; the box says whose size it takes
            if self.drawing.stacks[tail].part or self.drawing.stacks[head].part:
                if (tail, head, link.role) in drawn:
                    continue
                drawn.add((tail, head, link.role))
            self._edge(diagram, link)

    def _edge(self, diagram: Diagram, link: Link) -> None:
        (tail, tail_row), (head, head_row) = self.place[link.source], self.place[link.destination]
        ends = (shortened(visible(name), LONGEST) for name in (link.source, link.destination))
        look = {"tooltip": escape(" → ".join(ends)), **self._label(link)}
        skip = {"color": self.scene.palette.skip, "penwidth": "1.6"}
        if self.is_u and link.role == "skip":
            # length 0: both ends on one level
            look |= {**skip, "minlen": "0", "weight": "6"}
            diagram.edge(f"n{tail}:e{tail_row}:e", f"n{head}:w{head_row}:w", **look)
        elif link.role == "skip":
            diagram.edge(f"n{tail}", f"n{head}", constraint="false", **skip, **look)
        elif not self.is_u:
            self._down(diagram, tail, head, look, skip)
        elif self.drawing.stacks[head].side != "up":
            diagram.edge(f"n{tail}", f"n{head}", weight="4", **look)
        elif (tail, head) in self.level:  # the turn at the bottom
            diagram.edge(f"n{tail}:se", f"n{head}:sw", constraint="false", **look)
        else:  # drawn upwards: for the levels the upper end counts as the tail
            diagram.edge(f"n{head}", f"n{tail}", dir="back", weight="4", **look)

    def _down(
        self, diagram: Diagram, tail: int, head: int, look: dict[str, str], skip: Mapping[str, str]
    ) -> None:
        """An edge along the column, from or to a branch, or one that passes boxes of the column by."""
        if tail in self.spine and head in self.spine:
            if self.spine[head] == self.spine[tail] + 1:
                diagram.edge(f"n{tail}", f"n{head}", weight="20", **look)
            else:
                side = "" if self.plain else ":s" if self.horizontal else ":e"
                diagram.edge(f"n{tail}{side}", f"n{head}{side}", weight="0", **skip, **look)
        else:
            diagram.edge(f"n{tail}", f"n{head}", weight="2", **look)

    def _label(self, link: Link) -> dict[str, str]:
        """The size that flows, where it is another than what came into the box."""
        if not self.in_edges:
            return {}
        sizes, stack = self.scene.sizes, self.drawing.stacks[self.place[link.source][0]]
        size = sizes.outputs[link.source][0]
        before = sizes.inputs[stack.layers[0]]
        if before and before[0] == size:
            return {}
        return {"label": f" {plain_size(size)} "}
