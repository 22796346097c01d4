"""Atomic writing: a file appears complete or not at all."""

from __future__ import annotations

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from layergraph.errors import ArgumentError
from layergraph.temporary_files import make_temporary
from layergraph.wording import quoted

# a full disk, an exhausted quota, a file system without files this large
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# paths to files that a shell may hold open and continue to write to
_OPEN_FILES = ("/dev/fd/", "/dev/stdout", "/dev/stderr", "/proc/")
_LONGEST_EXTENSION = 32  # bytes; a longer one names no format, and a file name has at most 255


@contextmanager
def atomic_file(path: str | os.PathLike[str], *, synced: bool = True) -> Iterator[Path]:
    """Give a temporary file to write to, which replaces ``path`` when the block ends without an error.

    After an error the temporary file is deleted, and an older file at ``path`` is unchanged. The temporary
    name has the extension of ``path``, by which many writers choose their format. A link stays, and the file
    that it leads to is replaced. The new file has the mode and, if allowed, the owner of the old one. The
    content is appended to a device or pipe, and to the target of ``/dev/stdout``.

    Args:
        path: the file to write.
        synced: wait until the content is on the disk. This takes some milliseconds, too many for thousands of
            images that can be made again.

    Raises:
        ArgumentError: the path has a character that no file name can have.
        OSError: the folder does not exist, the path is a folder, or the file cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
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
            _replace(temporary, target, synced)
    except OSError as error:
        # writers such as Pillow raise OSError with a text alone, which a new error would lose
        if error.errno is None:
            raise
        # with the path that the user gave, not the temporary one
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        # an error here, such as a deleted folder, would hide the first one
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def check_writable(path: str | os.PathLike[str], size: int = 0) -> None:
    """Raise now the error that :func:`atomic_file` would raise after hours of training.

    Writes and deletes a file of ``size`` bytes next to ``path``. Does not open a device or pipe, because its
    reader could take that for the content.

    Raises:
        ArgumentError, OSError: as :func:`atomic_file`, or the disk has less than ``size`` bytes free.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
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
                # reserves blocks: a sparse file of this size would succeed on a full disk
                os.posix_fallocate(file.fileno(), 0, size)
    except OSError as error:
        if error.errno in _NO_ROOM:  # other errors mean that the file system cannot reserve space
            raise OSError(error.errno, f"{os.strerror(error.errno)} for {size} bytes", str(path)) from None
    finally:
        temporary.unlink(missing_ok=True)


def _target(path: str | os.PathLike[str]) -> Path:
    """The file to replace, at the end of all links; raises the errors that are known before writing."""
    text = os.fspath(path)
    try:
        valid = b"\0" not in os.fsencode(text)
    except UnicodeEncodeError:  # half of a surrogate pair
        valid = False
    if not valid:
        raise ArgumentError(f"a path must be text without NUL and surrogates, got {quoted(text)}")
    target = Path(text)
    # before links are followed: /dev/stdout leads to a plain file where a shell redirects it
    if not _in_place(target):
        target = Path(os.path.realpath(text))
        if target.is_symlink():  # realpath stops at links that form a circle; stat raises the error
            target.stat()
    if target.is_dir():
        raise IsADirectoryError(f"{quoted(text)} is a folder; give the name of a file in it")
    if not target.parent.is_dir():
        raise FileNotFoundError(
            f"there is no folder {quoted(str(target.parent))} to write {quoted(target.name)} to"
        )
    # a rename asks only for rights on the folder, and would replace a read-only file
    if target.exists() and not os.access(target, os.W_OK):
        raise PermissionError(f"{quoted(text)} is not writable; give another name, or change its mode")
    return target


def _in_place(target: Path) -> bool:
    """Whether the target is a device, a pipe or an open file, which a new file must not replace."""
    if not target.exists() or target.is_dir():
        return False
    return not target.is_file() or str(target).startswith(_OPEN_FILES)


def _temporary(target: Path, in_place: bool) -> Path:
    extension = target.suffix if len(os.fsencode(target.suffix)) <= _LONGEST_EXTENSION else ""
    # in the folder of the target: a file can be renamed only within one file system
    folder = None if in_place else target.parent
    try:
        return make_temporary(folder, extension)
    except OSError as error:
        # the error names the temporary file, which the user does not know
        raise OSError(error.errno, error.strerror, str(target)) from None


def _replace(temporary: Path, target: Path, synced: bool) -> None:
    try:
        before = target.stat()
    except FileNotFoundError:
        temporary.chmod(0o666 & ~_umask())  # mkstemp makes files for their owner only
    else:
        if hasattr(os, "chown"):
            with suppress(PermissionError):
                os.chown(temporary, before.st_uid, before.st_gid)
        # after the owner: a change of owner may clear the setuid and setgid bits
        temporary.chmod(stat.S_IMODE(before.st_mode))
    # 1. the content, before the name: after a crash the new name must not lead to an empty file
    if synced:
        _flush(temporary)
    temporary.replace(target)
    # 2. the name, which is content of the folder
    if synced and os.name == "posix":
        _flush(target.parent)


def _write_in_place(temporary: Path, target: Path) -> None:
    with temporary.open("rb") as source:
        # append, because a shell may have written to the same file before
        handle = os.open(target, os.O_WRONLY | os.O_APPEND)
        with os.fdopen(handle, "wb") as file:
            shutil.copyfileobj(source, file)


def _flush(path: Path) -> None:
    """Wait until the content of a file, or the names in a folder, are on the disk."""
    # no system opens a folder for writing, and Windows flushes only files that are open for writing
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _umask() -> int:
    # Python cannot read the mask without setting it
    mask = os.umask(0)
    os.umask(mask)
    return mask
