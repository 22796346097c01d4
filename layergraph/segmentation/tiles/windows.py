"""Images of which parts are read, so that the whole need not fit in memory."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.errors import DataError, MissingExtraError, WrongTypeError
from layergraph.segmentation.arrays import real_array
from layergraph.segmentation.region import Region
from layergraph.wording import quoted, times, visible


class Windows:
    """An image (H, W, C) or volume (H, W, D, C), read by index.

    Args:
        source: an array, or an object with its ``shape``, ``dtype`` and slices, such as one of zarr or h5py.
        name: the name of the image in errors.
        rank: the number of spatial dimensions; a source without channels has one.

    >>> Windows(np.zeros((9, 8)), "the image", 2).read((slice(0, 2), slice(3, 8))).shape
    (2, 5, 1)
    """

    def __init__(self, source: Any, name: str, rank: int) -> None:
        self._source, self._name = source, name
        shape = tuple(int(size) for size in source.shape)
        if len(shape) not in (rank, rank + 1) or 0 in shape:
            raise DataError(
                f"semanticseg: {name} must have {rank} dimensions and channels, got the shape {shape}"
            )
        if np.dtype(source.dtype).kind not in "buif":
            raise WrongTypeError(f"semanticseg: {name} must hold numbers, got an array of {source.dtype}")
        self._rank, self._has_channels = rank, len(shape) > rank
        self._start = (0,) * rank
        self.spatial = shape[:rank]

    def crop(self, region: Region) -> Windows:
        """The windows of a region, whose positions count from its start.

        Raises:
            DataError: the region is not within the image.
        """
        region.check(self.spatial, self._name)
        cropped = Windows(self._source, self._name, self._rank)
        cropped._start, cropped.spatial = region.start, region.size
        return cropped

    def read(self, window: tuple[slice, ...]) -> NDArray[Any]:
        """The part at these slices; positions after the end are mirrored, without a second border."""
        within = tuple(slice(s.start, min(s.stop, n)) for s, n in zip(window, self.spatial, strict=True))
        try:
            part = real_array(self._source[_shifted(within, self._start)], self._name)
        except (DataError, MemoryError):
            raise
        except Exception as error:  # of many kinds, as the part is decoded only now
            raise DataError(
                f"{self._name}: cannot read the part {times(s.stop - s.start for s in within)} at "
                f"{tuple(s.start for s in within)}: {_reason(error)}; repair the file or leave it out"
            ) from error
        part = part if self._has_channels else part[..., None]
        margins = [(0, s.stop - w.stop) for s, w in zip(window, within, strict=True)]
        return np.pad(part, [*margins, (0, 0)], mode="reflect") if any(b for _, b in margins) else part


def _shifted(window: tuple[slice, ...], start: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(s.start + n, s.stop + n) for s, n in zip(window, start, strict=True))


def is_array_like(item: object) -> bool:
    """Whether an object has a shape, a type of numbers and slices, as arrays of zarr and h5py do."""
    return all(hasattr(item, name) for name in ("shape", "dtype", "__getitem__")) and not hasattr(
        item, "numpy"
    )


@contextmanager
def open_windows(item: Any, name: str, rank: int) -> Iterator[Windows]:
    """Give the windows of an array, of an object like one, or of a file, which is open meanwhile.

    A NumPy file, a plain or tiled TIFF and a zarr folder are read in parts (with the extra ``tiles``), other
    files whole.

    Raises:
        DataError: the file cannot be read, or has another shape.
        WrongTypeError: the item is no array.
        MissingExtraError: the package zarr is not installed for a zarr folder.
    """
    if not isinstance(item, str | os.PathLike) and not is_array_like(item):
        raise WrongTypeError(
            f"semanticseg: {name} must be an array (H, W, C), a file or an array of zarr, got "
            f"{type(item).__name__}"
        )
    with ExitStack() as stack:
        if isinstance(item, str | os.PathLike):
            path = Path(item)
            reader = _READERS.get(path.suffix.lower())
            source = reader(path, stack) if reader else None
            item = _whole(path, rank) if source is None else source
        yield Windows(item, name, rank)


def _whole(path: Path, rank: int) -> NDArray[Any]:
    from layergraph.data import read_image

    with warnings.catch_warnings():
        # Pillow warns of large images, and the user asked for tiles because the image is large
        warnings.filterwarnings("ignore", "Image size .* exceeds limit")
        return read_image(path, pages="error" if rank == 2 else "volume")


def _of_npy(path: Path, stack: ExitStack) -> Any:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError):  # read_image says what is wrong
        return None


def _of_tiff(path: Path, stack: ExitStack) -> Any:
    """An array that decodes the parts of a TIFF on access; None if only the whole can be read."""
    try:
        tifffile = import_module("tifffile")
    except ModuleNotFoundError:
        return None
    try:
        file = stack.enter_context(tifffile.TiffFile(path))
        series, page = file.series[0], file.pages[0]
        # colors of a palette, planes of samples, and pages have meanings that read_image knows
        is_plain = series.axes in ("YX", "YXS") and int(page.photometric) in (1, 2) and not page.extrasamples
        if not is_plain or series.dtype == bool:
            return None
        if page.is_memmappable:
            return page.asarray(out="memmap")
        zarr = import_module("zarr")
        return zarr.open(stack.enter_context(series.aszarr(level=0)), mode="r")
    except Exception:  # of many kinds on damaged files, or no zarr; read_image says what is wrong
        return None


def _of_zarr(path: Path, stack: ExitStack) -> Any:
    try:
        zarr = import_module("zarr")
    except ModuleNotFoundError:
        raise MissingExtraError(
            f"image file {quoted(str(path))} needs the package zarr, which is not installed: "
            'pip install "layergraph[tiles]"'
        ) from None
    try:
        array = zarr.open(path, mode="r")
    except Exception as error:  # of many kinds on damaged files
        raise DataError(
            f"cannot read {quoted(str(path))}: {_reason(error)}; give the folder of a zarr array"
        ) from error
    if not is_array_like(array):
        raise DataError(
            f"{quoted(str(path))} must be one zarr array, got a group; give the folder of an array in it"
        )
    return array


def _reason(error: Exception) -> str:
    return visible(str(error) or type(error).__name__)


_READERS: dict[str, Callable[[Path, ExitStack], Any]] = {
    ".npy": _of_npy,
    ".tif": _of_tiff,
    ".tiff": _of_tiff,
    ".zarr": _of_zarr,
}
