// The controls of the page: keys, buttons and tabs.

function handleControls(model, selection, { graph, table }) {
  const { current, select } = selection;

  function move(index) {
    if (index !== null && index !== undefined) select({ layer: index }, "keys");
  }

  function stepBack() {
    if (byId("help").open) byId("help").close();
    else if (byId("column-menu").open) byId("column-menu").open = false;
    else if (selection.selected()) select(null);
    else table.filter("");
  }

  function goToSearch() {
    showTab("table");
    byId("search").focus();
    byId("search").select();
  }

  function leaveSearch() {
    if (byId("search").value) table.filter("", table.state.type, table.state.only);
    else byId("search").blur();
  }

  function goToFirstRow() {
    byId("scroller").focus();
    move(table.rows()[0]?.index);
  }

  function showTab(name) {
    openTab(name);
    graph.refresh();
    table.reveal(current() ?? -1);
  }

  const zoomIn = () => graph.zoom(1.25), zoomOut = () => graph.zoom(0.8), fit = () => graph.fit(true);
  const showHelp = () => byId("help").showModal();
  handleKeys({
    ArrowDown: () => move(table.layerBelow(current(), 1)),
    ArrowUp: () => move(table.layerBelow(current(), -1)),
    PageDown: () => move(table.layerBelow(current(), 12)),
    PageUp: () => move(table.layerBelow(current(), -12)),
    Home: () => move(table.rows()[0]?.index),
    End: () => move(table.rows().at(-1)?.index),
    ArrowLeft: () => move(model.layers[current()]?.incoming[0]?.source),
    ArrowRight: () => move(model.layers[current()]?.outgoing[0]?.target),
    Enter: () => selection.block() && selection.toggle(selection.block()),
    Escape: stepBack,
    "/": goToSearch,
    "+": zoomIn, "=": zoomIn, "-": zoomOut, 0: fit, f: fit,
    "?": showHelp,
  }, byId("search"), { Escape: leaveSearch, Enter: goToFirstRow, ArrowDown: goToFirstRow });
  const actions = {
    "zoom-in": zoomIn, "zoom-out": zoomOut, fit,
    "fold-all": () => selection.foldAll(true), "unfold-all": () => selection.foldAll(false),
    "show-help": showHelp, theme: switchTheme, "hide-findings": toggleFindings,
  };
  for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
  byId("fold-all").hidden = byId("unfold-all").hidden = !selection.hasBlocks;
  for (const tab of allTabs()) {
    tab.addEventListener("click", () => {
      showTab(tab.id.replace("tab-", ""));
      if (tab.id === "tab-graph") selection.reveal();
    });
  }
  return { showTab };
}
