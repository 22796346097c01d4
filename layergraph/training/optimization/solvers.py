"""The optimizer of a network: the solver's update rule with the factors of each layer."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from layergraph.errors import ArgumentError, LayergraphError
from layergraph.graph.layer_graph import LayerGraph
from layergraph.network.network import Network
from layergraph.training.optimization.sgdm import Sgdm
from layergraph.training.options import LARGEST, TrainingOptions


def frozen_parameters(net: Network, lgraph: LayerGraph) -> list[nn.Parameter]:
    """The parameters whose learn-rate factor is 0 although they require gradients."""
    parameters = _parameters(net, lgraph)
    return [parameter for parameter, (rate, _) in parameters if rate == 0 and parameter.requires_grad]


def make_solver(net: Network, lgraph: LayerGraph, options: TrainingOptions) -> Optimizer:
    """The optimizer, with a parameter group for each pair of learn-rate and L2 factor.

    Every solver adds L2 to the gradient, except where a gradient threshold does so before. A group stores
    its ``learn_rate_factor`` and its ``l2_regularization``.

    Raises:
        LayergraphError: no parameter can learn.
        ArgumentError: a product of rate or L2 regularization and factor exceeds float32.
    """
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter, factors in _parameters(net, lgraph):
        if parameter.requires_grad and factors[0] > 0:
            groups.setdefault(factors, []).append(parameter)
    if not groups:
        raise LayergraphError(
            "train_network: the network must have weights with a learn-rate factor above 0, got none"
        )
    has_threshold = options.gradient_threshold != inf
    rows: list[dict[str, Any]] = [
        {
            "params": parameters,
            "lr": options.learn_rate * rate,
            "learn_rate_factor": rate,
            "l2_regularization": options.l2_regularization * decay,
            "weight_decay": 0.0 if has_threshold else options.l2_regularization * decay,
        }
        # the factor 1 first, because the first group tells the base rate, without rounding
        for (rate, decay), parameters in sorted(groups.items(), key=lambda item: item[0][0] != 1)
    ]
    # a product beyond float32 would fail in the first step, with torch's error and no name
    for row in rows:
        for key, text in (("lr", "learning rate"), ("l2_regularization", "L2 regularization")):
            if row[key] > LARGEST:
                raise ArgumentError(
                    f"train_network: {text} times the factor of a layer must be at most {LARGEST:g}, got "
                    f"{row[key]:g}; lower one of the two"
                )
    if options.solver == "sgdm":
        return Sgdm(rows, lr=options.learn_rate, momentum=_require(options.momentum))
    if options.solver == "lbfgs":
        return _make_lbfgs(rows, options)
    epsilon, squares = _require(options.epsilon), _require(options.squared_gradient_decay_factor)
    if options.solver == "adam":
        betas = (_require(options.gradient_decay_factor), squares)
        # not AdamW, whose decay bypasses the moments
        return torch.optim.Adam(rows, lr=options.learn_rate, betas=betas, eps=epsilon)
    return torch.optim.RMSprop(rows, lr=options.learn_rate, alpha=squares, eps=epsilon)


def regularization(optimizer: Optimizer) -> Tensor:
    """Half the squared weights, each times its L2 regularization: its gradient is what other solvers add.

    A line search compares losses, and so it must see this one.
    """
    terms = [
        0.5 * factor * weight.square().sum()
        for group in optimizer.param_groups
        for weight, factor in zip(group["params"], group["l2_regularization"], strict=True)
        if factor
    ]
    return torch.stack(terms).sum() if terms else torch.zeros(())


def _make_lbfgs(rows: list[dict[str, Any]], options: TrainingOptions) -> Optimizer:
    if any(row["learn_rate_factor"] != 1 for row in rows):
        wrong = next(row["learn_rate_factor"] for row in rows if row["learn_rate_factor"] != 1)
        raise ArgumentError(
            "train_network: learn-rate factors of layers must be 0 or 1 for the solver 'lbfgs', which has "
            f"one direction for all weights, got {wrong:g}; use another solver, or set the factor to 1"
        )
    weights = [weight for row in rows for weight in row["params"]]
    # one iteration per step, so that each gets its row, its validation and its checkpoint
    optimizer = torch.optim.LBFGS(
        weights, lr=options.learn_rate, max_iter=1, history_size=10, line_search_fn="strong_wolfe"
    )
    factors = [row["l2_regularization"] for row in rows for _ in row["params"]]
    optimizer.param_groups[0].update(learn_rate_factor=1.0, l2_regularization=factors)
    return optimizer


def _parameters(net: Network, lgraph: LayerGraph) -> Iterator[tuple[nn.Parameter, tuple[float, float]]]:
    """Yield each parameter once, also if layers share it, with its learn-rate and L2 factor."""
    seen: set[nn.Parameter] = set()
    for name in lgraph:
        factors = lgraph[name].factors()
        for key, parameter in net.layer_module(name).named_parameters():
            # torch refuses a parameter in two groups; the factors of the first layer count
            if parameter not in seen:
                seen.add(parameter)
                # a torch module of the user has no factors: all of it learns at the global rate
                yield parameter, factors.get(key, (1.0, 1.0))


def _require(value: float | None) -> float:
    """The value of an option that the solver has."""
    assert value is not None
    return value
