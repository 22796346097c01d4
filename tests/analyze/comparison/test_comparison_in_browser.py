"""The page of a comparison in a real browser, on phones and on wide screens."""

from pathlib import Path

import pytest
from chromium import Chromium, tab

from layergraph import BatchNormalizationLayer
from layergraph.analyze import compare
from layergraph.builders import unet_layers

BEFORE = unet_layers((480, 640, 3), 5, encoder_depth=2)
AFTER = (
    unet_layers((480, 640, 3), 4, encoder_depth=2)
    .disconnect_layers("Encoder-Stage-1-ReLU-2", "Decoder-Stage-2-DepthConcatenation/in2")
    .add_layers(BatchNormalizationLayer(name="an_additional_layer_with_a_long_name_" + "x" * 60))
)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_wider_than_the_screen(browser: Chromium, tmp_path: Path, width: int, dark: bool) -> None:
    path = tmp_path / "diff.html"
    names = ("models/segmentation/before.safetensors", "models/segmentation/after_" + "x" * 60)
    path.write_text(compare(BEFORE, AFTER, names=names).to_html(), encoding="utf-8")
    with tab(browser, width, 844, dark=dark) as page:
        page.open_still(path)
        assert page.run("document.documentElement.scrollWidth") <= width
        outside = page.run(
            "[...document.querySelectorAll('h1, td, th, label')].filter(e => e.checkVisibility())"
            ".filter(e => e.scrollWidth > e.clientWidth + 1 && getComputedStyle(e).display !== 'inline')"
            ".map(e => e.textContent)"
        )
        assert outside == []
        top = "document.querySelector('{}').getBoundingClientRect().top"
        errors, totals, layers = (page.run(top.format(f".{name}")) for name in ("issues", "totals", "layers"))
        assert max(errors, totals) < layers
        assert (errors < totals) is (width == 390)
        assert page.messages() == []


def test_equal_layers_are_hidden_on_every_screen(browser: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "diff.html"
    path.write_text(compare(BEFORE, AFTER).to_html(), encoding="utf-8")
    for width in (390, 1400):
        with tab(browser, width, 844) as page:
            page.open_still(path)
            page.run("document.querySelector('.only').checked = false")
            shown = "[...document.querySelectorAll('.equal')].filter(e => e.checkVisibility()).length"
            assert page.run(shown) > 10
            page.click(".only")
            assert page.run(shown) == 0
