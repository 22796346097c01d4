"""The command line: a thin layer over the library."""

from __future__ import annotations

import sys
from typing import NoReturn

_INTERRUPTED = 130  # as in shells: 128 and the number of the signal


def main() -> NoReturn:
    """Run the command line.

    An error is one line on stderr, with exit status 1 or 2. Ctrl-C ends with 130, also while the modules of
    the commands are imported, so this module imports none of them.
    """
    try:
        from layergraph.cli.app import run

        status = run(sys.argv[1:])
    except KeyboardInterrupt:
        # the shells' status for a program that a signal ends, as other tools report Ctrl-C
        status = _INTERRUPTED
    sys.exit(status)
