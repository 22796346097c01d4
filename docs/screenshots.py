"""Take the pictures of the pages in docs/images: ``python docs/screenshots.py`` (needs Chromium)."""

from __future__ import annotations

import io
import math
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

import numpy as np
from chromium import chromium, tab
from PIL import Image
from scipy.ndimage import gaussian_filter

from layergraph import Convolution2dLayer, LayerGraph, PixelClassificationLayer, TransposedConv2dLayer
from layergraph.analyze import analyze_network
from layergraph.builders import deeplabv3plus_layers, segnet_layers, unet_layers
from layergraph.segmentation import evaluate_semantic_segmentation
from layergraph.training import TrainingOptions
from layergraph.training.monitor.page_data import Plan
from layergraph.training.monitor.training_page import TrainingPage
from layergraph.training.series import Row

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


def training_page(path: Path) -> None:
    """The page of a training of 30 epochs, after 12 of them."""
    random = np.random.default_rng(0)
    page = TrainingPage(path, "Accuracy", Plan(40, 30), TrainingOptions("sgdm").to_dict())
    rows = []
    for i in range(1, 481):
        loss = 0.25 + 2 * math.exp(-i / 160) * (1 + random.normal(0, 0.06))
        accuracy = 96 - 38 * loss + random.normal(0, 1.5)
        validation = (loss * 1.1 + 0.08, accuracy - 3) if i == 1 or i % 40 == 0 else None
        rate = 0.01 * 0.3 ** ((i - 1) // 400)
        rows.append(Row((i - 1) // 40 + 1, i, 2.4 * i, loss, accuracy, rate, validation))
    page.write(rows)


def results_page(path: Path) -> None:
    """The page of an evaluation: drawn streets, and predictions whose borders are off."""
    random = np.random.default_rng(0)
    classes = ["sky", "building", "road", "pavement", "tree", "car"]
    # of each class in the images
    paint = np.array(
        [[190, 215, 240], [150, 110, 95], [85, 85, 92], [165, 160, 155], [70, 105, 60], [150, 30, 40]]
    )
    rows, columns = np.mgrid[:240, :320]
    images, truth, predicted = [], [], []
    for _ in range(24):
        labels = np.zeros((240, 320), np.int64)
        for left in range(0, 320, 40):
            labels[random.integers(40, 110) :, left : left + 40] = 1
        slope = np.abs(columns - random.integers(130, 190)) / (rows - 125).clip(1)
        labels[(rows > 130) & (slope < 1.7)] = 3
        labels[(rows > 130) & (slope < 1.2)] = 2
        for _ in range(random.integers(1, 4)):
            x, y, size = random.integers(0, 320), random.integers(70, 130), random.integers(12, 34)
            labels[np.hypot(columns - x, rows - y) < size] = 4
        for _ in range(random.integers(0, 3)):
            x, y = random.integers(90, 220), random.integers(150, 200)
            labels[y : y + y // 7, x : x + y // 4] = 5
        scores = gaussian_filter(np.eye(6)[labels] + random.normal(0, 3, (240, 320, 6)), (4, 4, 0))
        images.append(paint[labels].astype(np.uint8))
        truth.append(labels)
        predicted.append(scores.argmax(axis=2))
    metrics = evaluate_semantic_segmentation(predicted, truth, classes=classes, images=images)
    path.write_text(metrics.to_html("Streets, test set"), encoding="utf-8")


def save(screenshot: bytes, name: str) -> None:
    """Save a picture in 256 colors, which are enough for a page, at a third of the bytes."""
    picture = Image.open(io.BytesIO(screenshot)).convert("RGB")
    palette = picture.quantize(256, kmeans=4, dither=Image.Dither.NONE)
    palette.save(IMAGES / f"page-{name}.png", optimize=True)


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
                save(window.screenshot(), name)
        training_page(page)
        for name in ("training-light", "training-dark"):
            with tab(browser, 1200, 1000, dark=name.endswith("dark")) as window:
                window.open(page)
                save(window.screenshot(), name)
        results_page(page)
        with tab(browser, 1400, 1300) as window:
            window.open(page)
            for number, layer in ((1, 2), (3, 4)):
                window.click(f"figure:nth-child({number}) label:nth-child({layer})")
            window.run("scrollTo(0, 0)")
            save(window.screenshot(), "results-light")


if __name__ == "__main__":
    main()
