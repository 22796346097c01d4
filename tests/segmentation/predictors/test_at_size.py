"""A network that gets every image at one size."""

import numpy as np
import torch
import torch.nn.functional as F

import layergraph as lg
from layergraph.segmentation import AtSize, semanticseg


def test_images_and_scores_are_resized_as_torch_does():
    layers = [lg.Convolution2dLayer(3, 3, padding="same"), lg.SoftmaxLayer(), lg.PixelClassificationLayer()]
    net = lg.LayerGraph([lg.ImageInputLayer((8, 12, 2)), *layers]).compile().eval()
    images = (
        np.random.default_rng(0).random((2, 5, 7, 2)).astype(np.float32)
    )  # enlarged, so that nothing is smoothed
    labels, scores = semanticseg(images, AtSize(net, (8, 12)), return_scores=True)
    x = torch.from_numpy(images).permute(0, 3, 1, 2).double()
    with torch.no_grad():
        seen = net.double()(F.interpolate(x, (8, 12), mode="bilinear", antialias=True))
    wanted = F.interpolate(seen, (5, 7), mode="bilinear", antialias=True).permute(0, 2, 3, 1).numpy()
    np.testing.assert_allclose(scores, wanted, rtol=1e-4)
    np.testing.assert_array_equal(labels, scores.argmax(axis=3))


def test_an_image_of_that_size_passes_unchanged():
    layers = [lg.Convolution2dLayer(1, 2), lg.SoftmaxLayer()]
    net = lg.LayerGraph([lg.ImageInputLayer((4, 6)), *layers]).compile()
    image = np.arange(24, dtype=np.uint8).reshape(4, 6)
    _, scores = semanticseg(image, AtSize(net, (4, 6)), return_scores=True)
    np.testing.assert_array_equal(scores, net.predict(image))
