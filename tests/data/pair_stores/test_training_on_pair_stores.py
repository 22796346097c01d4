"""Training on the stores of pairs, with augmentation."""

import numpy as np
import pytest

from layergraph import ClassificationLayer, FullyConnectedLayer, ImageInputLayer, LayerGraph, SoftmaxLayer
from layergraph.builders import segnet_layers
from layergraph.data import (
    AugmentedImageDatastore,
    ImageDataAugmenter,
    ImageDatastore,
    PixelLabelImageDatastore,
    RandomPatchExtractionDatastore,
    count_each_label,
    triangle_images,
    write_image,
)
from layergraph.training import TrainingOptions, train_network


class Watch:
    """An augmentation that keeps what it returns."""

    def __init__(self):
        self.items = []
        self._augment = ImageDataAugmenter(rand_x_reflection=True, rand_rotation=(-30, 30))

    def __call__(self, pair):
        self.items.append(self._augment(pair))
        return self.items[-1]


def resized(images, labels, augment):
    return PixelLabelImageDatastore(images, labels, data_augmentation=augment, output_size=(16, 16))


def cut(images, labels, augment):
    return RandomPatchExtractionDatastore(
        images, labels, 16, patches_per_image=2, data_augmentation=augment, class_balanced=True
    )


@pytest.mark.parametrize("make", [resized, cut])
def test_training_learns_from_new_versions_in_each_epoch(tmp_path, make):
    images, labels = triangle_images(tmp_path, n=4)

    def trained(augment):
        data = make(images, labels, augment)
        options = TrainingOptions(
            "adam", initial_learn_rate=0.01, max_epochs=12, mini_batch_size=len(data), verbose=False, seed=3
        )
        lgraph = segnet_layers((16, 16, 1), 2, 1, num_output_channels=8)
        net, info = train_network(data, lgraph, options)
        return len(data), net, info

    watch = Watch()
    count, net, info = trained(watch)
    assert net.classes == ("triangle", "background")
    assert len(info.training_loss) == 12
    assert info.training_loss[-1] < 0.8 * info.training_loss[0]
    # the last 12 epochs: training may read an item before them, to check it or for statistics
    read = watch.items[-12 * count :]
    assert len({image.tobytes() for image, _ in read}) > 10 * count
    assert any((label == 255).any() for _, label in read)
    other = Watch()
    np.testing.assert_array_equal(trained(other)[2].training_loss, info.training_loss)


def test_augmented_images_with_labels_train_a_classification(tmp_path):
    random = np.random.default_rng(0)
    for index in range(8):
        image = random.integers(0, 100, (8, 8, 1), np.uint8) + np.uint8(150 * (index % 2))
        (tmp_path / "ab"[index % 2]).mkdir(exist_ok=True)
        write_image(tmp_path / "ab"[index % 2] / f"{index}.png", image)
    images = ImageDatastore(tmp_path, include_subfolders=True, label_source="foldernames")
    data = AugmentedImageDatastore(
        (6, 6, 3),
        images,
        data_augmentation=ImageDataAugmenter(rand_x_reflection=True),
        color_preprocessing="gray2rgb",
    )
    assert [(image.shape, index) for image, index in data] == [((6, 6, 3), i // 4) for i in range(8)]
    assert data.classes == data[[7, 0]].classes == ("a", "b")
    assert [index for _, index in data[[7, 0]]] == [1, 0]
    assert count_each_label(data[[0, 5, 7]])["count"].tolist() == [1, 2]
    layers = [
        ImageInputLayer((6, 6, 3), normalization="rescale-zero-one"),
        FullyConnectedLayer(2),
        SoftmaxLayer(),
        ClassificationLayer(),
    ]
    options = TrainingOptions(
        "sgdm", initial_learn_rate=0.1, max_epochs=10, mini_batch_size=4, verbose=False, seed=0
    )
    net, info = train_network(data, LayerGraph(layers), options)
    assert net.classes == ("a", "b")
    assert info.training_accuracy[-1] == 100
