import numpy as np
import pytest
from PIL import Image, ImageOps

from layergraph.data.formats.stored_image import StoredImage, image_array, turn
from layergraph.errors import DataError

VALUES = np.arange(24, dtype=np.uint8).reshape(4, 6)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_turns_are_those_of_pillow(orientation):
    image = Image.fromarray(VALUES)
    image.getexif()[0x0112] = orientation
    turned = turn(VALUES, orientation)
    np.testing.assert_array_equal(turned, np.asarray(ImageOps.exif_transpose(image)))
    np.testing.assert_array_equal(turn(turned, orientation, back=True), VALUES)
    assert turned.strides == (turned.shape[1], 1)


@pytest.mark.parametrize("orientation", [0, 9, 300])
def test_an_unknown_orientation_turns_nothing(orientation):
    assert turn(VALUES, orientation) is VALUES


def test_axes():
    volume = np.zeros((4, 6, 5))
    cases = {("HWA", "error"): (4, 6, 5), ("HWA", "volume"): (4, 6, 5, 1), ("HWD", "error"): (4, 6, 5, 1)}
    cases |= {("HWD", "channels"): (4, 6, 5), ("HWC", "volume"): (4, 6, 5)}
    for (axes, pages), shape in cases.items():
        assert image_array(StoredImage(volume, axes, "NumPy", ""), "a.npy", pages).shape == shape


def test_no_pixels():
    with pytest.raises(DataError, match=r"'a\.tif' must have pixels, got 0×6"):
        image_array(StoredImage(np.zeros((0, 6)), "HW", "TIFF", ""), "a.tif")
