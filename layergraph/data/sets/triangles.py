"""A small set of images for trials, with one triangle and its labels per image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from layergraph.data.image_datastore import ImageDatastore, write_image
from layergraph.data.image_files import IMAGE_EXTENSIONS, PathLike
from layergraph.data.pixel_label_datastore import PixelLabelDatastore, write_labels
from layergraph.errors import DataError
from layergraph.wording import quoted

_SHARE = 0.0504  # of the pixels, as in MATLAB's set: 10326 of 204800
_SUBSAMPLES = 4  # a pixel's gray is the mean of 4×4 points


def triangle_images(
    folder: PathLike, n: int = 200, size: tuple[int, int] = (32, 32), seed: int = 0
) -> tuple[ImageDatastore, PixelLabelDatastore]:
    """Write ``n`` gray images of one triangle each, with labels, and return both stores.

    As in MATLAB's triangleImages, ``size`` is (height, width) in pixels, and about 5 % of the pixels are
    triangle. Each image has a light triangle on a darker background, both of random gray values, and some
    Gaussian noise. The files are ``images/image_001.png``, ``labels/label_001.png`` and so on (255 triangle,
    0 background); image i depends only on ``seed``, ``size`` and i. The same call writes the same files
    again. Raises ``DataError`` for numbers out of range, or if the folders hold images that do not belong to
    the set.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     images, labels = triangle_images(folder, n=2)
    ...     images[0].shape, sorted(set(labels[0].ravel().tolist())), labels.classes
    ((32, 32, 1), [0, 1], ('triangle', 'background'))
    """
    if n < 1 or seed < 0 or len(size) != 2 or min(size) < 8:
        raise DataError(
            f"triangle_images: n must be at least 1, size at least 8×8 and seed 0 or more, "
            f"got n={n}, size={tuple(size)} and seed={seed}"
        )
    # leading zeros, since a folder is read in alphabetical order, where 10 comes before 2
    digits = max(3, len(str(n)))
    numbers = [f"{i:0{digits}d}" for i in range(1, n + 1)]
    images = [Path(folder, "images", f"image_{number}.png") for number in numbers]
    labels = [Path(folder, "labels", f"label_{number}.png") for number in numbers]
    # both folders before the first write: an error leaves no half of a set
    for files in (images, labels):
        _refuse_other_images(files)
    for i, (image_file, label_file) in enumerate(zip(images, labels, strict=True)):
        # one generator per image: a larger n adds images and does not change the first ones
        image, label = _triangle(size, np.random.default_rng([seed, i]))
        write_image(image_file, image)
        write_labels(label_file, label)
    return ImageDatastore(images), PixelLabelDatastore(labels, ("triangle", "background"), (255, 0))


def _refuse_other_images(files: list[Path]) -> None:
    folder, ours = files[0].parent, set(files)
    folder.mkdir(parents=True, exist_ok=True)
    images = (file for file in folder.iterdir() if file.suffix.lower() in IMAGE_EXTENSIONS)
    others = sorted(file for file in images if file not in ours and not file.name.startswith("."))
    if others:
        raise DataError(
            f"triangle_images: folder {quoted(str(folder))} must hold no images of another set, got "
            f"{quoted(others[0].name)}, which would mix with the triangles; remove them or give another "
            "folder"
        )


def _triangle(
    size: tuple[int, int], random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """One image and its label, both (height, width)."""
    cover = np.zeros(size)
    while not (cover >= 0.5).any():  # a thin triangle in a tiny image may miss every pixel
        cover = _coverage(size, _corners(size, random))
    background, contrast = random.uniform(60, 90), random.uniform(70, 110)
    image = background + contrast * cover + random.normal(0, 3, size)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8), np.where(cover >= 0.5, 255, 0).astype(np.uint8)


def _corners(size: tuple[int, int], random: np.random.Generator) -> NDArray[np.float64]:
    """The corners (3, 2) as (y, x) in pixels, inside the image, for an area near the wanted share."""
    # 1. the shape: corners on a circle, about 120° apart, so that the triangle is not too thin
    area = _SHARE * size[0] * size[1] * random.uniform(0.5, 1.5)
    angles = random.uniform(0, 2 * np.pi) + np.array([0, 1, 2]) * 2 * np.pi / 3 + random.uniform(-0.5, 0.5, 3)
    corners = np.stack([np.sin(angles), np.cos(angles)], axis=1)
    # 2. the size: half the cross product of two sides is the area, a square of the scale
    (ay, ax), (by, bx) = corners[1] - corners[0], corners[2] - corners[0]
    corners *= np.sqrt(area / (abs(ay * bx - ax * by) / 2))
    extent = np.ptp(corners, axis=0)
    corners *= min(1, *((np.array(size) - 2) / extent))  # in a very flat image the triangle must be smaller
    # 3. the position: at least one pixel of background remains on each side
    low, high = corners.min(axis=0), corners.max(axis=0)
    room = np.maximum(0, np.array(size) - 2 - (high - low))
    inside: NDArray[np.float64] = corners - low + 1 + room * random.random(2)
    return inside


def _coverage(size: tuple[int, int], corners: NDArray[np.float64]) -> NDArray[np.float64]:
    """The share of each pixel inside the triangle, from 0 to 1."""
    height, width = size
    y = ((np.arange(height * _SUBSAMPLES) + 0.5) / _SUBSAMPLES)[:, None]
    x = ((np.arange(width * _SUBSAMPLES) + 0.5) / _SUBSAMPLES)[None, :]
    sides = [
        (x - ax) * (by - ay) - (y - ay) * (bx - ax)
        for (ay, ax), (by, bx) in zip(corners, np.roll(corners, -1, axis=0), strict=True)
    ]
    # inside, all three signs are equal; which sign depends on the direction of the corners
    inside = np.all(np.array(sides) >= 0, axis=0) | np.all(np.array(sides) <= 0, axis=0)
    cover: NDArray[np.float64] = inside.reshape(height, _SUBSAMPLES, width, _SUBSAMPLES).mean(axis=(1, 3))
    return cover
