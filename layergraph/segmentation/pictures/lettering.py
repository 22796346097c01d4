"""Text in pictures, each in fonts that have its characters."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, cast

from layergraph.fonts import fallback_fonts, has_glyph, lacking, one_line, warn_of, without

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont


class Lettering:
    """The fonts for the texts of one picture; characters that no font has are drawn as escapes.

    >>> Lettering("sheet", ["sky"], 16).width("sky") > 0
    True
    """

    def __init__(self, owner: str, texts: Sequence[str], size: int) -> None:
        from PIL import ImageFont

        default = cast("FreeTypeFont", ImageFont.load_default(size))
        lines = [one_line(text) for text in texts]
        self._fonts = [default]
        self._missing: set[str] = set()
        if lacking(lines, self._fonts):
            # the default comes last, or it would draw some of the names and another font their neighbors
            self._fonts = [*fallback_fonts(set("".join(lines)), size), *self._fonts]
            self._missing = lacking(lines, self._fonts)
            warn_of(self._missing, owner)

    def width(self, text: str) -> int:
        """The width of the text in pixels."""
        return int(sum(font.getlength(run) for font, run in self._runs(text))) + 1

    def draw(self, drawing: ImageDraw, left: float, top: float, text: str, ink: tuple[int, ...]) -> None:
        """Draw the text with its highest point at ``top``."""
        # one baseline, since the heights of the fonts differ
        baseline = top + self._fonts[-1].getmetrics()[0]
        for font, run in self._runs(text):
            drawing.text((left, baseline), run, fill=ink, font=font, anchor="ls")
            left += font.getlength(run)

    def _runs(self, text: str) -> list[tuple[FreeTypeFont, str]]:
        """Parts of the text with their fonts: one if a font has all characters, so that words stay whole."""
        line = without(one_line(text), self._missing)
        for font in self._fonts:
            if not lacking([line], [font]):
                return [(font, line)]
        fonts = {
            character: next(font for font in self._fonts if has_glyph(font, character)) for character in line
        }
        return [(font, "".join(run)) for font, run in groupby(line, key=fonts.__getitem__)]
