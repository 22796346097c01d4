"""Folders of slices as volumes: images and labels, their order, their faults, and a network on them."""

import os

import numpy as np
import pytest
import tifffile
from PIL import Image

from layergraph.builders import unet3d_layers
from layergraph.data import ImageDatastore, PixelLabelDatastore, check_data, combine, count_each_label
from layergraph.errors import ArgumentError, DataError


def save_png(path, values):
    Image.fromarray(values).save(f"{path}.png")


def save_npy(path, values):
    np.save(f"{path}.npy", values)


def save_tiff(path, values):
    tifffile.imwrite(f"{path}.tif", values)


@pytest.fixture
def parts():
    """Two scans and their masks, of 12 slices: enough for numbers of one and two digits."""
    masks = [np.zeros((8, 6, 12), np.uint8) for _ in range(2)]
    for number, mask in enumerate(masks):
        mask[1 + number : 6, 2:5, 2:9] = 1
    depth = np.arange(12, dtype=np.uint8)
    return [mask * np.uint8(90) + depth for mask in masks], masks


def write(folder, volumes, save=save_png):
    for number, volume in enumerate(volumes):
        below = folder / f"patient{number}" / folder.name
        below.mkdir(parents=True)
        # without leading zeros: in alphabetical order 10 would come before 2
        for depth in range(volume.shape[2]):
            save(below / f"slice_{depth + 1}", np.ascontiguousarray(volume[:, :, depth]))
    return folder


def stores(tmp_path, parts, save=save_png):
    scans = ImageDatastore(write(tmp_path / "ct", parts[0], save), volumes="folders")
    masks = write(tmp_path / "seg", parts[1], save)
    return scans, PixelLabelDatastore(masks, ["back", "organ"], [0, 1], volumes="folders")


@pytest.mark.parametrize("save", [save_png, save_npy, save_tiff])
def test_each_folder_is_a_volume(tmp_path, parts, save):
    scans, masks = stores(tmp_path, parts, save)
    pairs = combine(scans, masks)
    assert [file.parent.name for file in scans.files] == ["patient0", "patient1"]
    for index, (scan, mask) in enumerate(pairs):
        np.testing.assert_array_equal(scan[..., 0], parts[0][index])
        np.testing.assert_array_equal(mask, parts[1][index])
    np.testing.assert_array_equal(scans.readimage(-1), scans[1])
    np.testing.assert_array_equal(scans.shuffle(seed=1)[0], scans[np.random.default_rng(1).permutation(2)[0]])
    assert mask.classes == ("back", "organ")
    _, info = scans.read(return_info=True)
    assert info.file_size == sum(file.stat().st_size for file in scans.parts(0))
    assert count_each_label(pairs).image_pixel_count.tolist() == [2 * 8 * 6 * 12] * 2
    assert check_data(scans, masks).issues == ()


def test_colors_and_ids_of_slices(tmp_path):
    (tmp_path / "a").mkdir()
    for depth in (1, 2):
        save_png(tmp_path / "a" / str(depth), np.full((2, 3, 3), depth, np.uint8))
    masks = PixelLabelDatastore(tmp_path, ["b", "a"], [(2, 2, 2), (1, 1, 1)], volumes="folders")
    assert masks[0][0, 0].tolist() == [1, 0]
    assert ImageDatastore(tmp_path, volumes="folders")[0].shape == (2, 3, 2, 3)
    # of one slice without a class, others have some
    masks = PixelLabelDatastore(tmp_path, ["a"], [1], ignored_ids=[2], volumes="folders")
    assert masks[0][0, 0].tolist() == [0, 255]


def test_a_function_reads_a_slice(tmp_path, parts):
    folder = write(tmp_path / "ct", parts[0], save_npy)
    scans = ImageDatastore(folder, file_extensions=".npy", read_fcn=np.load, volumes="folders")
    np.testing.assert_array_equal(scans[1][..., 0], parts[0][1])


def test_labels_of_volumes_are_the_folders_above(tmp_path, parts):
    folder = write(tmp_path / "ct", parts[0])
    scans = ImageDatastore(folder, label_source="foldernames", volumes="folders")
    assert scans.labels == ("patient0", "patient1")
    assert scans[[1]].info(0).label == "patient1"
    assert scans.partition(2, 1).labels == ("patient1",)


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["1.png", "2.png", "preview.png"],
            "must have names that differ in whole numbers alone, got .*preview",
        ),
        (["z-5.png", "z0.png", "z5.png"], "differ in whole numbers alone"),
        (
            ["a1_1.png", "a1_2.png", "a2_1.png"],
            r"the slices of one volume, .*a1_1.png' and 'a1_2.png' to 'a2_1",
        ),
        (["z1.25.png", "z1.5.png"], "differ in whole numbers alone"),
        (["1.png", "01.png"], "must have a number of its own, got .* and "),
        (["1.png", "2.PNG", "2.tif"], "differ in whole numbers alone, got .*2.tif"),
        (["1.png", "2.png", "more/1.png"], r"got both in '.*scan', such as '1.png' and the folder '.*more'"),
    ],
)
def test_an_uncertain_order_is_an_error(tmp_path, names, message):
    for name in names:
        path = tmp_path / "scan" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    with pytest.raises(DataError, match=message):
        ImageDatastore(tmp_path, volumes="folders")


def test_names_without_numbers_are_in_alphabetical_order(tmp_path):
    for name in "cab":
        save_png(tmp_path / name, np.full((2, 2), ord(name), np.uint8))
    assert bytes(ImageDatastore(tmp_path, volumes="folders")[0][0, 0, :, 0]) == b"abc"


@pytest.mark.parametrize("other", [np.zeros((8, 7), np.uint8), np.zeros((8, 6), np.uint16)])
def test_slices_of_another_size_or_type(tmp_path, parts, other):
    scans, masks = stores(tmp_path, parts)
    for store in (scans, masks):
        Image.fromarray(other).save(store.parts(1)[4])
        with pytest.raises(
            DataError, match=r"must have one size and type, got 8×6.*slice_1.png' and 8×.*_5.p"
        ):
            store[1]
    issues = check_data(scans, masks).issues
    assert [issue.file for issue in issues[:2]] == [scans.files[1], masks.files[1]]
    assert len(check_data(scans, masks).good) == 1


def test_a_slice_that_is_a_volume(tmp_path):
    (tmp_path / "a").mkdir()
    save_npy(tmp_path / "a" / "1", np.zeros((2, 2, 3, 1)))
    with pytest.raises(DataError, match=r"a slice of a volume must be one image, got 2×2×3×1"):
        ImageDatastore(tmp_path, volumes="folders")[0]
    with pytest.raises(ArgumentError, match="pages must be 'error' or 'channels' with volumes='folders'"):
        ImageDatastore(tmp_path, volumes="folders", pages="volume")
    with pytest.raises(ArgumentError, match="volumes must be 'files' or 'folders', got 'folder'"):
        PixelLabelDatastore(tmp_path, ["a"], [0], volumes="folder")


def test_damaged_and_missing_slices_are_reported(tmp_path, parts):
    scans, masks = stores(tmp_path, parts)
    scans.parts(0)[3].write_bytes(b"")
    masks.parts(1)[6].unlink()
    masks = PixelLabelDatastore(tmp_path / "seg", ["back", "organ"], [0, 1], volumes="folders")
    found = {issue.fault: issue for issue in check_data(scans, masks).issues}
    assert found["empty"].file == scans.files[0]
    assert found["empty"].text == "its slice 'slice_4.png': it is empty"
    assert found["missing-slice"].text == "its slices jump from 'slice_6.png' to 'slice_8.png'"
    assert found["size-mismatch"].file == scans.files[1]
    with pytest.raises(DataError, match=r"slice_4\.png"):
        scans[0]


def test_a_cache_sees_changed_slices(tmp_path, parts):
    scans, _ = stores(tmp_path, parts, save_tiff)
    scans.cache(tmp_path / "cache")
    assert scans.cache(tmp_path / "cache")[0].shape == (8, 6, 12, 1)
    # of the same size, in the same folder
    file = scans.parts(1)[5]
    os.utime(file, ns=(1, 1))
    with pytest.raises(DataError, match="got that of other or since changed files"):
        scans.cache(tmp_path / "cache")


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_network_learns_folders_of_slices(tmp_path, parts, num_workers):
    from layergraph.training import TrainingOptions, train_network

    scans, masks = stores(tmp_path, [[part[:, :, :8] for part in side] for side in parts])
    lgraph = unet3d_layers((8, 6, 8, 1), 2, encoder_depth=1, num_first_encoder_filters=2)
    options = {"mini_batch_size": 1, "verbose": False, "seed": 0, "num_workers": num_workers}
    options |= {"checkpoint_path": tmp_path / "saved", "execution_environment": "cpu"}
    train_network(combine(scans, masks), lgraph, TrainingOptions("adam", max_epochs=1, **options))
    _, info = train_network(
        combine(scans, masks),
        lgraph,
        TrainingOptions("adam", max_epochs=2, **options),
        resume_from=tmp_path / "saved",
    )
    assert len(info.training_loss) == 4
