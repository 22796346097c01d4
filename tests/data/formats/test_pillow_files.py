"""PNG, GIF and PNM files beyond 8 bits and one page, and orientation tags."""

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from layergraph.data.formats.decode import decode
from layergraph.data.formats.stored_image import image_array
from layergraph.errors import DataError

RNG = np.random.default_rng(0)


def read(path, pages="error"):
    return image_array(decode(path, pages), path, pages)


def deep_png(path, values, color_type, transparency=b""):
    """A PNG of 16 bits, byte by byte, with one filter in each row; Pillow cannot write one."""
    values = np.asarray(values, ">u2")
    height, width, channels = values.shape

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows, above = [], np.zeros(width * channels * 2, int)
    for number in range(height):
        row = np.frombuffer(values[number].tobytes(), np.uint8).astype(int)
        left = np.concatenate([np.zeros(2 * channels, int), row[: -2 * channels]])
        # filters 0 none, 1 left, 2 above, 3 average
        kind = number % 4
        predicted = (0 * row, left, above, (left + above) // 2)[kind]
        rows.append(bytes([kind]) + ((row - predicted) % 256).astype(np.uint8).tobytes())
        above = row
    parts = [chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0))]
    parts += [chunk(b"tRNS", transparency)] if transparency else []
    parts += [chunk(b"IDAT", zlib.compress(b"".join(rows))), chunk(b"IEND", b"")]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


@pytest.mark.parametrize(("color_type", "channels", "kept"), [(0, 1, 1), (2, 3, 3), (4, 2, 1), (6, 4, 3)])
def test_16_bits_of_a_png(tmp_path, color_type, channels, kept):
    values = RNG.integers(0, 65536, (9, 7, channels))
    deep_png(tmp_path / "a.png", values, color_type)
    array = read(tmp_path / "a.png")
    assert array.dtype == np.uint16
    np.testing.assert_array_equal(array, values[..., :kept])


def test_16_bits_with_a_transparent_color(tmp_path):
    values = RNG.integers(0, 65536, (3, 4, 3))
    deep_png(tmp_path / "a.png", values, 2, struct.pack(">3H", *values[0, 0]))
    np.testing.assert_array_equal(read(tmp_path / "a.png"), values)


def test_a_damaged_16_bit_png(tmp_path):
    deep_png(tmp_path / "a.png", RNG.integers(0, 65536, (30, 40, 3)), 2)
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="truncated"):
        read(tmp_path / "a.png")


def test_16_bit_color_of_a_ppm_says_what_it_loses(tmp_path):
    (tmp_path / "a.ppm").write_bytes(b"P6 2 1 65535\n" + struct.pack(">6H", 300, 0, 0, 65535, 256, 511))
    stored = decode(tmp_path / "a.ppm")
    assert stored.losses == ("has 16 bits per color channel, of which the upper 8 are read",)
    (tmp_path / "b.ppm").write_bytes(b"P6 2 1 255\n" + bytes(6))
    assert decode(tmp_path / "b.ppm").losses == ()


@pytest.mark.parametrize("extension", ["gif", "webp", "png"])
def test_frames_become_slices(tmp_path, extension):
    frames = RNG.integers(0, 255, (3, 4, 6, 3), np.uint8)
    images = [Image.fromarray(frame) for frame in frames]
    path = tmp_path / f"a.{extension}"
    options = {"lossless": True} if extension == "webp" else {}
    images[0].save(path, save_all=True, append_images=images[1:], duration=50, **options)
    with pytest.raises(DataError, match="must hold one image, got 3 pages of 6×4; give pages="):
        read(path)
    volume = read(path, "volume")
    assert volume.shape == (4, 6, 3, 3)
    with Image.open(path) as image:
        for page in range(3):
            image.seek(page)
            np.testing.assert_array_equal(volume[:, :, page], np.asarray(image.convert("RGB")))
    with pytest.raises(
        DataError, match=r"must hold pages without channels .* got 4×6×3×3; give pages='volume'"
    ):
        read(path, "channels")


@pytest.mark.parametrize("extension", ["png", "jpg", "tif", "webp"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_array_is_as_stored_and_knows_its_orientation(tmp_path, extension, orientation):
    values = np.zeros((16, 32, 3), np.uint8)
    values[:8, :8] = 255  # one bright corner, which every turn moves
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(values).save(tmp_path / f"a.{extension}", exif=exif)
    stored = decode(tmp_path / f"a.{extension}")
    assert stored.orientation == orientation
    assert stored.values.shape == (16, 32, 3)
    np.testing.assert_allclose(stored.values[2:6, 2:6], 255, atol=9)
    assert stored.values.mean() == pytest.approx(255 * 64 / 512, rel=0.1)
