"""The images in a ZIP archive, unpacked safely."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from layergraph.atomic import atomic_file
from layergraph.data.image_files import IMAGE_EXTENSIONS
from layergraph.downloads import Download
from layergraph.errors import DataError
from layergraph.progress import with_progress
from layergraph.wording import byte_count, quoted

_LARGEST = 64 << 20  # bytes of an image; an archive made to fill the disk has larger ones
_MOST = 100_000  # images


def unpack_images(archive: Path, folder: Path, source: Download) -> None:
    """Write the images of an archive below a folder, each complete or not at all.

    All other files are left out, and so are hidden ones. A file that is there with the size in the archive
    stays. Each file is compared with its checksum (CRC-32) in the archive.

    Args:
        archive: the file.
        folder: where the paths in the archive begin; is made if it does not exist.
        source: where the archive is from, for errors.

    Raises:
        DownloadError: the archive is damaged or no archive.
        DataError: it leads outside of the folder, or has images of over 64 MiB or no images.
    """
    try:
        with zipfile.ZipFile(archive) as content:
            members = _images(archive, content.infolist())
            # from here on the folder exists although it is not complete; the archive beside it shows that
            folder.mkdir(parents=True, exist_ok=True)
            for member in with_progress(members, f"Unpacking {archive.stem}", len(members)):
                _unpack(content, member, folder / member.filename)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise source.error(f"the file is no whole ZIP archive ({error}); try again", "or ") from None


def _images(archive: Path, members: Sequence[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    images = []
    for member in members:
        # as zipfile reads names: with / between folders, whatever the system of the archive
        path = PurePosixPath(member.filename)
        is_hidden = any(part.startswith((".", "__MACOSX")) and part != ".." for part in path.parts)
        if member.is_dir() or is_hidden or path.suffix.lower() not in IMAGE_EXTENSIONS:
            continue
        if path.is_absolute() or ".." in path.parts or any(c in member.filename for c in ":\\\0"):
            raise DataError(
                f"archive {quoted(str(archive))} must hold files below its folder, got "
                f"{quoted(member.filename)}, which leads elsewhere; delete it, and download it from another "
                "address"
            )
        if member.file_size > _LARGEST:
            raise DataError(
                f"archive {quoted(str(archive))} must hold images of at most {byte_count(_LARGEST)}, got "
                f"{byte_count(member.file_size)} for {quoted(member.filename)}"
            )
        images.append(member)
    if not 0 < len(images) <= _MOST:
        raise DataError(
            f"archive {quoted(str(archive))} must hold 1 to {_MOST:,} images, got {len(images):,}; "
            "delete it, and download it from another address"
        )
    return images


def _unpack(content: zipfile.ZipFile, member: zipfile.ZipInfo, target: Path) -> None:
    if target.exists() and target.stat().st_size == member.file_size:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    # not extract, which writes in place: a stopped call would leave half of an image
    with (
        content.open(member) as file,
        atomic_file(target, synced=False) as temporary,
        temporary.open("wb") as output,
    ):
        # zipfile reads no more than file_size, and compares the checksum at the end
        shutil.copyfileobj(file, output)
