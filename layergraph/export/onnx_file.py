"""A network as an ONNX file, checked with onnxruntime before it appears."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor

from layergraph.atomic import atomic_file
from layergraph.errors import LayergraphError, MissingExtraError
from layergraph.export.onnx_names import name_after_layers
from layergraph.export.program import export_error, exported_program
from layergraph.export.subject import InputShapes, Subject
from layergraph.extensions import check_extension
from layergraph.wording import visible

_LARGEST = 1_900_000_000  # bytes of weights in the file itself; protobuf ends at 2^31
_PACKAGES = ("onnx", "onnxscript", "onnxruntime")


def write_onnx(subject: Subject, path: str | os.PathLike[str], opset: int | None) -> InputShapes:
    """See :meth:`layergraph.Network.to_onnx`."""
    check_extension(path, (".onnx",), "to_onnx: path")
    onnx, _, onnxruntime = map(_package, _PACKAGES)
    target = Path(os.path.realpath(path))
    is_large = sum(t.nbytes for t in subject.net.state_dict().values()) > _LARGEST
    with ExitStack() as files:
        # left in reverse: the data appears before the file that names it
        temporary = files.enter_context(atomic_file(path))
        data_path = target.with_name(f"{target.name}.data")
        data = files.enter_context(atomic_file(data_path)) if is_large else None
        example = subject.example()
        with _quiet():
            model = _model(subject, example, opset)
        name_after_layers(model, subject)
        shapes = subject.shapes([_dimensions(value) for value in model.graph.input])
        if data is None:
            onnx.save_model(model, temporary)
        else:
            options = {"all_tensors_to_one_file": True, "location": data.name}
            onnx.save_model(model, temporary, save_as_external_data=True, **options)
        session = _session(onnxruntime, temporary)
        names = [value.name for value in model.graph.input]
        for inputs in (example, *subject.other_examples(shapes)):
            results = session.run(None, dict(zip(names, map(_array, inputs), strict=True)))
            subject.check("to_onnx", inputs, [torch.from_numpy(result) for result in results])
        if data is not None:
            del session
            _move_data(onnx, temporary, data_path.name)
    return shapes


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError:
        raise MissingExtraError(
            f'to_onnx: the package {name} must be installed, and is not: pip install "layergraph[onnx]"'
        ) from None


def _model(subject: Subject, example: tuple[Tensor, ...], opset: int | None) -> Any:
    """The model, a ``ModelProto`` with one node or more per layer."""
    optimizer = import_module("onnxscript.optimizer")
    # before the ONNX exporter, which would replace a failed export by one for the values of the example
    program: Any = exported_program("to_onnx", subject, example)
    try:
        # not optimize=True, which merges layers; runtimes merge them when they load the file
        program = torch.onnx.export(program, dynamo=True, opset_version=opset, optimize=False, verbose=False)
        # the arithmetic of fixed sizes is no part of the network
        optimizer.fold_constants(program.model)
        optimizer.remove_unused_nodes(program.model)
        return program.model_proto
    except Exception as error:  # torch raises errors of many kinds, and Python's own ones
        raise export_error("to_onnx", cast(Exception, error.__cause__ or error)) from error


def _session(onnxruntime: Any, path: Path) -> Any:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:
        reason = visible(str(error).strip().splitlines()[0])
        raise LayergraphError(
            f"to_onnx: onnxruntime must be able to run the file, got {reason}; a network of another dtype "
            "than float32 may need net.float() before"
        ) from error


def _array(tensor: Tensor) -> Any:
    return tensor.cpu().numpy()


def _dimensions(value: Any) -> Sequence[object]:
    # a fixed size is a number, and an open one has a name
    dimensions = value.type.tensor_type.shape.dim
    return [d.dim_param if d.HasField("dim_param") else int(d.dim_value) for d in dimensions]


def _move_data(onnx: Any, path: Path, name: str) -> None:
    """Let a model refer to its data by another file name, in the same folder."""
    model = onnx.load(path, load_external_data=False)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            if entry.key == "location":
                entry.value = name
    path.write_bytes(model.SerializeToString())


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the warnings of the exporter, which are about its own parts and none about the network."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnx_ir", "onnxscript")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
