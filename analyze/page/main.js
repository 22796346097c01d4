// The page: one selection that graph, table, details and address share.

function start() {
  const model = readModel(JSON.parse(byId("data").textContent));
  const folding = makeFolding(model);
  const { isFolded } = folding;
  const insideLayouts = new Map(); // the layouts inside blocks, by block
  let selected = null; // { layer } or { block }

  const graph = graphView(model, byId("graph"), {
    onLayer: (index) => select({ layer: index }, "graph"),
    onBlock: (block) => select({ block }, "graph"),
    onToggle: toggle,
    onNothing: () => select(null),
  });
  const table = tableView(model, {
    scroller: byId("scroller"), table: byId("table"), search: byId("search"), types: byId("types"),
    onlyFindings: byId("only-findings"), counter: byId("counter"), columnMenu: byId("columns"),
    empty: byId("empty"),
  }, {
    onLayer: (index) => select({ layer: index }, "table"),
    onChange: (matching) => {
      graph.mark(undefined, matching);
      address.remember();
    },
  });
  const details = detailsView(model, byId("details"), {
    onLayer: (index) => select({ layer: index }),
    onBlock: (block) => select({ block }),
    onClose: () => select(null),
    onToggle: toggle,
    isFolded,
    rowText: (layer) => table.rowText(layer),
  });
  const address = keepAddress(readState, showState);

  // -- the selection

  const selectedLayer = () => model.layers[selected?.layer]; // undefined if no layer is selected
  const current = () => selected?.layer ?? selected?.block?.layers[0];
  const relayout = () => graph.show(layoutOf(model, isFolded, insideLayouts));
  const boxOfBlock = (block) => (layout) =>
    layout.clusters.find((cluster) => cluster.block === block) ?? layout.nodeOf[block.layers[0]];
  const boxOfSelected = (layout) => (!selected ? null
    : selected.block ? boxOfBlock(selected.block)(layout) : layout.nodeOf[selected.layer]);

  // `from` is the view that was clicked; it does not scroll or move.
  function select(next, from = "") {
    selected = next;
    const layer = selectedLayer(), peek = folding.peekFor(layer);
    if (peek.changes) {
      const change = () => {
        peek.apply();
        relayout();
      };
      if (from === "graph" && layer) graph.hold(change, (layout) => layout.nodeOf[layer.index]);
      else change();
    }
    if (layer) details.showLayer(layer);
    else if (next) details.showBlock(next.block);
    else details.close();
    table.select(next?.layer ?? null, new Set(next ? (next.block?.layers ?? [next.layer]) : []));
    markSelected();
    if (next && from !== "graph") graph.reveal(boxOfSelected(graph.layout()));
    if (next) byId("status").textContent = next.block ? `Block ${next.block.name}` : describe(layer);
    address.remember();
  }

  function describe(layer) {
    const findings = layer.issues.length ? `, ${layer.issues.length} findings` : "";
    return `${layer.name}, ${layer.type}, ${layer.size}${findings}`;
  }

  function markSelected() {
    const key = !selected ? null
      : selected.block ? (isFolded(selected.block) ? `b${selected.block.index}` : `c${selected.block.index}`)
        : graph.layout().nodeOf[selected.layer].key;
    graph.mark(key);
  }

  // -- folding

  function toggle(block) {
    if (block.layers.length < 2) return;
    const isOpen = !isFolded(block), isInside = selectedLayer()?.block === block;
    graph.hold(() => {
      folding.set(block, isOpen);
      relayout();
    }, boxOfBlock(block));
    if (isOpen && (isInside || selected?.block === block)) select({ block }, "graph");
    else if (selected?.block === block) details.showBlock(block);
    markSelected();
    address.remember();
  }

  function foldAll(fold) {
    folding.setAll(fold);
    const layer = selectedLayer();
    if (fold && layer && layer.block.layers.length > 1) selected = { block: layer.block };
    relayout();
    select(selected, "graph");
    graph.fit(false);
  }

  // -- the address

  function readState() {
    const { words, type, only, sort, down } = table.state;
    return [
      ["layer", selectedLayer()?.name], ["block", selected?.block?.name], ["filter", words], ["type", type],
      ["only", only && "findings"], ["sort", sort && `${down ? "-" : ""}${sort}`],
    ];
  }

  function showState(values) {
    if (values.has("columns")) table.showColumns(values.get("columns").split(","));
    if (values.has("fold")) {
      folding.setAll(values.get("fold") !== "none");
      relayout();
      graph.fit(false);
    }
    const sort = values.get("sort") ?? "";
    table.filter(values.get("filter") ?? "", values.get("type") ?? "", values.get("only") === "findings");
    if (sort) table.sortBy(sort.replace(/^-/, ""), sort.startsWith("-"));
    const block = model.blocks.find((one) => one.name === values.get("block"));
    const layer = model.byName.get(values.get("layer"));
    if (layer !== undefined) select({ layer });
    else if (block) select({ block });
  }

  // -- keys, buttons and tabs

  function move(index) {
    if (index !== null && index !== undefined) select({ layer: index }, "keys");
  }

  function stepBack() {
    if (byId("help").open) byId("help").close();
    else if (byId("column-menu").open) byId("column-menu").open = false;
    else if (selected) select(null);
    else table.filter("");
  }

  function goToSearch() {
    showTab("table");
    byId("search").focus();
    byId("search").select();
  }

  function goToFirstRow() {
    byId("scroller").focus();
    move(table.rows()[0]?.index);
  }

  handleKeys({
    ArrowDown: () => move(table.beside(current(), 1)),
    ArrowUp: () => move(table.beside(current(), -1)),
    PageDown: () => move(table.beside(current(), 12)),
    PageUp: () => move(table.beside(current(), -12)),
    Home: () => move(table.rows()[0]?.index),
    End: () => move(table.rows().at(-1)?.index),
    ArrowLeft: () => move(model.layers[current()]?.incoming[0]?.source),
    ArrowRight: () => move(model.layers[current()]?.outgoing[0]?.target),
    Enter: () => selected && toggle(selected.block ?? selectedLayer().block),
    Escape: stepBack,
    "/": goToSearch,
    "+": () => graph.zoom(1.25), "=": () => graph.zoom(1.25), "-": () => graph.zoom(0.8),
    0: () => graph.fit(true), f: () => graph.fit(true),
    "?": () => byId("help").showModal(),
  }, byId("search"), {
    Escape: () => (byId("search").value ? table.filter("", table.state.type, table.state.only) : byId("search").blur()),
    Enter: goToFirstRow,
    ArrowDown: goToFirstRow,
  });
  const actions = {
    "zoom-in": () => graph.zoom(1.25), "zoom-out": () => graph.zoom(0.8), fit: () => graph.fit(true),
    "fold-all": () => foldAll(true), "unfold-all": () => foldAll(false),
    "show-help": () => byId("help").showModal(), theme: switchTheme, "hide-findings": hideFindings,
  };
  for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
  byId("fold-all").hidden = byId("unfold-all").hidden = folding.foldable.length === 0;

  function showTab(name) {
    openTab(name);
    graph.refresh();
    table.reveal(current() ?? -1);
  }

  for (const tab of allTabs()) {
    tab.addEventListener("click", () => {
      showTab(tab.id.replace("tab-", ""));
      if (tab.id === "tab-graph" && selected) graph.reveal(boxOfSelected(graph.layout()), true);
    });
  }

  // -- the start

  handleSplitter(byId("splitter"), byId("main"));
  if (model.name) document.title = `${model.name} · layergraph`;
  byId("title").textContent = model.name || "Network";
  byId("date").textContent = `Analyzed ${model.date}`;
  drawTotals(model);
  drawFindings(model, (index) => {
    if (document.body.dataset.tab === "findings") showTab("graph");
    select({ layer: index });
  });
  drawLegend(model);
  showTab("graph");
  relayout();
  graph.fit(false);
  if (location.hash) address.recall();
  else table.apply();
  document.documentElement.dataset.ready = "";
  requestAnimationFrame(() => performance.mark("drawn"));
}

start();
