"""The positions of boxes, rows and edges in the drawing, read from its SVG."""

import re
import xml.etree.ElementTree as ElementTree
from typing import NamedTuple

import pytest

from layergraph import LayerGraph
from layergraph.analyze import plot
from layergraph.analyze.diagram.themes import LIGHT
from layergraph.builders import fcn_layers, unet_layers
from layergraph.builders.backbones import resnet18

SVG = "{http://www.w3.org/2000/svg}"


class Area(NamedTuple):
    """A rectangle of the drawing; y grows downward."""

    left: float
    top: float
    right: float
    bottom: float


class Edge(NamedTuple):
    """The names of the ends of an edge, and the positions where it starts and ends."""

    source: str
    target: str
    start: tuple[float, float]
    end: tuple[float, float]
    color: str


class Drawing:
    """The rows and the boxes of a drawing by the names in them, and its edges."""

    def __init__(self, svg: str) -> None:
        self.rows: dict[str, Area] = {}
        self.boxes: dict[str, Area] = {}
        self.edges: list[Edge] = []
        root = ElementTree.fromstring(svg)
        for node in root.iterfind(f".//{SVG}g[@class='node']"):
            areas = [_area(shape.get("points", "")) for shape in node.iterfind(f"{SVG}polygon")]
            whole = Area(*(side(area[n] for area in areas) for n, side in enumerate((min, min, max, max))))
            for text in node.iterfind(f"{SVG}text[@font-weight='bold']"):
                name, x, y = text.text or "", float(text.get("x", "")), float(text.get("y", ""))
                around = [area for area in areas if _contains(area, x, y)]
                self.rows[name] = min(around, key=lambda area: area.bottom - area.top)
                self.boxes[name] = whole
        for edge in root.iterfind(f".//{SVG}g[@class='edge']"):
            source, _, target = (edge.findtext(f"{SVG}title") or "").partition(" → ")
            path, arrow = edge.find(f"{SVG}path"), edge.find(f"{SVG}polygon")
            assert path is not None
            assert arrow is not None
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", path.get("d", ""))]
            tip = [float(number) for number in re.findall(r"-?[\d.]+", arrow.get("points", ""))][2:4]
            self.edges.append(
                Edge(source, target, (numbers[0], numbers[1]), (tip[0], tip[1]), path.get("stroke", ""))
            )

    def skips(self) -> list[Edge]:
        """The edges in the color of skip connections."""
        return [edge for edge in self.edges if edge.color == LIGHT.skip]


def _area(points: str) -> Area:
    x, y = zip(*(map(float, point.split(",")) for point in points.split()), strict=True)
    return Area(min(x), min(y), max(x), max(y))


def _contains(area: Area, x: float, y: float) -> bool:
    # sides that are shared, and coordinates that are rounded
    return area.left - 1 <= x <= area.right + 1 and area.top - 1 <= y <= area.bottom + 1


FCN = fcn_layers((224, 224, 3), 5, type="8s")
NETWORKS = {
    "unet": unet_layers((64, 64, 3), 2, encoder_depth=3),
    "cropped": unet_layers((572, 572), 2, convolution_padding="valid"),
    "fcn": FCN,
}


@pytest.mark.parametrize("detail", ["blocks", "layers"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_horizontal_drawing_leads_to_the_right(name: str, detail: str) -> None:
    drawing = Drawing(plot(NETWORKS[name], direction="horizontal", detail=detail).to_svg())
    assert drawing.edges
    for edge in drawing.edges:
        assert edge.start[0] < edge.end[0], f"{edge.source} to {edge.target}"


def test_a_layer_across_is_beside_its_source() -> None:
    drawing = Drawing(plot(FCN, direction="horizontal").to_svg())
    for source, across, target in (
        ("pool3", "score_pool3", "fuse_pool3"),
        ("pool4", "score_pool4", "fuse_pool4"),
    ):
        assert drawing.boxes[source].right < drawing.boxes[across].left < drawing.boxes[target].left
    assert drawing.boxes["score_pool3"].left < drawing.boxes["fc6"].left


def row_of(drawing: Drawing, lgraph: LayerGraph, name: str) -> Area:
    """The row of a layer across its box; an activation is in the row of the layer upstream of it."""
    while name not in drawing.rows:
        name = next(iter(lgraph.sources(name).values())).layer
    row, box = drawing.rows[name], drawing.boxes[name]
    return Area(box.left, row.top, box.right, row.bottom)


@pytest.mark.parametrize("direction", ["vertical", "horizontal"])
@pytest.mark.parametrize("name", NETWORKS)
def test_skip_connections_join_the_rows_of_their_layers(name: str, direction: str) -> None:
    lgraph = NETWORKS[name]
    drawing = Drawing(plot(lgraph, direction=direction).to_svg())
    skips = drawing.skips()
    assert len(skips) >= 3
    for edge in skips:
        source, target = (row_of(drawing, lgraph, end) for end in (edge.source, edge.target))
        assert source.top - 1 <= edge.start[1] <= source.bottom + 1, edge.source
        assert target.top - 1 <= edge.end[1] <= target.bottom + 1, edge.target
        assert edge.start[0] == pytest.approx(source.right, abs=3)
        assert edge.end[0] == pytest.approx(target.left, abs=3)


def test_shortcuts_run_beside_the_folded_blocks() -> None:
    drawing = Drawing(plot(resnet18()).to_svg())
    shortcuts = drawing.skips()
    assert len(shortcuts) == 7
    for edge in shortcuts:
        target = next(
            area for name, area in drawing.boxes.items() if edge.target.startswith(name.split(" ")[0])
        )
        assert edge.end[0] == pytest.approx(target.right, abs=6)
    down = [edge for edge in drawing.edges if edge.color != LIGHT.skip]
    assert len(down) == len(set(drawing.boxes.values())) - 1


@pytest.mark.parametrize("fold", ["none", "all"])
@pytest.mark.parametrize("name", NETWORKS)
def test_the_boxes_of_each_side_of_a_u_have_one_width(name: str, fold: str) -> None:
    drawing = Drawing(plot(NETWORKS[name], fold=fold).to_svg())
    columns: list[list[Area]] = []
    for area in sorted(set(drawing.boxes.values()), key=lambda area: area.left + area.right):
        if not columns or area.left + area.right > columns[-1][0].left + columns[-1][0].right + 10:
            columns.append([])
        columns[-1].append(area)
    # the box at the bottom of the U is between the sides
    sides = [areas for areas in columns if len(areas) > 1]
    assert len(sides) >= 2
    for areas in sides:
        assert max(area.left for area in areas) - min(area.left for area in areas) < 2
        assert max(area.right for area in areas) - min(area.right for area in areas) < 2
