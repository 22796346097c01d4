"""The report of the demo: one HTML page with the network, its training and its metrics."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from layergraph.analyze import NetworkAnalysis
    from layergraph.segmentation import SemanticSegmentationMetrics
    from layergraph.tables import Table
    from layergraph.training import TrainingInfo


def report_page(
    analysis: NetworkAnalysis,
    counts: Table,
    weights: Sequence[float],
    info: TrainingInfo,
    metrics: SemanticSegmentationMetrics,
    overlay: Path,
    diagram: Path,
) -> str:
    """The page, with its pictures inside; the template escapes names from files."""
    from markupsafe import Markup

    from layergraph.pages.frame import templates

    page = templates(Path(__file__).parent).get_template("demo_report.html")
    return page.render(
        analysis=analysis,
        result=Markup(analysis._repr_html_()),
        counts=[{**row, "weight": weight} for row, weight in zip(counts, weights, strict=True)],
        metrics=metrics,
        info=info,
        # inside the page, so that it can be moved and sent as one file
        overlay=_data_url(overlay.read_bytes(), "image/png"),
        diagram=_data_url(diagram.read_bytes(), "image/svg+xml"),
        plot=_data_url(_training_plot(info), "image/svg+xml"),
    )


def _data_url(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _training_plot(info: TrainingInfo) -> bytes:
    """Loss and accuracy by iteration, as SVG."""
    from matplotlib.figure import Figure

    # not pyplot, which would need a display or a choice of backend
    figure = Figure(figsize=(8, 2.6), layout="constrained")
    panels = {"Mini-batch loss": info.training_loss, "Mini-batch accuracy (%)": info.training_accuracy or []}
    for axes, (title, values) in zip(figure.subplots(1, 2), panels.items(), strict=True):
        axes.plot(range(1, len(values) + 1), values, color="#2563a8", linewidth=1.2)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("iteration", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    file = io.BytesIO()
    # without a date, equal runs write equal pages
    figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
