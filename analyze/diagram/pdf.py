"""Write a drawing as PDF by the package typst, which has no other dependencies, where Graphviz is missing."""

from __future__ import annotations

from layergraph.errors import MissingExtraError

# names of layers are in the picture, never in the program; without a date, equal drawings are equal files
_PAGE = b"""
#set document(date: none)
#set page(width: auto, height: auto, margin: 0pt)
#image(bytes(sys.inputs.drawing), format: "svg")
"""


def svg_to_pdf(svg: str) -> bytes:
    """A drawing as one page of PDF of its size, with its texts as text in fonts of this machine.

    Raises:
        MissingExtraError: typst is not installed.
    """
    try:
        import typst
    except ImportError:
        raise MissingExtraError(
            "save: a PDF needs Graphviz (https://graphviz.org/download) or the package typst, and neither is "
            'installed: pip install "layergraph[pdf]", or save as SVG'
        ) from None
    return typst.compile(_PAGE, sys_inputs={"drawing": svg})
