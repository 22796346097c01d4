"""TrainingOptions: solver, schedule and device of a training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY, dataclass
from numbers import Real
from typing import Literal, get_args

from layergraph.errors import ArgumentError
from layergraph.layers import arguments
from layergraph.layers.older_names import older_fields
from layergraph.wording import quoted

Solver = Literal["sgdm", "adam", "rmsprop"]
Shuffle = Literal["once", "never", "every-epoch"]
Statistics = Literal["population", "moving"]
Device = Literal["auto", "cpu", "gpu"]

LARGEST = 1e30
"""The largest number of an option: float32 does not overflow in the first step."""

# the options that only some solvers have, with their defaults
_OF_SOLVERS: dict[str, dict[Solver, float]] = {
    "momentum": {"sgdm": 0.9},
    "gradient_decay_factor": {"adam": 0.9},
    "squared_gradient_decay_factor": {"adam": 0.999, "rmsprop": 0.9},
    "epsilon": {"adam": 1e-8, "rmsprop": 1e-8},
}
_LEARN_RATES: dict[Solver, float] = {"sgdm": 0.01, "adam": 0.001, "rmsprop": 0.001}


@older_fields(execution_environment="device")
@dataclass(frozen=True)
class TrainingOptions:
    """The options of :func:`train_network`; names and defaults are those of MATLAB's ``trainingOptions``.

    Args:
        solver: ``"sgdm"`` (stochastic gradient descent with momentum), ``"adam"`` or ``"rmsprop"``; words
            are accepted in any case.
        initial_learn_rate: above 0; 0.01 for sgdm, 0.001 for the others. A layer's learn-rate factors
            multiply it.
        max_epochs: passes through the data.
        mini_batch_size: images per iteration. An epoch omits the images that remain at its end; a smaller
            set is one mini-batch.
        shuffle: ``"once"`` before the first epoch, ``"never"``, or before ``"every-epoch"``.
        l2_regularization: this factor times the weight is added to the gradient of each weight, with all
            solvers (unlike AdamW's decay). A layer's L2 factors multiply it; those of convolution biases are
            0.
        momentum: for sgdm, from 0 to 1; 0.9.
        gradient_decay_factor: for adam, the decay of the mean gradient, from 0 to below 1; 0.9.
        squared_gradient_decay_factor: decay of the mean squared gradient; 0.999 for adam, 0.9 for rmsprop.
        epsilon: for adam and rmsprop, added to the root of the mean squared gradient; 1e-8.
        batch_normalization_statistics: ``"population"`` computes means and variances over all training
            images at the end of training, with final statistics in all layers upstream. The cost is one
            pass over the images if their features fit 1 GiB, else up to one pass per two batch
            normalizations in a chain. ``"moving"`` keeps the running averages of the training.
        verbose: print the log; ``verbose_frequency`` is the number of iterations between its rows.
        seed: the seed of initial weights, shuffling and dropout. Two runs with it on one CPU give bitwise
            equal weights (a GPU sums in varying order), and the random states of torch, NumPy and Python
            stay unchanged. Without a seed, training uses and advances these states.
        device: ``"gpu"``, ``"cpu"``, or ``"auto"`` for the GPU if torch has CUDA. MATLAB's name
            ``execution_environment`` works too.

    Options that only other solvers have are ``None``; other values raise.

    Raises:
        ArgumentError: a value is out of range, or the solver does not have the option.

    Source: MATLAB, trainingOptions; Kingma and Ba, "Adam", ICLR 2015.

    >>> options = TrainingOptions("adam", max_epochs=20)
    >>> options.initial_learn_rate, options.squared_gradient_decay_factor, options.momentum
    (0.001, 0.999, None)
    >>> TrainingOptions("adam", momentum=0.5)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    layergraph.errors.ArgumentError: TrainingOptions: momentum must be None for the solver 'adam', ...
    """

    solver: Solver
    _: KW_ONLY
    initial_learn_rate: float | None = None
    max_epochs: int = 30
    mini_batch_size: int = 128
    shuffle: Shuffle = "once"
    momentum: float | None = None
    l2_regularization: float = 1e-4
    gradient_decay_factor: float | None = None
    squared_gradient_decay_factor: float | None = None
    epsilon: float | None = None
    batch_normalization_statistics: Statistics = "population"
    verbose: bool = True
    verbose_frequency: int = 50
    seed: int | None = None
    device: Device = "auto"

    def __post_init__(self) -> None:
        # 1. the words first: the defaults below depend on the solver
        self._choice("solver", get_args(Solver))
        self._choice("shuffle", get_args(Shuffle))
        self._choice("batch_normalization_statistics", get_args(Statistics))
        self._choice("device", get_args(Device))
        for name in ("max_epochs", "mini_batch_size", "verbose_frequency"):
            self._set(name, arguments.whole("TrainingOptions", name, getattr(self, name)))
        # 2. the defaults of the solver; an option that it does not have would silently do nothing
        if self.initial_learn_rate is None:
            self._set("initial_learn_rate", _LEARN_RATES[self.solver])
        for name, defaults in _OF_SOLVERS.items():
            if self.solver in defaults:
                if getattr(self, name) is None:
                    self._set(name, defaults[self.solver])
            elif getattr(self, name) is not None:
                owners = " and ".join(map(repr, defaults))
                raise ArgumentError(
                    f"TrainingOptions: {name} must be None for the solver {self.solver!r}, got "
                    f"{quoted(getattr(self, name))}; it is an option of {owners}"
                )
        # 3. the ranges
        self._number("initial_learn_rate", f"above 0, at most {LARGEST:g}", lambda value: value > 0)
        self._number("l2_regularization", f"from 0 to {LARGEST:g}", lambda value: value >= 0)
        self._number("momentum", "from 0 to 1", lambda value: 0 <= value <= 1)
        for name in ("gradient_decay_factor", "squared_gradient_decay_factor"):
            self._number(name, "from 0 to below 1", lambda value: 0 <= value < 1)
        self._number("epsilon", f"above 0, at most {LARGEST:g}", lambda value: value > 0)
        self._set("verbose", arguments.flag("TrainingOptions", "verbose", self.verbose))
        if self.seed is not None:
            self._set("seed", arguments.whole("TrainingOptions", "seed", self.seed, 0))
            if self.seed >= 2**32:  # the limit of NumPy
                raise ArgumentError(f"TrainingOptions: seed must be below 2^32, got {self.seed}")

    @property
    def learn_rate(self) -> float:
        """The initial learning rate, by default that of the solver."""
        # __post_init__ has set the rate, but its type still allows None
        return _LEARN_RATES[self.solver] if self.initial_learn_rate is None else self.initial_learn_rate

    def _choice(self, name: str, choices: Sequence[str]) -> None:
        self._set(name, arguments.choice("TrainingOptions", name, getattr(self, name), choices))

    def _number(self, name: str, range_text: str, fits: Callable[[float], bool]) -> None:
        value = getattr(self, name)
        if value is None:
            return
        is_number = isinstance(value, Real) and not isinstance(value, bool)
        # the comparison comes before float(), which raises for a whole number of 400 digits
        if not (is_number and -LARGEST <= value <= LARGEST and fits(value)):
            raise ArgumentError(
                f"TrainingOptions: {name} must be a finite number {range_text}, got {quoted(value)}"
            )
        self._set(name, float(value))

    def _set(self, name: str, value: object) -> None:
        # a frozen dataclass refuses the plain assignment
        object.__setattr__(self, name, value)
