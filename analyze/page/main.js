// The page: one selection, one filter, one set of folded blocks, shown by graph, table, details and address.

const UNFOLDED_UP_TO = 40; // layers; larger networks open as blocks

function start() {
  const byId = (id) => document.getElementById(id);
  const model = readModel(JSON.parse(byId("data").textContent));
  const foldable = model.blocks.filter((block) => block.layers.length > 1);
  const folded = new Set(model.layers.length > UNFOLDED_UP_TO ? foldable.map((block) => block.index) : []);
  const kept = new Map(); // layouts inside blocks
  let selected = null; // { layer } or { block }
  let peek = null; // a folded block that stands open while a layer in it is selected

  const isFolded = (block) => folded.has(block.index) && peek !== block.index;
  const graph = graphView(model, byId("graph"), {
    onLayer: (index) => select({ layer: index }, { from: "graph" }),
    onBlock: (block) => select({ block }, { from: "graph" }),
    onToggle: toggle,
    onNothing: () => select(null),
  });
  const table = tableView(model, {
    scroller: byId("scroller"), table: byId("table"), search: byId("search"), types: byId("types"),
    onlyFindings: byId("only-findings"), counter: byId("counter"), columnMenu: byId("columns"),
    empty: byId("empty"),
  }, {
    onLayer: (index) => select({ layer: index }, { from: "table" }),
    onChange: (matching) => {
      graph.mark(undefined, matching);
      remember();
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

  const relayout = () => graph.show(layoutOf(model, isFolded, kept));
  const boxOfBlock = (block) => (layout) =>
    layout.clusters.find((one) => one.block === block) ?? layout.nodeOf[block.layers[0]];
  const boxOfSelected = (layout) => (!selected ? null
    : selected.block ? boxOfBlock(selected.block)(layout) : layout.nodeOf[selected.layer]);

  function select(next, { from = "" } = {}) {
    const opened = next?.layer === undefined ? null : model.layers[next.layer].block;
    const peeked = opened && folded.has(opened.index) ? opened.index : null;
    const anchor = from === "graph" && next?.layer !== undefined ? next.layer : null;
    selected = next;
    if (peeked !== peek) {
      const change = () => {
        peek = peeked;
        relayout();
      };
      if (anchor !== null) graph.hold(change, (layout) => layout.nodeOf[anchor]);
      else change();
    }
    if (next?.layer !== undefined) details.showLayer(model.layers[next.layer]);
    else if (next) details.showBlock(next.block);
    else details.close();
    table.select(next?.layer ?? null, new Set(next ? (next.block?.layers ?? [next.layer]) : []));
    markSelected();
    if (next && from !== "graph") graph.reveal(boxOfSelected(graph.layout()));
    if (next) byId("status").textContent = next.block ? `Block ${next.block.name}` : describe(model.layers[next.layer]);
    remember();
  }

  const describe = (layer) => `${layer.name}, ${layer.type}, ${layer.size}` +
    (layer.issues.length ? `, ${layer.issues.length} findings` : "");

  function markSelected() {
    const key = !selected ? null
      : selected.block ? (isFolded(selected.block) ? `b${selected.block.index}` : `c${selected.block.index}`)
        : graph.layout().nodeOf[selected.layer].key;
    graph.mark(key);
  }

  function toggle(block) {
    if (block.layers.length < 2) return;
    const isOpen = !isFolded(block);
    const inIt = selected?.layer !== undefined && model.layers[selected.layer].block === block;
    graph.hold(() => {
      if (isOpen) folded.add(block.index);
      else folded.delete(block.index);
      peek = null;
      relayout();
    }, boxOfBlock(block));
    if (isOpen && (inIt || selected?.block === block)) select({ block }, { from: "graph" });
    else if (selected?.block === block) details.showBlock(block);
    markSelected();
    remember();
  }

  function foldAll(fold) {
    folded.clear();
    if (fold) for (const block of foldable) folded.add(block.index);
    peek = null;
    if (fold && selected?.layer !== undefined && model.layers[selected.layer].block.layers.length > 1) {
      selected = { block: model.layers[selected.layer].block };
    }
    relayout();
    select(selected, { from: "graph" });
    graph.fit(false);
  }

  // -- the address says what is seen, so that a link leads back to it

  let pending = 0, written = location.hash;
  function remember() {
    clearTimeout(pending);
    pending = setTimeout(() => {
      const parts = [];
      const add = (key, value) => value && parts.push(`${key}=${encodeURIComponent(value)}`);
      try {
        if (selected?.layer !== undefined) add("layer", model.layers[selected.layer].name);
        if (selected?.block) add("block", selected.block.name);
        add("filter", table.state.words);
        add("type", table.state.type);
        if (table.state.only) add("only", "findings");
        if (table.state.sort) add("sort", `${table.state.down ? "-" : ""}${table.state.sort}`);
        written = parts.length ? `#${parts.join("&")}` : "";
        if (written.length < 4000) history.replaceState(null, "", written || location.pathname + location.search);
      } catch {
        // half a surrogate pair has no place in an address; some browsers refuse files a history
      }
    }, 150);
  }

  function recall() {
    const address = new Map();
    for (const part of location.hash.slice(1).split("&")) {
      const [key, value = ""] = part.split("=");
      try {
        address.set(key, decodeURIComponent(value));
      } catch {
        // somebody's typing
      }
    }
    if (address.has("columns")) table.showColumns(address.get("columns").split(","));
    if (address.has("fold")) {
      folded.clear();
      if (address.get("fold") !== "none") for (const block of foldable) folded.add(block.index);
      relayout();
      graph.fit(false);
    }
    const sort = address.get("sort") ?? "";
    table.filter(address.get("filter") ?? "", address.get("type") ?? "", address.get("only") === "findings");
    if (sort) table.sortBy(sort.replace(/^-/, ""), sort.startsWith("-"));
    const block = model.blocks.find((one) => one.name === address.get("block"));
    const layer = model.byName.get(address.get("layer"));
    if (layer !== undefined) select({ layer });
    else if (block) select({ block });
  }

  // -- keys

  function move(index) {
    if (index !== null && index !== undefined) select({ layer: index }, { from: "keys" });
  }

  const current = () => selected?.layer ?? selected?.block?.layers[0];
  const KEYS = {
    ArrowDown: () => move(table.beside(current(), 1)),
    ArrowUp: () => move(table.beside(current(), -1)),
    PageDown: () => move(table.beside(current(), 12)),
    PageUp: () => move(table.beside(current(), -12)),
    Home: () => move(table.rows()[0]?.index),
    End: () => move(table.rows().at(-1)?.index),
    ArrowLeft: () => move(model.layers[current()]?.into[0]?.source),
    ArrowRight: () => move(model.layers[current()]?.outOf[0]?.target),
    Enter: () => selected && toggle(selected.block ?? model.layers[selected.layer].block),
    Escape: () => {
      if (byId("help").open) byId("help").close();
      else if (byId("column-menu").open) byId("column-menu").open = false;
      else if (selected) select(null);
      else table.filter("");
    },
    "/": () => {
      showTab("table");
      byId("search").focus();
      byId("search").select();
    },
    "+": () => graph.zoom(1.25), "=": () => graph.zoom(1.25), "-": () => graph.zoom(0.8),
    0: () => graph.fit(true), f: () => graph.fit(true),
    "?": () => byId("help").showModal(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const at = event.target;
    if (at === byId("search")) {
      if (event.key === "Escape") {
        if (at.value) table.filter("", table.state.type, table.state.only);
        else at.blur();
        event.preventDefault();
      } else if (event.key === "Enter" || event.key === "ArrowDown") {
        byId("scroller").focus();
        move(table.rows()[0]?.index);
        event.preventDefault();
      }
      return;
    }
    if (at.closest("select, textarea, dialog, [role=separator]") || at.matches("input:not([type=checkbox])")) return;
    if (at.closest("a, button, summary") && (event.key === "Enter" || event.key === " ")) return;
    const action = KEYS[event.key];
    if (!action || (event.shiftKey && event.key.length > 1)) return;
    event.preventDefault();
    action();
  });

  // -- what stands around

  function drawTotals() {
    byId("totals").append(...model.totals.map(([label, value, exact]) =>
      make("div", { title: exact && exact !== value ? `${label}: ${exact}` : undefined }, make("dt", {}, label), make("dd", {}, value))));
  }

  function drawFindings() {
    const counts = SEVERITIES.map((severity) => [severity, model.issues.filter((issue) => issue.severity === severity).length])
      .filter(([, count]) => count > 0);
    byId("findings").hidden = byId("tab-findings").hidden = counts.length === 0;
    byId("fine").hidden = counts.length > 0;
    byId("tab-findings").append(` ${model.issues.length}`);
    const list = byId("findings-list");
    for (const [severity, count] of counts) {
      const chip = make("button", { type: "button", class: `chip ${severity}`, "aria-pressed": "true" },
        mark(severity), `${count} ${severity}${count === 1 ? "" : "s"}`);
      chip.addEventListener("click", () => {
        const on = chip.getAttribute("aria-pressed") === "false";
        chip.setAttribute("aria-pressed", String(on));
        for (const item of list.children) if (item.dataset.severity === severity) item.hidden = !on;
      });
      byId("chips").append(chip);
    }
    findingsView(model, list, (index) => {
      if (document.body.dataset.tab === "findings") showTab("graph");
      select({ layer: index });
    });
  }

  function drawLegend() {
    const kinds = [...new Set(model.layers.map((layer) => layer.kind))];
    byId("legend").append(...kinds.map((kind) => {
      const swatch = make("span", { class: "swatch" });
      swatch.dataset.kind = kind;
      return make("span", { class: "kind" }, swatch, kind);
    }));
  }

  function showTab(name) {
    document.body.dataset.tab = name;
    for (const tab of document.querySelectorAll("[role=tab]")) {
      tab.setAttribute("aria-selected", String(tab.id === `tab-${name}`));
    }
    graph.refresh();
    table.reveal(current() ?? -1);
  }

  for (const tab of document.querySelectorAll("[role=tab]")) {
    tab.addEventListener("click", () => {
      showTab(tab.id.replace("tab-", ""));
      if (tab.id === "tab-graph" && selected) graph.reveal(boxOfSelected(graph.layout()), true);
    });
  }
  const actions = {
    "zoom-in": () => graph.zoom(1.25), "zoom-out": () => graph.zoom(0.8), fit: () => graph.fit(true),
    "fold-all": () => foldAll(true), "unfold-all": () => foldAll(false),
    "show-help": () => byId("help").showModal(), theme: nextTheme, "hide-findings": hideFindings,
  };
  for (const [id, action] of Object.entries(actions)) byId(id).addEventListener("click", action);
  byId("fold-all").hidden = byId("unfold-all").hidden = foldable.length === 0;

  function hideFindings() {
    const hidden = byId("findings").classList.toggle("closed");
    byId("hide-findings").setAttribute("aria-expanded", String(!hidden));
    byId("hide-findings").textContent = hidden ? "Show" : "Hide";
  }

  function nextTheme() {
    const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
    const now = root.dataset.theme ?? (dark ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
  }

  splitter(byId("splitter"), byId("main"));
  if (model.name) document.title = `${model.name} · layergraph`;
  byId("title").textContent = model.name || "Network";
  byId("date").textContent = `Analyzed ${model.date}`;
  drawTotals();
  drawFindings();
  drawLegend();
  showTab("graph");
  relayout();
  graph.fit(false);
  if (location.hash) recall();
  else table.apply();
  window.addEventListener("hashchange", () => location.hash !== written && recall());
  document.documentElement.dataset.ready = "";
  requestAnimationFrame(() => performance.mark("drawn"));
}

// The line between graph and table; dragged, or moved by arrow keys.
function splitter(line, main) {
  const set = (share) => {
    const percent = Math.round(Math.min(75, Math.max(20, share)));
    main.style.setProperty("--split", `${percent}%`);
    line.setAttribute("aria-valuenow", percent);
  };
  line.addEventListener("pointerdown", (event) => {
    line.setPointerCapture(event.pointerId);
    event.preventDefault();
  });
  line.addEventListener("pointermove", (event) => {
    if (!line.hasPointerCapture(event.pointerId)) return;
    const box = main.getBoundingClientRect();
    set((100 * (event.clientX - box.left)) / box.width);
  });
  line.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -4, ArrowRight: 4 }[event.key];
    if (step) {
      set(Number(line.getAttribute("aria-valuenow")) + step);
      event.preventDefault();
    }
  });
}

start();
