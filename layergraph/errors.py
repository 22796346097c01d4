"""The errors of layergraph, all of them :class:`LayergraphError`.

A message is one sentence that names the place, the expected value, the given value, and the way to fix it.
A call that raises an error changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import TYPE_CHECKING

from layergraph.wording import counted, listed, quoted

if TYPE_CHECKING:
    from layergraph.issues import Issue


# comparing two names takes a time that grows with the product of their lengths
_LONGEST_COMPARED = 200  # characters of a name
_MOST_COMPARED = 10**7  # characters of the name times those of all known names; about 0.5 s


class LayergraphError(ValueError):
    """The base of every error raised for a user's mistake.

    ``code`` is its stable ``LG-...`` code, if the catalog of issues has it; the message ends with it.
    """

    code = ""

    def __str__(self) -> str:
        text = ValueError.__str__(self)  # KeyError, another base of some, would print it in quotes
        return f"{text} [{self.code}]" if self.code else text


class UnknownLayerError(LayergraphError, KeyError):
    """A name that no layer of the graph has."""


class UnknownPortError(LayergraphError):
    """A port that the layer does not have, or no port where the layer has several."""


class UnknownConnectionError(LayergraphError):
    """A connection that the graph does not have."""


class BadNameError(LayergraphError):
    """A layer name that is empty or contains ``/``, which separates layer and port."""


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
    """An argument of a layer, option or function with a value out of range."""


class SizeError(LayergraphError):
    """Sizes that a layer cannot take, with the fields of the :class:`Issue` that reports them."""

    def __init__(self, code: str, text: str, *, port: str = "", advice: str = "") -> None:
        super().__init__(text)
        self.code, self.text, self.port, self.advice = code, text, port, advice


class InvalidNetworkError(LayergraphError):
    """A graph that cannot run; ``issues`` holds all its faults, not only the first."""

    def __init__(self, issues: Sequence[Issue], text: str = "the network cannot run") -> None:
        self.issues = tuple(issues)
        heading = f"{text} because of {counted(len(issues), 'error')}:"
        super().__init__("\n".join([heading, *(f"  {issue}" for issue in issues)]))


class FileFormatError(LayergraphError):
    """A file that is damaged or has another format."""


class DownloadError(LayergraphError):
    """A published file that could not be downloaded."""


class WeightsMismatchError(FileFormatError):
    """Weights that do not fit a graph; ``faults`` lists all faults as pairs of a layer and a text."""

    def __init__(self, text: str, faults: Sequence[tuple[str, str]] = ()) -> None:
        self.faults = tuple(faults)
        super().__init__(text)


class DataError(LayergraphError):
    """Images, labels or folders that cannot be used."""


class NotEnoughMemoryError(LayergraphError, MemoryError):
    """A training, or a network with its images, that needs more memory than its device has."""


class DataWarning(UserWarning):
    """Images or labels that can be used but may be wrong."""


class MissingExtraError(LayergraphError, ImportError):
    """A missing package that an optional part of layergraph needs."""


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message that suggests the nearest known names, or lists the first known ones.

    >>> did_you_mean("conv_1", ["conv1", "relu1"])
    "; did you mean 'conv1'?"
    >>> did_you_mean("depth", ["width", "encoder_depth"])
    "; did you mean 'encoder_depth'?"
    """
    known = list(known)
    # a name this long is hardly a misspelling
    if len(name) > _LONGEST_COMPARED:
        return ""
    # long names cost time and are left out, but the others are still compared
    short = [item for item in known if len(item) <= _LONGEST_COMPARED]
    # similar spelling alone would suggest width for depth, where the user means encoder_depth
    near = [item for item in short if name in item and name in re.split(r"[-_]", item)][:3]
    # 0.6 is the default of difflib
    if not near and len(name) * sum(map(len, short)) <= _MOST_COMPARED:
        near = get_close_matches(name, short, n=3, cutoff=0.6)
    if near:
        return f"; did you mean {' or '.join(map(quoted, near))}?"
    if not known:
        return "; there are none"
    return f"; there are {listed(known, most=6)}"
