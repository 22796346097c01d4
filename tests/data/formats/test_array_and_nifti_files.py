"""Arrays of NumPy and volumes of NIfTI, hostile and damaged files included."""

import gzip
import pickle
import sys

import nibabel
import numpy as np
import pytest

from layergraph.data.formats.decode import decode
from layergraph.data.formats.nifti_files import read_affine
from layergraph.data.formats.stored_image import image_array
from layergraph.errors import MissingExtraError

RNG = np.random.default_rng(0)


def read(path, pages="error"):
    return image_array(decode(path, pages), path, pages)


@pytest.mark.parametrize("dtype", ["u1", "u2", ">u2", "i2", "f4", ">f8", "f2", "i8"])
def test_numbers_of_arrays(tmp_path, dtype):
    values = RNG.integers(0, 100, (4, 6, 5)).astype(dtype)
    np.save(tmp_path / "a.npy", values)
    np.savez_compressed(tmp_path / "a.npz", image=values)
    for name in ("a.npy", "a.npz"):
        array = read(tmp_path / name)
        assert array.dtype == np.dtype(dtype).newbyteorder("=")
        assert array.flags.writeable
        np.testing.assert_array_equal(array, values)


def test_axes_of_arrays(tmp_path, refusal):
    cases = {(4, 6): (4, 6, 1), (4, 6, 5): (4, 6, 5), (4, 6, 5, 2): (4, 6, 5, 2)}
    for shape, expected in cases.items():
        np.save(tmp_path / "a.npy", np.zeros(shape))
        assert read(tmp_path / "a.npy").shape == expected
    np.save(tmp_path / "a.npy", np.zeros((4, 6, 5)))
    assert read(tmp_path / "a.npy", "volume").shape == (4, 6, 5, 1)
    np.save(tmp_path / "a.npy", np.zeros((4, 6), bool))
    assert read(tmp_path / "a.npy").dtype == np.uint8
    for shape in ((4,), (), (1, 2, 3, 4, 5), (0, 4)):
        np.save(tmp_path / "a.npy", np.zeros(shape))
        assert "must be (height, width), (height, width, channels)" in refusal(read, tmp_path / "a.npy")


def test_files_of_other_things(tmp_path, refusal):
    np.savez(tmp_path / "a.npz", image=np.zeros((4, 4)), mask=np.zeros((4, 4)))
    assert refusal(read, tmp_path / "a.npz") == (
        f"'{tmp_path}/a.npz' must hold one array, got 2 ('image', 'mask'); save one array per file, or give "
        "a read_fcn that chooses"
    )
    np.save(tmp_path / "a.npy", np.zeros((4, 4), complex))
    assert refusal(read, tmp_path / "a.npy") == f"'{tmp_path}/a.npy' must hold real numbers, got complex128"
    np.save(tmp_path / "a.npy", np.array([["x"]]))
    assert refusal(read, tmp_path / "a.npy") == f"'{tmp_path}/a.npy' must hold real numbers, got <U1"


class Evil:
    def __reduce__(self):
        return print, ("this must not run",)


def test_nothing_of_a_file_runs(tmp_path, refusal, capsys):
    advice = "; repair the file or leave it out"
    np.save(tmp_path / "a.npy", np.array([[Evil()]], object), allow_pickle=True)
    np.savez(tmp_path / "a.npz", np.array([[Evil()]], object), allow_pickle=True)
    (tmp_path / "b.npy").write_bytes(pickle.dumps(Evil()))
    (tmp_path / "b.npz").write_bytes(pickle.dumps(Evil()))
    for name in ("a.npy", "a.npz", "b.npy", "b.npz"):
        text = refusal(read, tmp_path / name)
        assert text == f"cannot read image file '{tmp_path}/{name}': it holds no plain array{advice}", name
    assert capsys.readouterr().out == ""


def test_damaged_arrays(tmp_path, refusal):
    np.save(tmp_path / "a.npy", np.zeros((40, 60)))
    np.savez_compressed(tmp_path / "a.npz", RNG.normal(size=(40, 60)))
    for name in ("a.npy", "a.npz"):
        whole = (tmp_path / name).read_bytes()
        for length in range(0, len(whole), 499):
            (tmp_path / name).write_bytes(whole[:length])
            text = refusal(read, tmp_path / name)
            assert ("it is empty" in text) == (length == 0), text
        # a header that promises a terabyte
    np.save(tmp_path / "a.npy", np.zeros((1, 1)))
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content.replace(b"(1, 1), }      ", b"(999999, 99999)}"))
    assert "it is damaged" in refusal(read, tmp_path / "a.npy")
    assert refusal(read, tmp_path / "no.npy") == f"there is no image file '{tmp_path}/no.npy'; check the path"


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
@pytest.mark.parametrize("kind", ["Nifti1Image", "Nifti2Image"])
def test_nifti(tmp_path, name, kind):
    affine = np.array([[0, -0.8, 0, 10], [0.7, 0, 0, 20], [0, 0, 3, 30], [0, 0, 0, 1]])
    for shape, expected in {
        (4, 6, 5): (4, 6, 5, 1),
        (4, 6, 5, 2): (4, 6, 5, 2),
        (4, 6, 5, 1, 3): (4, 6, 5, 3),
    }.items():
        values = RNG.integers(-1000, 1000, shape).astype(np.int16)
        nibabel.save(getattr(nibabel, kind)(values, affine), tmp_path / name)
        array = read(tmp_path / name)
        assert array.dtype == np.int16
        np.testing.assert_array_equal(array, values.reshape(expected))
    np.testing.assert_allclose(read_affine(tmp_path / name), affine, rtol=1e-6)


def test_the_scale_of_a_nifti_file_is_applied(tmp_path):
    image = nibabel.Nifti1Image(np.arange(8, dtype=np.int16).reshape(2, 2, 2), np.eye(4))
    image.header.set_slope_inter(2, -1)
    nibabel.save(image, tmp_path / "a.nii")
    np.testing.assert_allclose(read(tmp_path / "a.nii").ravel(), 2 * np.arange(8) - 1)


def test_damaged_volumes(tmp_path, refusal):
    nibabel.save(nibabel.Nifti1Image(RNG.normal(size=(9, 9, 9)), np.eye(4)), tmp_path / "a.nii.gz")
    whole = (tmp_path / "a.nii.gz").read_bytes()
    for length in (0, 10, 100, 300, 1000, len(whole) - 50):
        (tmp_path / "b.nii.gz").write_bytes(whole[:length])
        print(length)
        assert refusal(read, tmp_path / "b.nii.gz").endswith("; repair the file or leave it out"), length
    (tmp_path / "b.nii").write_bytes(gzip.decompress(whole)[:2000])
    assert refusal(read, tmp_path / "b.nii").endswith("; repair the file or leave it out")
    assert refusal(read, tmp_path / "no.nii") == f"there is no image file '{tmp_path}/no.nii'; check the path"


def test_without_nibabel(tmp_path, refusal, monkeypatch):
    monkeypatch.setitem(sys.modules, "nibabel", None)
    assert refusal(read, tmp_path / "a.nii.gz", error=MissingExtraError) == (
        f"'{tmp_path}/a.nii.gz' needs the package nibabel, which is not installed: "
        'pip install "layergraph[volumes]"'
    )
