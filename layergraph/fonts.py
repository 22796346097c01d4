"""Fonts that have the characters of a text.

The font that comes with Pillow has no umlauts, and matplotlib's no Chinese; both draw a box for a character
that is not in their font. So each text is drawn in the installed fonts that have its characters.
"""

from __future__ import annotations

import unicodedata
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from layergraph.errors import DataWarning
from layergraph.wording import visible

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

# in this order, before all other fonts: Latin, then Chinese, Japanese and Korean, on Linux, Windows and macOS
_PREFERRED = (
    *("DejaVuSans.ttf", "arial.ttf", "Arial.ttf", "LiberationSans-Regular.ttf"),
    *("NotoSansCJK-Regular.ttc", "NotoSansCJKsc-Regular.otf", "NotoSansSC-Regular.ttf"),
    *("SourceHanSansSC-Regular.otf", "wqy-microhei.ttc", "wqy-zenhei.ttc", "DroidSansFallbackFull.ttf"),
    *("msyh.ttc", "simhei.ttf", "simsun.ttc", "PingFang.ttc", "Hiragino Sans GB.ttc", "STHeiti Medium.ttc"),
    *("Arial Unicode.ttf", "malgun.ttf", "AppleSDGothicNeo.ttc"),
)
# they have a box for every character
_PLACEHOLDERS = ("lastresort", "adobeblank")


def has_glyph(font: FreeTypeFont, character: str) -> bool:
    """Whether a font has a character.

    >>> from PIL import ImageFont
    >>> font = ImageFont.load_default(16)
    >>> has_glyph(font, "u"), has_glyph(font, "\\u5929")
    (True, False)
    """
    # Pillow does not say it, but draws what is missing as U+FFFF, which is no character
    shape, box = font.getmask(character), font.getmask("\uffff")
    return shape.size != box.size or bytes(shape) != bytes(box)


def fallback_fonts(characters: Iterable[str], size: int) -> Iterator[FreeTypeFont]:
    """Installed fonts for the characters: each has some that those before it lack.

    Without matplotlib, which lists the installed fonts, only well-known ones are found.

    >>> [*fallback_fonts("", 16)]
    []
    """
    from PIL import ImageFont

    missing = set(characters)
    for path in _font_files() if missing else ():
        try:
            font = ImageFont.truetype(path, size)
            found = {character for character in missing if has_glyph(font, character)}
        except OSError:  # not installed, damaged, or of pictures of one size, as those of emoji
            continue
        if found:
            missing -= found
            yield font
        if not missing:
            return


def _font_files() -> Iterator[str]:
    """The files of fonts, those to prefer first; a name without a folder is one that Pillow looks for."""
    try:
        from matplotlib import font_manager
    except ImportError:
        yield from _PREFERRED
        return
    # the list of matplotlib has its own fonts and those that a program adds, but is written once per user;
    # the search finds the fonts that were installed since
    listed = [entry.fname for entry in font_manager.fontManager.ttflist]
    order = {name: place for place, name in enumerate(_PREFERRED)}

    def place(path: str) -> tuple[int, bool, str]:
        name = Path(path).name
        turned = any(word in name.lower() for word in ("bold", "italic", "oblique"))
        return order.get(name, len(order)), turned, name

    for path in sorted({*listed, *font_manager.findSystemFonts()}, key=place):
        if not Path(path).name.lower().startswith(_PLACEHOLDERS):
            yield path


def one_line(text: str) -> str:
    """A text as it is drawn: on one line, and each letter with its accent as one character.

    File names of macOS have them as two, of which fonts often lack the second.

    >>> one_line("u\\u0308\\n") == "\\u00fc\\\\n"
    True
    """
    return visible(unicodedata.normalize("NFC", text))


def without(text: str, missing: set[str]) -> str:
    """The text with the escapes of the missing characters.

    >>> without("a\\u5929", {"\\u5929"})
    'a\\\\u5929'
    """
    return "".join(
        character.encode("unicode_escape").decode("ascii") if character in missing else character
        for character in text
    )


def lacking(texts: Iterable[str], fonts: Iterable[FreeTypeFont]) -> set[str]:
    """The characters of the texts that none of the fonts has.

    >>> from PIL import ImageFont
    >>> lacking(["sky", "\\u5929"], [ImageFont.load_default(16)]) == {"\\u5929"}
    True
    """
    missing = set("".join(texts))
    for font in fonts:
        missing = {character for character in missing if not has_glyph(font, character)}
    return missing


def warn_of(missing: set[str], owner: str) -> None:
    """Warn that no installed font has the characters.

    >>> warn_of(set(), "overlay_sheet")
    """
    if missing:
        shown = "".join(sorted(missing)[:20]) + "…" * (len(missing) > 20)
        warnings.warn(
            f"{owner}: no installed font has the characters {visible(shown)}, which are drawn as escapes; "
            "install one, such as Noto Sans CJK for Chinese, and matplotlib, which finds it",
            DataWarning,
            stacklevel=2,
        )
