"""All views of a training: what the options ask for."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from layergraph.errors import ArgumentError
from layergraph.training.monitor.csv_log import CsvLog
from layergraph.training.monitor.loggers import LoggerView, tensorboard_logger
from layergraph.training.monitor.notebook import notebook_display
from layergraph.training.monitor.page_data import Plan
from layergraph.training.monitor.server import PageServer
from layergraph.training.monitor.training_page import TrainingPage
from layergraph.training.monitor.view import View
from layergraph.training.options import TrainingOptions
from layergraph.training.series import Metric, Row
from layergraph.wording import quoted, visible

_PERIOD = 2.0  # seconds between two updates
_LARGEST_SHARE = 0.005  # of the time of a training that updates may take


class Views:
    """Writes to several views every few seconds.

    A view that fails is given up with a sentence in ``warnings``: a full disk ends no training. Updates that
    take long come less often, so that they cost at most half a percent of the time.
    """

    def __init__(self, views: Sequence[View], server: PageServer | None = None) -> None:
        self._views, self._server = list(views), server
        self._next = 0.0
        self.warnings: list[str] = []

    def __bool__(self) -> bool:
        """Whether there is a view."""
        return bool(self._views)

    @property
    def is_due(self) -> bool:
        """Whether the next update may come."""
        return bool(self._views) and time.monotonic() >= self._next

    def write(self, rows: Sequence[Row]) -> None:
        """Show iterations."""
        before = time.monotonic()
        self._each(lambda view: view.write(rows))
        after = time.monotonic()
        self._next = after + max(_PERIOD, (after - before) / _LARGEST_SHARE)

    def close(self, reason: str) -> None:
        """Show the reason for the end, and end the server."""
        self._each(lambda view: view.close(reason))
        if self._server is not None:
            self._server.close()

    def _each(self, act: Callable[[View], None]) -> None:
        for view in self._views[:]:
            try:
                act(view)
            except Exception as error:  # a logger of the user may raise any error
                self._views.remove(view)
                reason = visible(f"{type(error).__name__}: {error}")
                self.warnings.append(
                    f"train_network: {view.name} is incomplete, since writing failed ({reason})"
                )


def check_log_path(options: TrainingOptions) -> None:
    """Raise if a logger needs a folder and has none."""
    words = [logger for logger in options.logger if isinstance(logger, str)]
    if words and not options.log_path:
        raise ArgumentError(
            f"train_network: log_path must be a folder for the logger {words[0]!r}, got ''; give "
            'TrainingOptions(..., log_path="folder")'
        )


def open_views(
    options: TrainingOptions, metric: Metric, plan: Plan, done: int, stop: Callable[[], None]
) -> tuple[Views, list[str]]:
    """The views that the options ask for, and a line for each place where to look.

    Args:
        options: ``logger``, ``log_path``, ``plots`` and ``serve`` count.
        metric: what the metrics are.
        plan: the iterations that may come.
        done: the iterations that a training continues from.
        stop: called, in another thread, when the stop button is pressed.

    Raises:
        ArgumentError: a logger needs a folder.
        MissingExtraError: TensorBoard is not installed.
        OSError: a folder cannot be made.
    """
    check_log_path(options)
    views: list[View] = []
    lines: list[str] = []
    has_page = options.plots != "none" or options.serve
    folder = Path(options.log_path) if options.log_path else None
    if folder is not None and (options.logger or has_page):
        folder.mkdir(parents=True, exist_ok=True)
    record = options.to_dict()
    for logger in options.logger:
        if logger == "csv":
            assert folder is not None
            views.append(CsvLog(folder / "log.csv", metric))
        else:
            if logger == "tensorboard":
                assert folder is not None
                logger = tensorboard_logger(folder, done)
            views.append(LoggerView(logger, metric, record, done))
    server = None
    if has_page:
        path = (folder or Path(tempfile.mkdtemp(prefix="layergraph-"))) / "training.html"
        show = notebook_display()
        if options.serve:
            server = PageServer(stop)
            lines.append(f"Training page: {server.address}")
        elif show is None:
            lines.append(f"Training page: {quoted(str(path))}")
        publish = server.publish if server is not None else None
        views.append(TrainingPage(path, metric, plan, record, publish=publish, show=show))
    return Views(views, server), lines
