"""A picture in axes of matplotlib."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.image import AxesImage


def draw_picture(ax: Axes, picture: NDArray[np.uint8]) -> None:
    """Show a picture (H, W, 3) in axes, in place of one that they show, without ticks and frame.

    >>> from layergraph.axes import new_axes
    >>> axes = new_axes("imshow", 2, 2)
    >>> draw_picture(axes, np.zeros((2, 2, 3), np.uint8))
    >>> len(axes.images)
    1
    """
    for image in [*ax.images]:
        remove_colorbar(image)
        image.remove()
    # smoothed if it is reduced, since single pixels would be lost, and never if it is enlarged
    ax.imshow(picture, interpolation="auto")
    ax.set_axis_off()


def remove_colorbar(image: AxesImage) -> None:
    """Remove the color bar of an image, if it has one."""
    bar: Any = image.colorbar
    if bar is not None:
        bar.remove()
