"""A trained network in a file together with its training: its series and its options."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from layergraph.errors import FileFormatError, LayergraphError, WrongTypeError
from layergraph.graph import file_format
from layergraph.training.info import StopReason, TrainingInfo
from layergraph.training.options import TrainingOptions
from layergraph.wording import quoted, visible

if TYPE_CHECKING:
    from layergraph.graph.layer_graph import LayerGraph
    from layergraph.network.network import Network

_ORDER = "the order is path, net, info, options"
_KEY = "training"  # in the metadata of the file
_LARGEST = 64 * 1024**2  # characters; an iteration takes some 100


def save_trained_network(
    path: str | os.PathLike[str],
    net: Network[LayerGraph] | LayerGraph,
    info: TrainingInfo,
    options: TrainingOptions | None = None,
) -> None:
    """Write a trained network with its training to a file, which :func:`layergraph.load` reads as any other.

    The file holds architecture, weights and class names, and in its header, as JSON, ``info`` without its
    times and those ``options`` that :meth:`TrainingOptions.to_dict` has, for :func:`load_training`. Equal
    trainings give equal files, byte for byte.

    Raises:
        WrongTypeError: an argument has another type.
        ArgumentError, LayergraphError, OSError: as :meth:`layergraph.LayerGraph.save`.

    >>> import layergraph
    >>> from tempfile import TemporaryDirectory
    >>> from layergraph.builders import unet_layers
    >>> info = TrainingInfo([0.7, 0.5], [51.0, 63.25], None, [0.001, 0.001], "Max epochs completed.")
    >>> with TemporaryDirectory() as folder:
    ...     lgraph = unet_layers((32, 32, 1), 2, encoder_depth=1)
    ...     save_trained_network(f"{folder}/unet.safetensors", lgraph, info, TrainingOptions("adam", seed=3))
    ...     layergraph.load(f"{folder}/unet.safetensors") == lgraph
    ...     load_training(f"{folder}/unet.safetensors")
    True
    (TrainingInfo(2 iterations, last loss 0.5000, last accuracy 63.25%, 'Max epochs completed.'), \
TrainingOptions('adam', seed=3))
    """
    from layergraph.graph.layer_graph import LayerGraph

    for name, value, kind in (("info", info, TrainingInfo), ("options", options, TrainingOptions)):
        if not (isinstance(value, kind) or (value is None and name == "options")):
            raise WrongTypeError(
                f"save_trained_network: {name} must be {kind.__name__}, got {type(value).__name__}; {_ORDER}"
            )
    lgraph = net if isinstance(net, LayerGraph) else getattr(net, "layer_graph", lambda: None)()
    if not isinstance(lgraph, LayerGraph):
        raise WrongTypeError(
            f"save_trained_network: net must be a compiled Network or a LayerGraph, got "
            f"{type(net).__name__}; {_ORDER}"
        )
    # equal trainings give equal files, byte for byte, and only their times differ
    course = {name: value for name, value in info.to_dict().items() if name != "time_since_start"}
    record = {"info": course, "options": None if options is None else options.to_dict()}
    file_format.write(lgraph, path, metadata={_KEY: json.dumps(record, allow_nan=False)})


def load_training(path: str | os.PathLike[str]) -> tuple[TrainingInfo, TrainingOptions | None]:
    """The course and the options of the training that :func:`save_trained_network` wrote with a network.

    Functions, data and loggers among the options are not in the file, and have their defaults.

    Raises:
        FileFormatError: the file is damaged, or holds no training.
        FileNotFoundError: there is no such file.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"no file {quoted(str(path))} to load a training from")
    text = file_format.read_texts(path).get(_KEY)
    where = f"load_training: {quoted(str(path))}"
    if text is None or len(text) > _LARGEST:
        got = "none" if text is None else "one that is too long"
        raise FileFormatError(f"{where} must hold a training, got {got}; save_trained_network writes it")
    try:
        record = json.loads(text)
        options = record["options"]
        return _info(record["info"]), None if options is None else TrainingOptions.from_dict(options)
    # a file of anyone may hold any JSON
    except (
        LayergraphError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
        RecursionError,
    ) as error:
        raise FileFormatError(f"{where} must hold a valid training, got ({visible(str(error))})") from None


def _info(record: Mapping[str, Any]) -> TrainingInfo:
    """The info of :meth:`TrainingInfo.to_dict`."""
    if unknown := record.keys() - {each.name for each in fields(TrainingInfo)}:
        raise FileFormatError(f"an unknown series {quoted(min(unknown))}")
    count = len(record["training_loss"])
    values: dict[str, Any] = {"training_accuracy": None, "training_rmse": None}
    for name, value in record.items():
        if name == "stop_reason":
            is_valid = value in get_args(StopReason)
        elif name == "warnings":
            is_valid = isinstance(value, list) and all(isinstance(item, str) for item in value)
            value = tuple(value)
        elif name == "output_network_iteration":
            is_valid = type(value) is int and value >= 0
        elif name == "epochs":
            is_valid = len(value) == count and all(type(item) is int and item > 0 for item in value)
        elif name == "output_losses":
            is_valid = all(len(losses) == count and all(map(_is_number, losses)) for losses in value.values())
            value = {key: [_number(item) for item in losses] for key, losses in value.items()}
        elif name.startswith("final_"):
            is_valid, value = _is_number(value), _number(value)
        else:
            is_valid = isinstance(value, list) and len(value) == count and all(map(_is_number, value))
            value = [_number(item) for item in value]
        if not is_valid:
            raise FileFormatError(f"a wrong {name}")
        values[name] = value
    return TrainingInfo(**values)


def _is_number(value: object) -> bool:
    return value is None or type(value) in (int, float)


def _number(value: float | None) -> float:
    """The number; JSON holds NaN and infinity as null."""
    return math.nan if value is None else float(value)
