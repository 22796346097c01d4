"""Fixtures of the data tests: PNG files from bytes, and the full text of an error."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from layergraph.errors import DataError


@pytest.fixture
def png(tmp_path: Path) -> Callable[..., Path]:
    """Write a PNG: ``rows`` are raw scanlines; color types 0 gray, 2 RGB, 3 palette, 4 LA, 6 RGBA."""

    def write(name, color_type, bits, width, rows, palette=None, transparency=None):
        def chunk(kind, content):
            check = zlib.crc32(kind + content)
            return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

        head = struct.pack(">IIBBBBB", width, len(rows), bits, color_type, 0, 0, 0)
        content = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head)
        if palette:
            content += chunk(b"PLTE", bytes(palette))
        if transparency:
            content += chunk(b"tRNS", bytes(transparency))
        content += chunk(b"IDAT", zlib.compress(b"".join(b"\0" + bytes(row) for row in rows)))
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content + chunk(b"IEND", b""))
        return path

    return write


@pytest.fixture
def refusal() -> Callable[..., str]:
    """Call a function that must fail, and return the text of its error."""

    def call(function, *arguments, error=DataError, **options):
        with pytest.raises(error) as caught:
            function(*arguments, **options)
        return str(caught.value)

    return call
