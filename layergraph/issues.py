"""What is wrong with a network: a list of findings, each with a stable code and a place."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from layergraph.wording import quoted

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Issue:
    """One finding: a stable ``code``, a ``severity``, the ``layer`` and ``port`` concerned,
    a ``text`` that says what is wrong and ``advice`` that says what to do.

    ``edit`` is the cure as Python on a graph called ``lgraph``, where one cure is known; ``others`` are
    further layers concerned.

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
        """Text and advice as one line."""
        return f"{self.text}; {self.advice}" if self.advice else self.text

    def __str__(self) -> str:
        place = f" at {quoted(self.layer)}" if self.layer else ""
        return f"{self.severity}{place}: {self.message} [{self.code}]"

    def to_dict(self) -> dict[str, Any]:
        """The issue under its field names (``others`` as a list), with the whole ``message``."""
        return {**asdict(self), "others": list(self.others), "message": self.message}
