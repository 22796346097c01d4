"""Tensors of a ``.pth`` or ``.safetensors`` file, read without running anything that it holds."""

from __future__ import annotations

import os
import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError

from layergraph.errors import FileFormatError
from layergraph.wording import listed

if TYPE_CHECKING:
    from torch import Tensor

# under what training scripts put the state dict, when they save more than that
_WRAPPERS = ("state_dict", "model_state_dict", "model")

_CURE = "save the state dict alone: torch.save(net.state_dict(), path)"


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The named tensors of a file, on the CPU.

    A ``.safetensors`` file (what :func:`layergraph.LayerGraph.save` writes is one, with names such as
    ``conv1/weight``), or what ``torch.save`` wrote of a state dict (``.pth``, ``.pt``, ``.bin``, ``.ckpt``),
    alone or in a checkpoint: under ``state_dict``, ``model_state_dict`` or ``model``, or the only state dict
    in it. What the file is, its content says, not its ending. What else a checkpoint holds is left out.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: it is damaged, holds no state dict, or more than numbers: objects that only running
            code could make. The message says what it is.

    >>> import tempfile, torch
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     torch.save(torch.nn.Linear(2, 3).state_dict(), f"{folder}/linear.pth")
    ...     [*read_tensors(f"{folder}/linear.pth")]
    ['weight', 'bias']
    """
    import torch

    path = Path(path)
    if path.is_dir():
        raise FileFormatError(f"{str(path)!r} is a folder, expected a file of weights in it")
    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r} to read weights from")
    try:
        found = _state_dict(_content(path))
    except FileFormatError as error:
        raise FileFormatError(f"{str(path)!r} {error}") from None
    return {key: value for key, value in found.items() if isinstance(key, str) and torch.is_tensor(value)}


def _content(path: Path) -> Any:
    """What a file holds: tensors, or what ``torch.save`` was given."""
    with path.open("rb") as file:
        head = file.read(9)
    if not head:
        raise FileFormatError("is empty, expected weights")
    if head[8:] == b"{" or path.suffix == ".safetensors":  # behind the length of the header
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except Exception as error:  # of many kinds, on foreign bytes
            raise FileFormatError(f"is not a safetensors file, or damaged{_reason(error)}") from None
    _check_zip(path)
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on foreign pickles torch warns before it fails
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # of many kinds, on foreign bytes
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused:
            raise FileFormatError(
                f"holds more than tensors: reading it would run {refused[1]}; {_CURE}"
            ) from None
        raise FileFormatError(
            f"is no file of torch.save or safetensors, or damaged{_reason(error)}"
        ) from None


def _check_zip(path: Path) -> None:
    """Raise for a zip file that torch.load would not take, or not without running it."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            inside = {name.rpartition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise FileFormatError(f"is a damaged zip file: {error}") from None
    if "constants.pkl" in inside:
        raise FileFormatError(
            "is a TorchScript program, expected a state dict; read it with torch.jit.load, and "
            f"{_CURE.replace('net', 'program')}"
        )
    if "data.pkl" not in inside:
        raise FileFormatError("is a zip file, but not one that torch.save wrote")


def _reason(error: Exception) -> str:
    """What a library says, in its first sentence; nothing where it advises to read unsafely, or stumbled."""
    if not isinstance(error, (RuntimeError, SafetensorError)):
        return ""
    text = re.split(r"\n|\.\s", str(error).strip())[0].rstrip(".")
    return f": {text}" if text else ""


def _state_dict(content: object) -> Mapping[Any, Any]:
    """The state dict in what a file holds."""
    if not isinstance(content, Mapping):
        raise FileFormatError(
            f"holds an object of type {type(content).__name__}, expected names and tensors; {_CURE}"
        )
    if not content:
        raise FileFormatError(f"holds no tensors; {_CURE}")
    inner: list[Any] = [key for key, value in content.items() if _holds_tensors(value)]
    for key in _WRAPPERS:
        if key in inner:
            return content[key]  # type: ignore[no-any-return]
    if _holds_tensors(content):
        return content
    if len(inner) != 1:
        what = "several state dicts," if inner else "no tensors, but"
        names = listed([str(key) for key in inner or content], 5)
        raise FileFormatError(f"holds {what} {names}; expected names and tensors; {_CURE}")
    return content[inner[0]]  # type: ignore[no-any-return]


def _holds_tensors(value: object) -> bool:
    import torch

    return isinstance(value, Mapping) and any(
        isinstance(key, str) and torch.is_tensor(item) for key, item in value.items()
    )
