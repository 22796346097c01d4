"""JSON text that every file, terminal and page takes."""

from __future__ import annotations

import json


def json_text(content: object, indent: int | None = None, separators: tuple[str, str] | None = None) -> str:
    """JSON that can be written in UTF-8, whatever characters its strings have.

    Raises:
        ValueError: a number that JSON does not have, such as NaN.

    >>> json_text({"name": "größe", "half a pair": "\\ud83d"})
    '{"name": "größe", "half a pair": "\\\\ud83d"}'
    """
    text = json.dumps(content, ensure_ascii=False, allow_nan=False, indent=indent, separators=separators)
    # half a surrogate pair is no character of UTF-8; its backslash escape is also JSON's
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def data_block(values: object) -> str:
    """JSON for between script tags: no character in it begins or ends markup.

    >>> data_block({"name": "</script><img src=x>"})
    '{"name":"\\\\u003c/script\\\\u003e\\\\u003cimg src=x\\\\u003e"}'
    """
    text = json_text(values, separators=(",", ":"))
    # inside JSON these occur only in strings, where their escapes mean the same
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
