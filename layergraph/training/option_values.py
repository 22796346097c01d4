"""Values of training options in one normal form, and options as plain records."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from math import isfinite
from typing import Any

from layergraph.errors import ArgumentError, did_you_mean
from layergraph.layers import arguments
from layergraph.layers.older_names import with_newer_names
from layergraph.training.optimization.schedule_series import schedule_from_record, schedule_to_record
from layergraph.wording import quoted

_WHOLE = {  # the least value of each
    "learn_rate_drop_period": 1,
    "max_epochs": 1,
    "mini_batch_size": 1,
    "verbose_frequency": 1,
    "validation_frequency": 1,
    "checkpoint_frequency": 1,
    "accumulate_grad_batches": 1,
    "num_nodes": 1,
    "num_workers": 0,
}
_FLAGS = (
    "verbose",
    "reset_input_normalization",
    "dispatch_in_background",
    "compile",
    "channels_last",
    "deterministic",
    "sync_batchnorm",
    "serve",
)
# options of sequences and of parallel pools, which only exist so that scripts that give the default run
_ONLY: dict[str, tuple[Any, str]] = {
    "sequence_length": ("longest", "there are no sequences"),
    "sequence_padding_value": (0, "there are no sequences"),
    "worker_load": (None, "all devices get equal parts; num_workers is the number of reading processes"),
}
_LOGGERS = ("csv", "tensorboard")
_OWNER = "TrainingOptions"


def normal_values(options: Any) -> Iterator[tuple[str, Any]]:
    """The options with a simple rule, by name, each in its normal form.

    Raises:
        ArgumentError: a value is out of range.
    """
    for name, least in _WHOLE.items():
        yield name, arguments.whole(_OWNER, name, getattr(options, name), least)
    for name in _FLAGS:
        yield name, arguments.flag(_OWNER, name, getattr(options, name))
    for name, (only, reason) in _ONLY.items():
        yield name, only_value(name, getattr(options, name), only, reason)
    for name in ("checkpoint_path", "log_path"):
        yield name, path_text(name, getattr(options, name))
    yield "output_fcn", functions("output_fcn", options.output_fcn)
    yield "logger", loggers("logger", options.logger)


def path_text(name: str, value: object) -> str:
    """A folder as a text, ``""`` for none.

    >>> path_text("log_path", None)
    ''
    """
    if value is None or (isinstance(value, (list, tuple)) and not value):  # MATLAB's []
        return ""
    if isinstance(value, (str, os.PathLike)):
        path = os.fspath(value)
        if isinstance(path, str):
            return path
    raise ArgumentError(f"TrainingOptions: {name} must be the path of a folder, got {quoted(value)}")


def functions(name: str, value: object) -> tuple[Callable[..., Any], ...]:
    """One function or several as a tuple; none for ``None`` and ``[]``."""
    several = _items(value)
    for item in several:
        if not callable(item):
            raise ArgumentError(
                f"TrainingOptions: {name} must be a function, or several, got {quoted(item)}; give the "
                "function itself, without calling it"
            )
    return several


def loggers(name: str, value: object) -> tuple[Any, ...]:
    """One logger or several as a tuple of words in lower case and of Lightning's loggers.

    >>> loggers("logger", "CSV")
    ('csv',)
    """
    several = tuple(item.lower() if isinstance(item, str) else item for item in _items(value))
    for item in several:
        # known by its methods, so that Lightning need not be imported
        if item not in _LOGGERS and not (hasattr(item, "log_metrics") and hasattr(item, "log_hyperparams")):
            raise ArgumentError(
                f"TrainingOptions: {name} must be 'csv', 'tensorboard', a logger of Lightning or several of "
                f"these, got {quoted(item)}"
            )
    return several


def only_value(name: str, value: object, only: object, reason: str) -> Any:
    """The one value that is possible."""
    same = value.casefold() == only if isinstance(value, str) and isinstance(only, str) else value == only
    if same or (only is None and isinstance(value, (list, tuple)) and not value):
        return only
    raise ArgumentError(f"TrainingOptions: {name} must be {only!r}, got {quoted(value)}; {reason}")


def require_default(name: str, value: object, default: object) -> None:
    """Raise ``ArgumentError`` for an option that the solver lbfgs cannot have."""
    if value != default:
        raise ArgumentError(
            f"TrainingOptions: {name} must be {default} for the solver 'lbfgs', got {quoted(value)}; its "
            "line search needs a loss and the whole gradient of this loss"
        )


def to_record(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that JSON and TOML can write; one that is left out is the default, or none of these.

    Infinite limits and ``None`` are left out, because they stand for none.
    """
    record = {}
    for name, value in values.items():
        if name == "validation_data":  # data, also if it is a list
            continue
        plain = schedule_to_record(value) if name == "learn_rate_schedule" else value
        if name == "logger":
            plain = [item for item in value if isinstance(item, str)]
        is_finite = isinstance(plain, float) and isfinite(plain)
        if is_finite or isinstance(plain, (str, bool, int, dict, list)):
            record[name] = plain
    return record


def from_record(record: Mapping[str, Any], known: Iterable[str], older: Mapping[str, str]) -> dict[str, Any]:
    """The arguments of a record, checked for unknown names."""
    names = [*known, *older]
    for name in record:
        if name not in names:
            raise ArgumentError(
                f"TrainingOptions: the record must hold options alone, got {quoted(name)}"
                f"{did_you_mean(str(name), names)}"
            )
    values = with_newer_names("TrainingOptions", dict(record), older)
    if "learn_rate_schedule" in values:
        values["learn_rate_schedule"] = schedule_from_record(values["learn_rate_schedule"])
    return values


def _items(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)
