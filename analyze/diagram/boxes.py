"""Write the boxes of a diagram: one line for each row of a stack, or a few lines for a folded block.

The operations of a folded block have the colors of their kinds. No name becomes markup: every text is escaped
for its position.
"""

from __future__ import annotations

import html
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from layergraph.analyze.diagram.contents import Operation, contents, main_kind
from layergraph.analyze.diagram.stacks import Link, Part, Row, Stack
from layergraph.analyze.diagram.text_width import text_width
from layergraph.analyze.diagram.themes import Palette
from layergraph.analyze.size_text import plain_size
from layergraph.graph.layer_graph import LayerGraph
from layergraph.graph.size_inference import InferredSizes
from layergraph.issues import Issue, Severity
from layergraph.wording import counted, short_count, shortened, visible

# one line per row; the same with the first row at the bottom; a few short lines per row
BoxForm = Literal["wide", "upward", "narrow"]

LONGEST = 60  # characters of a name or a finding; the tooltip has the rest
_LONGEST_TOOLTIP = 4000  # older programs refuse texts over 16384 bytes
_PADDING, _FOLDED_PADDING = 4, 2  # points around a text; two rows of a folded block are as high as two lines
_SECOND_BORDER = 6  # points on both sides together
_MOST_LAYERS = 12  # in the tooltip of a folded block
_MOST_FINDINGS = 3  # in a row
_SEVERITIES: tuple[Severity, ...] = ("error", "warning", "note")
_MARKS: dict[Severity, str] = {"error": "", "warning": "! ", "note": "i "}  # color alone is not enough


@dataclass(frozen=True)
class DrawnNetwork:
    """A network with everything that its boxes show.

    Attributes:
        lgraph, sizes: the network and its sizes.
        learnables: the number of learnables of each layer, where it is known.
        findings: the findings of each layer.
        references: for a layer that looks up a size or indices elsewhere, the link to it.
        palette: the colors.
        sizes_in_boxes: whether sizes are written in the boxes.
    """

    lgraph: LayerGraph
    sizes: InferredSizes
    learnables: Mapping[str, int | None]
    findings: Mapping[str, Sequence[Issue]]
    references: Mapping[str, Link]
    palette: Palette
    sizes_in_boxes: bool


class _RowText(NamedTuple):
    """The content of a row, escaped: lines of names, of wording and of figures, and the color.

    ``operations`` are those of a folded block, not escaped; ``learned`` is its number of learnables.
    """

    layers: Sequence[str]
    names: list[str]
    wording: list[str]
    figures: list[str]
    color: str
    operations: Sequence[Operation] = ()
    learned: str = ""


class ColumnWidths(NamedTuple):
    """The least widths, in points, of the columns of text in a box, and of those in a folded block."""

    names: int
    wording: int
    figures: int
    folded_names: int
    folded_figures: int


def column_widths(network: DrawnNetwork, stacks: Sequence[Stack]) -> ColumnWidths:
    """The widths that give these boxes equal columns; one with a long finding is wider."""
    texts = [text for stack in stacks for text in _texts(network, stack)]
    rows, blocks = ([text for text in texts if bool(text.operations) is folded] for folded in (False, True))
    names, wording, figures = (
        _least_width((line for lines in column for line in lines), _PADDING)
        for column in (
            [text.names for text in rows],
            [text.wording for text in rows],
            [text.figures for text in rows],
        )
    )
    folded_figures = _least_width(
        (line for text in blocks for line in (*text.figures, text.learned)), _FOLDED_PADDING
    )
    folded_names = _least_width((line for text in blocks for line in text.names), _FOLDED_PADDING)
    for text in blocks:
        cells = (small(label_text(operation), "") for operation, _ in text.operations)
        folded_names = max(folded_names, sum(_least_width([cell], _FOLDED_PADDING) for cell in cells))
    # both kinds of boxes get the larger width
    wider = (
        names + wording + figures - folded_names - folded_figures - _SECOND_BORDER if rows and blocks else 0
    )
    return ColumnWidths(
        names + max(0, -wider), wording, figures, folded_names + max(0, wider), folded_figures
    )


def _least_width(lines: Iterable[str], padding: int) -> int:
    # one point more, because Graphviz knows the widths of letters a little less precisely
    return math.ceil(max(map(text_width, lines), default=0)) + 1 + 2 * padding


def _texts(network: DrawnNetwork, stack: Stack) -> list[_RowText]:
    return [_block_text(network, stack.part)] if stack.part else [_row_text(network, r) for r in stack.rows]


def box(network: DrawnNetwork, stack: Stack, form: BoxForm, widths: ColumnWidths | None = None) -> str:
    """A stack as an HTML-like label of Graphviz, with columns of at least these widths."""
    texts = _texts(network, stack)
    rows = [_table_row(network, text, number, form, widths) for number, text in enumerate(texts)]
    if form == "upward":
        rows.reverse()
    line = network.palette.line
    padding = _FOLDED_PADDING if stack.part else _PADDING
    table = (
        f'<TABLE BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{padding}" ROWS="*" COLOR="{line}">'
        f"{''.join(rows)}</TABLE>"
    )
    if stack.part:  # a second border, like a pile of sheets
        border = f'BORDER="1" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2" COLOR="{line}"'
        return f"<<TABLE {border}><TR><TD>{table}</TD></TR></TABLE>>"
    return f"<{table}>"


def _row_text(network: DrawnNetwork, row: Row) -> _RowText:
    palette, first = network.palette, network.lgraph[row[0]]
    names = [f"<B>{label_text(row[0])}</B>"]
    if len(row) > 1:
        names.append(small(" · ".join(map(label_text, row[1:])), palette.muted))
    for link in (network.references[name] for name in row if name in network.references):
        # inside the box: a label at the edge would cover the edge, or bend it
        looked_up = "size" if link.role == "reference" else " and ".join(link.ports)
        names.append(small(f"{looked_up} of {label_text(link.source)}", palette.muted))
    # the description without details such as stride and padding
    wording = _ink(label_text(first.description.partition(" with ")[0]), palette)
    size = _ink(plain_size(network.sizes.outputs[row[-1]][0]), palette)
    figures = [size] if network.sizes_in_boxes else []
    return _RowText(row, names, [wording], figures, palette.kinds[first.kind])


def _block_text(network: DrawnNetwork, part: Part) -> _RowText:
    palette, layers = network.palette, part.layers[: len(part.layers) // part.times]
    count = counted(len(layers), "layer")
    if part.times > 1:
        count = f"{part.times} × {count}"
    elif part.blocks > 1:
        count = f"{part.blocks} blocks, {count}"
    names = [f"<B>{label_text(part.name)}</B>  {small(count, palette.muted)}"]
    learnables = [network.learnables[name] for name in part.layers]
    at_least = "≥ " * (None in learnables)
    size = _ink(plain_size(network.sizes.outputs[part.layers[-1]][0]), palette)
    learned = small(f"{at_least}{short_count(sum(filter(None, learnables)))} learnables", palette.muted)
    figures = [size] if network.sizes_in_boxes else []
    color = palette.kinds[main_kind(network.lgraph, layers)]
    return _RowText(part.layers, names, [], figures, color, contents(network.lgraph, layers), learned)


def _table_row(
    network: DrawnNetwork, text: _RowText, number: int, form: BoxForm, widths: ColumnWidths | None
) -> str:
    """A row of the table of a box: name and findings, wording, figures."""
    findings = [issue for name in text.layers for issue in network.findings.get(name, ())]
    findings.sort(key=lambda issue: _SEVERITIES.index(issue.severity))
    has_error = bool(findings) and findings[0].severity == "error"
    look = f'BGCOLOR="{network.palette.error_background if has_error else text.color}"'
    names = text.names + _finding_lines(network.palette, text, findings, has_error)
    if form == "narrow":
        lines = _lines([*names, *text.wording, *text.figures])
        row = f'<TR><TD PORT="r{number}" ALIGN="LEFT" {look}>{lines}</TD></TR>'
        if not text.operations:
            return row
        cells = "".join(f"<TR>{cell}</TR>" for cell in _operation_cells(network.palette, text))
        return f'{row}{cells}<TR><TD ALIGN="LEFT" {look}>{_lines([text.learned])}</TD></TR>'
    first = second = third = ""
    if widths and text.operations:
        first, third = f' WIDTH="{widths.folded_names}"', f' WIDTH="{widths.folded_figures}"'
    elif widths:
        first, second, third = (f' WIDTH="{width}"' for width in widths[:3])
    middle = f'<TD ALIGN="LEFT"{second} {look}>{_lines(text.wording)}</TD>' if text.wording else ""
    row = (
        f'<TR><TD PORT="w{number}" ALIGN="LEFT"{first} {look}>{_lines(names)}</TD>{middle}'
        f'<TD PORT="e{number}" ALIGN="RIGHT"{third} {look}>{_lines(text.figures, "RIGHT")}</TD></TR>'
    )
    if not text.operations:
        return row
    cells = "".join(_operation_cells(network.palette, text))
    look_of_table = f'BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="{_FOLDED_PADDING}"'
    table = f"<TABLE {look_of_table}><TR>{cells}</TR></TABLE>"
    return (
        f'{row}<TR><TD ALIGN="LEFT" CELLPADDING="0" {look}>{table}</TD>'
        f'<TD ALIGN="RIGHT" {look}>{_lines([text.learned], "RIGHT")}</TD></TR>'
    )


def _operation_cells(palette: Palette, text: _RowText) -> list[str]:
    """One cell for each operation of a folded block, in the color of its kind."""
    return [
        f'<TD ALIGN="LEFT" BGCOLOR="{palette.kinds[kind] if kind else text.color}">'
        f"{_lines([small(label_text(operation), palette.ink)])}</TD>"
        for operation, kind in text.operations
    ]


def _finding_lines(palette: Palette, text: _RowText, findings: Sequence[Issue], has_error: bool) -> list[str]:
    shown = findings[: 1 if has_error and len(text.layers) <= 1 else _MOST_FINDINGS]
    colors = {"error": palette.error, "warning": palette.warning, "note": palette.note}
    lines = []
    for issue in shown:
        # the row begins with its first layer; a finding of any other one needs the name
        place = "" if text.wording and issue.layer == text.layers[0] else f"{issue.layer}: "
        line = _MARKS[issue.severity] + label_text(place + issue.text)
        lines.append(small(line, colors[issue.severity]))
    if len(findings) > len(shown):
        lines.append(small(f"and {len(findings) - len(shown)} more", palette.muted))
    return lines


def _lines(lines: Sequence[str], side: str = "LEFT") -> str:
    return "".join(f'{line}<BR ALIGN="{side}"/>' for line in lines)


def _ink(text: str, palette: Palette) -> str:
    # text without any tag would be drawn a little lower than the bold name beside it
    return f'<FONT COLOR="{palette.ink}">{text}</FONT>'


def small(text: str, color: str) -> str:
    """Small print of an escaped text."""
    return f'<FONT POINT-SIZE="9" COLOR="{color}">{text}</FONT>'


def label_text(text: str) -> str:
    """A text of the network, shortened and escaped for an HTML-like label."""
    # in such a label too, Graphviz takes a backslash for the start of a command such as \N
    return html.escape(shortened(visible(text), LONGEST)).replace("\\", "\\\\")


def tooltip(network: DrawnNetwork, stack: Stack) -> str:
    """Each layer with its description, its size and its findings; only the first ones of a folded block."""
    names = list(stack.layers)
    shown = names[:_MOST_LAYERS] if stack.part else names
    lines = []
    for name in shown:
        size = network.sizes.outputs[name][0]
        description = visible(network.lgraph[name].description)
        lines.append(f"{visible(name)}: {description}, {size or 'size unknown'}")
    if len(names) > len(shown):
        lines.append(f"… and {len(names) - len(shown)} more layers")
    for name in names:
        lines += [
            f"{visible(issue.severity)} at {visible(name)}: {visible(issue.text)}"
            for issue in network.findings.get(name, ())
        ]
    return shortened("\n".join(lines), _LONGEST_TOOLTIP)
