"""Two images in one picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layergraph.data.class_indices import check_indices, class_indices
from layergraph.data.label_array import LabelArray, class_names_of
from layergraph.errors import ArgumentError, DataError
from layergraph.labels import UNLABELED
from layergraph.layers import arguments
from layergraph.segmentation.arrays import real_array
from layergraph.segmentation.pictures.axes_picture import draw_picture
from layergraph.segmentation.pictures.rgb_image import rgb_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Method = Literal["falsecolor", "blend", "diff", "montage", "checkerboard"]
Scaling = Literal["independent", "joint", "none"]

_CALL = "imshowpair"
_GRAY = (0.299, 0.587, 0.114)  # of red, green and blue: ITU-R BT.601
_SQUARES = 8  # along the longer side of a checkerboard


def imshowpair(
    a: ArrayLike,
    b: ArrayLike,
    method: Method = "falsecolor",
    *,
    scaling: Scaling = "independent",
    ax: Axes | None = None,
) -> NDArray[np.uint8]:
    """Draw two images in one picture that shows where they differ.

    Args:
        a, b: images (H, W), (H, W, 1) or (H, W, 3), or labels that know their classes, as of
            :func:`semanticseg`; their shades are then those of their classes, black for unlabeled pixels, so
            that equal labels are gray and others green or magenta.
        method: ``"falsecolor"``: green where ``a`` is brighter, magenta where ``b`` is, gray where both are
            equal; ``"blend"``: the mean; ``"diff"``: the absolute difference in gray; ``"montage"``: side by
            side; ``"checkerboard"``: squares of one and the other. The first and ``"diff"`` are of the
            brightness of RGB images.
        scaling: what gray means of gray images and of brightness: ``"independent"``, from the lowest to the
            highest value of each image; ``"joint"``, of both images, which must have one type; ``"none"``,
            by the rules of :func:`rgb_image`. An image of one value is black. Colors are never scaled, nor
            labels.
        ax: axes of matplotlib that show the picture, too.

    Returns:
        uint8 RGB (H, W, 3).

    Raises:
        DataError: the sizes differ (but for a montage), values are not finite, or the classes differ.
        ArgumentError: an unknown method or scaling, or a joint scaling of two types.

    Source: MATLAB, imshowpair and imfuse; it fills the smaller of two images, which is an error here.

    >>> imshowpair([[0, 5, 9]], [[0, 9, 9]])[0].tolist()
    [[0, 0, 0], [255, 142, 255], [255, 255, 255]]
    """
    form = arguments.choice(_CALL, "method", method, get_args(Method))
    scale = arguments.choice(_CALL, "scaling", scaling, get_args(Scaling))
    if isinstance(a, LabelArray) or isinstance(b, LabelArray):
        one, two = _label_shades(a, b)
    else:
        is_gray = form in ("falsecolor", "diff")
        one, two = (_values(image, name, scale, is_gray) for image, name in ((a, "a"), (b, "b")))
        if scale == "joint" and np.asarray(a).dtype != np.asarray(b).dtype:
            raise ArgumentError(
                f"{_CALL}: scaling must be 'independent' or 'none' for images of different types, got "
                f"'joint' for {np.asarray(a).dtype} and {np.asarray(b).dtype}"
            )
        if scale != "none":
            one, two = _scaled(one, two, joint=scale == "joint")
    if form != "montage" and one.shape[:2] != two.shape[:2]:
        raise DataError(
            f"{_CALL}: a and b must have the same height and width, got {one.shape[:2]} and {two.shape[:2]}"
        )
    picture = np.floor(_combined(one, two, form) * 255 + 0.5).astype(np.uint8)
    if ax is not None:
        draw_picture(ax, picture)
    return picture


def _combined(one: NDArray[Any], two: NDArray[Any], method: Method) -> NDArray[Any]:
    """The picture (H, W, 3) of two images (H, W, 1 or 3), from 0 to 1."""
    if method == "falsecolor":
        return np.concatenate([two, one, two], axis=2)
    if method == "diff":
        return np.asarray(np.abs(one - two).repeat(3, axis=2))
    left, right = (image.repeat(3 // image.shape[2], axis=2) for image in (one, two))
    if method == "blend":
        return np.asarray((left + right) / 2)
    if method == "montage":
        height = max(len(left), len(right))
        tiles = [np.pad(image, ((0, height - len(image)), (0, 0), (0, 0))) for image in (left, right)]
        return np.concatenate(tiles, axis=1)
    side = -(-max(left.shape[:2]) // _SQUARES)
    rows, columns = (np.arange(length) // side for length in left.shape[:2])
    is_left = (rows[:, None] + columns) % 2 == 0
    return np.where(is_left[:, :, None], left, right)


def _values(image: ArrayLike, name: str, scaling: Scaling, is_gray: bool) -> NDArray[np.float64]:
    """The image (H, W, 1 or 3): as it is if it will be scaled, else from 0 to 1."""
    owner = f"{_CALL}: {name}"
    array = real_array(image, owner)
    array = array[:, :, None] if array.ndim == 2 else array
    if array.ndim != 3 or array.shape[2] not in (1, 3) or not array.size:
        raise DataError(
            f"{owner} must be (H, W), (H, W, 1) or (H, W, 3) with pixels, got the shape {np.shape(image)}"
        )
    if not np.isfinite(array).all():
        raise DataError(f"{owner} must hold finite numbers, got NaN or infinity; give np.nan_to_num({name})")
    if scaling == "none" or (array.shape[2] == 3 and not is_gray):
        array = rgb_bytes(array, owner)[:, :, : array.shape[2]] / 255
    values = array.astype(np.float64)
    return (values @ np.array(_GRAY))[:, :, None] if is_gray and values.shape[2] == 3 else values


def _scaled(
    one: NDArray[np.float64], two: NDArray[np.float64], *, joint: bool
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gray images from 0 to 1; colors are so already."""
    gray = [image for image in (one, two) if image.shape[2] == 1]
    ends = [(image.min(), image.max()) for image in gray]
    if joint and gray:
        ends = [(min(low for low, _ in ends), max(high for _, high in ends))] * len(gray)
    # "or 1": an image of one value is black, not 0/0
    scaled = iter(
        [(image - low) / ((high - low) or 1) for image, (low, high) in zip(gray, ends, strict=True)]
    )
    first, second = (next(scaled) if image.shape[2] == 1 else image for image in (one, two))
    return first, second


def _label_shades(a: ArrayLike, b: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """A shade for each class, the same in both, and black for unlabeled pixels."""
    known = [names for names in map(class_names_of, (a, b)) if names is not None]
    if len(known) == 2 and known[0] != known[1]:
        raise DataError(f"{_CALL}: a and b must have the same classes, got {known[0]} and {known[1]}")
    both = [class_indices(labels, f"{_CALL}: {name}") for labels, name in ((a, "a"), (b, "b"))]
    highest = max(int(array.max(initial=0, where=array != UNLABELED)) for array in both)
    count = len(known[0]) if known else highest + 1
    for array, name in zip(both, "ab", strict=True):
        if array.ndim != 2:
            raise DataError(f"{_CALL}: {name} must be labels (H, W), as the other is, got {array.shape}")
        check_indices(array, count, f"{_CALL}: {name}")
    shades = np.zeros(UNLABELED + 1)
    shades[:count] = np.arange(1, count + 1) / count
    first, second = (shades[array.astype(np.intp)][:, :, None] for array in both)
    return first, second
