"""Several callbacks as one of Lightning."""

import importlib
import inspect
import pkgutil

from lightning import Callback

from layergraph.training import callbacks
from layergraph.training.callbacks.callback_group import CallbackGroup


def hooks(kind):
    return {name for name in vars(Callback) if getattr(kind, name) is not getattr(Callback, name, None)} - {
        "__module__",
        "__doc__",
        "__dict__",
        "__weakref__",
    }


def test_the_group_has_every_hook_that_a_callback_defines():
    kinds = {
        kind
        for module in pkgutil.iter_modules(callbacks.__path__)
        for kind in vars(importlib.import_module(f"{callbacks.__name__}.{module.name}")).values()
        if inspect.isclass(kind) and issubclass(kind, Callback) and kind not in (Callback, CallbackGroup)
    }
    assert len(kinds) >= 8
    used = set().union(*(hooks(kind) for kind in kinds))
    assert "on_train_batch_end" in used
    assert used == hooks(CallbackGroup)


class Counting(Callback):
    """Has a state, and counts its loads."""

    def __init__(self, calls, number):
        self.calls, self.number = calls, number

    def state_dict(self):
        return {"number": self.number}

    def load_state_dict(self, state_dict):
        self.number = state_dict["number"]

    def on_train_end(self, trainer, pl_module):
        self.calls.append(self.number)


class Other(Counting):
    """Another class, with another state."""


def test_the_callbacks_keep_their_order_and_states():
    calls = []
    CallbackGroup([Counting(calls, 1), Callback(), Other(calls, 2)]).on_train_end(None, None)
    assert calls == [1, 2]
    state = CallbackGroup([Counting(calls, 1), Callback(), Other(calls, 2)]).state_dict()
    fresh = CallbackGroup([Other(calls, 0), Counting(calls, 0)])
    fresh.load_state_dict(state)
    fresh.on_train_end(None, None)
    assert calls == [1, 2, 2, 1]
    # a checkpoint of a training without one of them
    CallbackGroup([Callback()]).load_state_dict(state)
