"""Take the pictures of the page in docs/images: ``python docs/screenshots.py`` (needs Chromium)."""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from chromium import chromium, tab
from PIL import Image

from layergraph import Convolution2dLayer, LayerGraph, PixelClassificationLayer, TransposedConv2dLayer
from layergraph.analyze import analyze_network
from layergraph.builders import deeplabv3plus_layers, segnet_layers, unet_layers

IMAGES = Path(__file__).parent / "images"


def broken_unet() -> LayerGraph:
    """A U-Net with a connection removed, upsampling by the wrong factor, and one filter too few."""
    lgraph = unet_layers((480, 640, 3), 5, encoder_depth=3)
    lgraph = lgraph.disconnect_layers("Encoder-Stage-2-ReLU-2", "Decoder-Stage-2-DepthConcatenation/in2")
    up = TransposedConv2dLayer(4, 64, stride=3, name="Decoder-Stage-3-UpConv")
    final = Convolution2dLayer(1, 4, name="Final-ConvolutionLayer")
    classes = ["sky", "road", "tree", "car", "person"]
    loss = PixelClassificationLayer(name=lgraph.output_names[0], classes=classes)
    for layer in (up, final, loss):
        lgraph = lgraph.replace_layer(layer.name, layer)
    return lgraph


def main() -> None:
    unet = unet_layers((480, 640, 3), 5)
    deeplab = deeplabv3plus_layers((720, 960, 3), 11, "resnet18")
    costs = "columns=index,name,type,activations,count,multiply_adds"
    pictures = {
        "segnet-light": ("SegNet", segnet_layers((360, 480, 3), 11, 4), "layer=decoder3_unpool"),
        "segnet-dark": ("SegNet", segnet_layers((360, 480, 3), 11, 4), f"block=decoder2&{costs}"),
        "unet-light": ("U-Net", unet, ""),
        "unet-dark": ("U-Net", unet, "layer=Decoder-Stage-3-DepthConcatenation"),
        "deeplabv3plus-light": ("DeepLab v3+ on ResNet-18", deeplab, "filter=conv&sort=-learnables&fold=all"),
        "deeplabv3plus-dark": ("DeepLab v3+ on ResNet-18", deeplab, f"layer=res3a_branch2b&{costs}"),
        "findings-light": (
            "U-Net, broken three times",
            broken_unet(),
            "layer=Decoder-Stage-2-DepthConcatenation",
        ),
    }
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        for name, (title, lgraph, state) in pictures.items():
            page = Path(folder) / "page.html"
            page.write_text(analyze_network(lgraph, name=title).to_html(), encoding="utf-8")
            with tab(browser, 1400, 900, dark=name.endswith("dark")) as window:
                window.open(page, f"#{state}")
                picture = Image.open(io.BytesIO(window.screenshot())).convert("RGB")
                # 256 colors are enough for a page, at a third of the bytes
                palette = picture.quantize(256, kmeans=4, dither=Image.Dither.NONE)
                palette.save(IMAGES / f"page-{name}.png", optimize=True)


if __name__ == "__main__":
    main()
