"""Measure how quickly the page of a large network opens and responds, inside a headless Chromium.

    python tests/benchmarks/page.py

For each network, the table has the time that Python takes to write the page, the size of the file, and the
times in the browser: from opening the file until the page can be used (with parsing, layout and the first
frame), from a keystroke in the filter to the frame with its rows, from a click on a row to the frame with its
layer, and from "unfold all" to the frame with all blocks open.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from chromium import PROGRAM, Tab, chromium, tab

from layergraph import (
    AdditionLayer,
    Convolution2dLayer,
    ImageInputLayer,
    LayerGraph,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
)
from layergraph.analyze import analyze_network
from layergraph.builders import deeplabv3plus_layers, unet_layers
from layergraph.builders.backbones import inceptionresnetv2
from layergraph.layers import Layer


def chain(count: int) -> LayerGraph:
    """Layers in series, whose names indicate no blocks."""
    activations = [ReluLayer() for _ in range(count - 3)]
    end = [SoftmaxLayer(), PixelClassificationLayer()]
    return LayerGraph([ImageInputLayer((32, 32, 8)), *activations, *end])


def residual(count: int) -> LayerGraph:
    """Blocks of two convolutions with a shortcut around each block."""
    layers: list[Layer] = [ImageInputLayer((32, 32, 8), name="input")]
    shortcuts = []
    while len(layers) <= count - 7:
        name = f"stage{len(layers) // 100 + 1}_block{len(layers) // 5 % 20 + 1}"
        shortcuts.append((layers[-1].name, f"{name}_add/in2"))
        for half in ("a", "b"):
            layers.append(Convolution2dLayer(3, 8, padding="same", name=f"{name}_conv_{half}"))
            layers.append(ReluLayer(name=f"{name}_relu_{half}"))
        layers.append(AdditionLayer(2, name=f"{name}_add"))
    lgraph = LayerGraph([*layers, SoftmaxLayer(name="softmax"), PixelClassificationLayer(name="loss")])
    for source, destination in shortcuts:
        lgraph = lgraph.connect_layers(source, destination)
    return lgraph


# milliseconds from an action to the next frame
TIME_ACTION = """(async (act) => {
  const start = performance.now();
  act();
  await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
  return performance.now() - start;
})"""
TYPE_WORDS = "() => { search.value = %r; search.dispatchEvent(new Event('input')) }"


def opening_time(page: Tab, path: Path) -> float:
    """Milliseconds from opening a file until its program has ended and the first frame is drawn."""
    page.open(path)
    return float(page.run("performance.getEntriesByType('mark').at(-1).startTime"))


def main() -> None:
    if PROGRAM is None:
        sys.exit("no Chromium is installed")
    networks = {
        "U-Net": unet_layers((480, 640, 3), 5),
        "DeepLab v3+ (resnet18)": deeplabv3plus_layers((720, 960, 3), 11, "resnet18"),
        "Inception-ResNet-v2": inceptionresnetv2(),
        "chain of 1,000": chain(1000),
        "residual net of 1,000": residual(1000),
        "chain of 10,000": chain(10_000),
    }
    columns = ("layers", "written", "file", "open", "keystroke", "click on row", "unfold all")
    print(f"{'milliseconds':<24}" + "".join(f"{name:>14}" for name in columns))
    with chromium() as browser, tempfile.TemporaryDirectory() as folder:
        for name, lgraph in networks.items():
            analysis = analyze_network(lgraph)
            start = time.perf_counter()
            text = analysis.to_html()
            written = 1000 * (time.perf_counter() - start)
            path = Path(folder) / "page.html"
            path.write_text(text, encoding="utf-8")
            times = []
            for _ in range(3):
                with tab(browser) as page:
                    times.append(opening_time(page, path))
            with tab(browser) as page:
                page.open(path)
                keys = [
                    page.run(f"{TIME_ACTION}({TYPE_WORDS % words})")
                    for words in (
                        "c",
                        "co",
                        "con",
                        "conv",
                        "conv*",
                        "relu",
                        "relu_9",
                        "*_9?",
                        "",
                        "b",
                        "bn",
                        "",
                    )
                ]
                clicks = [
                    page.run(f"{TIME_ACTION}(() => document.getElementById('row-{index}').click())")
                    for index in range(1, 7)
                ]
                unfold = page.run(f"{TIME_ACTION}(() => document.getElementById('unfold-all').click())")
            row = [written, statistics.median(times), max(keys), max(clicks), unfold]
            cells = [f"{len(lgraph):,}", f"{row[0]:.0f}", f"{len(text) / 1024:,.0f} KiB"]
            cells += [f"{value:.0f}" for value in row[1:]]
            print(f"{name:<24}" + "".join(f"{cell:>14}" for cell in cells))


if __name__ == "__main__":
    main()
