"""A fault of a file of a data set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from layergraph.issues import Severity
from layergraph.wording import quoted


@dataclass(frozen=True)
class FileIssue:
    """A fault of an image or label file, or a note about it.

    Attributes:
        file: the file.
        severity: ``"error"`` (training would stop or learn nonsense), ``"warning"`` or ``"note"``.
        fault: a word for the kind of fault, such as ``"size-mismatch"``.
        text: the fact.
        advice: how to fix it.

    >>> print(FileIssue(Path("a.png"), "error", "empty", "it is empty", "copy it again"))
    error: 'a.png': it is empty; copy it again [empty]
    """

    file: Path
    severity: Severity
    fault: str
    text: str
    advice: str = ""

    def __str__(self) -> str:
        advice = f"; {self.advice}" if self.advice else ""
        return f"{self.severity}: {quoted(str(self.file))}: {self.text}{advice} [{self.fault}]"
