"""Schedules of the learning rate: the factor of the base rate at each step of a training."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from typing import Literal, get_args

from layergraph.layers.arguments import choice, number, whole

FrequencyUnit = Literal["epoch", "iteration"]


class LearnRateSchedule(ABC):
    """A schedule: a function of the number of steps since its start, without any state.

    A step is an iteration or an epoch, as ``frequency_unit`` says. ``num_steps`` is the length of the
    schedule, or None where it lasts until the end of training.
    """

    frequency_unit: FrequencyUnit

    @property
    def length(self) -> int | None:
        """The number of steps before the next schedule of a series; None: until the end of training."""
        return None

    @abstractmethod
    def factor(self, step: int, num_steps: int) -> float:
        """The factor of the base learning rate.

        Args:
            step: from 0.
            num_steps: the steps from the start of the schedule to the end of training.
        """

    def _check(self, *, factors: tuple[str, ...] = (), counts: tuple[str, ...] = ()) -> None:
        """Store factors as floats of at least 0, counts as whole numbers of at least 1, and the unit."""
        # a frozen dataclass refuses the plain assignment
        for name in factors:
            object.__setattr__(self, name, number(self, name, getattr(self, name), 0))
        for name in counts:
            if getattr(self, name) is not None:
                object.__setattr__(self, name, whole(self, name, getattr(self, name)))
        unit = choice(self, "frequency_unit", self.frequency_unit, get_args(FrequencyUnit))
        object.__setattr__(self, "frequency_unit", unit)


@dataclass(frozen=True)
class PiecewiseLearnRate(LearnRateSchedule):
    """Multiplies the rate by ``drop_factor`` after every ``period`` steps.

    >>> [PiecewiseLearnRate(drop_factor=0.5, period=2).factor(step, 30) for step in range(5)]
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    _: KW_ONLY
    drop_factor: float = 0.1
    period: int = 10
    frequency_unit: FrequencyUnit = "epoch"

    def __post_init__(self) -> None:
        self._check(factors=("drop_factor",), counts=("period",))

    def factor(self, step: int, num_steps: int) -> float:
        return math.pow(self.drop_factor, step // self.period)


@dataclass(frozen=True)
class ExponentialLearnRate(LearnRateSchedule):
    """Multiplies the rate by the root ``drop_factor ** (1 / period)`` at every step.

    >>> [ExponentialLearnRate(drop_factor=0.25, period=2).factor(step, 30) for step in range(3)]
    [1.0, 0.5, 0.25]
    """

    _: KW_ONLY
    drop_factor: float = 0.1
    period: int = 1
    frequency_unit: FrequencyUnit = "epoch"

    def __post_init__(self) -> None:
        self._check(factors=("drop_factor",), counts=("period",))

    def factor(self, step: int, num_steps: int) -> float:
        return math.pow(self.drop_factor, step / self.period)


@dataclass(frozen=True)
class WarmupLearnRate(LearnRateSchedule):
    """Raises the rate in equal steps from ``initial_factor`` to ``final_factor`` times the base rate.

    >>> [WarmupLearnRate(initial_factor=0, num_steps=4).factor(step, 100) for step in range(6)]
    [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    """

    _: KW_ONLY
    initial_factor: float = 0.1
    final_factor: float = 1.0
    num_steps: int = 5
    frequency_unit: FrequencyUnit = "iteration"

    def __post_init__(self) -> None:
        self._check(factors=("initial_factor", "final_factor"), counts=("num_steps",))

    @property
    def length(self) -> int:
        return self.num_steps

    def factor(self, step: int, num_steps: int) -> float:
        done = min(step / self.num_steps, 1)
        return self.initial_factor + (self.final_factor - self.initial_factor) * done


@dataclass(frozen=True)
class PolynomialLearnRate(LearnRateSchedule):
    """Lowers the rate by a power of the remaining part of ``num_steps``, by default of the training.

    Power 0.9 per iteration is the "poly" policy of DeepLab (Chen et al., "DeepLab: Semantic Image
    Segmentation with Deep Convolutional Nets, Atrous Convolution, and Fully Connected CRFs", 2017).

    >>> [PolynomialLearnRate(power=2).factor(step, 4) for step in range(5)]
    [1.0, 0.5625, 0.25, 0.0625, 0.0]
    """

    _: KW_ONLY
    power: float = 0.9
    initial_factor: float = 1.0
    final_factor: float = 0.0
    num_steps: int | None = None
    frequency_unit: FrequencyUnit = "iteration"

    def __post_init__(self) -> None:
        self._check(factors=("power", "initial_factor", "final_factor"), counts=("num_steps",))

    @property
    def length(self) -> int | None:
        return self.num_steps

    def factor(self, step: int, num_steps: int) -> float:
        left = max(1 - step / (self.num_steps or num_steps), 0)
        return self.final_factor + (self.initial_factor - self.final_factor) * math.pow(left, self.power)


@dataclass(frozen=True)
class CosineLearnRate(LearnRateSchedule):
    """Lowers the rate along half a cosine over ``period`` steps, by default over the training.

    After a period the rate starts anew, and each period is ``period_growth_factor`` times as long as the one
    before (Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", 2017).

    >>> [round(CosineLearnRate(period=2).factor(step, 100), 3) for step in range(5)]
    [1.0, 0.5, 1.0, 0.5, 1.0]
    """

    _: KW_ONLY
    period: int | None = None
    period_growth_factor: float = 1.0
    initial_factor: float = 1.0
    final_factor: float = 0.0
    frequency_unit: FrequencyUnit = "iteration"

    def __post_init__(self) -> None:
        self._check(factors=("initial_factor", "final_factor"), counts=("period",))
        # a shrinking period would reach a length of 0
        growth = number(self, "period_growth_factor", self.period_growth_factor, 1)
        object.__setattr__(self, "period_growth_factor", growth)

    def factor(self, step: int, num_steps: int) -> float:
        position, period = float(step), float(self.period or num_steps)
        if self.period_growth_factor == 1:
            position %= period
        while position >= period:
            position, period = position - period, period * self.period_growth_factor
        height = (1 + math.cos(math.pi * position / period)) / 2
        return self.final_factor + (self.initial_factor - self.final_factor) * height
