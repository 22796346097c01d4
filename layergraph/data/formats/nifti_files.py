"""Volumes in NIfTI files, read by nibabel."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layergraph.data.formats.stored_image import StoredImage, read_error
from layergraph.data.image_files import PathLike
from layergraph.errors import DataError, MissingExtraError
from layergraph.wording import quoted, times, visible


def read_nifti(path: PathLike) -> StoredImage:
    """The volume of a NIfTI file, with its axes as stored: (i, j, k) are (height, width, depth).

    Nothing is turned to an anatomical orientation; :func:`read_affine` has the orientation and the size
    of voxels. The scale of the file is applied. A fourth axis (echoes, modalities, time) is the channels.

    Raises:
        DataError: the file is damaged, or has other axes.
        MissingExtraError: nibabel is not installed.
    """
    image = _open(path)
    try:
        # without a scale in the file, dataobj keeps the type of its numbers
        values: NDArray[Any] = np.asanyarray(image.dataobj)
    except Exception as error:  # truncated content: EOFError, zlib.error, OSError, ValueError
        raise read_error(path, visible(str(error)) or type(error).__name__) from error
    # a fifth axis holds vectors where the fourth, time, has one position
    if values.ndim == 5 and values.shape[3] == 1:
        values = values[:, :, :, 0]
    if values.ndim not in (2, 3, 4) or not values.size:
        raise DataError(
            f"{quoted(str(path))} must hold a volume with or without channels, got {times(values.shape)}"
        )
    if values.dtype.kind not in "biuf":
        raise DataError(f"{quoted(str(path))} must hold real numbers, got {values.dtype}")
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    return StoredImage(values, {2: "HW", 3: "HWD", 4: "HWDC"}[values.ndim], "NIfTI", str(values.dtype))


def read_affine(path: PathLike) -> NDArray[np.float64]:
    """The 4×4 matrix from the position (i, j, k, 1) of a voxel of a NIfTI file to millimeters.

    The lengths of the first three columns are the size of a voxel, their directions its orientation: x to the
    right, y to the front, z up, as seen by the patient.

    Raises:
        DataError: the file is damaged.
        MissingExtraError: nibabel is not installed.

    >>> import nibabel
    >>> from tempfile import TemporaryDirectory
    >>> volume = nibabel.Nifti1Image(np.zeros((4, 4, 2), np.int16), np.diag([0.8, 0.8, 3.0, 1.0]))
    >>> with TemporaryDirectory() as folder:
    ...     nibabel.save(volume, f"{folder}/scan.nii.gz")
    ...     affine = read_affine(f"{folder}/scan.nii.gz")
    >>> np.linalg.norm(affine[:3, :3], axis=0).round(6).tolist()
    [0.8, 0.8, 3.0]
    """
    return np.array(_open(path).affine, np.float64)


def _open(path: PathLike) -> Any:
    try:
        nibabel = import_module("nibabel")
    except ModuleNotFoundError:
        raise MissingExtraError(
            f"{quoted(str(path))} needs the package nibabel, which is not installed: "
            'pip install "layergraph[volumes]"'
        ) from None
    if not Path(path).is_file():
        raise DataError(f"there is no image file {quoted(str(path))}; check the path")
    if not Path(path).stat().st_size:
        raise read_error(path, "it is empty")
    try:
        return nibabel.load(path)
    except Exception as error:  # of the classes of several libraries
        raise read_error(path, visible(str(error)) or type(error).__name__) from error
