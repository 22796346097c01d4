"""The image files of folders and of sequences of files."""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Iterable
from pathlib import Path

from layergraph.errors import DataError, WrongTypeError, did_you_mean
from layergraph.wording import quoted

IMAGE_EXTENSIONS = (
    *(".bmp", ".gif", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm"),
    *(".tif", ".tiff", ".webp"),
)

ARRAY_EXTENSIONS = (".npy", ".npz")
VOLUME_EXTENSIONS = (".nii", ".nii.gz")
ALL_EXTENSIONS = (*IMAGE_EXTENSIONS, *ARRAY_EXTENSIONS, *VOLUME_EXTENSIONS)

PathLike = str | os.PathLike[str]
Location = PathLike | Iterable[PathLike]


def image_files(
    caller: str,
    location: Location,
    *,
    include_subfolders: bool = False,
    file_extensions: str | Iterable[str] | None = None,
) -> tuple[Path, ...]:
    """The files at ``location``: a folder, a file, a pattern such as ``"set/*.png"``, or a sequence of these.

    The files of a folder are in alphabetical order (with subfolders: by their path below the folder),
    without hidden files and those with other extensions; arrays (``.npy``, ``.npz``) and volumes (``.nii``,
    ``.nii.gz``) count only if there are no images. A file in the argument may have any extension, and a
    sequence keeps its order. In a pattern, ``*`` stands for any part of a name, ``?`` for a character,
    ``[ab]`` for one of them and ``**`` for any subfolders; it finds files, or else folders, in alphabetical
    order. ``file_extensions`` is one or several extensions such as ``".png"``, in upper or lower case.
    ``caller`` is the name of the calling class in errors. Raises ``DataError`` for a path that does not
    exist, a pattern or a folder without images, or an empty sequence.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     for name in ("b.png", "a.PNG", "notes.txt"):
    ...         (Path(folder) / name).touch()
    ...     [file.name for file in image_files("ImageDatastore", folder)]
    ['a.PNG', 'b.png']
    """
    extensions = _extensions(caller, file_extensions)
    if isinstance(location, (str, os.PathLike)):
        return _files_at(caller, Path(location), include_subfolders, extensions)
    if not isinstance(location, Iterable):
        raise WrongTypeError(
            f"{caller}: location must be a folder, a file, or a sequence of them, got {quoted(location)}"
        )
    paths: list[Path] = []
    for path in location:
        if not isinstance(path, (str, os.PathLike)):
            raise WrongTypeError(f"{caller}: location must hold folders and files, got {quoted(path)}")
        paths.append(Path(path))
    if not paths:
        raise DataError(f"{caller}: location must hold one image file or folder or more, got none")
    return tuple(file for path in paths for file in _files_at(caller, path, include_subfolders, extensions))


def _extensions(caller: str, given: str | Iterable[str] | None) -> tuple[str, ...]:
    if given is None:
        return ALL_EXTENSIONS
    names = (given,) if isinstance(given, str) else tuple(given)
    if not names or not all(isinstance(name, str) and name.strip(".") for name in names):
        raise DataError(
            f"{caller}: file_extensions must be one or several extensions such as '.png', got {quoted(given)}"
        )
    return tuple("." + name.lower().removeprefix(".") for name in names)


def _files_at(
    caller: str, path: Path, include_subfolders: bool, extensions: tuple[str, ...]
) -> tuple[Path, ...]:
    # any extension: a user who names a file wants that file
    if path.is_file():
        return (path,)
    # a file or folder may have such a character in its name
    if glob.has_magic(str(path)) and not path.is_dir():
        return _matches(caller, path, include_subfolders, extensions)
    if not path.is_dir():
        raise DataError(f"there is no file or folder {quoted(str(path))}{_nearest_names(path)}")
    images: list[Path] = []
    others: list[Path] = []
    has_subfolders = False
    # by default, os.walk passes folders without permission, and their images would silently be missing
    for folder, subfolders, names in os.walk(path, onerror=_raise_unreadable):
        subfolders[:] = [name for name in subfolders if not name.startswith(".")]
        has_subfolders |= bool(subfolders)
        # names that start with a dot are not images: macOS writes "._a.png" next to every "a.png"
        for name in (name for name in names if not name.startswith(".")):
            (images if name.lower().endswith(extensions) else others).append(Path(folder, name))
        # os.walk begins with the folder itself
        if not include_subfolders:
            break
    # arrays beside images are rarely images: features, masks, coordinates
    if extensions is ALL_EXTENSIONS:
        images = [file for file in images if file.name.lower().endswith(IMAGE_EXTENSIONS)] or images
    if not images:
        others_text = f"other files, such as {quoted(min(others).name)}" if others else "no files"
        below = has_subfolders and not include_subfolders
        advice = "include_subfolders=True to look in its subfolders" if below else "the folder of the images"
        raise DataError(
            f"folder {quoted(str(path))} must hold image files ({', '.join(extensions)}), got "
            f"{others_text}; give {advice}, or file_extensions"
        )
    # os.walk has no fixed order; in plain text "-" is before "/", and a-b/1 would precede a/1
    return tuple(sorted(images, key=lambda file: file.relative_to(path).parts))


def _matches(
    caller: str, pattern: Path, include_subfolders: bool, extensions: tuple[str, ...]
) -> tuple[Path, ...]:
    """The files that a pattern finds, or else those of the folders that it finds."""
    found = sorted(map(Path, glob.glob(str(pattern), recursive=True)), key=lambda path: path.parts)
    files = [path for path in found if path.is_file()]
    # "*.dat" names the extension itself, and "*" does not
    if glob.has_magic(pattern.suffix) or not pattern.suffix:
        files = [path for path in files if path.name.lower().endswith(extensions)]
        if extensions is ALL_EXTENSIONS:
            files = [path for path in files if path.name.lower().endswith(IMAGE_EXTENSIONS)] or files
    folders = [] if files else [path for path in found if path.is_dir()]
    if not files and not folders:
        # the folder up to the first wildcard shows what is there
        plain = Path(*itertools.takewhile(lambda part: not glob.has_magic(part), pattern.parts))
        advice = _nearest_names(plain / pattern.name if plain.is_dir() else plain)
        raise DataError(f"{caller}: location must match image files, got {quoted(str(pattern))}{advice}")
    # a file twice would count twice in training
    nested = (_files_at(caller, folder, include_subfolders, extensions) for folder in folders)
    return tuple(files) + tuple(dict.fromkeys(itertools.chain.from_iterable(nested)))


def _nearest_names(path: Path) -> str:
    """Advice for a path that does not exist: its longest existing part, or similar names in its folder."""
    parent = path.parent
    while not parent.is_dir():
        parent = parent.parent
    if parent != path.parent:
        return f"; the path exists only up to {quoted(str(parent))}"
    try:
        return did_you_mean(path.name, sorted(n for n in os.listdir(parent) if not n.startswith(".")))
    # the folder exists but cannot be listed; the advice is not worth another error
    except OSError:
        return ""


def _raise_unreadable(error: OSError) -> None:
    raise DataError(
        f"cannot look into folder {quoted(str(error.filename))}: {error.strerror}; check its permissions"
    )
