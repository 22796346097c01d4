"""The widths of texts in a box, so that all boxes of a column can have the same width.

Graphviz draws in Helvetica, or in a font with letters of these widths.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping

# thousandths of the font size, from Adobe's font metrics
_REGULAR: Mapping[int, str] = {
    222: "ijl", 260: "|", 278: " !,./:;I[\\]ft·", 333: "()-r`", 334: "{}", 355: '"\'', 389: "*", 469: "^",
    500: "Jcksvxyz", 556: "#$?L_0123456789abdeghnopqu", 584: "+<=>~×≥", 611: "FTZ", 667: "&ABEKPSVXY",
    722: "CDHNRUw", 778: "GOQ", 833: "Mm", 889: "%", 944: "W", 1015: "@",
}  # fmt: skip
_BOLD: Mapping[int, str] = {
    278: " ,./I\\ijl·", 280: "|", 333: "!()-:;[]ft`", 389: "*r{}", 474: '"\'', 500: "z",
    556: "#$J_0123456789aceksvxy", 584: "+<=>^~×≥", 611: "?FLTZbdghnopqu", 667: "EPSVXY", 722: "&ABCDHKNRU",
    778: "GOQw", 833: "M", 889: "%m", 944: "W", 975: "@",
}  # fmt: skip
_WIDEST = 1000  # of any other letter
_LETTERS = [
    {letter: width for width, letters in font.items() for letter in letters} for font in (_REGULAR, _BOLD)
]
_SPAN = re.compile(r'<(B)>(.*?)</B>|<FONT (?:POINT-SIZE="(\d+)" )?[^>]*>(.*?)</FONT>|([^<]+)')


def text_width(line: str, size: int = 11) -> float:
    """The width in points of a line of an HTML-like label, of which parts may be bold or small.

    >>> text_width("<B>conv1</B>"), text_width('<FONT POINT-SIZE="9" COLOR="#000000">conv1</FONT>')
    (31.79, 24.012)
    """
    width = 0.0
    for bold, bold_text, small_size, text, plain in _SPAN.findall(line):
        letters = _LETTERS[bool(bold)]
        content = html.unescape(bold_text or text or plain)
        width += int(small_size or size) * sum(letters.get(letter, _WIDEST) for letter in content) / 1000
    return round(width, 3)
