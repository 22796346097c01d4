"""Every error a user can meet, one class a kind, all of them ``LayergraphError``.

A message is one sentence that says what was wrong and where, what was expected and what came,
and what to do. Nothing is changed by a call that raises.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from layergraph.wording import listed, quoted

if TYPE_CHECKING:
    from layergraph.issues import Issue


_LONGEST_COMPARED = 200  # characters of a name; comparing grows with the square of the length
_MOST_COMPARED = 10**7  # characters of the name times those of all that it is compared with; some 0.5 s


class LayergraphError(ValueError):
    """The base of every error raised for a user's mistake.

    ``code`` is its stable ``LG-...`` code, if the catalogue of issues has it; the message ends with it.
    """

    code = ""

    def __str__(self) -> str:
        text = ValueError.__str__(self)  # KeyError, another base of some, would print it in quotes
        return f"{text} [{self.code}]" if self.code else text


class UnknownLayerError(LayergraphError, KeyError):
    """A name that no layer of the graph has."""


class UnknownPortError(LayergraphError):
    """A port that the layer does not have, or none named where the layer has several."""


class UnknownConnectionError(LayergraphError):
    """A connection that the graph does not have."""


class BadNameError(LayergraphError):
    """A layer name that is empty or contains ``/`` (which separates layer and port)."""


class DuplicateNameError(LayergraphError):
    """A layer name that is taken."""

    code = "LG-DUPLICATE-NAME"


class PortTakenError(LayergraphError):
    """An input port that is already connected; an input takes exactly one connection."""


class CycleError(LayergraphError):
    """A connection that would lead back to its source."""

    code = "LG-CYCLE"


class WrongTypeError(LayergraphError, TypeError):
    """An argument of the wrong type."""


class ArgumentError(LayergraphError):
    """An argument outside its range: of a layer, of an option, of a function."""


class SizeError(LayergraphError):
    """Sizes that a layer cannot take, with the fields of the :class:`Issue` that reports them."""

    def __init__(self, code: str, text: str, *, port: str = "", advice: str = "") -> None:
        super().__init__(text)
        self.code, self.text, self.port, self.advice = code, text, port, advice


class InvalidNetworkError(LayergraphError):
    """A graph that cannot run. ``issues`` holds every fault found, not only the first."""

    def __init__(self, issues: Sequence[Issue], text: str = "the network cannot run") -> None:
        self.issues = tuple(issues)
        count = "1 error" if len(issues) == 1 else f"{len(issues)} errors"
        super().__init__("\n".join([f"{text}, it has {count}:", *(f"  {i}" for i in issues)]))


class FileFormatError(LayergraphError):
    """A file that is damaged, foreign, or not what it says."""


class DownloadError(LayergraphError):
    """A published file that could not be fetched."""


class WeightsMismatchError(FileFormatError):
    """Weights that do not fit a graph. ``faults`` has all that is wrong: pairs of a layer and a text."""

    def __init__(self, text: str, faults: Sequence[tuple[str, str]] = ()) -> None:
        self.faults = tuple(faults)
        super().__init__(text)


class DataError(LayergraphError):
    """Images, labels or folders that cannot be used."""


class DataWarning(UserWarning):
    """Images or labels that can be used, and may not be what they seem."""


class MissingExtraError(LayergraphError, ImportError):
    """A package that an optional part of layergraph needs is not installed."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """A sentence ending that names the nearest known names, or lists the few there are.

    >>> did_you_mean("conv_1", ["conv1", "relu1"])
    "; did you mean 'conv1'?"
    >>> did_you_mean("depth", ["width", "encoder_depth"])
    "; did you mean 'encoder_depth'?"
    """
    known = list(known)
    if len(name) > _LONGEST_COMPARED:
        return ""
    short = [item for item in known if len(item) <= _LONGEST_COMPARED]
    # a part of a longer name before what is merely spelt alike: depth is encoder_depth, not width
    near = [item for item in short if name in item and name in re.split(r"[-_]", item)][:3]
    if not near and len(name) * sum(map(len, short)) <= _MOST_COMPARED:
        near = get_close_matches(name, short, n=3, cutoff=0.6)
    if near:
        return f"; did you mean {' or '.join(map(quoted, near))}?"
    if not known:
        return "; there are none"
    return f"; there are {listed(known, most=6)}"
