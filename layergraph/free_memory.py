"""The free memory of this computer."""

from __future__ import annotations

import os
from typing import Any, cast


def free_memory() -> int:
    """The number of free bytes, or 1 GiB if the system does not report it."""
    try:
        with open("/proc/meminfo") as file:
            rows = dict(line.split(":", 1) for line in file)
        return int(rows["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError, IndexError):
        names = cast(Any, getattr(os, "sysconf_names", {}))
        if "SC_AVPHYS_PAGES" in names:
            return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        return 1024**3
