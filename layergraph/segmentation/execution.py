"""The device and the precision in which a network runs for a while."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Literal, get_args

from layergraph.errors import ArgumentError
from layergraph.layers import arguments
from layergraph.segmentation.predictors.predictor import Predictor
from layergraph.wording import quoted

Precision = Literal["bf16-mixed", "16-mixed"]
_ENVIRONMENTS = ("auto", "cpu", "gpu")
_DEVICE = re.compile(r"cuda(:\d+)?|mps")


@contextmanager
def execution(net: Predictor, environment: str, precision: str | None) -> Iterator[None]:
    """Run the torch module in ``net`` on a device in this precision; afterwards it is where it was.

    ``environment`` and ``precision`` are those of :func:`semanticseg`. A module on several devices stays
    there for ``"auto"``.

    Raises:
        ArgumentError: an unknown word, a GPU that torch does not find, ``"16-mixed"`` on the CPU, or a
            predictor that is no torch module, for which neither can be chosen.

    >>> from layergraph.builders import segnet_layers
    >>> with execution(segnet_layers((32, 32, 1), 2, 1).compile(), "cpu", None):
    ...     pass
    """
    if not isinstance(environment, str) or not _DEVICE.fullmatch(environment):
        environment = arguments.choice(
            "semanticseg",
            "execution_environment",
            environment,
            _ENVIRONMENTS,
            or_else="a device such as 'cuda:1'",
        )
    if precision is not None:
        precision = arguments.choice(
            "semanticseg", "precision", precision, get_args(Precision), or_else="None"
        )
    module = torch_module(net)
    if module is None:
        if environment not in ("auto", "cpu") or precision is not None:
            argument, value = (
                ("precision", precision) if precision else ("execution_environment", environment)
            )
            raise ArgumentError(
                f"semanticseg: {argument} must be the default for a predictor that is not made of torch "
                f"modules, got {value!r} for an object of type {type(net).__name__}"
            )
        yield
        return
    import torch

    devices = {tensor.device for tensor in module.state_dict().values()} or {torch.device("cpu")}
    target = _device(environment, devices)
    with ExitStack() as stack:
        if devices != {target}:
            (home,) = devices if len(devices) == 1 else (torch.device("cpu"),)
            # before the move, which can fail half-way for lack of memory
            stack.callback(module.to, home)
            module.to(target)
        if precision == "16-mixed" and target.type == "cpu":
            raise ArgumentError(
                "semanticseg: precision must be 'bf16-mixed' or None on the CPU, got '16-mixed'"
            )
        if precision is not None:
            dtype = torch.bfloat16 if precision == "bf16-mixed" else torch.float16
            stack.enter_context(torch.autocast(target.type, dtype))
        yield


def torch_module(net: Any) -> Any:
    """The torch module in a predictor: itself, or that of the predictor in it; None if there is none.

    >>> torch_module(object()) is None
    True
    """
    while net is not None and not callable(getattr(net, "state_dict", None)):
        net = getattr(net, "net", None)
    return net


def _device(environment: str, devices: set[Any]) -> Any:
    """The torch device of an execution environment."""
    import torch

    has_gpu = torch.cuda.is_available()
    if environment == "auto":
        # a GPU that the user chose wins over the first one
        on_gpu = [device for device in devices if device.type != "cpu"]
        return (
            on_gpu[0]
            if on_gpu
            else torch.device("cuda", torch.cuda.current_device())
            if has_gpu
            else torch.device("cpu")
        )
    if environment == "cpu":
        return torch.device("cpu")
    if environment == "mps":
        is_there = torch.backends.mps.is_available()
    else:
        number = int(environment.partition(":")[2] or 0)
        is_there = has_gpu and number < torch.cuda.device_count()
    if not is_there:
        raise ArgumentError(
            "semanticseg: execution_environment must be 'auto' or 'cpu' where torch finds no such device, "
            f"got {quoted(environment)}; torch.cuda.is_available() is {has_gpu}"
        )
    if environment in ("gpu", "cuda"):
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device(environment)
