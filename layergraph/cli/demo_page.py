"""The page that the demo leaves: what was trained, how well, and what it looks like."""

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
    """One HTML page with everything in it: pictures, figures, tables; names from files are escaped."""
    from markupsafe import Markup

    from layergraph.analyze.page import templates

    page = templates(Path(__file__).parent).get_template("demo_page.html")
    return page.render(
        analysis=analysis,
        result=Markup(analysis._repr_html_()),
        counts=[{**row, "weight": weight} for row, weight in zip(counts, weights, strict=True)],
        metrics=metrics,
        info=info,
        overlay=_data_address(overlay.read_bytes(), "image/png"),
        diagram=_data_address(diagram.read_bytes(), "image/svg+xml"),
        curve=_data_address(_curve(info), "image/svg+xml"),
    )


def _data_address(content: bytes, kind: str) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _curve(info: TrainingInfo) -> bytes:
    """Loss and accuracy over the iterations, as SVG."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 2.6), layout="constrained")
    panels = {"Mini-batch loss": info.training_loss, "Mini-batch accuracy (%)": info.training_accuracy or []}
    for axes, (title, values) in zip(figure.subplots(1, 2), panels.items(), strict=True):
        axes.plot(range(1, len(values) + 1), values, color="#2563a8", linewidth=1.2)
        axes.set_title(title, fontsize=10)
        axes.set_xlabel("iteration", fontsize=9)
        axes.tick_params(labelsize=8)
        axes.grid(alpha=0.3)
    file = io.BytesIO()
    figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()
