"""The option ``learn_rate_schedule``: its forms, and the learning rate of each iteration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from layergraph.errors import ArgumentError
from layergraph.layers.arguments import choice
from layergraph.training.optimization.schedules import (
    CosineLearnRate,
    ExponentialLearnRate,
    LearnRateSchedule,
    PiecewiseLearnRate,
    PolynomialLearnRate,
    WarmupLearnRate,
)
from layergraph.wording import quoted

_KINDS: dict[str, type[LearnRateSchedule]] = {
    "piecewise": PiecewiseLearnRate,
    "warmup": WarmupLearnRate,
    "cosine": CosineLearnRate,
    "polynomial": PolynomialLearnRate,
    "exponential": ExponentialLearnRate,
}
WORDS = ("none", *_KINDS)

SchedulePart = str | LearnRateSchedule
Schedule = SchedulePart | Sequence[SchedulePart] | Callable[[Any], Any]


def checked_schedule(value: object) -> Schedule:
    """The option in its normal form: a word in lower case, a schedule, a tuple of several, or a function.

    >>> checked_schedule(["Warmup", "cosine"])
    ('warmup', 'cosine')
    """
    # a class of torch is a function of the optimizer; one of these schedules lacks its parentheses
    is_class = isinstance(value, type) and issubclass(value, LearnRateSchedule)
    if callable(value) and not is_class:
        return value
    if not isinstance(value, (list, tuple)):
        return _checked_part(value, WORDS)
    parts = tuple(_checked_part(part, tuple(_KINDS)) for part in value)
    if not parts:
        return "none"
    for part in schedules_of(parts[:-1]):
        if part.length is None:
            raise ArgumentError(
                f"TrainingOptions: learn_rate_schedule must have only one schedule without an end, the last, "
                f"got {type(part).__name__} before others; put it last"
            )
    return parts if len(parts) > 1 else parts[0]


def schedules_of(
    schedule: Schedule, drop_factor: float = 0.1, drop_period: int = 10
) -> list[LearnRateSchedule]:
    """The schedules, in series; none for ``"none"``.

    Args:
        schedule: the option, checked, and no function.
        drop_factor: of the word ``"piecewise"``; ``drop_period`` too, in epochs.
    """
    parts = (schedule,) if isinstance(schedule, (str, LearnRateSchedule)) else schedule
    assert not callable(parts)
    words: dict[str, LearnRateSchedule] = {word: kind() for word, kind in _KINDS.items()}
    words["piecewise"] = PiecewiseLearnRate(drop_factor=drop_factor, period=drop_period)
    return [words[part] if isinstance(part, str) else part for part in parts if part != "none"]


def learn_rate_factor(
    schedules: Sequence[LearnRateSchedule], iteration: int, epoch_length: int, num_iterations: int
) -> float:
    """The factor of the base learning rate.

    An epoch of a schedule is as long as one of the training, and starts with the schedule.

    Args:
        schedules: in series.
        iteration: from 0.
        epoch_length: iterations of an epoch; ``num_iterations`` of the training.

    >>> series = [WarmupLearnRate(initial_factor=0, num_steps=2), PiecewiseLearnRate(period=1)]
    >>> [round(learn_rate_factor(series, iteration, 2, 6), 4) for iteration in range(6)]
    [0.0, 0.5, 1.0, 1.0, 0.1, 0.1]
    """
    start = 0
    for index, schedule in enumerate(schedules):
        step_length = epoch_length if schedule.frequency_unit == "epoch" else 1
        end = start + (schedule.length or 0) * step_length
        # the last one goes on: it keeps its final factor after its end
        if index == len(schedules) - 1 or iteration < end or schedule.length is None:
            # rounded up, since the last epoch of a series may be cut
            num_steps = max(-(-(num_iterations - start) // step_length), 1)
            return schedule.factor((iteration - start) // step_length, num_steps)
        start = end
    return 1.0


def schedule_to_record(schedule: Schedule) -> Any:
    """The option as words, dicts and lists, which JSON and TOML can write; ``None`` for a function.

    >>> schedule_to_record(("warmup", PolynomialLearnRate(power=1)))[1]["type"]
    'polynomial'
    """
    if isinstance(schedule, str):
        return schedule
    if isinstance(schedule, LearnRateSchedule):
        kind = next(word for word, kind in _KINDS.items() if type(schedule) is kind)
        fields: dict[str, Any] = asdict(schedule)  # type: ignore[call-overload]
        return {"type": kind, **{name: value for name, value in fields.items() if value is not None}}
    return None if callable(schedule) else [schedule_to_record(part) for part in schedule]


def schedule_from_record(record: Any) -> Any:
    """The option from :func:`schedule_to_record`; other values are returned as they are.

    >>> schedule_from_record({"type": "polynomial", "power": 2}).power
    2.0
    """
    if isinstance(record, (list, tuple)):
        return [schedule_from_record(part) for part in record]
    if not isinstance(record, dict):
        return record
    fields = {str(name): value for name, value in record.items()}
    kind = _KINDS[
        choice(
            "TrainingOptions", "the type of a learn_rate_schedule", fields.pop("type", None), tuple(_KINDS)
        )
    ]
    known = kind.__dataclass_fields__  # type: ignore[attr-defined]
    if wrong := [name for name in fields if name not in known or name == "_"]:
        raise ArgumentError(
            f"TrainingOptions: the learn_rate_schedule {kind.__name__} must have fields of "
            f"{', '.join(name for name in known if name != '_')}, got {quoted(wrong[0])}"
        )
    return kind(**fields)


def _checked_part(value: object, words: tuple[str, ...]) -> SchedulePart:
    if isinstance(value, LearnRateSchedule):
        return value
    return choice(
        "TrainingOptions",
        "learn_rate_schedule",
        value,
        words,
        or_else="a schedule such as PolynomialLearnRate(), a list of these, or a function of the optimizer",
    )
