"""The report of the demo in a real browser, on phones and on wide screens."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from chromium import Chromium, tab
from PIL import Image

from layergraph.analyze import analyze_network, plot
from layergraph.builders import segnet_layers
from layergraph.cli.demo_report import report_page
from layergraph.segmentation import evaluate_semantic_segmentation
from layergraph.tables import Table

CLASSES = ["triangle", "background of the triangles"]


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    lgraph = segnet_layers((32, 32, 1), 2, 2)
    truth = np.arange(256).reshape(16, 16) // 64 % 2
    metrics = evaluate_semantic_segmentation([truth], [truth], classes=CLASSES, verbose=False)
    columns = {"name": CLASSES, "pixel_count": [103_126_000, 1_944_880_000]}
    counts = Table({**columns, "image_pixel_count": [2_048_000_000] * 2})
    Image.new("RGB", (800, 300)).save(folder / "overlay.png")
    plot(lgraph).save(folder / "network.svg")
    info = SimpleNamespace(training_loss=[1.0, 0.5, 0.25], training_accuracy=[30.0, 60.0, 90.0])
    page = report_page(
        analyze_network(lgraph),
        counts,
        [9.93, 0.53],
        info,
        metrics,
        folder / "overlay.png",
        folder / "network.svg",
    )
    (folder / "report.html").write_text(page, encoding="utf-8")
    return folder / "report.html"


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [390, 1400])
def test_nothing_is_wider_than_the_screen(browser: Chromium, report: Path, width: int, dark: bool) -> None:
    with tab(browser, width, 844, dark=dark) as page:
        page.open_still(report)
        assert page.run("document.documentElement.scrollWidth") <= width
        assert page.run("document.querySelectorAll('img').length") == 3
        assert page.messages() == []
