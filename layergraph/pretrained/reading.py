"""Tensors of a ``.pth`` or ``.safetensors`` file, read without running anything that it holds."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layergraph.errors import FileFormatError

if TYPE_CHECKING:
    from torch import Tensor

# under what training scripts put the state dict, when they save more than that
_WRAPPERS = ("state_dict", "model_state_dict", "model")


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """The named tensors of a file.

    A ``.safetensors`` file, or what ``torch.save`` wrote of a state dict (``.pth``, ``.pt``, ``.bin``); also
    one that holds it under ``state_dict`` or ``model``, or with ``module.`` before each name.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: damaged, or no state dict; the message says what it is.
    """
    import torch

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no file {str(path)!r} to read weights from")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # both libraries raise errors of many kinds on foreign bytes
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise FileFormatError(f"{str(path)!r} holds no weights that can be read: {reason}") from None
    for wrapper in _WRAPPERS:
        if isinstance(found, Mapping) and isinstance(found.get(wrapper), Mapping):
            found = found[wrapper]
            break
    if not isinstance(found, Mapping) or not all(
        isinstance(key, str) and isinstance(value, torch.Tensor) for key, value in found.items()
    ):
        raise FileFormatError(
            f"{str(path)!r} holds no state dict (names and tensors), it holds {_described(found)}; "
            "save one with torch.save(net.state_dict(), path)"
        )
    return {key.removeprefix("module."): tensor for key, tensor in found.items()}


def _described(found: object) -> str:
    if isinstance(found, Mapping):
        return f"a dict with the keys {', '.join(map(repr, [*found][:5]))}"
    return f"an object of type {type(found).__name__}"
