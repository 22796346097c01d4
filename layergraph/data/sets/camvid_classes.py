"""The classes of CamVid: 32 original ones, their 11 groups, and the colors of both."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from layergraph.layers.arguments import flag

Color = tuple[int, int, int]

VOID: Color = (0, 0, 0)
"""The color of pixels that CamVid's authors gave no class."""

CAMVID_CLASSES: dict[str, dict[str, Color]] = {
    "Sky": {"Sky": (128, 128, 128)},
    "Building": {
        "Bridge": (0, 128, 64),
        "Building": (128, 0, 0),
        "Wall": (64, 192, 0),
        "Tunnel": (64, 0, 64),
        "Archway": (192, 0, 128),
    },
    "Pole": {"Column_Pole": (192, 192, 128), "TrafficCone": (0, 0, 64)},
    "Road": {"Road": (128, 64, 128), "LaneMkgsDriv": (128, 0, 192), "LaneMkgsNonDriv": (192, 0, 64)},
    "Pavement": {"Sidewalk": (0, 0, 192), "ParkingBlock": (64, 192, 128), "RoadShoulder": (128, 128, 192)},
    "Tree": {"Tree": (128, 128, 0), "VegetationMisc": (192, 192, 0)},
    "SignSymbol": {"SignSymbol": (192, 128, 128), "Misc_Text": (128, 128, 64), "TrafficLight": (0, 64, 64)},
    "Fence": {"Fence": (64, 64, 128)},
    "Car": {
        "Car": (64, 0, 128),
        "SUVPickupTruck": (64, 128, 192),
        "Truck_Bus": (192, 128, 192),
        "Train": (192, 64, 128),
        "OtherMoving": (128, 64, 64),
    },
    "Pedestrian": {
        "Pedestrian": (64, 64, 0),
        "Child": (192, 128, 64),
        "CartLuggagePram": (64, 0, 192),
        "Animal": (64, 128, 64),
    },
    "Bicyclist": {"Bicyclist": (0, 128, 192), "MotorcycleScooter": (192, 0, 192)},
}
"""The 11 groups, each with its original classes and their colors; ``Void`` is in none of them."""

# two groups are shown in another color than the first of their classes has in the label files
_SHOWN: dict[str, Color] = {"Pole": (192, 192, 192), "Pavement": (60, 40, 222)}


def camvid_classes(*, grouped: bool = True) -> tuple[str, ...]:
    """The names of the 11 groups, or with ``grouped=False`` of the 32 original classes in CamVid's order.

    >>> camvid_classes()[:4], len(camvid_classes(grouped=False))
    (('Sky', 'Building', 'Pole', 'Road'), 32)
    """
    return tuple(CAMVID_CLASSES) if _is_grouped("camvid_classes", grouped) else tuple(_original())


def camvid_pixel_label_ids(*, grouped: bool = True) -> list[list[Color]]:
    """The RGB triplets of each class in CamVid's label images: the lecture's ``camvidPixelLabelIDs``.

    In the order of ``camvid_classes``, for ``PixelLabelDatastore``. ``Void``, (0, 0, 0), is in no group, so
    that its pixels are unlabeled; of the 32 original classes it is one. Source: Brostow, Fauqueur and
    Cipolla, "Semantic Object Classes in Video", Pattern Recognition Letters 30(2), 2009; groups as in MATLAB.

    >>> camvid_pixel_label_ids()[2]
    [(192, 192, 128), (0, 0, 64)]
    >>> dict(zip(camvid_classes(), camvid_pixel_label_ids()))["Fence"]
    [(64, 64, 128)]
    """
    if _is_grouped("camvid_pixel_label_ids", grouped):
        return [list(colors.values()) for colors in CAMVID_CLASSES.values()]
    return [[color] for color in _original().values()]


def camvid_color_map(*, grouped: bool = True) -> NDArray[np.float64]:
    """The color in which each class is shown, (classes, 3), RGB from 0 to 1: ``camvidColorMap``.

    In the order of ``camvid_classes``, for ``labeloverlay``. The colors are those of the label images, but
    for the groups ``Pole`` and ``Pavement``, which MATLAB's examples show lighter.

    >>> (camvid_color_map()[4] * 255).round().astype(int).tolist()
    [60, 40, 222]
    """
    colors = (
        [_SHOWN.get(name, classes.get(name, VOID)) for name, classes in CAMVID_CLASSES.items()]
        if _is_grouped("camvid_color_map", grouped)
        else list(_original().values())
    )
    return np.array(colors) / 255


def _original() -> dict[str, Color]:
    classes = {name: color for group in CAMVID_CLASSES.values() for name, color in group.items()}
    # the order of CamVid's own list, which ignores case
    return dict(sorted((classes | {"Void": VOID}).items(), key=lambda item: item[0].casefold()))


def _is_grouped(call: str, grouped: object) -> bool:
    return flag(call, "grouped", grouped)
