"""The analysis against torchinfo, torch.fx's ShapeProp and torchview (if installed), and its growth with the
number of layers.

    python tests/benchmarks/analysis.py
"""

from __future__ import annotations

import copy
import io
import statistics
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from contextlib import redirect_stdout
from importlib.util import find_spec

import torch
from torch import fx
from torch.fx.passes.shape_prop import ShapeProp
from torchinfo import summary

from layergraph import Convolution2dLayer, ImageInputLayer, Layer, LayerGraph, ReluLayer
from layergraph.analyze import analyze_network
from layergraph.builders import deeplabv3plus_layers, segnet_layers, unet_layers

NETWORKS: dict[str, tuple[Callable[[], LayerGraph], str]] = {
    "SegNet depth 4, 360×480": (
        lambda: segnet_layers((360, 480, 3), 11, 4),
        "from layergraph.builders import segnet_layers as b; g = b((360, 480, 3), 11, 4)",
    ),
    "U-Net depth 4, 480×640": (
        lambda: unet_layers((480, 640, 3), 5),
        "from layergraph.builders import unet_layers as b; g = b((480, 640, 3), 5)[0]",
    ),
    "DeepLab v3+ on ResNet-18, 720×960": (
        lambda: deeplabv3plus_layers((720, 960, 3), 11, "resnet18"),
        "from layergraph.builders import deeplabv3plus_layers as b; g = b((720, 960, 3), 11, 'resnet18')",
    ),
}


def milliseconds(run: Callable[[], object], repeats: int = 5) -> float:
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        with redirect_stdout(io.StringIO()):
            run()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1000


def fresh_process(code: str) -> float:
    def run() -> None:
        subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.DEVNULL)

    return milliseconds(run)


def chain(count: int) -> LayerGraph:
    layers: list[Layer] = [ImageInputLayer((64, 64, 3))]
    for index in range(1, count):
        layers.append(
            Convolution2dLayer(3, 8, padding="same", name=f"conv{index}")
            if index % 2
            else ReluLayer(name=f"relu{index}")
        )
    return LayerGraph(layers)


def peers(net: torch.nn.Module, shape: tuple[int, ...]) -> dict[str, Callable[[], object]]:
    """What others do to tell the same sizes, each ready to run."""
    meta = copy.deepcopy(net).to("meta")
    traced = fx.symbolic_trace(meta)
    found: dict[str, Callable[[], object]] = {
        "torchinfo, meta device": lambda: print(summary(meta, shape, verbose=0, device="meta")),
        "ShapeProp, meta device": lambda: ShapeProp(traced).infer_sizes(torch.empty(shape, device="meta")),
    }
    if find_spec("torchview"):
        from torchview import draw_graph

        found["torchview, meta device"] = lambda: draw_graph(meta, input_size=shape, device="meta")
    return found


def compare(lgraph: LayerGraph, *, real: bool) -> float:
    """Print the analysis against its peers; its milliseconds come back."""
    net = lgraph.compile().eval()
    (size,) = (lgraph[name].output_sizes([])[0] for name in lgraph.input_names)
    found = peers(net, size.tensor_shape)
    if real:
        found["torchinfo, real tensors"] = lambda: print(
            summary(net, size.tensor_shape, verbose=0, device="cpu")
        )
    analysis = milliseconds(lambda: analyze_network(lgraph), 20)
    for peer, run in found.items():
        took = milliseconds(run, 3)
        print(f"  {peer}: {took:.0f} ms, {took / analysis:.0f} times the analysis")
    return analysis


def main() -> None:
    for name, (build, code) in NETWORKS.items():
        lgraph = build()
        print(name)
        analysis = compare(lgraph, real=True)
        with_findings = milliseconds(lambda: analyze_network(lgraph).issues, 20)  # noqa: B023
        printed = milliseconds(lambda: print(analyze_network(lgraph)), 20)  # noqa: B023
        print(
            f"  analysis {analysis:.2f} ms, with all findings {with_findings:.2f} ms, "
            f"with its table as text {printed:.2f} ms"
        )
        ours = fresh_process(f"{code}; from layergraph.analyze import analyze_network as a; print(a(g))")
        shape = lgraph[lgraph.input_names[0]].output_sizes([])[0].tensor_shape
        theirs = fresh_process(
            f"{code}; from torchinfo import summary; summary(g.compile(), {shape}, device='cpu')"
        )
        print(
            f"  fresh process, build + analyze + print: {ours:.0f} ms; compile + torchinfo: {theirs:.0f} ms"
        )
    for count in (500, 1000, 10_000):
        lgraph = chain(count)
        took = milliseconds(lambda: analyze_network(lgraph), 5)  # noqa: B023
        findings = milliseconds(lambda: analyze_network(lgraph).issues, 5)  # noqa: B023
        cold = milliseconds(lambda: analyze_network(LayerGraph(lgraph.layers)), 5)  # noqa: B023
        tracemalloc.start()
        kept = analyze_network(lgraph)
        peak = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
        assert not kept.num_warnings
        print(
            f"{count} layers: analysis {took:.1f} ms ({findings:.1f} with findings, {cold:.1f} with "
            f"building), peak {peak:.1f} MB"
        )
        compare(lgraph, real=False)


if __name__ == "__main__":
    main()
