"""The scheduler of torch for the schedule of the options."""

from __future__ import annotations

from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR, LRScheduler, ReduceLROnPlateau

from layergraph.errors import WrongTypeError
from layergraph.training.optimization.schedule_series import learn_rate_factor, schedules_of
from layergraph.training.options import TrainingOptions

MONITORED = "validation_loss"
"""The name of the loss that a scheduler of torch may watch."""


def rate_scheduler(
    optimizer: Optimizer, options: TrainingOptions, epoch_length: int
) -> dict[str, Any] | None:
    """The scheduler in the form that Lightning takes; None for a constant rate.

    Args:
        optimizer: of the network.
        options: those of the training.
        epoch_length: iterations of an epoch.

    Raises:
        WrongTypeError: a function of the user returns no scheduler.
    """
    schedule = options.learn_rate_schedule
    if callable(schedule):
        return _given(schedule(optimizer), options)
    schedules = schedules_of(schedule, options.learn_rate_drop_factor, options.learn_rate_drop_period)
    if not schedules:
        return None
    num_iterations = options.max_epochs * epoch_length

    def factor(iteration: int) -> float:
        return learn_rate_factor(schedules, iteration, epoch_length, num_iterations)

    return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}


def set_rates(scheduler: LambdaLR) -> None:
    """Set the rates of the next iteration anew: a checkpoint has those for the ``max_epochs`` of its time."""
    groups = zip(scheduler.optimizer.param_groups, scheduler.base_lrs, scheduler.lr_lambdas, strict=True)
    for group, base, factor in groups:
        group["lr"] = base * factor(scheduler.last_epoch)


def _given(result: Any, options: TrainingOptions) -> dict[str, Any]:
    config: dict[str, Any] = dict(result) if isinstance(result, dict) else {"scheduler": result}
    scheduler = config.get("scheduler")
    if not isinstance(scheduler, LRScheduler):
        raise WrongTypeError(
            "TrainingOptions: the function of learn_rate_schedule must return a scheduler of torch, or a "
            f"dict with one as 'scheduler', got an object of type {type(scheduler).__name__}"
        )
    if isinstance(scheduler, ReduceLROnPlateau):
        if options.validation_data is None and "monitor" not in config:
            raise WrongTypeError(
                "TrainingOptions: learn_rate_schedule must not be ReduceLROnPlateau without validation_data, "
                "whose loss it watches, got no validation_data"
            )
        config.setdefault("monitor", MONITORED)
        # before the first validation of a training there is no loss
        config.setdefault("strict", False)
    return config
