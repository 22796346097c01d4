"""Axes of matplotlib, and the texts in them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from layergraph.errors import MissingExtraError
from layergraph.fonts import fallback_fonts, has_glyph, lacking, one_line, warn_of, without
from layergraph.wording import shortened

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def new_axes(owner: str, width: float, height: float) -> Axes:
    """The axes of a new figure of this size in inches, which no window shows.

    Raises MissingExtraError, as ``owner``, if matplotlib is not installed.

    >>> new_axes("confusionchart", 4, 3).figure.get_size_inches().tolist()
    [4.0, 3.0]
    """
    try:
        # not pyplot, which opens windows and keeps every figure in memory
        from matplotlib.figure import Figure
    except ImportError:
        raise missing_matplotlib(owner) from None
    return Figure(figsize=(width, height), layout="constrained").add_subplot()


def missing_matplotlib(owner: str) -> MissingExtraError:
    """The error of a function that needs matplotlib.

    >>> raise missing_matplotlib("imshow")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    layergraph.errors.MissingExtraError: imshow needs the package matplotlib, which is not installed: ...
    """
    return MissingExtraError(
        f'{owner} needs the package matplotlib, which is not installed: pip install "layergraph[train]"'
    )


def axes_texts(owner: str, texts: Sequence[str], longest: int) -> tuple[list[str], list[str]]:
    """Texts as axes draw them, of ``longest`` characters, and the font families that have their characters.

    The first families are the user's, ``rcParams["font.family"]``. Characters that no font has are escapes.

    >>> axes_texts("imshow", ["US$ sky"], 6)[0]
    ['US\\\\$ s…']
    """
    import matplotlib
    from matplotlib import font_manager
    from PIL import ImageFont

    lines = [shortened(one_line(text), longest) for text in texts]
    families = [*matplotlib.rcParams["font.family"]]
    usual = ImageFont.truetype(font_manager.findfont(font_manager.FontProperties()), 16)
    missing = lacking(lines, [usual])
    for font in fallback_fonts(missing, 16):
        listed = font_manager.fontManager.ttflist
        # the list of matplotlib may be older than the font
        if not any(entry.fname == font.path for entry in listed):
            font_manager.fontManager.addfont(str(font.path))
        families.append(next(entry.name for entry in listed if entry.fname == font.path))
        missing = {character for character in missing if not has_glyph(font, character)}
    warn_of(missing, owner)
    # $ would start a formula
    return [without(line, missing).replace("$", r"\$") for line in lines], families
