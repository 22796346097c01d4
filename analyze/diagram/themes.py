"""The colours of diagrams: on white, on dark ground, or what the reader's screen is set to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from layergraph.analyze.kinds import COLORS, Kind

Theme = Literal["light", "dark", "auto"]

# the same hues as on white, dark enough for light text
DARK_COLORS: dict[Kind, str] = {
    "input": "#3d444d",
    "convolution": "#1d4673",
    "transposed convolution": "#17564f",
    "normalization": "#4c4d1c",
    "activation": "#5c4a0e",
    "pooling": "#6e3226",
    "unpooling": "#5f2c4f",
    "joining": "#2a5420",
    "resizing": "#66410f",
    "output": "#46326b",
    "module": "#54402c",
    "other": "#33383f",
}


@dataclass(frozen=True)
class Palette:
    """The colours of a drawing, by what they are for; no two of one palette are the same."""

    background: str
    ink: str  # text
    muted: str  # what matters less
    line: str
    frame: str  # around a block
    skip: str  # connections that pass others by
    error: str
    wrong: str  # behind a layer with an error
    warning: str
    note: str
    kinds: Mapping[Kind, str]

    def all(self) -> list[str]:
        """Every colour, in the same order in each palette."""
        plain = [getattr(self, item.name) for item in fields(self) if item.name != "kinds"]
        return [*plain, *(self.kinds[kind] for kind in COLORS)]


LIGHT = Palette(
    background="#ffffff",
    ink="#1f2328",
    muted="#57606a",
    line="#6e7781",
    frame="#b6bec8",
    skip="#3b6fb6",
    error="#c62828",
    wrong="#ffe1e1",
    warning="#8a4b00",
    note="#1a5fb4",
    kinds=COLORS,
)
DARK = Palette(
    background="#0d1117",
    ink="#f0f6fc",
    muted="#a9b4c0",
    line="#8b949e",
    frame="#444c56",
    skip="#6cb0ff",
    error="#ff8f87",
    wrong="#5c1a1d",
    warning="#f0b860",
    note="#8cc4ff",
    kinds=DARK_COLORS,
)


def palette_of(theme: Theme) -> Palette:
    """The colours to draw with; ``"auto"`` is drawn on white and carries the dark colours along."""
    return DARK if theme == "dark" else LIGHT


def dark_rules() -> str:
    """CSS that turns a drawing on white into one on dark ground, where the reader's screen is dark.

    >>> dark_rules()[:71]
    '@media (prefers-color-scheme:dark){[fill="#ffffff"]{fill:#0d1117}[strok'
    """
    rules = (
        f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}'
        for light, dark in zip(LIGHT.all(), DARK.all(), strict=True)
    )
    return f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}"
