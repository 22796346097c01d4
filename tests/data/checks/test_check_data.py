"""A data set with one of every fault: each is named, and nothing else."""

import json
import os

import numpy as np
import pytest
from PIL import Image

from layergraph.cli.app import run
from layergraph.data import ImageDatastore, PixelLabelDatastore, check_data, write_image, write_labels
from layergraph.errors import ArgumentError, DataError, WrongTypeError


@pytest.fixture
def faulty_set(tmp_path):
    """24 pairs, of which 20 have a fault; the expected faults by the name of the file."""
    rng = np.random.default_rng(0)
    images, labels = tmp_path / "images", tmp_path / "labels"
    images.mkdir()
    labels.mkdir()
    for number in range(1, 25):
        write_image(images / f"{number:02}.png", rng.integers(0, 256, (16, 20, 3)))
        write_labels(labels / f"{number:02}.png", rng.integers(0, 2, (16, 20)))
    noise = rng.integers(0, 256, (16, 20, 3), np.uint8)
    picture = Image.fromarray(noise)
    content = (images / "01.png").read_bytes()
    (images / "01.png").write_bytes(content[: len(content) // 2])
    (images / "02.png").write_bytes(b"")
    (images / "03.png").write_bytes(b"not an image")
    (images / "04.png").unlink()
    (images / "04.png").symlink_to(tmp_path / "gone.png")
    picture.save(images / "05.png", save_all=True, append_images=[Image.fromarray(noise[::-1].copy())])
    write_image(images / "06.png", rng.integers(0, 256, (16, 20)))
    picture.resize((30, 16)).save(images / "07.png")
    write_labels(labels / "07.png", rng.integers(0, 2, (16, 30)))
    write_image(images / "08.png", np.full((16, 20, 3), 9))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise[:, ::-1].copy()).save(images / "09.png", exif=exif)
    Image.fromarray(noise[::-1, ::-1].copy()).convert("RGBA").save(images / "10.png")
    (images / "11.png").write_bytes((images / "12.png").read_bytes())
    Image.fromarray(rng.integers(0, 60000, (16, 20), dtype=np.uint16)).save(images / "13.png")
    write_labels(labels / "14.png", rng.integers(0, 2, (8, 20)))
    (labels / "15.png").unlink()
    (images / "16.png").unlink()
    write_labels(labels / "17.png", np.full((16, 20), 255))
    write_labels(labels / "18.png", np.where(np.arange(20) < 3, 7, np.zeros((16, 20), int)))
    write_labels(labels / "19.png", np.full((16, 20), 40))
    Image.fromarray(noise).save(labels / "20.png")
    (labels / "21.png").unlink()
    Image.fromarray(rng.integers(0, 2, (16, 20), np.uint8) * 40).save(labels / "21.jpg")
    expected = {
        ("images/01.png", "damaged", "error"),
        ("images/02.png", "empty", "error"),
        ("images/03.png", "damaged", "error"),
        ("images/04.png", "broken-link", "error"),
        ("images/05.png", "several-pages", "error"),
        ("images/06.png", "other-channels", "error"),
        ("images/07.png", "other-size", "warning"),
        ("images/08.png", "blank", "warning"),
        ("images/09.png", "orientation", "warning"),
        ("images/10.png", "transparency", "note"),
        ("images/12.png", "duplicate", "warning"),
        ("images/13.png", "other-channels", "error"),
        ("images/13.png", "other-type", "error"),
        ("images/14.png", "size-mismatch", "error"),
        ("images/15.png", "no-partner", "error"),
        ("labels/16.png", "no-partner", "error"),
        ("labels/17.png", "no-labels", "warning"),
        ("labels/18.png", "undeclared-values", "warning"),
        ("labels/19.png", "undeclared-values", "error"),
        ("labels/20.png", "wrong-values", "error"),
        ("labels/21.jpg", "lossy-labels", "error"),
        ("labels/21.jpg", "undeclared-values", "warning"),
    }
    return tmp_path, expected


def stores(folder):
    return ImageDatastore(folder / "images"), PixelLabelDatastore(
        folder / "labels", ["a", "b"], [0, 1], ignored_ids=[255]
    )


def test_one_of_every_fault(faulty_set):
    folder, expected = faulty_set
    before = {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}
    result = check_data(*stores(folder))
    found = {
        (issue.file.relative_to(folder).as_posix(), issue.fault, issue.severity) for issue in result.issues
    }
    assert found == expected
    assert len(result.issues) == len(expected)
    texts = {(issue.file.name, issue.fault): issue.text for issue in result.issues}
    assert texts["18.png", "undeclared-values"] == "it has values that are of no class: 7 (48 pixels)"
    assert texts["07.png", "other-size"] == "its size is 16×30, most have 16×20"
    assert texts["13.png", "other-type"] == "its type is uint16, most have uint8"
    assert before == {path: path.lstat().st_mtime_ns for path in folder.rglob("*")}, "a file has changed"


def test_the_good_store_has_only_pairs_without_errors(faulty_set):
    folder, expected = faulty_set
    good = check_data(*stores(folder)).good
    faulty = {name.split("/")[1][:2] for name, _, severity in expected if severity == "error"}
    names = [file.stem for file in good.files]
    assert names == [f"{n:02}" for n in range(1, 25) if f"{n:02}" not in faulty]
    assert [file.stem for file in good.stores[1].files] == names
    for image, labels in good.subset([0, len(good) - 1]):
        assert image.shape[:2] == labels.shape


def test_a_good_set_and_images_alone(tmp_path):
    rng = np.random.default_rng(0)
    for name in ("a.png", "b.png"):
        write_image(tmp_path / name, rng.integers(0, 256, (4, 6)))
    result = check_data(ImageDatastore(tmp_path))
    assert result.issues == ()
    assert str(result) == "2 files: 0 errors, 0 warnings, 0 notes"
    assert len(result.good) == 2
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(DataError, match="must be an item without an error, got none"):
        _ = check_data(ImageDatastore(tmp_path)).good
    with pytest.raises(WrongTypeError, match="images must be an ImageDatastore, got an object of type list"):
        check_data([])


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser reads every file")
def test_a_file_without_permission(tmp_path):
    write_image(tmp_path / "a.png", [[1, 2]])
    (tmp_path / "a.png").chmod(0)
    assert [issue.fault for issue in check_data(ImageDatastore(tmp_path)).issues] == ["unreadable"]


def test_the_command(faulty_set, capsys):
    folder, expected = faulty_set
    words = ["check-data", "--images", f"{folder}/images", "--labels", f"{folder}/labels"]
    words += ["--classes", "a,b", "--ignored-ids", "255"]
    assert run([*words, "--format", "json", "--skip-list", f"{folder}/skip.txt"]) == 1
    rows = json.loads(capsys.readouterr().out)["issues"]
    assert len(rows) == len(expected)
    errors = {name for name, _, severity in expected if severity == "error"}
    listed = (folder / "skip.txt").read_text().splitlines()
    assert {os.path.relpath(path, folder) for path in listed} == errors
    assert run([*words, "--format", "csv"]) == 1
    assert capsys.readouterr().out.startswith("file,severity,fault,text,advice\n")
    assert run(words) == 1
    assert capsys.readouterr().out.startswith("46 files: 14 errors, 7 warnings, 1 note\n")


def test_pairs_without_common_names(tmp_path):
    rng = np.random.default_rng(0)
    for folder, names in (("images", "ab"), ("labels", "xy")):
        (tmp_path / folder).mkdir()
        for name in names:
            write_image(tmp_path / folder / f"{name}.png", rng.integers(0, 2, (4, 6)))
    images, labels = stores(tmp_path)
    result = check_data(images, labels)
    assert [(issue.file.name, issue.fault) for issue in result.issues] == [("a.png", "other-names")]
    assert len(result.good) == 2
    assert check_data(images, labels, pair="ORDER").issues == ()
    assert [i.fault for i in check_data(images, labels[:1], pair="order").issues] == ["no-partner"]
    with pytest.raises(ArgumentError, match="must have no read_fcn"):
        check_data(ImageDatastore(tmp_path / "images", read_fcn=np.load))
