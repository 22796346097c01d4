"""Draw the pictures of docs/lecture by running its pages: ``python docs/lecture_pictures.py`` (minutes)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from layergraph.data import write_image
from layergraph.segmentation import labeloverlay

DOCS = Path(__file__).parent
PICTURES = DOCS / "images" / "lecture"


def run(page: str, until: str, **changes: str) -> dict[str, Any]:
    """The names that a page defines up to its block with ``until``, with other values for ``changes``."""
    names: dict[str, Any] = {}
    for code in re.findall(r"```python\n(.*?)```", (DOCS / "lecture" / page).read_text("utf-8"), re.DOTALL):
        for name, value in changes.items():
            code = re.sub(rf"\b({name} ?= ?)[^,\s]+", rf"\g<1>{value}", code)
        exec(compile(code, page, "exec"), names)
        if until in code:
            return names
    raise ValueError(f"{page} has no block with {until!r}")


def main() -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    fcn = run("fcn_camvid.md", "chart =")
    rows = []
    for index in (3, 24):
        image = fcn["imds"][index]
        rows.append(np.hstack([image, labeloverlay(image, fcn["pxds"][index], colormap=fcn["cmap"])]))
    streets = Image.fromarray(np.vstack(rows))
    size = (2 * streets.width, 2 * streets.height)
    write_image(PICTURES / "streets.png", np.asarray(streets.resize(size, Image.Resampling.NEAREST)))
    fcn["chart"].figure.savefig(PICTURES / "frequencies.png", dpi=80)

    # the page's two epochs at the lecture's rate teach a network without pretrained weights next to nothing
    deeplab = run("deeplabv3plus_camvid.md", "sheet =", max_epochs="40", initial_learn_rate="0.03")
    write_image(PICTURES / "deeplab.png", deeplab["sheet"])


if __name__ == "__main__":
    main()
