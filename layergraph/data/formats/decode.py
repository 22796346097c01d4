"""The decoder for a file, chosen by its extension and its content."""

from __future__ import annotations

import os

from layergraph.data.formats.array_files import read_array
from layergraph.data.formats.nifti_files import read_nifti
from layergraph.data.formats.pillow_files import read_pillow
from layergraph.data.formats.stored_image import Pages, StoredImage
from layergraph.data.image_files import ARRAY_EXTENSIONS, VOLUME_EXTENSIONS, PathLike


def decode(path: PathLike, pages: Pages = "error") -> StoredImage:
    """The array of an image file, as it is stored.

    Args:
        path: the file.
        pages: what several pages of a file are, if it does not say so itself.

    Raises:
        DataError: the file cannot be read; the message has its path and the reason.
        MissingExtraError: its format needs a package that is not installed.
    """
    name = os.fspath(path).lower()
    if name.endswith(ARRAY_EXTENSIONS):
        return read_array(path)
    if name.endswith(VOLUME_EXTENSIONS):
        return read_nifti(path)
    return read_pillow(path, pages)
