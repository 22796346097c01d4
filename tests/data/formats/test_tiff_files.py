"""TIFF files of all kinds, written by tifffile, against the arrays that they were written from."""

import sys

import numpy as np
import pytest
import tifffile
from PIL import Image

from layergraph.data.formats.decode import decode
from layergraph.data.formats.stored_image import image_array
from layergraph.errors import DataError, MissingExtraError

RNG = np.random.default_rng(0)


def numbers(shape, dtype):
    dtype = np.dtype(dtype)
    if dtype.kind == "f":
        return RNG.normal(size=shape).astype(dtype)
    limits = np.iinfo(dtype)
    return RNG.integers(limits.min, limits.max, shape, dtype, endpoint=True)


def read(path, pages="error"):
    return image_array(decode(path, pages), path, pages)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i1", "i2", "i4", "u4", "f2", "f4", "f8"])
@pytest.mark.parametrize("channels", [1, 2, 3, 4, 7])
def test_numbers_and_channels(tmp_path, dtype, channels):
    values = numbers((4, 6, channels), dtype)
    color = "rgb" if channels == 3 else "minisblack"
    stored = values[..., 0] if channels == 1 else values
    # samples of no known meaning: the band of a satellite, which Pillow would leave out
    extra = ["unspecified"] * (channels - (3 if color == "rgb" else 1))
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric=color, planarconfig="contig", extrasamples=extra)
    array = read(tmp_path / "a.tif")
    assert array.dtype == np.dtype(dtype)
    np.testing.assert_array_equal(array, values)
    assert array.flags.writeable


@pytest.mark.parametrize(
    "options", [{"bigtiff": True}, {"byteorder": ">"}, {"compression": "zlib", "predictor": True}]
)
def test_forms_of_16_bit_color(tmp_path, options):
    values = numbers((4, 6, 3), "u2")
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", **options)
    array = read(tmp_path / "a.tif")
    np.testing.assert_array_equal(array, values)
    assert array.dtype.isnative
    planes = np.moveaxis(values, -1, 0)
    tifffile.imwrite(tmp_path / "b.tif", planes, photometric="rgb", planarconfig="separate", **options)
    np.testing.assert_array_equal(read(tmp_path / "b.tif"), values)


def test_transparency_is_left_out_and_a_fourth_channel_is_not(tmp_path):
    values = numbers((4, 6, 4), "u2")
    for kind, channels in (("unassalpha", 3), ("assocalpha", 3), ("unspecified", 4)):
        tifffile.imwrite(tmp_path / "a.tif", values, photometric="rgb", extrasamples=[kind])
        np.testing.assert_array_equal(read(tmp_path / "a.tif"), values[..., :channels])


@pytest.mark.parametrize("form", ["imagej", "ome"])
def test_axes_that_the_file_names(tmp_path, form):
    slices, channels = numbers((5, 4, 6), "u2"), numbers((2, 5, 4, 6), "u2")
    for axes, values, expected in (
        ("ZYX", slices, slices.transpose(1, 2, 0)[..., None]),
        ("CYX", slices, slices.transpose(1, 2, 0)),
        ("CZYX" if form == "ome" else "ZCYX", channels, None),
    ):
        tifffile.imwrite(tmp_path / "a.tif", values, **{form: True}, metadata={"axes": axes})
        if expected is None:
            # ImageJ stores slices before channels
            order = (2, 3, 1, 0) if form == "ome" else (2, 3, 0, 1)
            expected = values.transpose(order)
        np.testing.assert_array_equal(read(tmp_path / "a.tif"), expected)
    # a user's word counts more than the file's
    tifffile.imwrite(tmp_path / "a.tif", slices, **{form: True}, metadata={"axes": "ZYX"})
    np.testing.assert_array_equal(read(tmp_path / "a.tif", "channels"), slices.transpose(1, 2, 0))


def test_pages_without_a_name_need_a_word(tmp_path):
    values = numbers((5, 4, 6), "u1")
    for metadata in (None, {}):
        tifffile.imwrite(tmp_path / "a.tif", values, metadata=metadata)
        with pytest.raises(DataError) as caught:
            read(tmp_path / "a.tif")
        assert str(caught.value) == (
            f"image file '{tmp_path}/a.tif' must hold one image, got 5 pages of 6×4; give pages='channels' "
            "if they are the channels of one image, pages='volume' if they are the slices of a volume, or "
            "save each page as a file"
        )
        np.testing.assert_array_equal(read(tmp_path / "a.tif", "channels"), values.transpose(1, 2, 0))
        np.testing.assert_array_equal(
            read(tmp_path / "a.tif", "volume"), values.transpose(1, 2, 0)[..., None]
        )
    colors = numbers((5, 4, 6, 3), "u1")
    tifffile.imwrite(tmp_path / "a.tif", colors, photometric="rgb")
    np.testing.assert_array_equal(read(tmp_path / "a.tif", "volume"), colors.transpose(1, 2, 0, 3))
    with pytest.raises(DataError, match=r"must hold one image or volume, got the axes 5×4×6×3 \(QYXS\)"):
        read(tmp_path / "a.tif", "channels")


def test_pages_of_palette_and_bits_are_as_single_pages(tmp_path):
    indices = RNG.integers(0, 4, (3, 4, 6), np.uint8)
    colors = RNG.integers(0, 256, (256, 3), np.uint8)
    images = [Image.fromarray(page) for page in indices]
    for image in images:
        image.putpalette(colors.tobytes())
    images[0].save(tmp_path / "a.tif", save_all=True, append_images=images[1:])
    expected = np.moveaxis(colors[indices], 0, 2)
    np.testing.assert_array_equal(read(tmp_path / "a.tif", "volume"), expected)
    labels = decode(tmp_path / "a.tif", "volume")
    np.testing.assert_array_equal(labels.values, indices.transpose(1, 2, 0))
    assert labels.axes == "HWD"
    bits = RNG.integers(0, 2, (2, 4, 6)).astype(bool)
    for color in ("minisblack", "miniswhite"):
        tifffile.imwrite(tmp_path / "b.tif", bits, photometric=color)
        expected = (bits if color == "minisblack" else ~bits).transpose(1, 2, 0)[..., None] * np.uint8(255)
        np.testing.assert_array_equal(read(tmp_path / "b.tif", "volume"), expected)
        tifffile.imwrite(tmp_path / "c.tif", bits[0], photometric=color)
        np.testing.assert_array_equal(read(tmp_path / "c.tif"), expected[:, :, 0])


def test_damaged_files(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", numbers((5, 40, 60), "u2"), imagej=True, metadata={"axes": "ZYX"})
    whole = (tmp_path / "a.tif").read_bytes()
    for length in range(0, len(whole), 997):
        (tmp_path / "a.tif").write_bytes(whole[:length])
        with pytest.raises(DataError):
            read(tmp_path / "a.tif")


def test_large_pages_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    tifffile.imwrite(
        tmp_path / "a.tif", np.zeros((20, 20, 5), np.uint8), photometric="minisblack", planarconfig="contig"
    )
    with pytest.raises(DataError, match=r"refused for its size \(20×20\); if you trust it"):
        read(tmp_path / "a.tif")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert read(tmp_path / "a.tif").shape == (20, 20, 5)


def test_without_tifffile_plain_files_are_read_and_no_others(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tifffile", None)
    monkeypatch.delitem(sys.modules, "tifffile")
    values = numbers((4, 6, 3), "u1")
    Image.fromarray(values).save(tmp_path / "plain.tif")
    tifffile.imwrite(tmp_path / "deep.tif", numbers((4, 6, 3), "u2"), photometric="rgb")
    monkeypatch.setitem(sys.modules, "tifffile", None)
    np.testing.assert_array_equal(read(tmp_path / "plain.tif"), values)
    with pytest.raises(MissingExtraError) as caught:
        read(tmp_path / "deep.tif")
    assert str(caught.value) == (
        f"image file '{tmp_path}/deep.tif' has more than Pillow reads (several pages, 16-bit color, or other "
        "channels or numbers), and needs the package tifffile, which is not installed: "
        'pip install "layergraph[tiff]"'
    )


def test_a_missing_decompressor_is_named(tmp_path):
    pages = [Image.fromarray(numbers((4, 6), "u1")) for _ in range(2)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:], compression="tiff_lzw")
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        with pytest.raises(
            DataError, match="its compression needs the package imagecodecs, which is not installed"
        ):
            read(tmp_path / "a.tif", "volume")
    else:
        assert read(tmp_path / "a.tif", "volume").shape == (4, 6, 2, 1)
