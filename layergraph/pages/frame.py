"""The frame of a page: its colors, its templates, and its Content-Security-Policy."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment


@cache
def palette() -> str:
    """The style that defines the colors and fonts of all pages, light and dark, as variables."""
    return (Path(__file__).parent / "palette.css").read_text("utf-8")


def content_policy(program: str, style: str, *sources: str) -> str:
    """The policy of a page that runs this program with this style, and loads nothing but ``sources``.

    The template must insert both texts unchanged, since the policy has their hashes.

    >>> content_policy("1", "", "img-src data:").split("; ")[3:]
    ['img-src data:', "base-uri 'none'", "form-action 'none'"]
    """
    parts = ["default-src 'none'", f"script-src '{_hash(program)}'", f"style-src '{_hash(style)}'", *sources]
    # these two do not fall back to default-src
    return "; ".join([*parts, "base-uri 'none'", "form-action 'none'"])


def templates(folder: Path) -> Environment:
    """The page templates of a folder; they escape the texts that they insert."""
    # imported here: jinja2 costs 20 ms
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        # a misspelled name in a template raises, instead of printing nothing
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _hash(text: str) -> str:
    # the notation of Content-Security-Policy: base64, not hexadecimal
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
