"""A file of options: ``layergraph train`` reads it, and writes one beside a trained network."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from layergraph.atomic import atomic_file
from layergraph.errors import ArgumentError, did_you_mean
from layergraph.wording import quoted

TRAINING, BUILDER = "training", "builder"
"""The tables of training options, and of the arguments of the builder that ``network`` names."""

RUN_MARK = "# written by layergraph train"
"""The start of a file that the command wrote, which a later run may write over."""

Record = dict[str, Any]


def read_run(path: Path, own: Iterable[str], training: Iterable[str]) -> Record:
    """The values of a TOML file, with the tables ``training`` and ``builder``.

    Args:
        path: the file.
        own: the names at the top of the file, those of the command's own options.
        training: the names in the table ``training``.

    Raises:
        ArgumentError: the file is no TOML, or has a name that is no option.
    """
    try:
        record = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ArgumentError(
            f"{quoted(str(path))} must be a TOML file, got one that is not: {error}"
        ) from None
    for table in (TRAINING, BUILDER):
        if not isinstance(record.setdefault(table, {}), dict):
            raise ArgumentError(
                f"{quoted(str(path))}: {table} must be a table, got {quoted(record[table])}; write [{table}]"
            )
    _check_names(path, record, [*own, TRAINING, BUILDER], "")
    _check_names(path, record[TRAINING], training, f" in the table [{TRAINING}]")
    return record


def write_run(path: Path, record: Mapping[str, Any]) -> None:
    """Write values as TOML; ``read_run`` gives the same values. ``None`` is left out, as TOML has none.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_run(Path(folder, "a.toml"), {"network": "unet", "training": {"solver": "adam"}})
    ...     print(Path(folder, "a.toml").read_text(), end="")
    # written by layergraph train; layergraph train --config FILE repeats the run
    network = "unet"
    <BLANKLINE>
    [training]
    solver = "adam"
    """
    # plain values first: below a table's heading all names are in that table
    plain = {name: value for name, value in record.items() if not isinstance(value, Mapping)}
    tables = {name: value for name, value in record.items() if isinstance(value, Mapping) and value}
    lines = [f"{RUN_MARK}; layergraph train --config FILE repeats the run", *_lines(plain)]
    for name, table in tables.items():
        lines += ["", f"[{name}]", *_lines(table)]
    with atomic_file(path) as temporary:
        temporary.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _check_names(path: Path, record: Mapping[str, Any], known: Iterable[str], place: str) -> None:
    names = list(known)
    for name in record:
        if name not in names:
            raise ArgumentError(
                f"{quoted(str(path))} must hold options of layergraph train alone, got {quoted(name)}{place}"
                f"{did_you_mean(name, names)}"
            )


def _lines(values: Mapping[str, Any]) -> list[str]:
    return [f"{name} = {_text(value)}" for name, value in values.items() if value is not None]


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        # TOML has nan and inf as Python writes them
        return repr(value) if math.isfinite(value) else str(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Mapping):
        return (
            "{" + ", ".join(f"{json.dumps(str(name))} = {_text(item)}" for name, item in value.items()) + "}"
        )
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_text, value)) + "]"
    # a JSON string is one of TOML, but for one control character and the escapes of halves of a character
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")
