"""Images and labels on the screen, with a bar of the classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from layergraph.axes import axes_texts, missing_matplotlib
from layergraph.data.label_array import LabelArray
from layergraph.data.label_ids import class_names
from layergraph.errors import ArgumentError
from layergraph.segmentation.pictures.axes_picture import draw_picture, remove_colorbar
from layergraph.segmentation.pictures.colors import class_colors
from layergraph.segmentation.pictures.overlay import labeloverlay
from layergraph.segmentation.pictures.rgb_image import rgb_image

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colorbar import Colorbar

_LONGEST_NAME = 32  # characters


def imshow(
    image: ArrayLike,
    display_range: Sequence[float] | None = None,
    *,
    channels: int | Sequence[int] | None = None,
    colormap: ArrayLike | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Show an image, or labels in the colors of their classes, in axes of matplotlib.

    By default they are pyplot's current axes, in which it takes the place of the picture before it, as in
    MATLAB. A notebook shows them below the cell; in a script, ``matplotlib.pyplot.show()`` opens the window
    and ``ax.figure.savefig("image.png")`` writes a file.

    Args:
        image: an image by the rules of :func:`rgb_image`; or labels: those that know their classes, as of
            :func:`semanticseg`, or class indices (H, W) with a ``colormap``. Unlabeled pixels are black.
        display_range, channels: those of :func:`rgb_image`, for images.
        colormap: a color for each class, as in :func:`labeloverlay`; by default :func:`distinct_colors`.
        ax: axes of matplotlib.

    Returns:
        The axes.

    Raises:
        ArgumentError: ``display_range`` or ``channels`` with labels.
        MissingExtraError: matplotlib is not installed.
        DataError: the errors of :func:`rgb_image` and :func:`labeloverlay`.

    Source: MATLAB, imshow.

    >>> from matplotlib.figure import Figure
    >>> ax = imshow([[0.0, 0.5, 1.0]], ax=Figure().add_subplot())
    >>> ax.images[0].get_array().shape
    (1, 3, 3)
    """
    if isinstance(image, LabelArray) or colormap is not None:
        if display_range is not None or channels is not None:
            raise ArgumentError("imshow: display_range and channels are for images, got labels; omit them")
        black = np.zeros(np.shape(image)[:2], np.uint8)
        picture = labeloverlay(black, image, colormap=colormap, transparency=0)
    else:
        picture = rgb_image(image, display_range, channels=channels)
    if ax is None:
        ax = _current_axes("imshow")
    draw_picture(ax, picture)
    return ax


def pixel_label_colorbar(
    colormap: ArrayLike | None, classes: Sequence[str], *, ax: Axes | None = None
) -> Colorbar:
    """Add a bar of the classes and their colors to a picture that :func:`imshow` shows, from below.

    Args:
        colormap: a color for each class, as in :func:`labeloverlay`; None are those of
            :func:`distinct_colors`.
        classes: the class names.
        ax: the axes with the picture, by default pyplot's current axes.

    Returns:
        The color bar of matplotlib.

    Raises:
        ArgumentError: the axes show no picture, or there are fewer colors than classes.
        MissingExtraError: matplotlib is not installed.

    Source: MATLAB's example of semantic segmentation, pixelLabelColorbar.

    >>> from matplotlib.figure import Figure
    >>> ax = imshow([[0.0, 0.5, 1.0]], ax=Figure().add_subplot())
    >>> bar = pixel_label_colorbar(None, ["sky", "road"], ax=ax)
    >>> [text.get_text() for text in bar.ax.get_yticklabels()]
    ['sky', 'road']
    """
    call = "pixel_label_colorbar"
    names = class_names(classes, f"{call}: classes")
    colors = class_colors(colormap, len(names), f"{call}: colormap")[: len(names)]
    if ax is None:
        ax = _current_axes(call)
    if not ax.images:
        raise ArgumentError(f"{call}: ax must show a picture, got axes without one; call imshow first")
    from matplotlib.colors import ListedColormap, Normalize

    image = ax.images[-1]
    remove_colorbar(image)
    # for the bar alone: the picture has its colors already
    image.set_cmap(ListedColormap(colors / 255))
    image.set_norm(Normalize(0, len(names)))
    bar = ax.figure.colorbar(image, ax=ax)
    texts, families = axes_texts(call, names, _LONGEST_NAME)
    bar.set_ticks([index + 0.5 for index in range(len(names))], labels=texts, fontfamily=families)
    bar.ax.tick_params(length=0)
    return bar


def _current_axes(call: str) -> Axes:
    try:
        from matplotlib import pyplot
    except ImportError:
        raise missing_matplotlib(call) from None
    return pyplot.gca()
