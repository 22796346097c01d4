// The table: quick for networks of any size, because only the rows in sight are on the page.

const ROW = 46; // pixels; two lines of text
const ALL = 300; // rows up to which all are there, so that the browser's own search finds them

function tableView(model, elements, { onLayer, onChange }) {
  const { scroller, table, search, types, onlyFindings, counter, columnMenu } = elements;
  const columns = columnsOf(model);
  const rows = makeRows(model, columns);
  const { state } = rows;
  const head = make("tr", { "aria-rowindex": 1 }), body = make("tbody");
  table.append(make("thead", {}, head), body);
  let selected = new Set(), current = null, drawn = [-1, -1];

  const visible = () => columns.filter((column) => column.shown);

  function sortBy(id, down) {
    rows.sortBy(id, down);
    apply();
  }

  // filter, sort and draw anew
  function apply() {
    rows.update();
    const found = rows.all(), filtered = found.length < model.layers.length;
    counter.textContent = filtered ? `${grouped.format(found.length)} of ${grouped.format(model.layers.length)} layers`
      : `${grouped.format(found.length)} layers`;
    elements.empty.hidden = found.length > 0 || model.layers.length === 0;
    table.setAttribute("aria-rowcount", found.length + 1);
    drawHead();
    redraw();
    onChange(filtered ? new Set(found.map((layer) => layer.index)) : null);
  }

  function drawHead() {
    head.replaceChildren(...visible().map((column) => {
      const label = make("button", { type: "button", title: column.tooltip ?? `Sort by ${column.title}`, onclick: () => sortBy(column.id) }, column.title);
      return make("th", {
        scope: "col", class: columnClass(column),
        "aria-sort": state.sort === column.id ? (state.down ? "descending" : "ascending") : "none",
      }, label);
    }));
    table.setAttribute("aria-colcount", visible().length);
  }

  function redraw() {
    drawn = [-1, -1];
    draw();
  }

  function draw() {
    const found = rows.all(), isLong = found.length > ALL;
    let [first, last] = [0, found.length];
    if (isLong) {
      first = Math.max(0, Math.floor(scroller.scrollTop / ROW) - 8);
      last = Math.min(found.length, first + Math.ceil(scroller.clientHeight / ROW) + 16);
    }
    if (first === drawn[0] && last === drawn[1]) return;
    drawn = [first, last];
    const shown = visible();
    const parts = isLong ? [sizerRow(model, shown)] : [];
    if (first > 0) parts.push(spacerRow(first * ROW, shown));
    for (let at = first; at < last; at++) parts.push(drawRow(found[at], at, shown));
    if (last < found.length) parts.push(spacerRow((found.length - last) * ROW, shown));
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

  // index: the selected layer, or null; all: with it, the layers of a selected block
  function select(index, all, scroll = true) {
    current = index;
    selected = all;
    for (const row of body.querySelectorAll("[data-layer]")) {
      const place = Number(row.dataset.layer);
      row.setAttribute("aria-selected", String(all.has(place)));
      row.classList.toggle("current", place === index);
    }
    const first = index ?? [...all].find(rows.has);
    if (first !== undefined && first !== null) {
      table.setAttribute("aria-activedescendant", `row-${first}`);
      if (scroll && index === null) reveal([...all].findLast(rows.has));
      if (scroll) reveal(first);
    } else {
      table.removeAttribute("aria-activedescendant");
    }
  }

  function reveal(index) {
    if (!rows.has(index)) return;
    const header = head.getBoundingClientRect().height;
    const top = rows.placeOf(index) * ROW, bottom = top + ROW;
    const { scrollTop, clientHeight } = scroller;
    if (top < scrollTop) scroller.scrollTop = top;
    else if (bottom + header > scrollTop + clientHeight) scroller.scrollTop = bottom + header - clientHeight;
    draw();
  }

  // a row as tab-separated values, with a line of titles
  function rowText(layer) {
    const shown = visible();
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
  return { apply, select, reveal, beside: rows.beside, filter, rowText, sortBy, showColumns, state, rows: rows.all };
}
