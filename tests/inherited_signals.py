"""Signals that a new process inherits as ignored."""

import signal


def heed_signals() -> None:
    """Make a new process end at Ctrl-C and SIGHUP; a job in the background ignores one, nohup the other."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
