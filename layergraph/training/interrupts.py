"""Signals that would end the process end a running training instead."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

# Ctrl-C, the end of a job or container, a closed terminal (which Windows does not have)
_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
SIGNALS = tuple(getattr(signal, name) for name in _NAMES if hasattr(signal, name))


class StopRequest:
    """The handler of these signals.

    Without a result there is nothing to lose: Ctrl-C is a ``KeyboardInterrupt``, another signal ends the
    process with status 128 + its number. With ``has_result`` the handler stores the first signal in
    ``received``, which the training checks; a second Ctrl-C is a ``KeyboardInterrupt``.
    """

    def __init__(self) -> None:
        self.has_result = False
        self.received: signal.Signals | None = None
        self._before: dict[signal.Signals, Any] = {}
        self._after: dict[signal.Signals, Any] = {}

    def install(self) -> None:
        """Handle signals without another handler, except those that a shell ignores (``nohup``, ``&``)."""
        if threading.current_thread() is not threading.main_thread():
            return  # Python allows handlers only in the main thread
        self._before = {number: signal.getsignal(number) for number in SIGNALS}
        free = (signal.SIG_DFL, signal.default_int_handler)
        # a user's handler stays: the user decides what a signal does
        self._after = {number: self if old in free else old for number, old in self._before.items()}
        self.install_again()

    def install_again(self) -> None:
        """Set all handlers to those after :meth:`install`, the user's included."""
        _set(self._after)

    def restore(self) -> None:
        """Set the handlers from before :meth:`install`."""
        _set(self._before)

    def __call__(self, number: int, frame: object) -> None:
        if number == signal.SIGINT and (self.received == signal.SIGINT or not self.has_result):
            raise KeyboardInterrupt
        if not self.has_result:
            raise SystemExit(128 + number)
        # the end of a job after Ctrl-C is the more urgent one; it leaves no time for statistics
        if self.received in (None, signal.SIGINT):
            self.received = signal.Signals(number)


def _set(handlers: dict[signal.Signals, Any]) -> None:
    for number, handler in handlers.items():
        if handler is not None:  # None: set by a program in C
            signal.signal(number, handler)


@contextmanager
def stop_request() -> Iterator[StopRequest]:
    """Handle the signals in the block; a block inside another one uses the outer handler.

    >>> with stop_request() as outer, stop_request() as inner:
    ...     outer is inner
    True
    """
    handlers = [signal.getsignal(number) for number in SIGNALS]
    # the outer block may hold signals until the network is saved, after the inner block ends
    outer = next((handler for handler in handlers if isinstance(handler, StopRequest)), None)
    if outer is not None:
        yield outer
        return
    stop = StopRequest()
    stop.install()
    try:
        yield stop
    finally:
        stop.restore()
