"""Fonts for texts: characters that the usual font lacks, with and without a font that has them."""

import sys
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from layergraph import fonts
from layergraph.axes import axes_texts, new_axes
from layergraph.errors import DataWarning
from layergraph.segmentation.pictures.lettering import Lettering

OWN = Path(matplotlib.get_data_path()) / "fonts" / "ttf"  # DejaVu, and others for formulas
LETTER = "\u0532"  # an Armenian one, in DejaVuSans.ttf and not in STIXGeneral.ttf
SIGN = "\u2a6e"  # an equality with an asterisk, in STIXGeneral.ttf and not in DejaVuSans.ttf


@pytest.fixture
def only(monkeypatch):
    """A function that makes the named fonts of matplotlib the only installed ones."""

    def install(*names):
        monkeypatch.setattr(fonts, "_font_files", lambda: iter(str(OWN / name) for name in names))

    return install


def drawn(text):
    picture = Image.new("RGB", (200, 30))
    Lettering("sheet", [text], 16).draw(ImageDraw.Draw(picture), 0, 0, text, (255, 255, 255))
    return np.asarray(picture)


def test_umlauts_are_drawn_in_a_font_that_has_them(only):
    only("DejaVuSans.ttf")
    font = ImageFont.truetype(OWN / "DejaVuSans.ttf", 16)
    picture = Image.new("RGB", (200, 30))
    # the baseline is that of the usual font
    top = ImageFont.load_default(16).getmetrics()[0]
    ImageDraw.Draw(picture).text((0, top), "Stra\u00dfe \u00e4", font=font, fill=(255, 255, 255), anchor="ls")
    np.testing.assert_array_equal(drawn("Stra\u00dfe \u00e4"), picture)
    # the letter and its accent as two characters, as names of files of macOS have them
    np.testing.assert_array_equal(drawn("Stra\u00dfe a\u0308"), picture)


def test_what_no_font_has_is_an_escape_and_a_warning(only):
    only("DejaVuSans.ttf")
    with pytest.warns(DataWarning, match="^sheet: no installed font has the characters \u5929, which are"):
        escape = drawn("\u5929 sky \u00e4")
    np.testing.assert_array_equal(escape, drawn("\\u5929 sky \u00e4"))


def test_a_text_of_two_fonts_is_drawn_in_both(only):
    only("DejaVuSans.ttf", "STIXGeneral.ttf")
    both = Lettering("sheet", [LETTER, SIGN, LETTER + SIGN], 16)
    widths = [both.width(text) for text in (LETTER, SIGN, LETTER + SIGN)]
    assert sum(widths[:2]) - 2 <= widths[2] <= sum(widths[:2])
    picture, end = drawn(LETTER + SIGN), widths[0] - 1
    np.testing.assert_array_equal(picture[:, :end], drawn(LETTER)[:, :end])
    assert picture[:, end:].any()


def test_texts_of_axes_get_families_that_have_their_characters(only):
    only("DejaVuSans.ttf", "STIXGeneral.ttf")
    texts, families = axes_texts("imshow", [f"a{SIGN}", "sky$"], 40)
    assert texts == [f"a{SIGN}", r"sky\$"]
    assert families == [*matplotlib.rcParams["font.family"], "STIXGeneral"]
    axes = new_axes("imshow", 2, 2)
    axes.set_title(texts[0], fontfamily=families)
    axes.figure.canvas.draw()  # a missing glyph would be a warning, which is an error here


def test_texts_of_axes_without_a_font(only):
    only("DejaVuSans.ttf")
    with pytest.warns(DataWarning, match="^imshow: no installed font has the characters \u5929"):
        texts, families = axes_texts("imshow", ["\u5929"], 40)
    assert (texts, families) == (["\\u5929"], matplotlib.rcParams["font.family"])


def test_a_font_newer_than_the_list_of_matplotlib_is_added(only, tmp_path, monkeypatch):
    copy = tmp_path / "New.ttf"
    copy.write_bytes((OWN / "STIXGeneral.ttf").read_bytes())
    monkeypatch.setattr(fonts, "_font_files", lambda: iter([str(copy)]))
    monkeypatch.setattr(font_manager.fontManager, "ttflist", [*font_manager.fontManager.ttflist])
    axes_texts("imshow", [SIGN], 40)
    assert font_manager.fontManager.ttflist[-1].fname == str(copy)


def test_files_that_are_no_fonts_and_fonts_of_boxes_are_passed_over(tmp_path, monkeypatch):
    broken = tmp_path / "aa.ttf"
    broken.write_bytes(b"no font")
    monkeypatch.setattr(font_manager, "findSystemFonts", lambda: [str(broken)])
    assert any("LastResort" in entry.fname for entry in font_manager.fontManager.ttflist)
    found = [*fonts.fallback_fonts({"\u00fc", "\U0010fffd"}, 16)]
    assert [Path(font.path).name for font in found][:1] == ["DejaVuSans.ttf"]
    assert not any("LastResort" in str(font.path) for font in found)


def test_without_matplotlib_the_well_known_fonts_are_tried(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert "DejaVuSans.ttf" in [*fonts._font_files()]
