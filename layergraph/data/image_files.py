"""The image files of folders and of sequences of files."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from layergraph.errors import DataError, WrongTypeError, did_you_mean
from layergraph.wording import visible

IMAGE_EXTENSIONS = (
    *(".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm"),
    *(".tif", ".tiff", ".webp"),
)

PathLike = str | os.PathLike[str]
Location = PathLike | Iterable[PathLike]


def image_files(
    location: Location,
    *,
    include_subfolders: bool = False,
    file_extensions: str | Iterable[str] | None = None,
) -> tuple[Path, ...]:
    """The files at ``location``: a folder, a file, or a sequence of them.

    The files of a folder are in alphabetical order (with subfolders: by their path below the folder),
    without hidden files and those with other extensions. A file in the argument may have any
    extension, and a sequence keeps its order. ``file_extensions`` is one or several extensions such as
    ``".png"``, in upper or lower case. Raises ``DataError`` for a path that does not exist,
    a folder without images, or an empty sequence.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("b.png", "a.PNG", "notes.txt"):
    ...         (Path(folder) / name).touch()
    ...     [file.name for file in image_files(folder)]
    ['a.PNG', 'b.png']
    """
    extensions = _extensions(file_extensions)
    if isinstance(location, (str, os.PathLike)):
        return _files_at(Path(location), include_subfolders, extensions)
    if not isinstance(location, Iterable):
        raise WrongTypeError(f"location must be a folder, a file, or a sequence of files, got {location!r}")
    places: list[Path] = []
    for place in location:
        if not isinstance(place, (str, os.PathLike)):
            raise WrongTypeError(
                f"location must be a folder, a file, or a sequence of files, got one {place!r}"
            )
        places.append(Path(place))
    if not places:
        raise DataError("location is an empty sequence; name at least one image file or folder")
    return tuple(file for place in places for file in _files_at(place, include_subfolders, extensions))


def _extensions(given: str | Iterable[str] | None) -> tuple[str, ...]:
    if given is None:
        return IMAGE_EXTENSIONS
    names = (given,) if isinstance(given, str) else tuple(given)
    if not names or not all(isinstance(name, str) and name.strip(".") for name in names):
        raise DataError(f"file_extensions must be one or several extensions such as '.png', got {given!r}")
    return tuple("." + name.lower().removeprefix(".") for name in names)


def _files_at(place: Path, include_subfolders: bool, extensions: tuple[str, ...]) -> tuple[Path, ...]:
    if place.is_file():
        return (place,)
    if not place.is_dir():
        raise DataError(f"there is no file or folder '{visible(str(place))}'{_nearest(place)}")
    images: list[Path] = []
    others: list[Path] = []
    has_subfolders = False
    for folder, subfolders, names in os.walk(place, onerror=_raise_unreadable):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        has_subfolders |= bool(subfolders)
        # names that start with a dot are not images: macOS writes "._a.png" next to every "a.png"
        for name in (name for name in names if not name.startswith(".")):
            (images if name.lower().endswith(extensions) else others).append(Path(folder, name))
        if not include_subfolders:
            break
    if not images:
        holds = (
            f"it holds other files, such as '{visible(min(others).name)}'" if others else "it holds no files"
        )
        below = has_subfolders and not include_subfolders
        fix = "include_subfolders=True to look in its subfolders" if below else "the folder of the images"
        kinds = f"no image files ({', '.join(extensions)})"
        raise DataError(
            f"folder '{visible(str(place))}' has {kinds}; {holds}; give {fix}, or file_extensions"
        )
    return tuple(sorted(images, key=lambda file: file.relative_to(place).parts))


def _nearest(place: Path) -> str:
    parent = place.parent
    while not parent.is_dir():
        parent = parent.parent
    if parent != place.parent:
        return f"; the path exists only up to '{visible(str(parent))}'"
    try:
        return did_you_mean(place.name, sorted(entry.name for entry in parent.iterdir()))
    except OSError:
        return ""


def _raise_unreadable(error: OSError) -> None:
    raise DataError(
        f"cannot look into folder '{visible(str(error.filename))}': {error.strerror}; check its permissions"
    )
