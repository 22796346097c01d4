"""The page in a real browser: clicks, keys, and the result on the screen."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from chromium import Chromium, Tab, tab

import layergraph.analyze.page
from layergraph import (
    Convolution2dLayer,
    ImageInputLayer,
    LayerGraph,
    PixelClassificationLayer,
    ReluLayer,
    SoftmaxLayer,
)
from layergraph.analyze import NetworkAnalysis, analyze_network
from layergraph.builders import deeplabv3plus_layers, segnet_layers, unet_layers
from layergraph.wording import byte_count, short_count

Opener = Callable[..., Tab]

SEGNET = analyze_network(segnet_layers((32, 32, 1), 2, 1), name="SegNet")  # 17 layers, opens unfolded
UNET = analyze_network(unet_layers((64, 64, 1), 2), name="U-Net")  # 58 layers, opens folded
DEEPLAB = analyze_network(deeplabv3plus_layers((64, 64, 3), 2, "resnet18", width=1 / 16), name="DeepLab")
BROKEN = analyze_network(
    unet_layers((64, 64, 1), 2, encoder_depth=2).disconnect_layers(
        "Encoder-Stage-1-ReLU-2", "Decoder-Stage-2-DepthConcatenation/in2"
    ),
    name="U-Net, cut",
)


def chain(count: int) -> NetworkAnalysis:
    layers = [ImageInputLayer((8, 8, 1)), *(ReluLayer() for _ in range(count - 3)), SoftmaxLayer()]
    return analyze_network([*layers, PixelClassificationLayer()], name="chain")


def rows(page: Tab) -> list[str]:
    """The names in the rows of the table that are on the page."""
    names: list[str] = page.run(
        "[...document.querySelectorAll('#table [data-layer] .name bdi')].map(e => e.textContent)"
    )
    return names


def nodes(page: Tab) -> list[str]:
    """The keys of the nodes that are drawn: ``l`` and the number of a layer, or ``b`` and that of a block."""
    keys: list[str] = page.run("[...document.querySelectorAll('.node')].map(e => e.dataset.key)")
    return keys


def text(page: Tab, selector: str) -> str:
    content: str = page.run(f"document.querySelector({json.dumps(selector)}).textContent")
    return content


def selected_row(page: Tab) -> str | None:
    layer: str | None = page.run("document.querySelector('#table tr.current')?.dataset.layer")
    return layer


def selected_node(page: Tab) -> str | None:
    key: str | None = page.run("document.querySelector('.node.selected')?.dataset.key")
    return key


def search(page: Tab, words: str) -> None:
    page.run("document.getElementById('search').select()")
    page.run("document.getElementById('search').focus()")
    if words:
        page.type(words)
    else:
        page.run("document.execCommand('delete')")
        page.settle()


# -- numbers ---------------------------------------------------------------------------------------------


def test_the_page_writes_numbers_as_python_does(browser: Chromium) -> None:
    functions = (Path(layergraph.analyze.page.__file__).parent / "model.js").read_text("utf-8")
    starts = [
        1,
        9,
        10,
        94,
        95,
        96,
        99,
        100,
        102,
        125,
        128,
        129,
        135,
        150,
        175,
        223,
        625,
        960,
        999,
        1023,
        1024,
    ]
    numbers = sorted({start * scale for start in starts for k in range(5) for scale in (1000**k, 1024**k)})
    numbers += [949_999, 950_001, 999_949, 999_950, 1_500_000_000_000, 2**30 - 1, 2**40 + 2**38]
    with tab(browser) as page:
        script = f"{functions}\n{json.dumps(numbers)}.map((n) => [shortCount(n), shortBytes(n)])"
        pairs = page.run(script)
    assert pairs == [[short_count(number), byte_count(number)] for number in numbers]
    assert short_count(1_500_000_000_000) == "1.5T"


# -- opening -------------------------------------------------------------------------------------------


def test_the_page_opens_from_disk_with_all_its_content(show: Opener) -> None:
    page = show(UNET)
    assert text(page, "#title") == "U-Net"
    assert page.run("document.title") == "U-Net · layergraph"
    totals = page.run("[...document.querySelectorAll('#totals dd')].map(e => e.textContent)")
    assert totals[:3] == ["31M", "58", "61"]
    assert rows(page) == list(UNET.lgraph.order)
    assert page.run("document.getElementById('table').getAttribute('aria-rowcount')") == "59"
    assert text(page, "#counter") == "58 layers"
    assert page.run("document.getElementById('no-findings').hidden") is False


def test_the_columns_are_those_of_matlab_and_can_be_changed(show: Opener) -> None:
    page = show(SEGNET)
    titles = "[...document.querySelectorAll('#table th')].map(e => e.textContent)"
    assert page.run(titles) == ["#", "Name", "Type", "Activations", "Learnable properties"]
    page.click("#column-menu summary")
    page.click("[data-column=multiply_adds]")
    page.click("[data-column=type]")
    assert page.run(titles) == ["#", "Name", "Activations", "Learnable properties", "Multiply-adds"]
    adds = SEGNET.costs().layers["encoder1_conv1"].multiply_adds
    assert (
        page.run("document.querySelector('#table [data-layer=\"1\"] .column-multiply_adds').title")
        == f"{adds:,}"
    )


# -- graph and table -----------------------------------------------------------------------------------


def test_a_click_on_a_node_selects_its_row_and_shows_details(show: Opener) -> None:
    page = show(SEGNET)
    order = SEGNET.lgraph.order
    index = order.index("encoder1_conv2")
    page.click(f"#node-l{index} .body")
    assert selected_node(page) == f"l{index}"
    assert selected_row(page) == str(index)
    assert text(page, "#details h2") == "encoder1_conv2"
    details = text(page, "#details")
    assert "Weights3×3×64×64" in details
    assert "36,928" in details  # learnables
    near = page.run("[...document.querySelectorAll('.node.near')].map(e => e.dataset.key)")
    assert sorted(near) == sorted([f"l{index - 1}", f"l{index + 1}"])


def test_a_click_on_a_row_shows_its_node(show: Opener) -> None:
    page = show(SEGNET)
    page.click("#row-5 .name")
    assert selected_node(page) == "l5"
    assert text(page, "#details h2") == SEGNET.lgraph.order[5]


def test_details_link_to_neighbors(show: Opener) -> None:
    page = show(SEGNET, "#layer=decoder1_unpool")
    links = page.run("[...document.querySelectorAll('#details .grid .name-link')].map(e => e.textContent)")
    assert links == ["encoder1_maxpool"] * 3 + ["decoder1_conv2"]
    page.click("#details .grid .name-link")
    assert text(page, "#details h2") == "encoder1_maxpool"


def test_blocks_fold_and_unfold(show: Opener) -> None:
    page = show(UNET)
    assert len(nodes(page)) == 11  # the input and ten blocks
    block = page.run("document.querySelector('.node.folded').dataset.key")
    page.click(".node.folded .fold")
    assert block not in nodes(page)
    assert {"l1", "l2", "l3", "l4", "l5"} <= set(nodes(page))
    page.click(".cluster .fold")
    assert block in nodes(page)
    page.click("#unfold-all")
    page.click("#fit")
    assert len(nodes(page)) == 58
    page.click("#fold-all")
    assert len(nodes(page)) == 11
    page.click(".node.folded .body", count=2)
    assert "l1" in nodes(page)


def test_a_layer_in_a_folded_block_is_shown_while_it_is_selected(show: Opener) -> None:
    page = show(UNET)
    page.click("#row-3 .name")
    assert selected_node(page) == "l3"
    page.click("#row-0 .name")
    assert "l3" not in nodes(page)


def test_a_click_on_a_block_lists_its_layers(show: Opener) -> None:
    page = show(UNET)
    page.click(".node.folded .body")
    assert text(page, "#details h2") == "Encoder-Stage-1"
    assert page.run("document.querySelectorAll('#table [aria-selected=true]').length") == 5
    assert (
        len(
            page.run("[...document.querySelectorAll('#details .members .name-link')].map(e => e.textContent)")
        )
        == 5
    )


def test_skip_connections_run_at_the_side(show: Opener) -> None:
    """From an encoder stage to its decoder stage they run right of all nodes between them."""
    page = show(UNET)
    right = page.run(
        "Math.max(...[...document.querySelectorAll('.node .body')].map(e => e.getBoundingClientRect().right))"
    )
    skips = page.run(
        "[...document.querySelectorAll('.edge')].map(e => e.getBoundingClientRect())"
        ".filter(box => box.height > 60).map(box => box.right)"
    )
    assert len(skips) == 4
    assert min(skips) > right
    assert len({round(x) for x in skips}) == 4


def test_nothing_overlaps(show: Opener) -> None:
    page = show(DEEPLAB, "#fold=none")
    page.click("#fit")
    boxes = page.run(
        "[...document.querySelectorAll('.node .body')].map(e => e.getBoundingClientRect())"
        ".map(b => [b.left, b.top, b.right, b.bottom])"
    )
    assert len(boxes) == len(DEEPLAB.lgraph)
    for index, (left, top, right, bottom) in enumerate(boxes):
        for other in boxes[:index]:
            assert left >= other[2] or right <= other[0] or top >= other[3] or bottom <= other[1]


def test_the_graph_is_panned_and_zoomed(show: Opener) -> None:
    page = show(SEGNET)

    def position() -> Any:
        return page.run(
            "(b => [b.left, b.top, b.width])"
            "(document.querySelector('#node-l0 .body').getBoundingClientRect())"
        )

    x, y, width = position()
    page.mouse("mousePressed", 60, 400, clickCount=1)
    page.mouse("mouseMoved", 100, 430, buttons=1)
    page.mouse("mouseMoved", 140, 460, buttons=1)
    page.mouse("mouseReleased", 140, 460, clickCount=1)
    page.settle()
    assert position() == pytest.approx([x + 80, y + 60, width], abs=1.5)
    assert selected_node(page) is None  # a drag is no click
    page.mouse("mouseWheel", 240, 400, deltaX=0, deltaY=100)
    page.settle()
    page.settle()
    assert position() == pytest.approx([x + 80, y - 40, width], abs=1.5)
    page.mouse("mouseWheel", 240, y, deltaX=0, deltaY=-40, modifiers=2)
    page.settle()
    page.settle()
    assert position()[2] > 1.2 * width
    page.click("#fit")
    assert position() == pytest.approx([x, y, width], abs=1.5)


# -- filter and sort -----------------------------------------------------------------------------------


def test_filter_by_pattern_text_and_type(show: Opener) -> None:
    page = show(DEEPLAB)
    names = DEEPLAB.lgraph.order
    search(page, "res3a*")
    assert rows(page) == [name for name in names if name.startswith("res3a")]
    assert text(page, "#counter") == f"{len(rows(page))} of {len(names)} layers"
    search(page, "branch2a conv")
    expected = [
        n for n in names if "branch2a" in n and "conv" in (n + repr(DEEPLAB.lgraph[n].description)).lower()
    ]
    assert rows(page) == expected
    search(page, "")
    page.run("types.value = 'Addition'; types.dispatchEvent(new Event('change'))")
    page.settle()
    assert rows(page) == [row.name for row in DEEPLAB.layers if row.type == "Addition"]
    assert page.run("document.querySelectorAll('.node.dimmed').length") > 0
    search(page, "no such thing")
    assert rows(page) == []
    assert page.run("document.getElementById('empty').hidden") is False


def test_only_findings(show: Opener) -> None:
    page = show(BROKEN)
    page.click("#only-findings")
    with_findings = {issue.layer for issue in BROKEN.issues}
    assert rows(page) == [name for name in BROKEN.lgraph.order if name in with_findings]


def test_sort(show: Opener) -> None:
    page = show(UNET)
    page.click("#table th.column-learnables button")
    largest = [row.name for row in sorted(UNET.layers, key=lambda row: -(row.num_learnables or 0))]
    assert rows(page) == largest
    assert page.run("document.querySelector('#table th.column-learnables').ariaSort") == "descending"
    page.click("#table th.column-learnables button")
    assert rows(page)[-1] == largest[0]
    page.click("#table th.column-learnables button")
    assert rows(page) == list(UNET.lgraph.order)
    page.click("#table th.column-name button")
    names = rows(page)
    assert names.index("Decoder-Stage-1-Conv-2") < names.index("Encoder-Stage-1-Conv-1")


# -- findings ------------------------------------------------------------------------------------------


def test_findings_are_on_top_and_link_to_their_layers(show: Opener) -> None:
    page = show(BROKEN)
    errors = [issue for issue in BROKEN.issues if issue.severity == "error"]
    assert f"{len(errors)} error" in text(page, "#chips")
    assert text(page, "#findings-list .finding .code") == BROKEN.issues[0].code
    assert text(page, "#findings-list .finding p") == BROKEN.issues[0].message
    page.click("#findings-list .finding .name-link")
    assert text(page, "#details h2") == BROKEN.issues[0].layer
    assert BROKEN.issues[0].code in text(page, "#details")
    assert page.run("document.querySelectorAll('.node .badge.error').length") >= 1
    page.click("#chips .chip.error")
    shown = "[...document.querySelectorAll('#findings-list .finding')].filter(e => !e.hidden).length"
    assert page.run(shown) == len(BROKEN.issues) - len(errors)


STUB = (
    "copied = []; Object.defineProperty(navigator, 'clipboard',"
    " { value: { writeText: text => { copied.push(text); return Promise.resolve() } } })"
)


def test_edits_rows_and_names_are_copied(show: Opener) -> None:
    page = show(BROKEN)
    page.run(STUB)
    page.click("#findings-list .finding .copy")
    name = "Decoder-Stage-2-Conv-1"
    page.run("search.value = ''")
    page.click(f"#row-{BROKEN.lgraph.order.index(name)} .name")
    page.click("#details .buttons .copy:nth-child(1)")
    page.click("#details .buttons .copy:nth-child(2)")
    edit, row, copied_name = page.run("copied")
    assert edit == BROKEN.issues[0].edit
    assert "connect_layers" in edit
    titles, values = (line.split("\t") for line in row.split("\n"))
    cells = dict(zip(titles, values, strict=True))
    assert cells["Name"] == copied_name == name
    assert cells["#"] == str(BROKEN.lgraph.order.index(name) + 1)
    page.wait("document.querySelector('#details .copy').textContent === 'Copied'")


# -- keys, address, light and dark, phones -------------------------------------------------------------


def test_keys(show: Opener) -> None:
    page = show(UNET)
    page.key("ArrowDown")
    assert selected_row(page) == "0"
    page.key("ArrowDown")
    assert (selected_row(page), selected_node(page)) == ("1", "l1")
    page.key("ArrowRight")
    assert selected_row(page) == "2"
    page.key("ArrowLeft")
    page.key("ArrowLeft")
    assert selected_row(page) == "0"
    page.key("End")
    assert selected_row(page) == "57"
    page.key("Home")
    page.key("ArrowDown")
    page.key("Enter")  # folds the block of the layer
    assert "l1" not in nodes(page)
    assert text(page, "#details h2") == "Encoder-Stage-1"
    page.key("Enter")
    assert "l1" in nodes(page)
    page.key("Escape")
    assert page.run("document.getElementById('details').hidden") is True
    page.key("/")
    assert page.run("document.activeElement.id") == "search"
    page.type("*concat*")
    assert len(rows(page)) == 4
    page.key("Enter")  # from the filter into the table
    assert selected_row(page) == str(UNET.lgraph.order.index(rows(page)[0]))
    page.key("Escape")
    page.key("Escape")
    assert text(page, "#counter") == "58 layers"
    page.key("?")
    assert page.run("document.getElementById('help').open") is True
    page.key("Escape")
    assert page.run("document.getElementById('help').open") is False


def test_the_focus_is_always_visible(show: Opener) -> None:
    page = show(BROKEN)
    focused = set()
    for _ in range(16):
        page.key("Tab")
        element, style = page.run(
            "(e => [e.id || e.className || e.tagName, getComputedStyle(e).outlineStyle])"
            "(document.activeElement)"
        )
        focused.add(element)
        assert style == "solid", element
    assert {"theme", "graph"} & focused


def test_the_address_restores_the_state(show: Opener) -> None:
    page = show(UNET)
    page.click("#row-7 .name")
    search(page, "encoder")
    page.click("#table th.column-name button")
    page.wait("location.hash.includes('sort=name')")
    address = page.run("location.hash")
    again = show(UNET, address)
    assert selected_row(again) == "7"
    assert rows(again) == rows(page)
    assert again.run("document.getElementById('search').value") == "encoder"


def luminance(color: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


# the colors of each text and of its background in sRGB, from drawing both on a canvas
COLORS = """(() => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const paint = (colors) => {
    context.clearRect(0, 0, 1, 1);
    for (const color of colors) { context.fillStyle = color; context.fillRect(0, 0, 1, 1) }
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3).map(c => c / 255);
  };
  const backgrounds = (element) => {
    const layers = [];
    for (let e = element; e; e = e.parentElement) {
      if (e.matches(".node")) layers.unshift(getComputedStyle(e.querySelector(".body")).fill);
      else if (e.matches(".badge, .fold") ) layers.unshift(getComputedStyle(e.querySelector("circle")).fill);
      else if (e.matches(".cluster")) layers.unshift(getComputedStyle(e.querySelector(".frame")).fill);
      else if (!(e instanceof SVGElement)) layers.unshift(getComputedStyle(e).backgroundColor);
    }
    return layers;
  };
  const colors = [];
  for (const element of document.querySelectorAll("body *")) {
    const own = [...element.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || element.closest("script, style, option, title, noscript")) continue;
    if (!element.checkVisibility()) continue;
    const style = getComputedStyle(element);
    const under = backgrounds(element);
    const color = element instanceof SVGElement ? style.fill : style.color;
    colors.push([`${element.tagName}.${element.getAttribute("class")}: ${element.textContent.slice(0, 40)}`,
      paint([...under, color]), paint(under)]);
  }
  return colors;
})()"""


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("analysis", [SEGNET, BROKEN], ids=["segnet", "broken"])
def test_every_text_can_be_read(show: Opener, analysis: NetworkAnalysis, dark: bool) -> None:
    """The contrast that WCAG requires (AA), also on the colors of all kinds of layers."""
    page = show(
        analysis, f"#layer={analysis.lgraph.order[3]}&columns=index,type,block,multiply_adds", dark=dark
    )
    background = page.run("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(float, background.removeprefix("rgb(").rstrip(")").split(","))) < 200) is dark
    colors = page.run(COLORS)
    assert len(colors) > 60
    for element, ink, paper in colors:
        high, low = sorted((luminance(ink), luminance(paper)), reverse=True)
        assert (high + 0.05) / (low + 0.05) >= 4.5, element


def test_a_button_switches_between_light_and_dark(show: Opener) -> None:
    page = show(SEGNET)
    background = "getComputedStyle(document.body).backgroundColor"
    light = page.run(background)
    page.click("#theme")
    assert page.run(background) != light
    page.click("#theme")
    assert page.run(background) == light


def test_on_a_phone(show: Opener) -> None:
    page = show(BROKEN, size=(390, 844))
    assert page.run("document.documentElement.scrollWidth") <= 390
    page.click("#tab-table")
    assert page.run("document.getElementById('graph').checkVisibility()") is False
    page.click("#row-2 .name")
    assert page.run("document.getElementById('details').checkVisibility()") is True
    page.click("#tab-graph")
    assert selected_node(page) == "l2"
    page.click("#tab-findings")
    page.click("#findings-list .name-link")
    assert page.run("document.getElementById('graph').checkVisibility()") is True
    assert text(page, "#details h2") == BROKEN.issues[0].layer


def test_errors_come_first_on_a_phone(show: Opener) -> None:
    visible = (
        "[...document.querySelectorAll('#findings, #graph, #scroller')].filter(e => e.checkVisibility())"
    )
    on_screen = f"{visible}.map(e => e.id)"
    page = show(BROKEN, size=(390, 844))
    assert page.run(on_screen) == ["findings"]
    assert page.run("document.querySelector('#tabs button').id") == "tab-findings"
    page.click("#tab-graph")
    assert is_in_view(page, "#node-l0", "#graph")
    page = show(BROKEN, "#layer=Bridge-Conv-1", size=(390, 844))
    assert page.run(on_screen) == ["graph"]
    assert is_in_view(page, ".node.selected", "#graph")
    assert show(BROKEN).run(on_screen) == ["findings", "graph", "scroller"]
    assert show(SEGNET, size=(390, 844)).run(on_screen) == ["graph"]


def is_in_view(page: Tab, selector: str, view: str) -> bool:
    """Whether an element is inside the visible part of the view that contains it."""
    inside: bool = page.run(
        f"""(() => {{
          const box = document.querySelector({json.dumps(selector)}).getBoundingClientRect();
          const view = document.querySelector({json.dumps(view)}).getBoundingClientRect();
          return box.left >= view.left && box.right <= view.right
            && box.top >= view.top && box.bottom <= view.bottom;
        }})()"""
    )
    return inside


WIDE = "&columns=" + ",".join(("index", "type", "activations", "learnables", "count", "states", "field"))


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("name", ["aspp_Conv_4", "dec_c1", "data", "classification"])
def test_a_link_shows_its_layer(show: Opener, name: str, width: int) -> None:
    page = show(DEEPLAB, f"#layer={name}{WIDE}", size=(width, 844))
    assert is_in_view(page, ".node.selected", "#graph")
    if width == 390:
        page.click("#tab-table")
    assert is_in_view(page, "#table tr.current .name", "#scroller")
    # a link in the page that is open, whose table is at its right end
    page.run("scroller.scrollTo(1e6, 0); location.hash = '#layer=res3a_branch2b'")
    page.wait("document.querySelector('#details h2').textContent === 'res3a_branch2b'")
    page.settle()
    assert is_in_view(page, "#table tr.current .name", "#scroller")
    if width == 390:
        page.click("#tab-graph")
    assert is_in_view(page, ".node.selected", "#graph")


def test_folding_and_unfolding_all_keeps_the_selection(show: Opener) -> None:
    page = show(UNET)
    page.click("#row-52 .name")
    page.click("#unfold-all")
    assert (selected_node(page), selected_row(page)) == ("l52", "52")
    assert is_in_view(page, ".node.selected", "#graph")
    page.click("#fold-all")
    assert text(page, "#details h2") == "Decoder-Stage-4"
    assert is_in_view(page, ".node.selected", "#graph")
    page.click("#unfold-all")
    assert (selected_node(page), selected_row(page)) == ("l52", "52")
    assert is_in_view(page, ".node.selected", "#graph")


def test_the_legend_explains_dashed_lines(show: Opener) -> None:
    dashed = "[...document.querySelectorAll('#legend .lookup')].map(e => getComputedStyle(e).strokeDasharray)"
    page = show(DEEPLAB)
    page.click("#fit")
    assert page.run(dashed) == page.run(dashed.replace("#legend", "#graph .world"))[:1] == ["4px, 3px"]
    assert "indices or size of another layer" in text(page, "#legend")
    assert show(UNET).run(dashed) == []


# -- large networks ------------------------------------------------------------------------------------


def test_a_thousand_layers_have_few_elements(show: Opener) -> None:
    analysis = chain(1000)
    page = show(analysis)
    assert page.run("document.getElementById('table').getAttribute('aria-rowcount')") == "1001"
    assert page.run("document.querySelectorAll('*').length") < 2500
    page.key("End")
    assert rows(page)[-1] == "classoutput" or analysis.lgraph.order[-1] == rows(page)[-1]
    assert selected_row(page) == "999"
    page.run("document.getElementById('scroller').scrollTop = 500 * 46")
    page.wait("document.getElementById('row-500')")
    page.click("#row-500 .name")
    assert selected_node(page) == "l500"
    search(page, "*_99")
    assert rows(page) == [name for name in analysis.lgraph.order if name.endswith("_99")]


# -- hostile names -------------------------------------------------------------------------------------

NAMES = [
    "<img src=x onerror=hacked=1>",
    "<svg onload=hacked=1>",
    "<!--<script>",
    "\"'><b onclick=hacked=1>",
    "${hacked=1}",
    "line\nbreak",
    "\u202eright to left\u2066",
    "שלום",
    "__proto__",
    "constructor",
    "toString",
    "#layer=x&filter=y",
    "100%",
    " spaces  within ",
    "x" * 10_000,
]


def test_hostile_names_are_texts(show: Opener) -> None:
    layers = [
        ImageInputLayer((8, 8, 2), name="data"),
        *(ReluLayer(name=name) for name in NAMES),
        Convolution2dLayer(3, 2, num_channels=5, name="</b".replace("/", "") + "<i>"),
        SoftmaxLayer(name="softmax"),
        PixelClassificationLayer(classes=["</script><script>hacked=1</script>", "b"], name="loss"),
    ]
    analysis = analyze_network(
        LayerGraph(layers), name="</script><script>hacked=1</script><img src=x onerror=hacked=1>"
    )
    assert analysis.num_errors
    page = show(analysis)
    assert text(page, "#title") == analysis.name
    shown = rows(page)
    assert len(shown) == len(layers)
    for name in NAMES:
        if name.isprintable():
            assert name in shown
    assert r"line\nbreak" in shown
    assert r"\u202eright to left\u2066" in shown
    for index in range(len(layers)):  # each of them in the graph, the details, the findings, the address
        page.key("ArrowDown")
        assert selected_row(page) == str(index)
        assert text(page, "#details h2") == shown[index]
    for words in ("__proto__", "constructor", "<img*", "[", "(*", "\\"):
        search(page, words)
    search(page, "")
    page.wait("location.hash.includes('layer')")
    assert page.run("typeof hacked") == "undefined"
    assert page.run("document.querySelectorAll('img, b, i, iframe').length") == 0
    assert page.run("document.documentElement.scrollWidth") <= 1280
    address = page.run("location.hash")
    for index in (2, 9, 12, 13):
        again = show(analysis, f"#layer={page.run(f'encodeURIComponent({json.dumps(NAMES[index - 1])})')}")
        assert selected_row(again) == str(index)
        assert again.run("typeof hacked") == "undefined"
    assert address


def test_the_policy_stops_foreign_markup(browser: Chromium, tmp_path: Path) -> None:
    """Even markup that gets into the page neither runs nor loads."""
    path = tmp_path / "page.html"
    path.write_text(SEGNET.to_html(), encoding="utf-8")
    with tab(browser) as page:
        page.open(path)
        page.run(
            "document.body.insertAdjacentHTML('beforeend',"
            " '<img src=http://127.0.0.1:9/x.png onerror=hacked=1><p onclick=hacked=1 id=trap>trap</p>');"
            "trap.click()"
        )
        page.run("fetch('http://127.0.0.1:9/').catch(() => 0)")
        page.settle()
        assert page.run("typeof hacked") == "undefined"
        messages = page.messages()
        for directive in ("img-src", "connect-src", "script-src"):
            assert any(directive in message for message in messages), directive


def test_an_empty_network(show: Opener) -> None:
    page = show(analyze_network(LayerGraph()))
    assert text(page, "#counter") == "0 layers"
    assert text(page, "#title") == "Network"
