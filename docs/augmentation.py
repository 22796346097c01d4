"""Draw the picture of augmented items in data.md: ``python docs/augmentation.py``."""

from __future__ import annotations

import tempfile
from pathlib import Path

from layergraph.data import ColorJitter, ImageDataAugmenter, combine, triangle_images, write_image
from layergraph.segmentation import augmentation_sheet

PICTURE = Path(__file__).parent / "images" / "augmentation.png"


def main() -> None:
    augmenter = ImageDataAugmenter(
        rand_x_reflection=True, rand_rotation=(-30, 30), rand_x_shear=(-20, 20), rand_x_translation=(-10, 10)
    )
    with tempfile.TemporaryDirectory() as folder:
        pairs = combine(*triangle_images(folder, 2, size=(64, 64)))
        jitter = ColorJitter(brightness=(0.7, 1.3))
        write_image(PICTURE, augmentation_sheet(pairs, lambda pair: jitter(augmenter(pair)), scale=2))


if __name__ == "__main__":
    main()
