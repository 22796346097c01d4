import os

import pytest

from layergraph.data.image_files import IMAGE_EXTENSIONS, image_files
from layergraph.errors import WrongTypeError


@pytest.fixture
def folder(tmp_path):
    for name in (
        "b.png",
        "a.JPG",
        "a-1.tif",
        "._a.png",
        "notes.txt",
        "deep/c.png",
        "deep/er/d.png",
        ".x/e.png",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


def names(files, folder):
    return [file.relative_to(folder).as_posix() for file in files]


def test_a_folder(folder):
    assert names(image_files(folder), folder) == ["a-1.tif", "a.JPG", "b.png"]
    assert image_files(str(folder)) == image_files(folder)
    below = image_files(folder, include_subfolders=True)
    assert names(below, folder) == ["a-1.tif", "a.JPG", "b.png", "deep/c.png", "deep/er/d.png"]


@pytest.mark.parametrize("extensions", ["PNG", ".png", (".png",), ["png", ".gif"]])
def test_extensions(folder, extensions):
    assert names(image_files(folder, file_extensions=extensions), folder) == ["b.png"]


def test_files_and_several_folders(folder):
    assert names(image_files(folder / "notes.txt"), folder) == ["notes.txt"]
    places = [folder / "b.png", str(folder / "deep"), folder / "a.JPG"]
    assert names(image_files(places), folder) == ["b.png", "deep/c.png", "a.JPG"]


def test_missing_paths(folder, refusal):
    assert (
        refusal(image_files, folder / "deeep")
        == f"there is no file or folder '{folder}/deeep'; did you mean 'deep'?"
    )
    assert refusal(image_files, [folder / "b.png", folder / "deep/zzz"]) == (
        f"there is no file or folder '{folder}/deep/zzz'; there are 'c.png', 'er'"
    )
    assert refusal(image_files, folder / "no/such/x.png") == (
        f"there is no file or folder '{folder}/no/such/x.png'; the path exists only up to '{folder}'"
    )
    assert refusal(image_files, []) == "location is an empty sequence; name at least one image file or folder"


def test_folders_without_images(folder, refusal):
    (folder / "empty").mkdir()
    (folder / "outer/inner").mkdir(parents=True)
    all_kinds = ", ".join(IMAGE_EXTENSIONS)
    assert refusal(image_files, folder / "empty") == (
        f"folder '{folder}/empty' has no image files ({all_kinds}); it holds no files; "
        "give the folder of the images, or file_extensions"
    )
    assert refusal(image_files, folder / "outer") == (
        f"folder '{folder}/outer' has no image files ({all_kinds}); it holds no files; "
        "give include_subfolders=True to look in its subfolders, or file_extensions"
    )
    assert refusal(image_files, folder, include_subfolders=True, file_extensions=".gif") == (
        f"folder '{folder}' has no image files (.gif); it holds other files, such as 'a-1.tif'; "
        "give the folder of the images, or file_extensions"
    )


def test_arguments_of_a_wrong_kind(folder, refusal):
    text = "location must be a folder, a file, or a sequence of files, got"
    assert refusal(image_files, 3, error=WrongTypeError) == f"{text} 3"
    assert refusal(image_files, [None], error=WrongTypeError) == f"{text} one None"
    text = "file_extensions must be one or several extensions such as '.png', got"
    assert refusal(image_files, folder, file_extensions=()) == f"{text} ()"
    assert refusal(image_files, folder, file_extensions=[""]) == f"{text} ['']"


def test_a_folder_without_permission(folder, refusal, monkeypatch):
    def scandir(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", scandir)
    assert refusal(image_files, folder / "deep") == (
        f"cannot look into folder '{folder}/deep': Permission denied; check its permissions"
    )
