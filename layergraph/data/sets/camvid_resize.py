"""CamVid's images and labels in a smaller size, written to a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.atomic import atomic_file
from layergraph.data.datastore import Datastore
from layergraph.data.image_datastore import ImageDatastore, write_image
from layergraph.data.image_files import PathLike
from layergraph.data.pixel_label_datastore import PixelLabelDatastore, write_labels
from layergraph.data.resize import resize_labels
from layergraph.data.threads import in_threads
from layergraph.errors import DataError, WrongTypeError
from layergraph.labels import UNLABELED
from layergraph.layers.arguments import per_dimension
from layergraph.wording import quoted, times

CLASSES_FILE = "classes.txt"
"""The file beside resized labels that says which class each value is."""

_SIZE = (360, 480)


def resize_camvid_images(
    images: ImageDatastore, folder: PathLike, size: Sequence[int] = _SIZE
) -> ImageDatastore:
    """Write the images in another size to a folder, and return its store: ``resizeCamVidImages``.

    Each image keeps the name of its file, with the extension ``.png``; the filter is bicubic, and smooths
    when it shrinks. ``size`` is (height, width) in pixels. Files of an earlier call stay, if they have that
    size and are not older than their source; so a call that was stopped goes on where it was, and a complete
    folder costs no time. Runs in threads, with a progress bar if stderr is a terminal.

    Raises:
        DataError: two images have one name, an image is not 8-bit, a file in the folder has another size,
            or the folder is that of the images or cannot be written.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_image(Path(folder, "a.png"), np.zeros((72, 96, 3), np.uint8))
    ...     resize_camvid_images(ImageDatastore(folder), Path(folder, "small"), (36, 48))[0].shape
    (36, 48, 3)
    """
    call = "resize_camvid_images"
    sources, targets, (height, width) = _files(call, images, ImageDatastore, folder, size)

    def resize(index: int) -> None:
        image = images[index]
        if image.dtype != np.uint8:
            raise DataError(
                f"{call}: images must be 8-bit, got {image.dtype} in {quoted(str(sources[index]))}"
            )
        write_image(targets[index], _bicubic(image, height, width))

    _write_missing(call, sources, targets, (height, width), resize, "Resizing images")
    return ImageDatastore(targets)


def resize_camvid_pixel_labels(
    labels: PixelLabelDatastore, folder: PathLike, size: Sequence[int] = _SIZE
) -> PixelLabelDatastore:
    """Write the labels in another size to a folder, and return its store: ``resizeCamVidPixelLabels``.

    Each new pixel has the class of the nearest old one. The files are gray PNGs under the names of their
    sources, whose values are class indices from 0 and 255 for unlabeled pixels (MATLAB writes 1 to M, and
    0). ``classes.txt`` in the folder names the class of each value, as ``layergraph train --classes`` reads
    it. Size, earlier files and progress are as in ``resize_camvid_images``.

    Raises:
        DataError: as for images, or the folder holds labels of other classes.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_labels(Path(folder, "a_L.png"), [[7, 7, 0, 0]] * 2)
    ...     store = PixelLabelDatastore(folder, ["sky"], [7], ignored_ids=[0])
    ...     small = resize_camvid_pixel_labels(store, Path(folder, "small"), (1, 2))
    ...     small[0].tolist(), small.files[0].name, Path(folder, "small/classes.txt").read_text()
    ([[0, 255]], 'a_L.png', '# values 7\\n0 sky\\n')
    """
    call = "resize_camvid_pixel_labels"
    sources, targets, new_size = _files(call, labels, PixelLabelDatastore, folder, size)
    _declare_classes(call, Path(folder), labels, targets)

    def resize(index: int) -> None:
        write_labels(targets[index], resize_labels(labels[index], new_size))

    _write_missing(call, sources, targets, new_size, resize, "Resizing labels")
    return PixelLabelDatastore(targets, labels.classes, range(len(labels.classes)), ignored_ids=[UNLABELED])


def _files(
    call: str, store: Datastore[Any], kind: type, folder: PathLike, size: ArrayLike
) -> tuple[tuple[Path, ...], list[Path], tuple[int, int]]:
    """The file of each item, the file to write, and the new size."""
    if not isinstance(store, kind):
        raise WrongTypeError(
            f"{call}: the first argument must be {kind.__name__}, got {type(store).__name__}"
        )
    height, width = per_dimension(call, "size", size, 2)
    sources = store.files or ()
    targets = [Path(folder, f"{file.stem}.png") for file in sources]
    first: dict[Path, Path] = {}
    for source, target in zip(sources, targets, strict=True):
        # a store may hold a file several times, and that file is written once
        other = first.setdefault(target, source)
        if other != source:
            raise DataError(
                f"{call}: file names must differ, got {quoted(str(other))} and {quoted(str(source))}, which "
                f"would both be {quoted(target.name)}; resize the folders one by one"
            )
        if source.parent.resolve() == target.parent.resolve():
            raise DataError(
                f"{call}: folder must be another one than that of the images, got {quoted(str(folder))}"
            )
    return sources, targets, (height, width)


def _write_missing(
    call: str,
    sources: Sequence[Path],
    targets: Sequence[Path],
    size: tuple[int, int],
    write: Callable[[int], None],
    text: str,
) -> None:
    from PIL import Image, UnidentifiedImageError

    # 1. what to write, before anything is: a file is written whole or not at all, so one that exists is done
    position = {target: index for index, target in enumerate(targets)}
    missing = []
    for target, index in position.items():
        if not target.exists() or target.stat().st_mtime_ns < sources[index].stat().st_mtime_ns:
            missing.append(index)
            continue
        try:
            with Image.open(target) as image:  # reads the header alone
                found = (image.height, image.width)
        except UnidentifiedImageError:
            missing.append(index)
            continue
        if found != size:
            raise DataError(
                f"{call}: {quoted(str(target))} must have the size {times(size)}, got {times(found)}; delete "
                "it or give another folder"
            )
    # 2. the files
    for target in targets[:1]:
        target.parent.mkdir(parents=True, exist_ok=True)
    for _ in in_threads(lambda index: write(missing[index]), len(missing), text):
        pass


def _declare_classes(call: str, folder: Path, labels: PixelLabelDatastore, targets: Sequence[Path]) -> None:
    """Write the file of classes, or compare it with an earlier one: labels of two codings must not mix."""
    lines = []
    for index, (name, ids) in enumerate(zip(labels.classes, labels.label_ids, strict=True)):
        values = ", ".join(
            str(value) if isinstance(value, int) else " ".join(map(str, value)) for value in ids
        )
        lines += [f"# values {values}", f"{index} {name}"]
    text = "\n".join(lines) + "\n"
    path = folder / CLASSES_FILE
    found = path.read_text(encoding="utf-8") if path.exists() else None
    if found == text:
        return
    if found is not None or any(target.exists() for target in targets):
        raise DataError(
            f"{call}: folder must be empty or hold labels of the same classes, got others in "
            f"{quoted(str(path if found is not None else folder))}; give another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _bicubic(image: NDArray[np.uint8], height: int, width: int) -> NDArray[np.uint8]:
    from PIL import Image

    # Pillow's filter has the coefficients of MATLAB's imresize (a = -0.5), and widens when it shrinks
    picture = Image.fromarray(image[:, :, 0] if image.shape[2] == 1 else image)
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))
