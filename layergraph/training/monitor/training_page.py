"""The page of a training: one HTML file that loads nothing, written anew every few seconds.

The page is safe by construction: all texts are in one block of JSON, which no text can end; its program
writes them as text only; and a Content-Security-Policy, with the hashes of program and style, lets nothing
else run or load.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from layergraph.atomic import atomic_file
from layergraph.json_text import data_block
from layergraph.pages.frame import content_policy, palette
from layergraph.training.monitor.page_data import PageData, Plan
from layergraph.training.series import Metric, Row
from layergraph.wording import visible

_HERE = Path(__file__).parent


class TrainingPage:
    """Writes the page to ``path``.

    Args:
        path: the file.
        metric: what the metrics are.
        plan: the iterations that may come.
        options: the rows of the table of options.
        publish: gets the data of the page, as JSON, at each change.
        show: gets the whole page at each change.
    """

    name = "the page"

    def __init__(
        self,
        path: Path,
        metric: Metric,
        plan: Plan,
        options: Mapping[str, object],
        *,
        publish: Callable[[str], None] | None = None,
        show: Callable[[str], None] | None = None,
    ) -> None:
        self.path = path
        self._data = PageData(metric, plan)
        self._options = [[name, visible(str(value))] for name, value in options.items()]
        self._publish, self._show = publish, show
        self._started = time.time()

    def write(self, rows: Sequence[Row]) -> None:
        """Add iterations and write the page."""
        self._data.add(rows)
        self._update("")

    def close(self, reason: str) -> None:
        """Write the page for the last time."""
        self._update(reason)

    def _update(self, reason: str) -> None:
        values: dict[str, Any] = {
            **self._data.values(),
            "reason": reason,
            "started": round(self._started, 1),
            "written": round(time.time(), 1),
            "options": self._options,
        }
        data = data_block(values)
        text = document(data)
        # not synced: the next page comes in seconds, and waiting for the disk would hold up the training
        with atomic_file(self.path, synced=False) as temporary:
            temporary.write_text(text, encoding="utf-8")
        if self._publish is not None:
            self._publish(data)
        if self._show is not None:
            self._show(text)


def document(data: str, *, served: bool = False) -> str:
    """The page with its data, a JSON block; ``served`` says that a server gives newer data."""
    before, between, after = _parts()
    return f"{before}{'served' if served else 'file'}{between}{data}{after}"


@cache
def _parts() -> tuple[str, str, str]:
    """The page around its two values, so that a change costs no template."""
    template, own_style, program = (
        (_HERE / name).read_text("utf-8")
        for name in ("training_page.html", "training_page.css", "training_page.js")
    )
    style = palette() + own_style
    policy = content_policy(program, style, "connect-src 'self'", "img-src data:")
    for name, text in (("policy", policy), ("style", style), ("program", program)):
        template = template.replace(f"[[{name}]]", text)
    before, _, rest = template.partition("[[source]]")
    between, _, after = rest.partition("[[data]]")
    return before, between, after
