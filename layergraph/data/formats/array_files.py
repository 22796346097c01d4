"""NumPy's files, ``.npy`` and ``.npz``."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.formats.stored_image import StoredImage, read_error
from layergraph.data.image_files import PathLike
from layergraph.errors import DataError
from layergraph.wording import listed, quoted, times


def read_array(path: PathLike) -> StoredImage:
    """The array of a ``.npy`` file, or the only one of a ``.npz`` file, of 2 to 4 axes.

    Two axes are (height, width), four are (height, width, depth, channels); the third of three axes may be
    depth or channels. Nothing of the file is run as code.

    Raises ``DataError`` for a damaged file, several arrays, other numbers of axes, or values that are no real
    numbers.
    """
    try:
        # opened here, since NumPy leaves the file of a damaged archive open
        with open(path, "rb") as file:
            if Path(path).suffix.lower() == ".npz":
                array = _only_array(path, np.load(file))
            else:
                array = np.load(file)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"there is no image file {quoted(str(path))}; check the path") from error
    except EOFError as error:
        raise read_error(path, "it is empty") from error
    except ValueError as error:
        # NumPy's text speaks of pickles, which are code
        is_code = "pickle" in str(error).lower() or "object" in str(error).lower()
        reason = "it holds no plain array" if is_code else "it is damaged, or shorter than its header says"
        raise read_error(path, reason) from error
    except (OSError, zipfile.BadZipFile, MemoryError, KeyError, zlib.error) as error:
        raise read_error(path, getattr(error, "strerror", None) or "it is damaged") from error
    if array.dtype.kind not in "biuf":
        raise DataError(f"{quoted(str(path))} must hold real numbers, got {array.dtype}")
    if array.ndim not in (2, 3, 4) or not array.size:
        raise DataError(
            f"{quoted(str(path))} must be (height, width), (height, width, channels), (height, width, depth) "
            f"or (height, width, depth, channels), got {times(array.shape)}"
        )
    axes = {2: "HW", 3: "HWA", 4: "HWDC"}[array.ndim]
    # torch takes no other byte order than the machine's
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    return StoredImage(array, axes, "NumPy", str(array.dtype))


def _only_array(path: PathLike, arrays: Any) -> NDArray[Any]:
    names: list[str] = arrays.files
    if len(names) != 1:
        raise DataError(
            f"{quoted(str(path))} must hold one array, got {len(names)} ({listed(names)}); save one array "
            "per file, or give a read_fcn that chooses"
        )
    array: NDArray[Any] = arrays[names[0]]
    return array
