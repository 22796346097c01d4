"""The contract that every output layer fulfills: its loss, gradient, unlabeled pixels, and memory rule."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import naive
import numpy as np
import pytest
import torch
import torch.nn.functional as F
from layer_examples import EXAMPLES, Example
from memory_measures import SavedTensors, storage
from torch import Tensor, nn

from layergraph import (
    ClassificationLayer,
    DicePixelClassificationLayer,
    FocalLossLayer,
    Layer,
    LossLayer,
    PixelClassificationLayer,
    RegressionLayer,
    Size,
    TverskyPixelClassificationLayer,
)
from layergraph.amounts import Amount
from layergraph.layers import LAYER_TYPES
from layergraph.layers.saved_for_backward import SavedForBackward

BATCH = 2
Reference = Callable[[Layer, np.ndarray, np.ndarray], float]


def cross_entropy(layer: Any, scores: np.ndarray, target: np.ndarray) -> float:
    weights = None if layer.class_weights == "none" else layer.class_weights
    if not layer.per_pixel:
        scores = scores.reshape(scores.shape[:2])
    return naive.cross_entropy(scores, target, weights, layer.unlabeled)


def half_squared_error(layer: Any, scores: np.ndarray, target: np.ndarray) -> float:
    return 0.5 * float(np.square(scores - target).sum()) / BATCH


def dice(layer: Any, scores: np.ndarray, target: np.ndarray) -> float:
    """1 - the mean over the classes of 2 Σ y t / (Σ y + Σ t), over the labeled pixels."""
    overlaps, classes = [], scores.shape[1]
    labeled = target != layer.unlabeled
    for index in range(classes):
        score, truth = scores[:, index][labeled], target[labeled] == index
        overlaps.append(2 * score[truth].sum() / (score.sum() + truth.sum() + 1e-6))
    return 1 - float(np.mean(overlaps))


def generalized_dice(layer: Any, scores: np.ndarray, target: np.ndarray) -> float:
    """Image by image and class by class, in plain loops."""
    losses = []
    for image, truth in zip(scores, target, strict=True):
        top = bottom = 0.0
        labeled = truth != layer.unlabeled
        for index, score in enumerate(image):
            t = (truth[labeled] == index).astype(float)
            if t.sum():
                top += 2 * (score[labeled] * t).sum() / t.sum() ** 2
                bottom += (score[labeled] ** 2 + t**2).sum() / t.sum() ** 2
        if labeled.any():
            losses.append(1 - top / bottom)
    return float(np.mean(losses))


def tversky(layer: Any, scores: np.ndarray, target: np.ndarray) -> float:
    losses = []
    for image, truth in zip(scores, target, strict=True):
        labeled = truth != layer.unlabeled
        total = 0.0
        for index, score in enumerate(image):
            t, y = (truth[labeled] == index).astype(float), score[labeled]
            top = (y * t).sum() + 1e-8
            total += 1 - top / (top + layer.alpha * (y * (1 - t)).sum() + layer.beta * ((1 - y) * t).sum())
        if labeled.any():
            losses.append(total)
    return float(np.mean(losses))


def focal(layer: Any, scores: np.ndarray, target: np.ndarray) -> float:
    labeled = target != layer.unlabeled
    p = np.take_along_axis(scores, np.where(labeled, target, 0)[:, None], axis=1)[:, 0][labeled]
    return float((-layer.alpha * (1 - p) ** layer.gamma * np.log(p)).mean())


REFERENCES: dict[type[Layer], Reference] = {
    PixelClassificationLayer: cross_entropy,
    ClassificationLayer: cross_entropy,
    RegressionLayer: half_squared_error,
    DicePixelClassificationLayer: generalized_dice,
    TverskyPixelClassificationLayer: tversky,
    FocalLossLayer: focal,
    LossLayer: lambda layer, scores, target: BATCH * half_squared_error(layer, scores, target),
}
OUTPUTS = [example for example in EXAMPLES if example.layer.is_output]
every_output = pytest.mark.parametrize("example", OUTPUTS, ids=str)
from_logits_or_scores = pytest.mark.parametrize("from_logits", [True, False])


def loss_module(example: Example, from_logits: bool) -> Any:
    module: Any = example.layer.torch_module(example.sizes)
    module.from_logits = from_logits
    return module.double()


def scores_of(example: Example, from_logits: bool) -> Tensor:
    """Random logits in float64, or probabilities."""
    (size,) = example.sizes
    logits = torch.randn(BATCH, *size.tensor_shape[1:], dtype=torch.float64)
    return logits if from_logits else logits.softmax(1)


def target_of(example: Example) -> Tensor:
    """Random class indices, some of them unlabeled; for a regression random numbers."""
    (size,) = example.sizes
    layer: Any = example.layer
    if layer.per_pixel is None:
        return torch.randn(BATCH, *size.tensor_shape[1:], dtype=torch.float64)
    shape = (BATCH, *size.spatial) if layer.per_pixel else (BATCH,)
    target = torch.randint(0, size.channels, shape)
    if layer.per_pixel:
        target.view(-1)[::3] = layer.unlabeled
    return target


def check_loss(example: Example, reference: Reference, from_logits: bool) -> None:
    """The loss in float64 is that of the formula, written with NumPy."""
    scores, target = scores_of(example, from_logits), target_of(example)
    probabilities = naive.softmax(scores.numpy()) if from_logits else scores.numpy()
    expected = reference(example.layer, probabilities, target.numpy())
    loss = loss_module(example, from_logits).loss(scores, target)
    assert loss.item() == pytest.approx(expected, rel=1e-9)


def check_gradient(example: Example, from_logits: bool) -> None:
    """The gradient is that of finite differences."""
    module, target = loss_module(example, from_logits), target_of(example)
    scores = scores_of(example, from_logits).requires_grad_()
    assert torch.autograd.gradcheck(lambda x: module.loss(x, target), scores)


def check_unlabeled(example: Example, from_logits: bool) -> None:
    """Pixels without a label change neither the loss nor the gradient."""
    module, target = loss_module(example, from_logits), target_of(example)
    unlabeled = (target == example.layer.unlabeled).unsqueeze(1)  # type: ignore[attr-defined]
    assert unlabeled.any()
    assert not unlabeled.all()
    scores = scores_of(example, from_logits).requires_grad_()
    loss = module.loss(scores, target)
    (gradient,) = torch.autograd.grad(loss, scores)
    assert not gradient[unlabeled.expand_as(gradient)].any()
    others = torch.where(unlabeled, scores_of(example, from_logits), scores)
    assert module.loss(others, target).item() == pytest.approx(loss.item(), rel=1e-12)


def check_memory(example: Example, from_logits: bool) -> None:
    """Autograd saves for the backward pass what the memory rule of the layer states, to the byte."""
    module, target = loss_module(example, from_logits), target_of(example)
    scores = scores_of(example, from_logits).requires_grad_() * 1  # a result, as inside a network
    with SavedTensors([*module.parameters(), *module.buffers()]) as saved:
        module.loss(scores, target)
    rule = example.layer.saved_by_loss(example.sizes, from_logits)
    assert bool(rule.inputs) == (storage(scores) in saved.by_storage)
    assert rule.private.num_bytes(BATCH, item_bytes=8) == saved.num_bytes([scores])


def test_every_output_layer_has_a_reference():
    outputs = {kind for kind in LAYER_TYPES.values() if kind.is_output}
    assert outputs == set(REFERENCES) == {type(example.layer) for example in OUTPUTS}


@every_output
@from_logits_or_scores
def test_the_loss_is_the_formula(example, from_logits):
    from_logits = from_logits and example.layer.takes_logits
    check_loss(example, REFERENCES[type(example.layer)], from_logits)


@every_output
@from_logits_or_scores
def test_the_gradient_is_that_of_finite_differences(example, from_logits):
    check_gradient(example, from_logits)


@pytest.mark.parametrize("example", [e for e in OUTPUTS if e.layer.per_pixel], ids=str)
@from_logits_or_scores
def test_unlabeled_pixels_never_count(example, from_logits):
    check_unlabeled(example, from_logits)


@every_output
@from_logits_or_scores
def test_autograd_saves_what_the_memory_rule_states(example, from_logits):
    check_memory(example, from_logits)


# -- the contract finds a wrong memory rule ------------------------------------------------------------


class Dice(nn.Module):
    """1 - the mean overlap of the classes, over the labeled pixels."""

    from_logits = False

    def forward(self, scores: Tensor) -> Tensor:
        return scores

    def loss(self, scores: Tensor, target: Tensor) -> Tensor:
        probabilities = scores.softmax(1) if self.from_logits else scores
        labeled = (target != 255).unsqueeze(1)
        classes = F.one_hot(torch.where(labeled[:, 0], target, 0), scores.shape[1]).movedim(-1, 1)
        truth = torch.where(labeled, classes, 0).to(scores.dtype)
        dims = (0, *range(2, scores.ndim))
        overlap = (probabilities * truth).sum(dims)
        total = torch.where(labeled, probabilities, 0).sum(dims) + truth.sum(dims)
        return 1 - (2 * overlap / (total + 1e-6)).mean()


@dataclass(frozen=True, repr=False)
class DiceLayer(PixelClassificationLayer):
    """A Dice loss that inherits the memory rule of cross-entropy."""

    type: ClassVar[str] = "Dice"

    def torch_module(self, inputs: Sequence[Size]) -> nn.Module:
        return Dice()


@dataclass(frozen=True, repr=False)
class MeasuredDiceLayer(DiceLayer):
    """The same loss with a memory rule of its own."""

    def saved_by_loss(self, inputs: Sequence[Size], from_logits: bool) -> SavedForBackward:
        numbers, channels = inputs[0].num_elements, inputs[0].channels
        # the truth, a mask of one byte per pixel, and two sums per class; after a softmax its result too
        mask = Amount(shared_numbers=BATCH * numbers // channels // 8)
        saved = Amount(numbers) + mask + Amount(shared_numbers=2 * channels)
        return SavedForBackward(private=saved + Amount(numbers) if from_logits else saved)


DICE = Example(DiceLayer(), (((4, 4), 3),))


@from_logits_or_scores
def test_a_dice_loss_with_the_memory_rule_of_cross_entropy_breaks_the_contract(from_logits):
    check_loss(DICE, dice, from_logits)
    check_gradient(DICE, from_logits)
    check_unlabeled(DICE, from_logits)
    with pytest.raises(AssertionError):
        check_memory(DICE, from_logits)
    check_memory(Example(MeasuredDiceLayer(), DICE.inputs), from_logits)
