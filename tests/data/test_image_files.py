import os
from functools import partial

import pytest

from layergraph.data.image_files import ALL_EXTENSIONS
from layergraph.data.image_files import image_files as image_files_of_caller
from layergraph.errors import WrongTypeError

image_files = partial(image_files_of_caller, "ImageDatastore")


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
    paths = [folder / "b.png", str(folder / "deep"), folder / "a.JPG"]
    assert names(image_files(paths), folder) == ["b.png", "deep/c.png", "a.JPG"]


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
    assert refusal(image_files, []) == (
        "ImageDatastore: location must hold one image file or folder or more, got none"
    )


def test_folders_without_images(folder, refusal):
    (folder / "empty").mkdir()
    (folder / "outer/inner").mkdir(parents=True)
    all_kinds = ", ".join(ALL_EXTENSIONS)
    assert refusal(image_files, folder / "empty") == (
        f"folder '{folder}/empty' must hold image files ({all_kinds}), got no files; "
        "give the folder of the images, or file_extensions"
    )
    assert refusal(image_files, folder / "outer") == (
        f"folder '{folder}/outer' must hold image files ({all_kinds}), got no files; "
        "give include_subfolders=True to look in its subfolders, or file_extensions"
    )
    assert refusal(image_files, folder, include_subfolders=True, file_extensions=".gif") == (
        f"folder '{folder}' must hold image files (.gif), got other files, such as 'a-1.tif'; "
        "give the folder of the images, or file_extensions"
    )


def test_arguments_of_a_wrong_kind(folder, refusal):
    assert refusal(image_files, 3, error=WrongTypeError) == (
        "ImageDatastore: location must be a folder, a file, or a sequence of them, got 3"
    )
    assert refusal(image_files, [None], error=WrongTypeError) == (
        "ImageDatastore: location must hold folders and files, got None"
    )
    text = "ImageDatastore: file_extensions must be one or several extensions such as '.png', got"
    assert refusal(image_files, folder, file_extensions=()) == f"{text} ()"
    assert refusal(image_files, folder, file_extensions=[""]) == f"{text} ['']"


def test_a_folder_without_permission(folder, refusal, monkeypatch):
    def scandir(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "scandir", scandir)
    assert refusal(image_files, folder / "deep") == (
        f"cannot look into folder '{folder}/deep': Permission denied; check its permissions"
    )


def test_patterns(folder, refusal):
    def found(pattern, **options):
        return names(image_files(folder / pattern, **options), folder)

    assert found("*.png") == ["b.png"]
    assert found("*") == ["a-1.tif", "a.JPG", "b.png"]
    assert found("[ab].*") == ["a.JPG", "b.png"]
    assert found("**/*.png") == ["b.png", "deep/c.png", "deep/er/d.png"]
    assert found("**") == ["a-1.tif", "a.JPG", "b.png", "deep/c.png", "deep/er/d.png"]
    assert found("d??p/er/*.png") == ["deep/er/d.png"]
    # folders only where no file matches
    assert found("d*") == ["deep/c.png"]
    assert found("d*", include_subfolders=True) == ["deep/c.png", "deep/er/d.png"]
    # an extension in the pattern is meant, and one in file_extensions, too
    assert found("*.txt") == ["notes.txt"]
    assert found("*", file_extensions=".txt") == ["notes.txt"]
    assert names(image_files([folder / "*.txt", folder / "b*"]), folder) == ["notes.txt", "b.png"]
    with_brackets = folder / "b[1].png"
    with_brackets.touch()
    assert image_files(with_brackets) == (with_brackets,)
    assert refusal(image_files, folder / "*.gif") == (
        f"ImageDatastore: location must match image files, got '{folder}/*.gif'; there are 'a-1.tif', "
        "'a.JPG', 'b.png', 'b[1].png', 'deep', 'notes.txt'"
    )
    assert refusal(image_files, folder / "b*.pnk") == (
        f"ImageDatastore: location must match image files, got '{folder}/b*.pnk'; did you mean 'b.png'?"
    )
    assert refusal(image_files, folder / "depe/*.png") == (
        f"ImageDatastore: location must match image files, got '{folder}/depe/*.png'; did you mean 'deep'?"
    )


def test_arrays_and_volumes_count_where_there_are_no_images(folder):
    for name in ("b.npy", "deep/er/v.nii.gz"):
        (folder / name).touch()
    assert names(image_files(folder), folder) == ["a-1.tif", "a.JPG", "b.png"]
    assert names(image_files(folder, file_extensions="npy"), folder) == ["b.npy"]
    (folder / "deep/er/d.png").unlink()
    assert names(image_files(folder / "deep/er"), folder) == ["deep/er/v.nii.gz"]
