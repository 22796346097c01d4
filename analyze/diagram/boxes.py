"""The boxes of a diagram: a line for each row of a stack, or a few lines for a folded block.

No name becomes markup: every text is escaped for the place where it stands.
"""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from layergraph.analyze.diagram.contents import contents, main_kind
from layergraph.analyze.diagram.stacks import Link, Part, Row, Stack
from layergraph.analyze.diagram.themes import Palette
from layergraph.analyze.kinds import kind_of
from layergraph.analyze.size_text import plain_size
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import InferredSizes
from layergraph.issues import Issue, Severity
from layergraph.wording import short_count, shortened, visible

# one line a row; the same with the first row at the bottom; a few short lines a row
Form = Literal["wide", "upwards", "narrow"]

LONGEST = 60  # characters of a name or a finding; the rest is in the tooltip
_LONGEST_TOOLTIP = 4000  # older programs take no text over 16384 bytes
_MOST_SAID = 12  # layers in the tooltip of a folded block
_MOST_FOUND = 3  # findings told in a box
_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
_MARKS: dict[Severity, str] = {"error": "", "warning": "! ", "note": "i "}  # not by colour alone


@dataclass(frozen=True)
class Scene:
    """What is drawn.

    Attributes:
        lgraph, sizes: the network, and its sizes.
        learnables: how many numbers each layer learns, where known.
        findings: by layer.
        references: by layer what it looks up elsewhere.
        palette: the colours.
        in_boxes: whether sizes stand in the boxes.
    """

    lgraph: LayerGraph
    sizes: InferredSizes
    learnables: Mapping[str, int | None]
    findings: Mapping[str, Sequence[Issue]]
    references: Mapping[str, Link]
    palette: Palette
    in_boxes: bool


def box(scene: Scene, stack: Stack, form: Form) -> str:
    """A stack as an HTML-like label."""
    if stack.part:
        rows = [_folded(scene, stack.part, form)]
    else:
        rows = [_row(scene, row, number, form) for number, row in enumerate(stack.rows)]
    if form == "upwards":
        rows.reverse()
    line = scene.palette.line
    table = (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="4" ROWS="*" COLOR="{line}">'
        f"{''.join(rows)}</TABLE>"
    )
    if stack.part:  # a second border, as of a pile of sheets
        border = f'BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2" COLOR="{line}"'
        return f"<<TABLE {border}><TR><TD>{table}</TD></TR></TABLE>>"
    return f"<{table}>"


def _row(scene: Scene, row: Row, number: int, form: Form) -> str:
    palette, first = scene.palette, scene.lgraph[row[0]]
    names = [f"<B>{short(row[0])}</B>"]
    if len(row) > 1:
        names.append(small(" · ".join(map(short, row[1:])), palette.muted))
    for link in (scene.references[name] for name in row if name in scene.references):
        # in the box: a label at the edge would lie on it, or bend it
        what = "size" if link.role == "reference" else " and ".join(link.ports)
        names.append(small(f"{what} of {short(link.source)}", palette.muted))
    # the wording before its details, such as stride and padding
    what = short(first.description.partition(" with ")[0])
    size = plain_size(scene.sizes.outputs[row[-1]][0])
    return _cells(scene, row, number, form, palette.kinds[kind_of(first)], names, [what], [size])


def _folded(scene: Scene, part: Part, form: Form) -> str:
    palette, each = scene.palette, part.layers[: len(part.layers) // part.times]
    count = f"{len(each)} layer{'s' * (len(each) != 1)}"
    if part.times > 1:
        count = f"{part.times} × {count}"
    elif part.blocks > 1:
        count = f"{part.blocks} blocks, {count}"
    names = [f"<B>{short(part.name)}</B>  {small(count, palette.muted)}"]
    names.append(small(short(contents(scene.lgraph, each)), palette.muted))
    learnables = [scene.learnables[name] for name in part.layers]
    known = sum(filter(None, learnables))
    figures = [plain_size(scene.sizes.outputs[part.layers[-1]][0])]
    learned = f"{'≥ ' * (None in learnables)}{short_count(known)} learnables"
    color = palette.kinds[main_kind(scene.lgraph, each)]
    return _cells(scene, part.layers, 0, form, color, names, [], [*figures, learned])


def _cells(
    scene: Scene,
    layers: Sequence[str],
    number: int,
    form: Form,
    color: str,
    names: list[str],
    what: Sequence[str],
    figures: Sequence[str],
) -> str:
    """A row of the table of a box: names and findings, the wording, the size."""
    palette = scene.palette
    findings = [issue for name in layers for issue in scene.findings.get(name, ())]
    findings.sort(key=lambda issue: _SEVERITIES.index(issue.severity))
    wrong = bool(findings) and findings[0].severity == "error"
    look = f'BGCOLOR="{palette.wrong if wrong else color}"'
    told = findings[: 1 if wrong and len(layers) <= 1 else _MOST_FOUND]
    colors = {"error": palette.error, "warning": palette.warning, "note": palette.note}
    for issue in told:
        # a row begins with its first layer; a folded block says of which layer it speaks
        of = "" if what and issue.layer == layers[0] else f"{issue.layer}: "
        names.append(small(_MARKS[issue.severity] + short(of + issue.text), colors[issue.severity]))
    if len(findings) > len(told):
        names.append(small(f"and {len(findings) - len(told)} more", palette.muted))
    if not scene.in_boxes:
        figures = figures[1:]
    plain = [_plain(text, palette) for text in what]
    figured = [
        small(text, palette.muted) if text.endswith("learnables") else _plain(text, palette)
        for text in figures
    ]
    if form == "narrow":
        return f'<TR><TD ALIGN="LEFT" {look}>{_lines([*names, *plain, *figured])}</TD></TR>'
    middle = f'<TD ALIGN="LEFT" {look}>{_lines(plain)}</TD>' if plain else ""
    return (
        f'<TR><TD PORT="w{number}" ALIGN="LEFT" {look}>{_lines(names)}</TD>{middle}'
        f'<TD PORT="e{number}" ALIGN="RIGHT" {look}>{_lines(figured, "RIGHT")}</TD></TR>'
    )


def _lines(lines: Sequence[str], side: str = "LEFT") -> str:
    return "".join(f'{line}<BR ALIGN="{side}"/>' for line in lines)


def _plain(text: str, palette: Palette) -> str:
    # text without any tag would stand a little lower than the bold name beside it
    return f'<FONT COLOR="{palette.ink}">{text}</FONT>'


def small(text: str, color: str) -> str:
    """Small print; the text is escaped already."""
    return f'<FONT POINT-SIZE="9" COLOR="{color}">{text}</FONT>'


def short(text: str) -> str:
    """A text of the network for an HTML-like label."""
    # there, too, Graphviz takes a backslash for the start of a command such as \N
    return html.escape(shortened(visible(text), LONGEST)).replace("\\", "\\\\")


def tooltip(scene: Scene, stack: Stack) -> str:
    """Each layer with its wording, its size and its findings; of a folded block the first ones."""
    names = list(stack.layers)
    shown = names[:_MOST_SAID] if stack.part else names
    lines = []
    for name in shown:
        size = scene.sizes.outputs[name][0]
        lines.append(f"{visible(name)}: {visible(scene.lgraph[name].description)}, {size or 'size unknown'}")
    if len(names) > len(shown):
        lines.append(f"… and {len(names) - len(shown)} more layers")
    for name in names:
        lines += [
            f"{visible(issue.severity)} at {visible(name)}: {visible(issue.text)}"
            for issue in scene.findings.get(name, ())
        ]
    return shortened("\n".join(lines), _LONGEST_TOOLTIP)
