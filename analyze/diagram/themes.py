"""The colors of diagrams: light, dark, or as the reader's screen is set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Literal

from layergraph.analyze.kind_colors import COLORS
from layergraph.layers.layer import Kind

Theme = Literal["light", "dark", "auto"]

# the hues of the light theme, dark enough for light text
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
    """The colors of a drawing by their use; all are different, so that CSS can replace each one."""

    background: str
    ink: str  # text
    muted: str  # text that matters less
    line: str
    frame: str  # around a block
    skip: str  # skip connections
    error: str
    error_background: str  # of a layer with an error
    warning: str
    note: str
    kinds: Mapping[Kind, str]

    def colors(self) -> list[str]:
        """Every color, in the same order in each palette."""
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
    error_background="#ffe1e1",
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
    error_background="#5c1a1d",
    warning="#f0b860",
    note="#8cc4ff",
    kinds=DARK_COLORS,
)


def palette_of(theme: Theme) -> Palette:
    """The colors to draw with; ``"auto"`` draws in light colors, which :func:`dark_rules` replaces."""
    return DARK if theme == "dark" else LIGHT


def dark_rules() -> str:
    """CSS that gives a light drawing its dark colors on a dark screen.

    >>> dark_rules()[:71]
    '@media (prefers-color-scheme:dark){[fill="#ffffff"]{fill:#0d1117}[strok'
    """
    rules = (
        f'[fill="{light}"]{{fill:{dark}}}[stroke="{light}"]{{stroke:{dark}}}'
        for light, dark in zip(LIGHT.colors(), DARK.colors(), strict=True)
    )
    return f"@media (prefers-color-scheme:dark){{{''.join(rules)}}}"
