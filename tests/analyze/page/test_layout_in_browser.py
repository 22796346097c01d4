"""The drawing of the graph: complete, without overlaps, in the order of computation."""

from pathlib import Path
from typing import Any

import pytest
from chromium import Chromium, tab
from hypothesis import HealthCheck, given, settings
from random_graphs import networks

from layergraph import (
    AdditionLayer,
    DepthConcatenationLayer,
    Image3dInputLayer,
    ImageInputLayer,
    LayerGraph,
    ReluLayer,
)
from layergraph.analyze import analyze_network
from layergraph.builders import deeplabv3plus_layers, fcn_layers, segnet_layers, unet3d_layers, unet_layers
from layergraph.builders.backbones import inceptionresnetv2, mobilenetv2, resnet50

# boxes of nodes, and points on each edge, in the coordinates of the drawing
SHAPES = """(() => {
  const nodes = [...document.querySelectorAll(".node")].map(node => {
    const { e, f } = node.transform.baseVal.consolidate().matrix;
    const { width, height } = node.querySelector(".body").getBBox();
    return [node.dataset.key, e, f, e + width, f + height];
  });
  const edges = [...document.querySelectorAll(".edge[data-edge]")].map(edge => {
    const length = edge.getTotalLength(), steps = Math.max(8, Math.ceil(length / 12)), points = [];
    for (let at = 0; at <= steps; at++) {
      const { x, y } = edge.getPointAtLength((length * at) / steps);
      points.push([x, y]);
    }
    return [edge.dataset.edge, points];
  });
  return [nodes, edges];
})()"""


def draw(browser: Chromium, folder: Path, lgraph: LayerGraph, fold: str) -> tuple[Any, Any]:
    """The nodes and edges that are drawn when the whole graph is on the screen."""
    path = folder / "page.html"
    path.write_text(analyze_network(lgraph, target_usage="network").to_html(), encoding="utf-8")
    with tab(browser) as page:
        page.open(path, f"#fold={fold}")
        page.click("#fit")
        nodes, edges = page.run(SHAPES)
        assert page.messages() == []
        return {key: box for key, *box in nodes}, dict(edges)


def check_nodes(lgraph: LayerGraph, boxes: dict[str, list[float]], edges: dict[str, Any], fold: str) -> None:
    """Check that all connections are drawn, downward, and that no nodes overlap."""
    number = {name: index for index, name in enumerate(lgraph.order)}
    if fold == "none":
        assert set(boxes) == {f"l{index}" for index in number.values()}
        for name in lgraph:
            for end in lgraph.sources(name).values():
                source, target = f"l{number[end.layer]}", f"l{number[name]}"
                nodes_touch = boxes[target][1] - boxes[source][3] < 5
                assert f"{source}>{target}" in edges or nodes_touch
                assert boxes[source][3] < boxes[target][1], "computed first, drawn above"
    keys = list(boxes)
    for index, key in enumerate(keys):
        left, top, right, bottom = boxes[key]
        for other in keys[:index]:
            a, b, c, d = boxes[other]
            assert left >= c or right <= a or top >= d or bottom <= b, f"{key} over {other}"


def check_paths(boxes: dict[str, list[float]], edges: dict[str, Any]) -> None:
    """Check that no edge crosses a node. In some wild random graphs one does, below the node."""
    for edge, points in edges.items():
        ends = edge.split(">")
        highest, lowest = min(y for _, y in points), max(y for _, y in points)
        for key, (left, top, right, bottom) in boxes.items():
            if key not in ends and top < lowest and bottom > highest:
                inside = any(left < x < right and top < y < bottom for x, y in points)
                assert not inside, f"{edge} crosses {key}"


def streams() -> LayerGraph:
    """Two inputs whose paths meet, and a part that is connected to nothing."""
    lgraph = LayerGraph()
    for k in "ab":
        data = ImageInputLayer((8, 8, 1), name=f"in{k}")
        lgraph = lgraph.add_layers([data, *(ReluLayer(name=f"{k}_relu_{n}") for n in range(3))])
    lgraph = lgraph.add_layers([AdditionLayer(2, name="join"), ReluLayer(name="end")])
    lgraph = lgraph.add_layers([Image3dInputLayer((4, 4, 4, 1), name="alone"), ReluLayer(name="alone_relu")])
    return lgraph.connect_layers("a_relu_2", "join/in1").connect_layers("b_relu_2", "join/in2")


def dense(count: int) -> LayerGraph:
    """Each layer takes the outputs of all layers before it, as in a DenseNet."""
    lgraph = LayerGraph([ImageInputLayer((8, 8, 1), name="layer0"), ReluLayer(name="layer1")])
    for number in range(2, count):
        lgraph = lgraph.add_layers(DepthConcatenationLayer(number, name=f"layer{number}"))
        for source in range(number):
            lgraph = lgraph.connect_layers(f"layer{source}", f"layer{number}/in{source + 1}")
    return lgraph


NETWORKS = {
    "segnet": lambda: segnet_layers((64, 64, 3), 2, 4),
    "unet": lambda: unet_layers((64, 64, 3), 2),
    "unet3d": lambda: unet3d_layers((32, 32, 32, 1), 2),
    "fcn": lambda: fcn_layers((64, 64, 3), 2, width=1 / 16),
    "deeplabv3plus": lambda: deeplabv3plus_layers((64, 64, 3), 2, "resnet18", width=1 / 16),
    "resnet50": lambda: resnet50(width=1 / 16),
    "mobilenetv2": mobilenetv2,
    "inceptionresnetv2": inceptionresnetv2,
    "streams": streams,
    "dense": lambda: dense(14),
}


@pytest.mark.slow
@pytest.mark.parametrize("fold", ["none", "all"])
@pytest.mark.parametrize("name", NETWORKS)
def test_everything_is_drawn_without_overlaps(
    browser: Chromium, tmp_path: Path, name: str, fold: str
) -> None:
    lgraph = NETWORKS[name]()
    boxes, edges = draw(browser, tmp_path, lgraph, fold)
    check_nodes(lgraph, boxes, edges, fold)
    check_paths(boxes, edges)


@pytest.mark.slow
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(lgraph=networks())
def test_random_graphs(browser: Chromium, tmp_path: Path, lgraph: LayerGraph) -> None:
    check_nodes(lgraph, *draw(browser, tmp_path, lgraph, "none"), "none")
