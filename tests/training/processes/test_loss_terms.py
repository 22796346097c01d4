"""What each loss is a mean over: the losses of two parts of a mini-batch give that of the whole."""

import pytest
import torch

from layergraph import (
    ClassificationLayer,
    DicePixelClassificationLayer,
    FocalLossLayer,
    PixelClassificationLayer,
    RegressionLayer,
    TverskyPixelClassificationLayer,
)
from layergraph.sizes import Size

SIZE = Size((6, 5, 3, 1), "SSCB")


@pytest.mark.parametrize(
    "layer",
    [
        PixelClassificationLayer(),
        PixelClassificationLayer(class_weights=(0.2, 1.3, 2.0), classes=("a", "b", "c")),
        FocalLossLayer(),
        DicePixelClassificationLayer(),
        TverskyPixelClassificationLayer(0.3, 0.7),
        RegressionLayer(),
        ClassificationLayer(),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_the_weighted_mean_of_two_parts_is_the_loss_of_the_whole(layer):
    generator = torch.Generator().manual_seed(0)
    size = Size((1, 1, 3, 1), "SSCB") if isinstance(layer, ClassificationLayer) else SIZE
    module = layer.torch_module([size])
    shape = (5, *size.spatial)
    scores = torch.rand(5, 3, *size.spatial, generator=generator, dtype=torch.float64).softmax(1)
    target = torch.randint(0, 3, shape, generator=generator)
    target[2] = layer.unlabeled or 0
    target[0, ..., 0] = layer.unlabeled or 0
    if isinstance(layer, ClassificationLayer):
        target = target.flatten()
    if isinstance(layer, RegressionLayer):
        target = torch.rand(scores.shape, generator=generator, dtype=torch.float64)
    parts = [slice(0, 3), slice(3, 5)]
    counts = [float(module.num_terms(target[part])) for part in parts]
    losses = [float(module.loss(scores[part], target[part])) for part in parts]
    mean = sum(loss * count for loss, count in zip(losses, counts, strict=True)) / sum(counts)
    assert mean == pytest.approx(float(module.loss(scores, target)), rel=1e-9)
