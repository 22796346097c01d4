"""Volumes in files: stores of images and labels, counts, and a 3-D U-Net trained on them."""

import nibabel
import numpy as np
import pytest
import tifffile

from layergraph.builders import unet3d_layers
from layergraph.data import ImageDatastore, PixelLabelDatastore, check_data, count_each_label
from layergraph.errors import DataError


def save_npy(path, values):
    np.save(f"{path}.npy", values)


def save_nifti(path, values):
    # labels are often saved as decimals
    nibabel.save(nibabel.Nifti1Image(values.astype(np.float64), np.eye(4)), f"{path}.nii.gz")


def save_tiff(path, values):
    tifffile.imwrite(f"{path}.tif", values.transpose(2, 0, 1), imagej=True, metadata={"axes": "ZYX"})


@pytest.fixture
def volumes():
    labels = [np.zeros((8, 8, 4), np.uint8) for _ in range(2)]
    for number, label in enumerate(labels):
        label[1 + number : 6, 2:6, :3] = 1
    return [label * np.uint8(90) + np.uint8(5) for label in labels], labels


@pytest.mark.parametrize("save", [save_npy, save_nifti, save_tiff])
def test_stores_of_volumes(tmp_path, volumes, save):
    for folder, parts in zip(("scans", "masks"), volumes, strict=True):
        (tmp_path / folder).mkdir()
        for number, values in enumerate(parts):
            save(tmp_path / folder / f"{number}", values)
    scans = ImageDatastore(tmp_path / "scans", pages="volume")
    masks = PixelLabelDatastore(tmp_path / "masks", ["back", "cube"], [0, 1])
    for index in range(2):
        np.testing.assert_array_equal(scans[index][..., 0], volumes[0][index])
        np.testing.assert_array_equal(masks[index], volumes[1][index])
    assert count_each_label(masks).pixel_count.tolist() == [512 - 108, 108]
    assert check_data(scans, masks).issues == ()


def test_colors_and_probabilities_are_no_labels(tmp_path):
    np.save(tmp_path / "a.npy", np.full((4, 4), 0.5))
    with pytest.raises(DataError, match=r"must hold gray or palette values, .* got floating-point numbers"):
        PixelLabelDatastore(tmp_path / "a.npy", ["a"], [0])[0]
    np.save(tmp_path / "a.npy", np.full((4, 4), -1))
    with pytest.raises(DataError, match="must hold values from 0 to 65535, got values from -1 to -1"):
        PixelLabelDatastore(tmp_path / "a.npy", ["a"], [0])[0]
    colors = np.zeros((4, 4, 3), np.uint8)
    colors[:2] = (1, 2, 3)
    np.save(tmp_path / "a.npy", colors)
    labels = PixelLabelDatastore(tmp_path / "a.npy", ["a", "b"], [(0, 0, 0), (1, 2, 3)])[0]
    assert labels.tolist() == [[1] * 4] * 2 + [[0] * 4] * 2
    tifffile.imwrite(tmp_path / "b.tif", np.full((4, 4), 300, np.uint16))
    assert PixelLabelDatastore(tmp_path / "b.tif", ["a"], [300])[0].max() == 0


@pytest.mark.slow
def test_a_network_learns_volumes(tmp_path, volumes):
    from layergraph.training import TrainingOptions, train_network

    for folder, parts in zip(("scans", "masks"), volumes, strict=True):
        (tmp_path / folder).mkdir()
        for number, values in enumerate(parts):
            save_nifti(tmp_path / folder / f"{number}", values)
    scans = ImageDatastore(tmp_path / "scans")
    masks = PixelLabelDatastore(tmp_path / "masks", ["back", "cube"], [0, 1])
    lgraph = unet3d_layers((8, 8, 4, 1), 2, encoder_depth=1, num_first_encoder_filters=4)
    options = TrainingOptions(
        "adam", max_epochs=40, mini_batch_size=2, initial_learn_rate=0.02, verbose=False, seed=0
    )
    net, info = train_network(scans.combine(masks), lgraph, options)
    assert info.training_loss[-1] < 0.5 * info.training_loss[0]
    import torch

    scan = torch.from_numpy(np.moveaxis(scans[0], -1, 0)[None].astype(np.float32))
    with torch.no_grad():
        predicted = net(scan).argmax(1)[0].numpy()
    assert (predicted == masks[0]).mean() > 0.9
