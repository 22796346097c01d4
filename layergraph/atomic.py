"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from layergraph.errors import ArgumentError
from layergraph.wording import quoted

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# may lead to a file that a shell has open, and goes on writing to
_OPEN_FILES = ("/dev/fd/", "/dev/stdout", "/dev/stderr", "/proc/")
_LONGEST_ENDING = 32  # bytes; a longer one is no format, and leaves no room in a name of 255


@contextmanager
def atomic_file(path: str | os.PathLike[str], *, synced: bool = True) -> Iterator[Path]:
    """Give a temporary file to write to; it takes the place of ``path`` when the block ends well.

    After an error the temporary file is gone, and an older file at ``path`` is as it was. The temporary
    name keeps the ending of ``path``, by which many writers choose their format. A link stays: the file it
    leads to is replaced. A file that is replaced keeps its mode and, where allowed, its owner. A device or
    pipe gets the content written to it; so does what ``/dev/stdout`` leads to.

    Args:
        path: where the content goes.
        synced: the content is on the disk when the block ends, not only on its way there. That costs some
            milliseconds: too many for images that come by the thousand and can be made again.

    Raises:
        ArgumentError: the path has a character that no file name has.
        OSError: there is no such folder, the path is one, or it must not or cannot be written.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with atomic_file(f"{folder}/note.txt") as temporary:
    ...         _ = temporary.write_text("done")
    ...     os.listdir(folder)
    ['note.txt']
    """
    target = _target(path)
    in_place = _in_place(target)
    temporary = _temporary(target, in_place)
    try:
        yield temporary
        if in_place:
            _write_in_place(temporary, target)
        else:
            _take_place(temporary, target, synced)
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error  # not the temporary name
    finally:
        # a second error here, of a folder that is gone, would hide the first
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike[str], size: int = 0) -> None:
    """Raise now the error that :func:`atomic_file` would raise after long work.

    Writes and removes a file of ``size`` bytes beside ``path``; opens no device or pipe, for a reader could
    take that for the content.

    Raises:
        ArgumentError, OSError: as :func:`atomic_file`; also where ``size`` bytes do not fit on the disk.

    >>> with tempfile.TemporaryDirectory() as folder:
    ...     check_writable(f"{folder}/no/net.safetensors")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    FileNotFoundError: there is no folder '...no' to write 'net.safetensors' to
    """
    target = _target(path)
    if _in_place(target):
        return
    temporary = _temporary(target, in_place=False)
    try:
        if size and hasattr(os, "posix_fallocate"):
            with temporary.open("wb") as file:
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno in _NO_ROOM:  # some file systems cannot tell
            raise OSError(error.errno, f"{os.strerror(error.errno)} for {size} bytes", str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)


def _target(path: str | os.PathLike[str]) -> Path:
    """Where the content goes: what a link leads to. Errors that are known before writing are raised."""
    text = os.fspath(path)
    try:
        valid = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # a half of a surrogate pair
        valid = False
    if not valid:
        raise ArgumentError(f"a path must be text without NUL and surrogates, got {quoted(text)}")
    target = Path(text)
    if not _in_place(target):
        target = Path(os.path.realpath(text))
        if target.is_symlink():  # links that lead in a circle
            target.stat()
    if target.is_dir():
        raise IsADirectoryError(f"{quoted(text)} is a folder; give the name of a file in it")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {quoted(str(target.parent))} to write {quoted(target.name)} to"
        )
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"{quoted(text)} must not be written; give another name, or change its mode")
    return target


def _in_place(target: Path) -> bool:
    """Whether something is there that a new file must not replace: a device, a pipe, an open file."""
    if not target.exists() or target.is_dir():
        return False
    return not target.is_file() or str(target).startswith(_OPEN_FILES)


def _temporary(target: Path, in_place: bool) -> Path:
    ending = target.suffix if len(os.fsencode(target.suffix)) <= _LONGEST_ENDING else ""
    folder = None if in_place else target.parent
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=".layergraph.", suffix=ending)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from None  # not the temporary name
    os.close(handle)
    return Path(name)


def _take_place(temporary: Path, target: Path, synced: bool) -> None:
    try:
        before = target.stat()
    except FileNotFoundError:
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files that only their owner reads
    else:
        if hasattr(os, "chown"):
            with suppress(PermissionError):
                os.chown(temporary, before.st_uid, before.st_gid)
        temporary.chmod(stat.S_IMODE(before.st_mode))
    if synced:
        _flush(temporary)
    temporary.replace(target)
    if synced and os.name == "posix":
        _flush(target.parent)


def _write_in_place(temporary: Path, target: Path) -> None:
    with temporary.open("rb") as source:
        # appended, so that what a shell has written to the same file before stays
        handle = os.open(target, os.O_WRONLY | os.O_APPEND)
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(source, file)


def _flush(path: Path) -> None:
    """Have the content of a file, or the names in a folder, on the disk."""
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
