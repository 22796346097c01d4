"""TrainingOptions: solver, schedule, validation and device of a training."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field, fields
from math import inf
from numbers import Real
from typing import Any, Literal, get_args

from layergraph.errors import ArgumentError
from layergraph.layers import arguments
from layergraph.layers.older_names import older_fields
from layergraph.training import option_values
from layergraph.training.optimization.schedule_series import Schedule, checked_schedule
from layergraph.wording import quoted

Solver = Literal["sgdm", "adam", "rmsprop", "lbfgs"]
Shuffle = Literal["once", "never", "every-epoch"]
Statistics = Literal["population", "moving"]
Environment = Literal["auto", "cpu", "gpu", "multi-gpu", "parallel"]
ThresholdMethod = Literal["l2norm", "global-l2norm", "absolute-value"]
OutputNetwork = Literal["last-iteration", "best-validation-loss", "auto"]
CheckpointUnit = Literal["epoch", "iteration"]
Plots = Literal["none", "training-progress"]
Precision = Literal["32-true", "64-true", "16-mixed", "bf16-mixed"]

_OWNER = "TrainingOptions"

LARGEST = 1e30
"""The largest number of an option: float32 does not overflow in the first step."""

# the options that only some solvers have, with their defaults
_OF_SOLVERS: dict[str, dict[Solver, float]] = {
    "momentum": {"sgdm": 0.9},
    "gradient_decay_factor": {"adam": 0.9},
    "squared_gradient_decay_factor": {"adam": 0.999, "rmsprop": 0.9},
    "epsilon": {"adam": 1e-8, "rmsprop": 1e-8},
}
_LEARN_RATES: dict[Solver, float] = {"sgdm": 0.01, "adam": 0.001, "rmsprop": 0.001, "lbfgs": 1.0}

_WORDS: dict[str, Any] = {
    "solver": Solver,
    "gradient_threshold_method": ThresholdMethod,
    "shuffle": Shuffle,
    "output_network": OutputNetwork,
    "checkpoint_frequency_unit": CheckpointUnit,
    "execution_environment": Environment,
    "plots": Plots,
    "batch_normalization_statistics": Statistics,
    "precision": Precision,
}


@older_fields(device="execution_environment")
@dataclass(frozen=True, repr=False)
class TrainingOptions:
    """The options of :func:`train_network`; names and defaults are those of MATLAB's ``trainingOptions``.

    Words are accepted in any case, 0 and 1 as booleans.

    Args:
        solver: ``"sgdm"`` (stochastic gradient descent with momentum), ``"adam"``, ``"rmsprop"``, or
            ``"lbfgs"``, where an iteration is a line search over all images at once, for small networks and
            sets.
        initial_learn_rate: above 0; 0.01 for sgdm, 1 for lbfgs (the first length that a line search tries),
            0.001 for the others. A layer's learn-rate factors multiply it.
        momentum: for sgdm, from 0 to 1; 0.9.
        gradient_decay_factor: for adam, the decay of the mean gradient, from 0 to below 1; 0.9.
        squared_gradient_decay_factor: decay of the mean squared gradient; 0.999 for adam, 0.9 for rmsprop.
        epsilon: for adam and rmsprop, added to the root of the mean squared gradient; 1e-8.
        learn_rate_schedule: ``"none"``, ``"piecewise"``, ``"warmup"``, ``"cosine"``, ``"polynomial"``,
            ``"exponential"``; a schedule such as ``PolynomialLearnRate(power=0.9)``; a list of these, in
            series; or a function of the optimizer that returns a scheduler of torch (stepped per epoch), or
            Lightning's dict ``{"scheduler": ..., "interval": "step"}``.
        learn_rate_drop_period: epochs between the drops of ``"piecewise"``.
        learn_rate_drop_factor: from 0 to 1; multiplies the rate at each of these drops.
        l2_regularization: this factor times the weight is added to the gradient of each weight, with all
            solvers (unlike AdamW's decay). A layer's L2 factors multiply it; those of convolution biases are
            0.
        gradient_threshold: the limit of the gradient, L2 term included; infinite for none.
        gradient_threshold_method: ``"l2norm"`` scales the gradient of each parameter to this norm,
            ``"global-l2norm"`` those of all parameters together, ``"absolute-value"`` cuts each number.
        max_epochs: passes through the data.
        mini_batch_size: images per mini-batch. An epoch omits the images that remain at its end; a smaller
            set is one mini-batch.
        shuffle: ``"once"`` before the first epoch, ``"never"``, or before ``"every-epoch"``.
        verbose: print the log; ``verbose_frequency`` is the number of iterations between its rows.
        validation_data: pairs (image, target) as the training data, or a pair (images, targets) of arrays.
        validation_frequency: iterations between validations; the first and the last iteration are
            validated too.
        validation_patience: ends the training after this many validations in a row whose loss is not smaller
            than the best so far; infinite for never.
        output_network: ``"last-iteration"``; ``"best-validation-loss"``; ``"auto"`` is the best if there is
            validation data, else the last.
        checkpoint_path: a folder for checkpoints while training runs; ``""`` for none.
        checkpoint_frequency: epochs or iterations, as ``checkpoint_frequency_unit`` says, between them.
        checkpoint_limit: the number of newest checkpoints of a training to keep; infinite for all.
        execution_environment: ``"cpu"``; ``"gpu"``; ``"auto"``, the GPU if torch has CUDA; ``"multi-gpu"``
            and ``"parallel"``, all GPUs, the latter the CPU without any. ``device`` works too.
        plots: ``"training-progress"`` writes a page of curves while training runs.
        output_fcn: a function, or several, called after each iteration; one that returns True ends training.
        reset_input_normalization: compute the missing statistics of the input layer anew, also those of an
            earlier training; False keeps these. Statistics that are arguments of the layer always stay.
        batch_normalization_statistics: ``"population"`` computes means and variances over all training
            images at the end of training, with final statistics in all layers upstream. The cost is one
            pass over the images if their features fit 1 GiB, else up to one pass per two batch
            normalizations in a chain. ``"moving"`` keeps the running averages of the training.
        dispatch_in_background: read mini-batches ahead in processes, as ``num_workers`` does.
        sequence_length, sequence_padding_value, worker_load: only at MATLAB's defaults.
        num_workers: processes that read items ahead; 0 reads in the training process.
        precision: ``"32-true"``, ``"64-true"``, ``"16-mixed"`` (GPU) or ``"bf16-mixed"``, as in Lightning.
        accumulate_grad_batches: mini-batches per iteration; the mean of their gradients is one step.
        compile: run the network through ``torch.compile``.
        channels_last: store images and features with the channels last, which is faster on some devices.
        deterministic: use only deterministic algorithms of torch; one that has none raises.
        seed: the seed of initial weights, shuffling and dropout. Two runs with it on one CPU give bitwise
            equal weights (a GPU sums in varying order), and the random states of torch, NumPy and Python
            stay unchanged. Without a seed, training uses and advances these states.
        strategy, devices, num_nodes: as in Lightning: ``"ddp"`` or a variant, the number of devices, their
            indices or -1 for all GPUs, and the number of machines. The devices divide each mini-batch.
        sync_batchnorm: normalize by the joint mini-batch; else each device by its own part.
        logger: a logger of Lightning or several, ``"csv"`` or ``"tensorboard"``.
        log_path: the folder of logs and of the page; ``""`` for a temporary one, or none.
        serve: show the page on 127.0.0.1 while training runs.

    Options that only other solvers have are ``None``; other values raise.

    Raises:
        ArgumentError: a value is out of range, or the solver does not have the option.

    Source: MATLAB, trainingOptions; Kingma and Ba, "Adam", ICLR 2015.

    >>> TrainingOptions("adam", max_epochs=20)  # what differs from the defaults
    TrainingOptions('adam', max_epochs=20)
    >>> options = TrainingOptions("sgdm", learn_rate_schedule="Piecewise", learn_rate_drop_factor=0.3)
    >>> options.learn_rate_schedule, options.initial_learn_rate, options.momentum
    ('piecewise', 0.01, 0.9)
    >>> TrainingOptions("adam", momentum=0.5)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    layergraph.errors.ArgumentError: TrainingOptions: momentum must be None for the solver 'adam', ...
    """

    solver: Solver
    _: KW_ONLY
    initial_learn_rate: float | None = None
    momentum: float | None = None
    gradient_decay_factor: float | None = None
    squared_gradient_decay_factor: float | None = None
    epsilon: float | None = None
    learn_rate_schedule: Schedule = "none"
    learn_rate_drop_period: int = 10
    learn_rate_drop_factor: float = 0.1
    l2_regularization: float = 1e-4
    gradient_threshold: float = inf
    gradient_threshold_method: ThresholdMethod = "l2norm"
    max_epochs: int = 30
    mini_batch_size: int = 128
    shuffle: Shuffle = "once"
    verbose: bool = True
    verbose_frequency: int = 50
    # arrays have no truth value, so that they cannot be compared
    validation_data: Any = field(default=None, compare=False)
    validation_frequency: int = 50
    validation_patience: float = inf
    output_network: OutputNetwork = "last-iteration"
    checkpoint_path: str | os.PathLike[str] = ""
    checkpoint_frequency: int = 1
    checkpoint_frequency_unit: CheckpointUnit = "epoch"
    checkpoint_limit: float = inf
    execution_environment: Environment = "auto"
    plots: Plots = "none"
    output_fcn: Callable[..., Any] | Sequence[Callable[..., Any]] | None = ()
    reset_input_normalization: bool = True
    batch_normalization_statistics: Statistics = "population"
    dispatch_in_background: bool = False
    sequence_length: str = "longest"
    sequence_padding_value: float = 0
    worker_load: None = None
    num_workers: int = 0
    precision: Precision = "32-true"
    accumulate_grad_batches: int = 1
    compile: bool = False
    channels_last: bool = False
    deterministic: bool = False
    seed: int | None = None
    strategy: Any = "auto"
    devices: Any = "auto"
    num_nodes: int = 1
    sync_batchnorm: bool = False
    logger: Any = ()
    log_path: str | os.PathLike[str] = ""
    serve: bool = False

    def __post_init__(self) -> None:
        # 1. the words first: the defaults below depend on the solver
        for name, words in _WORDS.items():
            self._set(name, arguments.choice(_OWNER, name, getattr(self, name), get_args(words)))
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
        if self.solver == "lbfgs":
            # a line search needs one loss and its own gradient
            for name in ("gradient_threshold", "accumulate_grad_batches"):
                option_values.require_default(name, getattr(self, name), getattr(type(self), name))
            if self.precision == "16-mixed":
                option_values.require_default("precision", self.precision, "32-true")
        # 3. the ranges
        up_to = f"above 0, at most {LARGEST:g}"
        self._number("initial_learn_rate", up_to, lambda value: value > 0)
        self._number("l2_regularization", f"from 0 to {LARGEST:g}", lambda value: value >= 0)
        for name in ("momentum", "learn_rate_drop_factor"):
            self._number(name, "from 0 to 1", lambda value: 0 <= value <= 1)
        for name in ("gradient_decay_factor", "squared_gradient_decay_factor"):
            self._number(name, "from 0 to below 1", lambda value: 0 <= value < 1)
        self._number("epsilon", up_to, lambda value: value > 0)
        if self.gradient_threshold != inf:
            self._number("gradient_threshold", up_to, lambda value: value > 0)
        for name in ("validation_patience", "checkpoint_limit"):
            if (value := getattr(self, name)) != inf:
                self._set(name, arguments.whole(_OWNER, name, value))
        if self.seed is not None:
            self._set("seed", arguments.whole(_OWNER, "seed", self.seed, 0))
            if self.seed >= 2**32:  # the limit of NumPy
                raise ArgumentError(f"TrainingOptions: seed must be below 2^32, got {self.seed}")
        # 4. the rest
        self._set("learn_rate_schedule", checked_schedule(self.learn_rate_schedule))
        for name, value in option_values.normal_values(self):
            self._set(name, value)
        if isinstance(self.validation_data, (list, tuple)) and not self.validation_data:
            self._set("validation_data", None)  # MATLAB's [] means none

    @property
    def learn_rate(self) -> float:
        """The initial learning rate, by default that of the solver."""
        # __post_init__ has set the rate, but its type still allows None
        return _LEARN_RATES[self.solver] if self.initial_learn_rate is None else self.initial_learn_rate

    @property
    def returns_best(self) -> bool:
        """Whether the network of the best validation is returned."""
        if self.output_network == "auto":
            return self.validation_data is not None
        return self.output_network == "best-validation-loss"

    def to_dict(self) -> dict[str, Any]:
        """The options as numbers, words, lists and dicts, as JSON and TOML hold them.

        Left out are functions, data and loggers of Lightning, and infinite limits, which stand for none.

        >>> TrainingOptions.from_dict(TrainingOptions("adam", seed=3).to_dict())
        TrainingOptions('adam', seed=3)
        """
        return option_values.to_record({each.name: getattr(self, each.name) for each in fields(self)})

    @classmethod
    def from_dict(cls, record: Mapping[str, Any]) -> TrainingOptions:
        """The options of a record, as :meth:`to_dict` makes it; a name that is absent has its default.

        Raises:
            ArgumentError: a name is no option, or a value is out of range.
        """
        known, older = [each.name for each in fields(cls)], getattr(cls, "older_names", {})
        values = option_values.from_record({"solver": "", **record}, known, older)
        return cls(**values)

    def __repr__(self) -> str:
        plain = TrainingOptions(self.solver)
        changed = [
            f"{each.name}={getattr(self, each.name)!r}"
            for each in fields(self)
            if each.compare and getattr(self, each.name) != getattr(plain, each.name)
        ]
        # data has a long text, or several lines
        data = [] if self.validation_data is None else ["validation_data=..."]
        return f"TrainingOptions({', '.join([repr(self.solver), *changed, *data])})"

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
