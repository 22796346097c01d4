"""Costs by arithmetic against what torch counts, keeps and allocates; and against torchinfo's time.

    python tests/benchmarks/costs.py

Multiply-adds stand beside the published figures of the papers and of torchvision's documentation. Kept memory
is what ``saved_tensors_hooks`` sees in a training step, peak memory that of all tensors alive at once, of
compiled networks with random images on the CPU. Times are medians.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

import torch
from tabulate import tabulate
from torch import nn
from torch.utils.flop_counter import FlopCounterMode
from torchinfo import summary

from layergraph import LayerGraph
from layergraph.analyze import NetworkAnalysis, analyze_network
from layergraph.builders import deeplabv3plus_layers, fcn_layers, segnet_layers, unet_layers
from layergraph.builders.backbones import alexnet, inceptionresnetv2, mobilenetv2, resnet18, resnet50, vgg16

sys.path.insert(0, str(Path(__file__).parents[1]))
from memory_measures import PeakBytes, SavedTensors, storage

PUBLISHED: dict[str, tuple[Callable[[], LayerGraph], str]] = {
    "AlexNet (two groups)": (alexnet, "0.72 G"),
    "VGG-16": (vgg16, "15.5 G"),
    "ResNet-18": (resnet18, "1.8 G"),
    "ResNet-50, strides in the 1×1 convolutions": (resnet50, "3.8 G"),
    "ResNet-50, strides in the 3×3 convolutions": (lambda: resnet50(conventions="torchvision"), "4.1 G"),
    "MobileNetV2": (mobilenetv2, "0.30 G"),
    "Inception-ResNet-v2": (inceptionresnetv2, "13.2 G"),
}

NETWORKS: dict[str, tuple[Callable[[], LayerGraph], int]] = {
    "SegNet depth 4, 4×3×120×160": (lambda: segnet_layers((120, 160, 3), 11, 4), 4),
    "U-Net depth 3, 2×3×128×128": (lambda: unet_layers((128, 128, 3), 5, encoder_depth=3), 2),
    "FCN-8s, width 1/4, 2×3×128×128": (lambda: fcn_layers((128, 128), 21, type="8s", width=1 / 4), 2),
    "DeepLab v3+ on ResNet-18, 2×3×180×240": (lambda: deeplabv3plus_layers((180, 240, 3), 11, "resnet18"), 2),
    "DeepLab v3+ on MobileNetV2, 2×3×129×129": (
        lambda: deeplabv3plus_layers((129, 129, 3), 11, "mobilenetv2"),
        2,
    ),
    "MobileNetV2, 4×3×224×224": (mobilenetv2, 4),
    "ResNet-50, 2×3×224×224": (resnet50, 2),
}


def analysis_of(lgraph: LayerGraph) -> NetworkAnalysis:
    return analyze_network(lgraph, target_usage="train_network" if lgraph.output_names else "network")


def milliseconds(run: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def published() -> None:
    rows = []
    for name, (builder, figure) in PUBLISHED.items():
        lgraph = builder()
        costs = analysis_of(lgraph).costs()
        net, shape = meta_network(lgraph)
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            net(torch.empty(shape, device="meta"))
        equal = 2 * costs.multiply_adds == counter.get_total_flops()
        rows.append([name, f"{costs.multiply_adds / 1e9:.3f} G", figure, equal, f"{costs.learnables:,}"])
    print(tabulate(rows, ["network", "multiply-adds", "published", "= FlopCounterMode / 2", "learnables"]))


def meta_network(lgraph: LayerGraph) -> tuple[nn.Module, tuple[int, ...]]:
    """The network without data, and the shape of its input."""
    with torch.device("meta"):
        net = lgraph.compile().eval()
    (size,) = net.input_sizes
    return net, (1, size[-1], *size[:-1])


def memory() -> None:
    rows = []
    for name, (builder, batch) in NETWORKS.items():
        lgraph = builder()
        costs = analysis_of(lgraph).costs(batch)
        net = lgraph.compile()
        (size,) = net.input_sizes
        x = torch.rand(batch, size[-1], *size[:-1])
        own = [*net.parameters(), *net.buffers()]
        with PeakBytes([x], own) as inference, torch.no_grad():
            scores = net.eval()(x)
        net.train()

        def loss(net=net, x=x, shape=(batch, *scores.shape[2:])):  # type: ignore[no-untyped-def]
            return net.loss(x, torch.zeros(shape).long()) if net._loss_plan else net(x).sum()

        with SavedTensors(own) as saved:
            total = loss()
        kept = saved.num_bytes() + (0 if storage(x) in saved.by_storage else x.nbytes)
        del total, saved
        with PeakBytes([x], own) as training:
            loss().backward()
        step = training.peak + sum(t.nbytes for t in own if t.is_floating_point())
        pairs = (
            (costs.activation_bytes_training, kept),
            (costs.peak_bytes_inference or 0, inference.peak),
            (costs.peak_bytes_training or 0, step),
        )
        row: list[object] = [name]
        for said, measured in pairs:
            row += [said / 2**20, measured / 2**20, said / measured]
        rows.append(row)
    headers = ["network", "kept MiB", "measured", "ratio", "peak, inference", "measured", "ratio"]
    headers += ["peak, training", "measured", "ratio"]
    print(tabulate(rows, headers, floatfmt=("", *(".1f", ".1f", ".4f") * 3)))


def times() -> None:
    cases = {
        "SegNet depth 4, 360×480": lambda: segnet_layers((360, 480, 3), 11, 4),
        "U-Net depth 4, 480×640": lambda: unet_layers((480, 640, 3), 5),
        "DeepLab v3+ on ResNet-18, 720×960": lambda: deeplabv3plus_layers((720, 960, 3), 11, "resnet18"),
        "Inception-ResNet-v2": inceptionresnetv2,
    }
    rows = []
    for name, builder in cases.items():
        lgraph = builder()
        net, shape = meta_network(lgraph)

        def other(net=net, shape=shape):  # type: ignore[no-untyped-def]
            with redirect_stdout(io.StringIO()):
                summary(net, shape, device="meta", verbose=0)

        plain = milliseconds(lambda: analysis_of(lgraph), 7)  # noqa: B023
        with_costs = milliseconds(lambda: analysis_of(lgraph).costs(4), 7)  # noqa: B023
        theirs = milliseconds(other, 3)
        row = [name, len(lgraph), plain, with_costs, 1e3 * (with_costs - plain) / len(lgraph), theirs]
        rows.append([*row, theirs / with_costs])
    headers = [
        "network",
        "layers",
        "analysis ms",
        "with costs ms",
        "µs a layer",
        "torchinfo on meta ms",
        "ratio",
    ]
    print(tabulate(rows, headers, floatfmt=("", "", ".2f", ".2f", ".1f", ".0f", ".0f")))


def main() -> None:
    torch.manual_seed(0)
    for table in (published, memory, times):
        table()
        print()


if __name__ == "__main__":
    main()
