"""A function that opens the page of an analysis in the browser."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from chromium import Chromium, Tab, tab

from layergraph.analyze import NetworkAnalysis

Opener = Callable[..., Tab]


@pytest.fixture
def show(browser: Chromium, tmp_path: Path) -> Iterator[Opener]:
    """A function that opens an analysis; at the end, the page must have printed and requested nothing."""
    opened: list[tuple[Tab, str]] = []
    stack = []

    def open_page(
        analysis: NetworkAnalysis, fragment: str = "", size: tuple[int, int] = (1280, 800), dark: bool = False
    ) -> Tab:
        path = tmp_path / f"page{len(opened)}.html"
        path.write_text(analysis.to_html(), encoding="utf-8")
        context = tab(browser, *size, dark=dark)
        page = context.__enter__()
        stack.append(context)
        opened.append((page, path.as_uri()))
        page.open(path, fragment)
        return page

    try:
        yield open_page
        for page, address in opened:
            assert page.messages() == []
            assert {request.split("#")[0] for request in page.requests()} == {address}
    finally:
        for context in reversed(stack):
            context.__exit__(None, None, None)
