"""Draw the diagrams of the documentation anew.

python docs/diagrams.py
"""

from __future__ import annotations

from pathlib import Path

from layergraph.analyze import plot
from layergraph.builders import deeplabv3plus_layers, segnet_layers, unet_layers

IMAGES = Path(__file__).with_name("images")

if __name__ == "__main__":
    plot(unet_layers((480, 640, 3), 5, encoder_depth=3)).save(IMAGES / "unet.svg")
    plot(segnet_layers((32, 32, 1), 2, 2)).save(IMAGES / "segnet.svg")
    plot(deeplabv3plus_layers((720, 960), 11, "resnet18"), theme="auto").save(IMAGES / "deeplabv3plus.svg")
