"""An analysis as an interactive page in one file, and as the fragment that notebooks show."""

from layergraph.analyze.page.document import fragment, page

__all__ = ["fragment", "page"]
