"""The cost of edits: a graph of 2,000 layers built by single calls, and a compiled graph of a long chain.

python tests/benchmarks/editing.py
"""

from __future__ import annotations

import time

import networkx

from layergraph import ImageInputLayer, LayerGraph, ReluLayer


def build_by_single_edits(count: int) -> LayerGraph:
    lgraph = LayerGraph(ImageInputLayer((32, 32, 3), name="layer0"))
    for index in range(1, count):
        lgraph = lgraph.add_layers(ReluLayer(name=f"layer{index}"))
        lgraph = lgraph.connect_layers(f"layer{index - 1}", f"layer{index}")
    return lgraph


def copy_networkx_each_time(count: int) -> networkx.DiGraph:
    """The peer: a value edit that copies a networkx graph."""
    graph = networkx.DiGraph()
    graph.add_node("layer0")
    for index in range(1, count):
        graph = graph.copy()
        graph.add_node(f"layer{index}")
        graph = graph.copy()
        graph.add_edge(f"layer{index - 1}", f"layer{index}")
    return graph


def main() -> None:
    for count in (500, 1000, 2000):
        start = time.perf_counter()
        build_by_single_edits(count)
        ours = time.perf_counter() - start
        start = time.perf_counter()
        copy_networkx_each_time(count)
        theirs = time.perf_counter() - start
        print(
            f"{count} layers by single edits: {ours:.3f} s; copying a networkx graph each time: "
            f"{theirs:.2f} s, {theirs / ours:.0f} times as long"
        )


if __name__ == "__main__":
    main()
