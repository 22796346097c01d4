import numpy as np
import pytest

from layergraph.data import count_each_label, triangle_images


def content(folder):
    return {file.relative_to(folder).as_posix(): file.read_bytes() for file in folder.rglob("*.png")}


def test_the_set(tmp_path):
    images, labels = triangle_images(tmp_path)
    assert len(images) == len(labels) == 200
    assert images.files[0] == tmp_path / "images" / "image_001.png"
    assert labels.files[199] == tmp_path / "labels" / "label_200.png"
    assert labels.classes == ("triangle", "background")
    assert labels.label_ids == ((255,), (0,))
    counts = count_each_label(labels)
    assert counts.image_pixel_count.tolist() == [204800, 204800], (
        "an image without triangle, or of triangle alone"
    )
    assert counts.pixel_count.sum() == 204800
    assert counts.pixel_count[0] / 204800 == pytest.approx(10326 / 204800, abs=0.003)


def test_triangles_are_lighter_in_every_image(tmp_path):
    images, labels = triangle_images(tmp_path, n=60)
    inner, outer = [], []
    for image, label in zip(images, labels, strict=True):
        inner.append(image[label == 0].mean())
        outer.append(image[label == 1].mean())
    assert np.subtract(inner, outer).min() > 25
    assert np.std(inner) > 5, "all triangles of one gray"
    assert np.std(outer) > 5, "all backgrounds of one gray"


def test_a_seed_gives_one_set_and_longer_sets_start_like_shorter_ones(tmp_path):
    triangle_images(tmp_path / "a", n=4, seed=5)
    triangle_images(tmp_path / "b", n=9, seed=5)
    triangle_images(tmp_path / "c", n=4, seed=6)
    a, b, c = (content(tmp_path / name) for name in "abc")
    assert a.items() < b.items()
    assert not a.items() & c.items()
    triangle_images(tmp_path / "a", n=4, seed=5)
    assert content(tmp_path / "a") == a


@pytest.mark.parametrize("size", [(8, 8), (8, 60), (50, 9), (64, 48)])
def test_sizes(tmp_path, size):
    images, labels = triangle_images(tmp_path, n=20, size=size)
    assert {image.shape for image in images} == {(*size, 1)}
    assert count_each_label(labels).image_pixel_count.tolist() == [20 * size[0] * size[1]] * 2


@pytest.mark.slow
def test_many_images_get_longer_numbers(tmp_path):
    images, _ = triangle_images(tmp_path, n=1000, size=(8, 8))
    assert [images.files[i].name for i in (0, 999)] == ["image_0001.png", "image_1000.png"]


def test_sets_do_not_mix(tmp_path, refusal):
    triangle_images(tmp_path, n=3)
    before = content(tmp_path)
    assert refusal(triangle_images, tmp_path, n=2, seed=1) == (
        f"triangle_images: folder '{tmp_path}/images' must hold no images of another set, got "
        "'image_003.png', which would mix with the triangles; remove them or give another folder"
    )
    (tmp_path / "images" / "notes.txt").touch()
    (tmp_path / "labels" / "cat.JPG").touch()
    assert "got 'cat.JPG'" in refusal(triangle_images, tmp_path, n=3, seed=1)
    assert content(tmp_path) == before
    (tmp_path / "labels" / "cat.JPG").unlink()
    assert len(triangle_images(tmp_path, n=4)[0]) == 4


def test_numbers_out_of_range(tmp_path, refusal):
    for options in ({"n": 0}, {"size": (7, 32)}, {"seed": -1}, {"size": (32, 32, 1)}):
        given = {"n": 200, "size": (32, 32), "seed": 0} | options
        assert refusal(triangle_images, tmp_path, **options) == (
            "triangle_images: n must be at least 1, size at least 8×8 and seed 0 or more, "
            f"got n={given['n']}, size={given['size']} and seed={given['seed']}"
        )
    assert not list(tmp_path.iterdir())
