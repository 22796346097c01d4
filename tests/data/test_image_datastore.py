import os
import re
import struct
import zlib
from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from layergraph.data import (
    Datastore,
    ImageDatastore,
    PixelLabelDatastore,
    combine,
    read_image,
    resize_image,
    write_image,
)
from layergraph.errors import DataError, DataWarning

PALETTE = [255, 0, 0, 0, 255, 0, 0, 0, 255, 10, 20, 30]


def check(path, expected, dtype=np.uint8):
    image = read_image(path)
    assert image.dtype == dtype
    assert image.ndim == 3
    assert image.flags.writeable
    assert image.tolist() == expected


def test_gray(png):
    check(png("a.png", 0, 8, 3, [[0, 7, 255]]), [[[0], [7], [255]]])
    check(png("b.png", 0, 1, 3, [[0b10100000], [0b01000000]]), [[[255], [0], [255]], [[0], [255], [0]]])
    check(png("c.png", 0, 4, 2, [[0xF1]]), [[[255], [17]]])
    sixteen = struct.pack(">3H", 0, 258, 65535)
    check(png("d.png", 0, 16, 3, [sixteen]), [[[0], [258], [65535]]], np.uint16)
    check(png("e.png", 4, 8, 2, [[9, 255, 200, 0]]), [[[9], [200]]])


def test_color(png):
    check(png("a.png", 2, 8, 2, [[1, 2, 3, 250, 0, 9]]), [[[1, 2, 3], [250, 0, 9]]])
    check(png("b.png", 6, 8, 2, [[1, 2, 3, 0, 250, 0, 9, 128]]), [[[1, 2, 3], [250, 0, 9]]])
    check(png("c.png", 3, 8, 2, [[1, 3]], PALETTE), [[[0, 255, 0], [10, 20, 30]]])
    check(
        png("d.png", 3, 2, 4, [[0b00011011]], PALETTE),
        [[[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]]],
    )
    transparent = png("e.png", 3, 8, 2, [[1, 3]], PALETTE, transparency=[0, 128, 255])
    check(transparent, [[[0, 255, 0], [10, 20, 30]]])


def test_other_formats(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "a.jpg", quality=95)
    red = read_image(tmp_path / "a.jpg")
    assert red.shape == (8, 8, 3)
    assert red[0, 0, 0] > 245
    assert red[0, 0, 1] < 10
    Image.fromarray(np.array([[0.5, -2.0]], np.float32)).save(tmp_path / "b.tif")
    check(tmp_path / "b.tif", [[[0.5], [-2.0]]], np.float32)
    Image.fromarray(np.array([[5, 65535]], np.int32)).save(tmp_path / "c.tif")
    check(tmp_path / "c.tif", [[[5], [65535]]], np.int32)
    big_endian = struct.pack(">2sHI", b"MM", 42, 8) + struct.pack(">H", 8)
    for tag, kind, value in ((256, 3, 2), (257, 3, 1), (258, 3, 16), (259, 3, 1), (262, 3, 1), (277, 3, 1)):
        big_endian += struct.pack(">HHIHH", tag, kind, 1, value, 0)
    big_endian += struct.pack(">HHII", 273, 4, 1, 110) + struct.pack(">HHII", 279, 4, 1, 4) + bytes(4)
    (tmp_path / "d.tif").write_bytes(big_endian.ljust(110, b"\0") + struct.pack(">2H", 258, 3))
    check(tmp_path / "d.tif", [[[258], [3]]], np.uint16)


def test_orientation_tags_are_not_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 2)).save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg").shape == (2, 4, 3)


def test_files_that_cannot_be_read(tmp_path, refusal):
    missing, empty, text, cut = (tmp_path / name for name in ("no.png", "empty.png", "text.png", "cut.png"))
    assert refusal(read_image, missing) == f"there is no image file '{missing}'; check the path"
    empty.touch()
    advice = "; repair the file or leave it out"
    assert refusal(read_image, empty) == f"cannot read image file '{empty}': it is empty{advice}"
    text.write_text("not an image")
    assert refusal(read_image, text) == (
        f"cannot read image file '{text}': it is damaged, or of a kind that is not supported; supported are "
        "images in BMP, GIF, JPEG, PNG, PNM, TIFF and WebP files, arrays in .npy and .npz files, and volumes "
        "in .nii and .nii.gz files"
    )
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3))
    write_image(cut, noise)
    whole = cut.read_bytes()
    cut.write_bytes(whole[: len(whole) // 2])
    expected = rf"cannot read image file '{re.escape(str(cut))}': .*truncated.*{advice}"
    assert re.fullmatch(expected, refusal(read_image, cut))
    Image.fromarray(np.array([[5, 65536]], np.int32)).save(tmp_path / "deep.tif")
    assert read_image(tmp_path / "deep.tif").tolist() == [[[5], [65536]]]
    assert refusal(PixelLabelDatastore(tmp_path / "deep.tif", ["a"], [5]).__getitem__, 0) == (
        f"label image '{tmp_path}/deep.tif' must hold values from 0 to 65535, got values from 5 to 65536; "
        "convert it to 8 or 16 bits"
    )


def test_every_cut_of_a_file_gives_our_error_or_the_image(tmp_path):
    rng = np.random.default_rng(1)
    for name in ("a.png", "a.jpg", "a.tif", "a.bmp", "a.gif"):
        file = tmp_path / name
        Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8)).save(file)
        whole = file.read_bytes()
        for length in range(0, len(whole), 7):
            file.write_bytes(whole[:length])
            with suppress(DataError):
                assert read_image(file).shape == (9, 9, 3)


def test_the_store(png, tmp_path):
    for name in ("b.png", "a.png", "c/d.png"):
        png(f"set/{name}", 0, 8, 2, [b"xy"])
    images = ImageDatastore(tmp_path / "set")
    assert len(images) == 2
    assert [file.name for file in images.files] == ["a.png", "b.png"]
    assert images[0].tolist() == [[[120], [121]]]
    assert len(ImageDatastore(tmp_path / "set", include_subfolders=True)) == 3
    assert [file.name for file in images[::-1].files] == ["b.png", "a.png"]
    assert repr(images) == f"ImageDatastore(2 items, first file '{tmp_path}/set/a.png')"
    assert repr(images[:0]) == "ImageDatastore(0 items)"


def test_writing(tmp_path):
    gray, color = np.array([[0, 255]]), np.arange(12).reshape(2, 2, 3)
    write_image(tmp_path / "gray.png", gray)
    write_image(tmp_path / "gray.png", gray[:, :, None])
    assert read_image(tmp_path / "gray.png")[:, :, 0].tolist() == gray.tolist()
    write_image(tmp_path / "color.PNG", color)
    assert read_image(tmp_path / "color.PNG").tolist() == color.tolist()
    assert sorted(os.listdir(tmp_path)) == ["color.PNG", "gray.png"]


def test_invalid_images_and_paths(tmp_path, monkeypatch, refusal):
    file = tmp_path / "a.png"
    shape = f"cannot write '{file}': an image must be (height, width[, 1 or 3]), got"
    assert refusal(write_image, file, [1, 2]) == f"{shape} (2,)"
    assert refusal(write_image, file, np.zeros((0, 4), int)) == f"{shape} (0, 4)"
    assert refusal(write_image, file, np.zeros((2, 2, 2), int)) == f"{shape} (2, 2, 2)"
    values = f"cannot write '{file}': an 8-bit image must hold whole numbers from 0 to 255, got"
    assert refusal(write_image, file, [[0.5]]) == f"{values} float64 from 0.5 to 0.5"
    assert refusal(write_image, file, [[-1, 256]]) == f"{values} int64 from -1 to 256"
    assert refusal(write_image, tmp_path / "a.jpg", [[1]]) == (
        f"cannot write '{tmp_path}/a.jpg': the file is a PNG, so its name must end in .png"
    )
    assert refusal(write_image, tmp_path / "no/a.png", [[1]]) == (
        f"cannot write '{tmp_path}/no/a.png': there is no folder '{tmp_path}/no' to write 'a.png' to; "
        "check the folder"
    )
    write_image(file, [[7]])
    monkeypatch.setattr(
        os, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    assert refusal(write_image, file, [[8]]).endswith("No space left on device; check the folder")
    assert read_image(file).tolist() == [[[7]]], "a failed write has touched the old file"
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_file_of_several_pages_is_refused(tmp_path, refusal):
    pages = [Image.fromarray(np.full((4, 6), 100 * number, np.uint8)) for number in range(3)]
    for name in ("volume.tif", "movie.gif", "movie.webp"):
        pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:], duration=9)
        assert refusal(read_image, tmp_path / name) == (
            f"image file '{tmp_path}/{name}' must hold one image, got 3 pages of 6×4; give "
            "pages='channels' if they are the channels of one image, pages='volume' if they are the slices "
            "of a volume, or save each page as a file"
        )
    # a second page of another size is a preview
    pages[0].save(tmp_path / "preview.tif", save_all=True, append_images=[pages[1].resize((3, 2))])
    assert read_image(tmp_path / "preview.tif").tolist() == [[[0]] * 6] * 4


def test_very_large_images(tmp_path, refusal, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    Image.new("L", (20, 20)).save(tmp_path / "large.png")
    text = refusal(read_image, tmp_path / "large.png")
    assert text.startswith(
        f"image file '{tmp_path}/large.png' is refused for its size (Image size (400 pixels)"
    )
    assert text.endswith("if you trust it, set PIL.Image.MAX_IMAGE_PIXELS = None before reading")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert read_image(tmp_path / "large.png").shape == (20, 20, 1)


def test_files_of_matlab_are_refused(tmp_path, refusal):
    (tmp_path / "a.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    assert refusal(read_image, tmp_path / "a.mat") == (
        f"cannot read '{tmp_path}/a.mat' as an image: it holds MATLAB variables; read it with "
        "scipy.io.loadmat, for example in a read_fcn"
    )


def sixteen_bit_color(path):
    """Pillow cannot write 16-bit color: two pixels of a PNG, byte by byte."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + struct.pack(">6H", 300, 0, 0, 65535, 256, 511)
    parts = [
        chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0)),
        chunk(b"IDAT", zlib.compress(row)),
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b""))


def test_information_that_the_array_lacks_is_reported_once(tmp_path):
    for name in ("a.png", "b.png"):
        sixteen_bit_color(tmp_path / name)
    images = ImageDatastore(tmp_path)
    read = [image.tolist() for image in (*images, *images.shuffle(0))]
    assert read == [[[[300, 0, 0], [65535, 256, 511]]]] * 4
    exif = Image.Exif()
    exif[0x0112] = 6  # rotated by 90 degrees
    for name in ("a.jpg", "b.jpg"):
        Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / name, exif=exif)
    turned = ImageDatastore(tmp_path, file_extensions=".jpg")
    with pytest.warns(DataWarning, match=r"a\.jpg' has an orientation tag, which is not applied") as caught:
        assert [image.shape for image in turned] == [(4, 6, 3)] * 2
    assert len(caught) == 1


@pytest.mark.parametrize("name", ["mini_batch_size", "file"])
def test_unknown_attributes_are_refused(tmp_path, name):
    write_image(tmp_path / "a.png", [[0]])
    images = ImageDatastore(tmp_path)
    labels = PixelLabelDatastore(tmp_path, ["a"], [0])
    for store in (images, labels, combine(images, labels), images.transform(len)):
        with pytest.raises(AttributeError, match=f"^{type(store).__name__} has no attribute '{name}'; "):
            setattr(store, name, 4)
    with pytest.raises(AttributeError, match="did you mean 'files'"):
        images.file = 1
    with pytest.raises(AttributeError, match=r"^ImageDatastore: files cannot be set; make a new one"):
        images.files = ()


def test_a_store_of_a_user_sets_its_attributes():
    class Numbers(Datastore):
        def __init__(self):
            self.count = 3

        def __len__(self):
            return self.count

        def read_item(self, index):
            return index

        def take(self, indices):
            return self

    store = Numbers()
    store.count = 4
    assert list(store) == [0, 1, 2, 3]


def test_one_true_pixel_stays_one():
    image = np.zeros((8, 8, 1), bool)
    image[3, 3] = True
    assert resize_image(image, (16, 16)).sum() == 4  # at twice the size a pixel becomes four
    assert resize_image(image, (8, 16)).dtype == bool
    shrunk = [np.roll(image, (row, column), (0, 1)) for row in range(2) for column in range(2)]
    assert sum(int(resize_image(one, (4, 4)).sum()) for one in shrunk) == 1  # bilinear would give four each


def test_orientation_on_request(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (4, 2)).save(tmp_path / "a.png", exif=exif)
    assert read_image(tmp_path / "a.png", apply_orientation=1).shape == (4, 2, 3)
