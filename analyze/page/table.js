// The table. It is quick for networks of any size, because a long table has only its visible rows on the page.

const ROW_HEIGHT = 46; // pixels, for two lines of text
const MOST_ROWS = 300; // up to which all rows are on the page, so that the search of the browser finds them

function tableView(model, elements, { onLayer, onChange }) {
  const { scroller, table, search, types, onlyFindings, counter, columnMenu } = elements;
  const columns = columnsOf(model);
  const rows = makeRows(model, columns);
  const { state } = rows;
  const head = make("tr", { "aria-rowindex": 1 }), body = make("tbody");
  table.append(make("thead", {}, head), body);
  let selected = new Set(), current = null, drawn = [-1, -1];

  const shownColumns = () => columns.filter((column) => column.shown);

  function sortBy(id, descending) {
    rows.sortBy(id, descending);
    apply();
  }

  // Filter, sort and draw the rows.
  function apply() {
    rows.update();
    const layers = rows.all(), isFiltered = layers.length < model.layers.length;
    const count = numberFormat.format(layers.length), total = numberFormat.format(model.layers.length);
    counter.textContent = isFiltered ? `${count} of ${total} layers` : `${count} layers`;
    elements.empty.hidden = layers.length > 0 || model.layers.length === 0;
    table.setAttribute("aria-rowcount", layers.length + 1);
    drawHead();
    redraw();
    onChange(isFiltered ? new Set(layers.map((layer) => layer.index)) : null);
  }

  function drawHead() {
    head.replaceChildren(...shownColumns().map((column) => {
      const label = make("button", { type: "button", title: column.tooltip ?? `Sort by ${column.title}`, onclick: () => sortBy(column.id) }, column.title);
      return make("th", {
        scope: "col", class: columnClass(column),
        "aria-sort": state.sort === column.id ? (state.descending ? "descending" : "ascending") : "none",
      }, label);
    }));
    table.setAttribute("aria-colcount", shownColumns().length);
  }

  function redraw() {
    drawn = [-1, -1];
    draw();
  }

  function draw() {
    const layers = rows.all(), isLong = layers.length > MOST_ROWS;
    let [first, last] = [0, layers.length];
    if (isLong) {
      first = Math.max(0, Math.floor(scroller.scrollTop / ROW_HEIGHT) - 8);
      last = Math.min(layers.length, first + Math.ceil(scroller.clientHeight / ROW_HEIGHT) + 16);
    }
    if (first === drawn[0] && last === drawn[1]) return;
    drawn = [first, last];
    const shown = shownColumns();
    const parts = isLong ? [sizerRow(model, shown)] : [];
    if (first > 0) parts.push(spacerRow(first * ROW_HEIGHT, shown));
    for (let at = first; at < last; at++) parts.push(drawRow(layers[at], at, shown));
    if (last < layers.length) parts.push(spacerRow((layers.length - last) * ROW_HEIGHT, shown));
    body.replaceChildren(...parts);
  }

  function drawRow(layer, at, shown) {
    const row = make("tr", {
      id: `row-${layer.index}`, "aria-rowindex": at + 2, "aria-selected": String(selected.has(layer.index)),
      class: layer.index === current ? "current" : undefined,
      onclick: () => onLayer(layer.index),
    });
    row.dataset.layer = layer.index;
    row.append(...shown.map((column) => drawCell(layer, column)));
    return row;
  }

  // `index` is the selected layer, or null; `layers` are that layer, or those of a selected block.
  function select(index, layers, scroll = true) {
    current = index;
    selected = layers;
    for (const row of body.querySelectorAll("[data-layer]")) {
      const layer = Number(row.dataset.layer);
      row.setAttribute("aria-selected", String(layers.has(layer)));
      row.classList.toggle("current", layer === index);
    }
    const first = index ?? [...layers].find(rows.has);
    if (first !== undefined && first !== null) {
      table.setAttribute("aria-activedescendant", `row-${first}`);
      if (scroll && index === null) reveal([...layers].findLast(rows.has));
      if (scroll) reveal(first);
    } else {
      table.removeAttribute("aria-activedescendant");
    }
  }

  function reveal(index) {
    if (!rows.has(index)) return;
    const header = head.getBoundingClientRect().height;
    const top = rows.positionOf(index) * ROW_HEIGHT, bottom = top + ROW_HEIGHT;
    const { scrollTop, clientHeight } = scroller;
    if (top < scrollTop) scroller.scrollTop = top;
    else if (bottom + header > scrollTop + clientHeight) scroller.scrollTop = bottom + header - clientHeight;
    draw();
  }

  // Wide tables scroll sideways: back to the names, which say what the rows are.
  function scrollToNames() {
    scroller.scrollLeft = 0;
  }

  // A row as tab-separated values, with a line of titles.
  function rowText(layer) {
    const shown = shownColumns();
    const clean = (value) => String(value).replace(/[\t\r\n]+/g, " ");
    return `${shown.map((column) => column.title).join("\t")}\n${shown.map((column) => clean(column.plain(layer))).join("\t")}`;
  }

  function drawMenu() {
    columnMenu.append(...columns.filter((column) => column.id !== "name").map((column) => {
      const box = make("input", { type: "checkbox", onchange: () => {
        column.shown = box.checked;
        drawHead();
        redraw();
      } });
      box.checked = Boolean(column.shown);
      box.dataset.column = column.id;
      return make("label", { title: column.tooltip }, box, column.title);
    }));
  }

  function filter(words, type = "", only = false) {
    Object.assign(state, { words, type, only });
    search.value = words;
    types.value = type;
    onlyFindings.checked = only;
    apply();
  }

  function showColumns(ids) {
    for (const column of columns) column.shown = ids.includes(column.id) || column.id === "name";
  }

  types.append(make("option", { value: "" }, "All types"),
    ...model.types.map(([type, count]) => make("option", { value: type }, `${type.slice(0, 60)} (${count})`)));
  search.addEventListener("input", () => { state.words = search.value; apply(); });
  types.addEventListener("change", () => { state.type = types.value; apply(); });
  onlyFindings.addEventListener("change", () => { state.only = onlyFindings.checked; apply(); });
  scroller.addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(draw).observe(scroller);
  window.addEventListener("resize", draw);
  drawMenu();
  return { apply, select, reveal, scrollToNames, layerBelow: rows.layerBelow, filter, rowText, sortBy, showColumns, state, rows: rows.all };
}
