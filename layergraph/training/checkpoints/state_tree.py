"""The state of a training as tensors and JSON: a tree of dicts and lists, without pickle."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from layergraph.errors import FileFormatError, LayergraphError

_DEEPEST = 100  # levels; the state of Lightning has about ten


def split_tree(tree: Any, tensors: dict[str, Tensor], path: str = "state") -> Any:
    """The tree in JSON's types; its tensors are added to ``tensors`` by their paths.

    A dict becomes ``{"dict": [[key, value], ...]}``, since JSON would turn its whole numbers as keys into
    text; a tensor ``{"tensor": path}``.

    Raises:
        LayergraphError: the tree holds an object of another type.

    >>> tensors = {}
    >>> split_tree({0: (1.5, torch.zeros(2))}, tensors), [*tensors]
    ({'dict': [[0, {'tuple': [1.5, {'tensor': 'state/0/1'}]}]]}, ['state/0/1'])
    """
    if tree is None or isinstance(tree, (str, bool, int)):
        return tree
    if isinstance(tree, float):
        # JSON has no infinity, which the best loss before the first validation is
        return tree if np.isfinite(tree) else {"float": repr(tree)}
    if isinstance(tree, Tensor):
        tensors[path] = tree.detach().cpu().contiguous()
        return {"tensor": path}
    if isinstance(tree, np.ndarray):
        tensors[path] = torch.from_numpy(np.ascontiguousarray(tree))
        return {"array": path}
    if isinstance(tree, np.generic):
        return split_tree(tree.item(), tensors, path)
    if isinstance(tree, (dict, list, tuple)):
        is_dict = isinstance(tree, dict)
        keys = [*tree] if is_dict else range(len(tree))
        values = [split_tree(tree[key], tensors, f"{path}/{key}") for key in keys]
        if is_dict:
            for key in keys:
                if not isinstance(key, (str, int)):
                    raise LayergraphError(f"a checkpoint cannot hold {path}: one of its keys is {key!r:.80}")
            kind = "counter" if isinstance(tree, Counter) else "dict"
            return {kind: [[key, value] for key, value in zip(keys, values, strict=True)]}
        return {"tuple" if isinstance(tree, tuple) else "list": values}
    raise LayergraphError(
        f"a checkpoint cannot hold {path}, an object of type {type(tree).__name__}; it takes numbers, text, "
        "lists, dicts, arrays and tensors"
    )


def join_tree(tree: Any, tensors: Mapping[str, Tensor], depth: int = 0) -> Any:
    """The tree that :func:`split_tree` split.

    Raises:
        FileFormatError: it has another form.

    >>> tensors = {}
    >>> join_tree(split_tree({0: (1.5, float("inf"))}, tensors), tensors)
    {0: (1.5, inf)}
    """
    if tree is None or isinstance(tree, (str, bool, int, float)):
        return tree
    if depth > _DEEPEST:
        raise FileFormatError(f"its state must have at most {_DEEPEST} levels")
    if not isinstance(tree, dict) or len(tree) != 1:
        raise FileFormatError(f"its state must be a tree as a checkpoint has it, got {tree!r:.80}")
    ((kind, value),) = tree.items()
    if kind == "float" and value in ("inf", "-inf", "nan"):
        return float(value)
    if kind in ("tensor", "array") and isinstance(value, str) and value in tensors:
        return tensors[value] if kind == "tensor" else tensors[value].numpy()
    if kind in ("list", "tuple") and isinstance(value, list):
        items = [join_tree(item, tensors, depth + 1) for item in value]
        return items if kind == "list" else tuple(items)
    if kind in ("dict", "counter") and isinstance(value, list):
        pairs: dict[Any, Any] = {}
        for pair in value:
            if not (isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], (str, int))):
                raise FileFormatError(f"its state must have pairs of key and value, got {pair!r:.80}")
            pairs[pair[0]] = join_tree(pair[1], tensors, depth + 1)
        return pairs if kind == "dict" else Counter(pairs)
    raise FileFormatError(f"its state must be a tree as a checkpoint has it, got {tree!r:.80}")
