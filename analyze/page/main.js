// The start of the page: makes the views, connects them to one selection, and restores the state in the address.

function start() {
  const model = readModel(JSON.parse(byId("data").textContent));
  const views = {};
  const selection = makeSelection(model, views, () => address.remember());
  const { select, toggle } = selection;
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
    isFolded: selection.isFolded,
    rowText: (layer) => table.rowText(layer),
  });
  Object.assign(views, { graph, table, details });
  const address = keepAddress(() => readState(selection, table), (values) => showState(model, selection, views, values));
  const { showTab } = handleControls(model, selection, views);
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
  selection.relayout();
  graph.fit(false);
  if (location.hash) address.recall();
  else table.apply();
  // on a narrow screen, which shows one view, errors come first; a link to a layer or block shows that
  if (hasErrors(model)) {
    byId("tabs").prepend(byId("tab-findings"));
    if (!selection.selected()) showTab("findings");
  }
  document.documentElement.dataset.ready = "";
  requestAnimationFrame(() => performance.mark("drawn"));
}

// The state of the page, as the address holds it.
function readState(selection, table) {
  const { words, type, only, sort, descending } = table.state;
  return [
    ["layer", selection.layer()?.name], ["block", selection.selected()?.block?.name], ["filter", words], ["type", type],
    ["only", only && "findings"], ["sort", sort && `${descending ? "-" : ""}${sort}`],
  ];
}

function showState(model, selection, { graph, table }, values) {
  if (values.has("columns")) table.showColumns(values.get("columns").split(","));
  if (values.has("fold")) {
    selection.setFolding(values.get("fold") !== "none");
    selection.relayout();
    graph.fit(false);
  }
  const sort = values.get("sort") ?? "";
  table.filter(values.get("filter") ?? "", values.get("type") ?? "", values.get("only") === "findings");
  if (sort) table.sortBy(sort.replace(/^-/, ""), sort.startsWith("-"));
  const block = model.blocks.find((one) => one.name === values.get("block"));
  const layer = model.byName.get(values.get("layer"));
  if (layer === undefined && !block) return;
  if (document.body.dataset.tab === "findings") openTab("graph"); // which is not on a narrow screen otherwise
  selection.select(layer !== undefined ? { layer } : { block });
  table.scrollToNames();
}

start();
