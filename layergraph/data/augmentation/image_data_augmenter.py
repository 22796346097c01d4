"""Random affine maps of images: MATLAB's ``imageDataAugmenter``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, cast

import numpy as np

from layergraph.data.augmentation.affine import Affine
from layergraph.data.augmentation.parts import Parts
from layergraph.data.augmentation.ranges import Range, drawn, interval
from layergraph.data.augmentation.warp import FillValue
from layergraph.data.randomness import item_generator
from layergraph.errors import ArgumentError, DataError
from layergraph.layers.arguments import flag

_SHEARS = (-89.9, 89.9)  # at 90 degrees the image is a line
_SCALES = (1e-6, 1e6)


@dataclass(frozen=True, kw_only=True)
class ImageDataAugmenter:
    """Random reflections, rotations, scales, shears and translations: MATLAB's ``imageDataAugmenter``.

    An instance is a function for ``transform``: it changes an image, or an image and its labels alike, by one
    random affine map about the center. The image keeps its size and its type of numbers, its channels may be
    any number. The map is, in this order, reflection, scale, shear, rotation, translation. Images are
    interpolated linearly; labels take the nearest pixel and stay class indices. Pixels from outside of the
    image get ``fill_value``, and their labels 255 (unlabeled). Maps of reflections and whole translations
    alone are exact.

    Volumes (height, width, depth, channels) turn and shear in the plane of height and width; ``rand_scale``
    scales all three axes, and the ``z`` options act along the depth.

    A range is ``(min, max)``, drawn uniformly, or a function without arguments that returns a number. All
    numbers are drawn from ``item_generator()``; a function may use any global random state.

    Args:
        fill_value: of image pixels from outside: a number, or one per channel.
        rand_x_reflection: reflect left and right with probability 0.5.
        rand_y_reflection: reflect top and bottom with probability 0.5.
        rand_rotation: degrees; positive is clockwise.
        rand_scale: factor of both axes.
        rand_x_scale: factor of the width; not together with ``rand_scale``.
        rand_y_scale: factor of the height; not together with ``rand_scale``.
        rand_x_shear: angle in degrees, from -89.9 to 89.9.
        rand_y_shear: angle in degrees, from -89.9 to 89.9.
        rand_x_translation: pixels to the right.
        rand_y_translation: pixels down.
        rand_z_reflection: reflect front and back of a volume with probability 0.5.
        rand_z_scale: factor of the depth of a volume; not together with ``rand_scale``.
        rand_z_translation: voxels along the depth.

    Raises:
        ArgumentError: a range that is no pair of numbers in order, or scales that exclude each other; at a
            call, a function that returns a number out of range.

    >>> augmenter = ImageDataAugmenter(rand_x_reflection=True, rand_rotation=(-10, 10))
    >>> image, labels = augmenter((np.zeros((8, 8, 3), np.uint8), np.zeros((8, 8), np.uint8)))
    >>> image.shape, labels.shape
    ((8, 8, 3), (8, 8))
    """

    fill_value: FillValue = 0
    rand_x_reflection: bool = False
    rand_y_reflection: bool = False
    rand_rotation: Range = (0, 0)
    rand_scale: Range = (1, 1)
    rand_x_scale: Range = (1, 1)
    rand_y_scale: Range = (1, 1)
    rand_x_shear: Range = (0, 0)
    rand_y_shear: Range = (0, 0)
    rand_x_translation: Range = (0, 0)
    rand_y_translation: Range = (0, 0)
    rand_z_reflection: bool = False
    rand_z_scale: Range = (1, 1)
    rand_z_translation: Range = (0, 0)

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name == "fill_value":
                continue
            value = getattr(self, field.name)
            checked: object = (
                flag(self, field.name, value)
                if field.name.endswith("reflection")
                else interval(self, field.name, value, *_limits(field.name))
            )
            object.__setattr__(self, field.name, checked)
        single = [self.rand_x_scale, self.rand_y_scale, self.rand_z_scale]
        if self.rand_scale != (1, 1) and any(scale != (1, 1) for scale in single):
            raise ArgumentError(
                "ImageDataAugmenter: rand_scale scales all axes and must not be given with rand_x_scale, "
                "rand_y_scale or rand_z_scale; give one or the others"
            )

    def __call__(self, item: Any) -> Any:
        """The item, changed at random: an image, or a tuple of an image and its labels."""
        return self._apply(Parts(type(self).__name__, item))

    def augment(self, images: Any) -> Any:
        """An image, changed at random, or a list of images, each changed on its own: MATLAB's ``augment``.

        >>> ImageDataAugmenter(rand_x_translation=lambda: 1).augment(np.array([[1, 2, 3]])).tolist()
        [[0, 1, 2]]
        """
        return [self(image) for image in images] if isinstance(images, list) else self(images)

    def _apply(self, parts: Parts) -> Any:
        is_volume = len(parts.spatial) == 3
        z_options = (self.rand_z_reflection, self.rand_z_scale, self.rand_z_translation)
        if not is_volume and z_options != (False, (1, 1), (0, 0)):
            raise DataError(
                f"{parts.owner}: the z options are for volumes (height, width, depth, channels), got an "
                f"image of shape {parts.arrays[0].shape}; leave them out"
            )
        random = item_generator()

        def number(name: str) -> float:
            return drawn(self, name, getattr(self, name), *_limits(name))

        reflections = (self.rand_x_reflection, self.rand_y_reflection, self.rand_z_reflection)
        affine = Affine(
            reflection=cast(Any, tuple(bool(option and random.random() < 0.5) for option in reflections)),
            rotation=number("rand_rotation"),
            scale=self._scale(number),
            x_shear=number("rand_x_shear"),
            y_shear=number("rand_y_shear"),
            translation=(
                number("rand_x_translation"),
                number("rand_y_translation"),
                number("rand_z_translation"),
            ),
        )
        return affine.apply(parts, self.fill_value)

    def _scale(self, number: Callable[[str], float]) -> tuple[float, float, float]:
        if self.rand_scale != (1, 1):
            scale = number("rand_scale")
            return scale, scale, scale
        return number("rand_x_scale"), number("rand_y_scale"), number("rand_z_scale")


def augment_image_and_label(
    data: Any, x_translation: Sequence[float], y_translation: Sequence[float], *, fill_value: FillValue = 0
) -> Any:
    """Reflect an image and its labels left and right at random, and move them by random distances.

    The function of the same name in MATLAB's examples, for ``transform``: with probability 0.5 a reflection,
    and translations drawn uniformly from ``x_translation`` (to the right) and ``y_translation`` (down), each
    (min, max) in pixels. Uncovered labels are 255 (unlabeled), uncovered pixels ``fill_value``. ``data`` is
    (image, labels), or an image.

    >>> pair = np.ones((4, 4, 3), np.uint8), np.zeros((4, 4), np.uint8)
    >>> image, labels = augment_image_and_label(pair, (1, 1), (0, 0))
    >>> image[0, :, 0].tolist(), labels[0].tolist()
    ([0, 1, 1, 1], [255, 0, 0, 0])
    """
    augmenter = ImageDataAugmenter(
        rand_x_reflection=True,
        rand_x_translation=cast(Any, x_translation),
        rand_y_translation=cast(Any, y_translation),
        fill_value=fill_value,
    )
    return augmenter._apply(Parts("augment_image_and_label", data))


def _limits(name: str) -> tuple[float, float]:
    if name.endswith("shear"):
        return _SHEARS
    return _SCALES if name.endswith("scale") else (-np.inf, np.inf)
