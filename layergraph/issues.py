"""Issues: the faults and notes about a network, each with a stable code and a place."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from layergraph.wording import quoted

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Issue:
    """A fault of a network, or a note about it.

    Attributes:
        code: the stable ``LG-...`` code.
        severity: ``"error"`` (the network cannot run), ``"warning"`` or ``"note"``.
        layer: the name of the layer, if there is one.
        port: the name of its port, if there is one.
        text: the fact.
        advice: how to fix it.
        edit: the fix as one line of Python on a graph ``lgraph``, if one fix is certain.
        others: the names of further layers involved.

    >>> print(Issue("LG-MISSING-INPUT", "error", "add", "in2", "input 'in2' is not connected"))
    error at 'add': input 'in2' is not connected [LG-MISSING-INPUT]
    """

    code: str
    severity: Severity
    layer: str
    port: str
    text: str
    advice: str = ""
    edit: str = ""
    others: tuple[str, ...] = ()

    @property
    def message(self) -> str:
        """Text and advice in one line."""
        return f"{self.text}; {self.advice}" if self.advice else self.text

    def __str__(self) -> str:
        place = f" at {quoted(self.layer)}" if self.layer else ""
        return f"{self.severity}{place}: {self.message} [{self.code}]"

    def to_dict(self) -> dict[str, Any]:
        """The issue as a dictionary of its fields and its ``message``."""
        return {**asdict(self), "others": list(self.others), "message": self.message}
