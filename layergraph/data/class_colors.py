"""Colors for classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layergraph.layers import arguments


def distinct_colors(count: int) -> NDArray[np.uint8]:
    """``count`` colors for classes, each as far as possible from all colors before it.

    The first colors are the same for every count, so class 3 has one color in every picture. All colors
    differ, and none is gray, very dark, very light (pictures have many such pixels) or glaring.

    Returns uint8 (count, 3), RGB. Distances are in Oklab. Raises ArgumentError if ``count`` exceeds the
    number of candidates, about a thousand. Source: Glasbey et al. 2007, Color displays for categorical
    images.

    >>> distinct_colors(2).shape
    (2, 3)
    """
    # 16 levels per channel, multiples of 17: 4096 colors, of which 1779 are usable
    steps = np.linspace(0, 255, 16).round().astype(np.uint8)
    candidates = np.stack(np.meshgrid(steps, steps, steps, indexing="ij"), axis=-1).reshape(-1, 3)
    positions = _oklab(candidates)
    light, chroma = positions[:, 0], np.hypot(positions[:, 1], positions[:, 2])
    usable = (light > 0.5) & (light < 0.9) & (chroma > 0.1) & (chroma < 0.22)
    candidates, positions = candidates[usable], positions[usable]
    count = arguments.whole("distinct_colors", "count", count, 0, len(candidates))
    chosen = [int(positions[:, 2].argmin())]  # the bluest color; yellow, red and green come next
    # farthest-point search: the last color alone can shorten a distance, so one pass each does
    nearest = np.full(len(positions), np.inf)
    while len(chosen) < count:
        # squared distances have the same order, without a root
        nearest = np.minimum(nearest, ((positions - positions[chosen[-1]]) ** 2).sum(axis=1))
        chosen.append(int(nearest.argmax()))
    # the slice is for a count of 0, since the bluest color is always chosen
    return candidates[chosen[:count]]


def _oklab(colors: NDArray[np.uint8]) -> NDArray[np.float64]:
    """sRGB bytes (N, 3) in Oklab (N, 3), where distances approximate perceived ones (Ottosson 2020)."""
    values = colors / 255
    # the transfer function of sRGB (IEC 61966-2-1)
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    # linear sRGB to cone responses
    to_cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    # cube roots of cone responses to lightness, green to red, blue to yellow
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return np.asarray(np.cbrt(linear @ to_cones.T) @ to_lab.T)
