"""Training from datasets of torch, labeled images, arrays and foreign datasets."""

import numpy as np
import pytest
import torch
from PIL import Image

from layergraph import (
    ClassificationLayer,
    Convolution2dLayer,
    FullyConnectedLayer,
    ImageInputLayer,
    LayerGraph,
    PixelClassificationLayer,
    SoftmaxLayer,
)
from layergraph.data import ArrayDatastore, ImageDatastore, combine, write_image
from layergraph.errors import DataError, WrongTypeError
from layergraph.training import TrainingOptions, train_network
from layergraph.training.batches.items import Items
from layergraph.training.batches.plain_items import plain_item


def segmentation_net(channels=3):
    size = ImageInputLayer((6, 8, channels), normalization="none")
    return LayerGraph([size, Convolution2dLayer(1, 2), SoftmaxLayer(), PixelClassificationLayer()])


class Pairs(torch.utils.data.Dataset):
    """Images (channels, height, width) and labels (height, width), as torch's datasets have them."""

    def __init__(self):
        random = np.random.default_rng(0)
        self.images = torch.from_numpy(random.normal(size=(6, 3, 6, 8)).astype(np.float32))
        self.labels = torch.from_numpy(random.integers(0, 2, (6, 6, 8)))

    def __len__(self):
        return 6

    def __getitem__(self, index):
        return self.images[index], self.labels[index]


def test_tensors_and_arrays_train_equally():
    pairs, options = Pairs(), TrainingOptions("sgdm", max_epochs=2, mini_batch_size=3, seed=1, verbose=False)
    images = ArrayDatastore(pairs.images.permute(0, 2, 3, 1).numpy())
    arrays = combine(images, ArrayDatastore(pairs.labels.numpy()))
    (a, info), (b, _) = (train_network(data, segmentation_net(), options) for data in (pairs, arrays))
    assert len(info.training_loss) == 4
    for name, value in a.state_dict().items():
        assert torch.equal(value, b.state_dict()[name])


def test_the_type_tells_the_order_of_axes():
    image = torch.arange(24).reshape(2, 3, 4)
    target = torch.zeros(1, 3, 4, dtype=torch.long)
    a, b = plain_item((image, target))
    np.testing.assert_array_equal(a, image.permute(1, 2, 0))
    assert b.shape == (3, 4, 1)
    array = np.zeros((3, 4, 2))
    assert plain_item((array, target[0]))[0] is array
    # labels of a volume have as many axes as an image, and no channels
    assert plain_item((np.zeros((5, 3, 4, 1)), torch.zeros(5, 3, 4)))[1].shape == (5, 3, 4)
    assert plain_item((torch.zeros(1, 5, 3, 4), torch.zeros(5, 3, 4)))[1].shape == (5, 3, 4)
    picture = Image.fromarray(np.zeros((3, 4, 3), np.uint8))
    assert plain_item((picture, torch.tensor(2)))[0].shape == (3, 4, 3)


def test_images_with_labels_train_alone(tmp_path):
    for name in ("a/1", "a/2", "b/1", "b/2"):
        path = tmp_path / f"{name}.png"
        path.parent.mkdir(exist_ok=True)
        write_image(path, np.full((6, 8), 200 * (name[0] == "b"), np.uint8))
    images = ImageDatastore(tmp_path, include_subfolders=True, label_source="foldernames")
    layers = [ImageInputLayer((6, 8, 1)), FullyConnectedLayer(2), SoftmaxLayer(), ClassificationLayer()]
    options = TrainingOptions("adam", max_epochs=3, mini_batch_size=2, seed=0, verbose=False)
    net, _ = train_network(images, layers, options)
    assert net.classes == ("a", "b")


def test_data_without_positions_is_refused():
    class Stream(torch.utils.data.IterableDataset):
        def __iter__(self):
            return iter([])

    class StreamWithLength(Stream):
        def __len__(self):
            return 3

    for stream in (Stream(), StreamWithLength(), iter([]), (pair for pair in [])):
        with pytest.raises(
            WrongTypeError, match=r"got an object of type .*; a stream has no positions, .* list"
        ):
            Items(stream, segmentation_net())
    with pytest.raises(
        WrongTypeError, match="give its dataset, and the size of its batches as mini_batch_size"
    ):
        Items(torch.utils.data.DataLoader([]), segmentation_net())
    rows = [{"image": np.zeros((6, 8, 3)), "mask": np.zeros((6, 8))}]
    with pytest.raises(DataError, match=r"DatasetDatastore.* chooses columns"):
        Items(rows, segmentation_net())
