"""Reading of ``.pth`` and ``.safetensors`` files, without running any code that they hold."""

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

# the keys under which training scripts save the state dict in a checkpoint
_STATE_DICT_KEYS = ("state_dict", "model_state_dict", "model")

_ADVICE = "save the state dict alone: torch.save(net.state_dict(), path)"


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Return the named tensors of a file, on the CPU.

    The file may be a ``.safetensors`` file, such as :func:`layergraph.LayerGraph.save` writes with names like
    ``conv1/weight``, or a state dict that ``torch.save`` wrote (``.pth``, ``.pt``, ``.bin``, ``.ckpt``),
    alone or in a checkpoint: under ``state_dict``, ``model_state_dict`` or ``model``, or the only state dict
    in it. The content decides on the format, not the extension. All else in a checkpoint is ignored.

    Args:
        path: the file.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: the file is damaged, holds no state dict, or holds objects that only running code
            could make; the message names the reason.

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
        raise FileNotFoundError(f"there is no file {str(path)!r} to read weights from")
    try:
        content = _state_dict(_content(path))
    except FileFormatError as error:
        raise FileFormatError(f"{str(path)!r} {error}") from None
    return {key: value for key, value in content.items() if isinstance(key, str) and torch.is_tensor(value)}


def _content(path: Path) -> Any:
    """The content of a file: named tensors, or the object that ``torch.save`` wrote."""
    with path.open("rb") as file:
        head = file.read(9)
    if not head:
        raise FileFormatError("is empty, expected weights")
    if head[8:] == b"{" or path.suffix == ".safetensors":  # the header comes after its length, 8 bytes
        from safetensors.torch import load_file

        try:
            return load_file(path)
        except Exception as error:  # foreign bytes raise errors of many kinds
            raise FileFormatError(f"is no safetensors file, or is damaged{_reason(error)}") from None
    _check_zip(path)
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # on foreign pickles torch warns before it fails
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # foreign bytes raise errors of many kinds
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused:
            raise FileFormatError(
                f"holds more than tensors: reading it would run {refused[1]}; {_ADVICE}"
            ) from None
        raise FileFormatError(
            f"is no file of torch.save or safetensors, or is damaged{_reason(error)}"
        ) from None


def _check_zip(path: Path) -> None:
    """Raise an error for a zip file that torch.load cannot read, or only by running it."""
    if not zipfile.is_zipfile(path):
        return
    try:
        with zipfile.ZipFile(path) as archive:
            names = {name.rpartition("/")[2] for name in archive.namelist()}
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise FileFormatError(f"is a damaged zip file: {error}") from None
    if "constants.pkl" in names:
        raise FileFormatError(
            "is a TorchScript program, expected a state dict; read it with torch.jit.load, and "
            f"{_ADVICE.replace('net', 'program')}"
        )
    if "data.pkl" not in names:
        raise FileFormatError("is a zip file that torch.save did not write")


def _reason(error: Exception) -> str:
    """The first sentence of a library's message, or nothing for an error that it did not raise on purpose.

    torch's next sentences advise to read the file unsafely.
    """
    if not isinstance(error, (RuntimeError, SafetensorError)):
        return ""
    text = re.split(r"\n|\.\s", str(error).strip())[0].rstrip(".")
    return f": {text}" if text else ""


def _state_dict(content: object) -> Mapping[Any, Any]:
    """The state dict in the content of a file."""
    if not isinstance(content, Mapping):
        raise FileFormatError(
            f"holds an object of type {type(content).__name__}, expected a state dict; {_ADVICE}"
        )
    if not content:
        raise FileFormatError(f"holds no tensors; {_ADVICE}")
    inner: list[Any] = [key for key, value in content.items() if _holds_tensors(value)]
    for key in _STATE_DICT_KEYS:
        if key in inner:
            return content[key]  # type: ignore[no-any-return]
    if _holds_tensors(content):
        return content
    if len(inner) != 1:
        kind = "several state dicts," if inner else "no tensors, but"
        names = listed([str(key) for key in inner or content], 5)
        raise FileFormatError(f"holds {kind} {names}, expected one state dict; {_ADVICE}")
    return content[inner[0]]  # type: ignore[no-any-return]


def _holds_tensors(value: object) -> bool:
    import torch

    return isinstance(value, Mapping) and any(
        isinstance(key, str) and torch.is_tensor(item) for key, item in value.items()
    )
