"""Temporary files, named after the process that writes them, so that those of ended ones can be removed."""

from __future__ import annotations

import os
import platform
import re
import tempfile
import time
from contextlib import suppress
from pathlib import Path

_NAME = re.compile(r"\.layergraph\.(?P<host>[\w-]+)\.(?P<process>\d+)\.[a-z0-9_]{8}")
_ABANDONED = 24 * 3600  # seconds without a write; no file takes that long


def make_temporary(folder: str | os.PathLike[str] | None, extension: str) -> Path:
    """Make an empty file ``.layergraph.HOST.PROCESS.RANDOM`` with an extension; None is the system's folder.

    Raises:
        OSError: the folder takes no file.
    """
    handle, name = tempfile.mkstemp(
        dir=folder, prefix=f".layergraph.{_host()}.{os.getpid()}.", suffix=extension
    )
    os.close(handle)
    return Path(name)


def remove_stale(folder: str | os.PathLike[str], extension: str) -> list[Path]:
    """Remove the temporary files that killed processes left in a folder, and return their paths.

    A file is removed if the process in its name has ended. Whether a process of another machine or container
    runs is not known here: its file is removed a day after the last write. Other files stay, also those that
    cannot be removed.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     own = make_temporary(folder, ".safetensors")
    ...     remove_stale(folder, ".safetensors")
    []
    """
    removed = []
    for path in Path(folder).iterdir():
        if path.suffix != extension or (match := _NAME.fullmatch(path.stem)) is None:
            continue
        # a writer may have renamed or removed it meanwhile
        with suppress(OSError):
            if not path.is_symlink() and _is_stale(path, match["host"], int(match["process"])):
                path.unlink()
                removed.append(path)
    return removed


def _is_stale(path: Path, host: str, process: int) -> bool:
    # Windows has no question whether a process runs: there, os.kill would end it
    if host == _host() and os.name == "posix":
        return not _runs(process)
    return time.time() - path.stat().st_mtime > _ABANDONED


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # of another user
        pass
    return True


def _host() -> str:
    """The machine, and on Linux the container, within which process numbers are unique."""
    name = re.sub(r"[^\w-]", "-", platform.node(), flags=re.ASCII)[:60] or "host"
    try:
        # containers of one name on one machine each count their processes from 1
        return f"{name}-{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        return name
