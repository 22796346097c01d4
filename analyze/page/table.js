// The table: MATLAB's columns and more to switch on; sorted, filtered, and quick because only the rows
// in sight are there.

const ROW = 46; // pixels; two lines of text
const ALL = 300; // rows up to which all are there, so that the browser's own search finds them

function columnsOf(model) {
  const some = (what) => model.layers.some((layer) => layer.costs && layer.costs[what] != null);
  const lines = (pairs) => pairs && pairs.map(([name, size]) => `${name} ${size}`);
  const number = (id, title, hint, value, text) => ({
    id, title, hint, value, numeric: true,
    plain: (layer) => (value(layer) == null ? "" : String(value(layer))),
    cell: (layer) => (value(layer) == null ? "?" : value(layer) === 0 ? "–" : text(value(layer))),
  });
  const text = (id, title, value, extra = {}) => ({
    id, title, value, plain: value, cell: value, ...extra,
  });
  const columns = [
    { ...number("index", "#", "Place in the order of computation", (layer) => layer.index + 1, String), shown: true },
    text("name", "Name", (layer) => layer.name, { shown: true }),
    text("type", "Type", (layer) => layer.type, { shown: true }),
    {
      id: "activations", title: "Activations", shown: true,
      hint: "Size of the output; sorted by the number of elements",
      value: (layer) => layer.elements ?? -1,
      lines: (layer) => (layer.activations.length === 1 ? [layer.activations[0][1]] : lines(layer.activations)),
      plain: (layer) => (layer.activations.length === 1 ? layer.activations[0][1] : lines(layer.activations).join("; ")),
    },
    {
      id: "learnables", title: "Learnable properties", shown: true,
      hint: "What training learns; sorted by how many numbers",
      value: (layer) => layer.count ?? -1,
      lines: (layer) => lines(layer.learnables) ?? ["?"],
      plain: (layer) => (lines(layer.learnables) ?? ["?"]).join("; "),
    },
    { ...number("count", "Learnables", "How many numbers training learns", (layer) => layer.count, (value) => grouped.format(value)), bar: true },
    {
      id: "states", title: "States", hint: "What training keeps besides",
      value: (layer) => (lines(layer.states) ?? []).join("; "),
      lines: (layer) => lines(layer.states) ?? ["?"],
      plain: (layer) => (lines(layer.states) ?? ["?"]).join("; "),
    },
  ];
  if (some("multiply_adds")) {
    columns.push({ ...number("multiply_adds", "Multiply-adds", "For one observation", (layer) => layer.costs?.multiply_adds, shortCount), bar: true });
  }
  if (some("inference")) {
    columns.push({ ...number("inference", "Activation memory", "Bytes of the outputs in inference, one observation", (layer) => layer.costs?.inference, shortBytes), bar: true });
  }
  if (some("training")) {
    columns.push({ ...number("training", "Kept for training", "Bytes that the backward pass needs, one observation", (layer) => layer.costs?.training, shortBytes), bar: true });
  }
  if (some("field")) {
    const area = (text) => text.split("×").reduce((product, one) => product * Number(one), 1);
    columns.push({
      id: "field", title: "Receptive field", hint: "How much of the input one output position sees",
      numeric: true,
      value: (layer) => (layer.costs?.field ? area(layer.costs.field) : -1),
      plain: (layer) => layer.costs?.field ?? "",
      cell: (layer) => layer.costs?.field ?? "–",
    });
  }
  columns.push(
    text("block", "Block", (layer) => layer.block.name),
    {
      id: "findings", title: "Findings", numeric: true,
      value: (layer) => layer.issues.length,
      plain: (layer) => layer.issues.map((issue) => issue.code).join("; "),
      cell: (layer) => (layer.issues.length ? String(layer.issues.length) : "–"),
    },
  );
  for (const column of columns) {
    if (column.bar) column.most = Math.max(1, ...model.layers.map((layer) => column.value(layer) ?? 0));
  }
  return columns;
}

function tableView(model, elements, { onLayer, onChange }) {
  const { scroller, table, search, types, onlyFindings, counter, columnMenu } = elements;
  const columns = columnsOf(model);
  const head = make("tr", { "aria-rowindex": 1 }), body = make("tbody");
  table.append(make("thead", {}, head), body);
  const state = { words: "", type: "", only: false, sort: null, down: false, selected: new Set(), current: null };
  let rows = model.layers, place = new Map(), drawn = [-1, -1];

  function drawHead() {
    head.replaceChildren(...visible().map((column) => {
      const sorted = state.sort === column.id;
      const label = make("button", { type: "button", title: column.hint ?? `Sort by ${column.title}`, onclick: () => sortBy(column.id) }, column.title);
      return make("th", {
        scope: "col", class: `column-${column.id}${column.numeric ? " numeric" : ""}`,
        "aria-sort": sorted ? (state.down ? "descending" : "ascending") : "none",
      }, label);
    }));
    table.setAttribute("aria-colcount", visible().length);
  }

  const visible = () => columns.filter((column) => column.shown);

  function sortBy(id, down) {
    const column = columns.find((one) => one.id === id);
    if (down !== undefined) Object.assign(state, { sort: id, down });
    else if (state.sort !== id) Object.assign(state, { sort: id, down: Boolean(column.bar || column.lines) });
    else if (state.down === Boolean(column.bar || column.lines)) state.down = !state.down;
    else state.sort = null;
    apply();
  }

  // filter and sort anew
  function apply() {
    const matches = matcher(state.words);
    rows = model.layers.filter((layer) => matches(layer) && (!state.type || layer.type === state.type) &&
      (!state.only || layer.issues.length > 0));
    const filtered = rows.length < model.layers.length;
    const column = columns.find((one) => one.id === state.sort);
    if (column) {
      const sign = state.down ? -1 : 1;
      rows = [...rows].sort((a, b) => {
        const [first, second] = [column.value(a) ?? -1, column.value(b) ?? -1];
        const order = typeof first === "number" ? first - second : compareNames(first, second);
        return sign * order || a.index - b.index;
      });
    }
    place = new Map(rows.map((layer, index) => [layer.index, index]));
    counter.textContent = filtered ? `${grouped.format(rows.length)} of ${grouped.format(model.layers.length)} layers`
      : `${grouped.format(rows.length)} layers`;
    elements.empty.hidden = rows.length > 0 || model.layers.length === 0;
    table.setAttribute("aria-rowcount", rows.length + 1);
    drawHead();
    redraw();
    onChange(filtered ? new Set(rows.map((layer) => layer.index)) : null);
  }

  function redraw() {
    drawn = [-1, -1];
    draw();
  }

  function draw() {
    let [first, last] = [0, rows.length];
    if (rows.length > ALL) {
      first = Math.max(0, Math.floor(scroller.scrollTop / ROW) - 8);
      last = Math.min(rows.length, first + Math.ceil(scroller.clientHeight / ROW) + 16);
    }
    if (first === drawn[0] && last === drawn[1]) return;
    drawn = [first, last];
    const shown = visible();
    const spacer = (count) => {
      const row = make("tr", { class: "spacer", "aria-hidden": "true" }, make("td", { colspan: shown.length }));
      row.firstChild.style.height = `${count * ROW}px`;
      return row;
    };
    const parts = rows.length > ALL ? [sizer(shown)] : [];
    if (first > 0) parts.push(spacer(first));
    for (let at = first; at < last; at++) parts.push(drawRow(rows[at], at, shown));
    if (last < rows.length) parts.push(spacer(rows.length - last));
    body.replaceChildren(...parts);
  }

  // a row without height that holds the longest text of each column, so that widths stay while scrolling
  function sizer(shown) {
    const longest = (column) => {
      column.longest ??= model.layers.reduce((found, layer) => {
        const length = (column.lines ? (column.lines(layer)[0] ?? "") : column.id === "name" ? layer.name : String(column.cell(layer))).length;
        return length > found.length ? { layer, length } : found;
      }, { layer: model.layers[0], length: -1 }).layer;
      return column.longest;
    };
    const row = make("tr", { class: "sizer", "aria-hidden": "true" });
    row.append(...shown.map((column) => drawCell(longest(column), column)));
    return row;
  }

  function drawRow(layer, at, shown) {
    const row = make("tr", {
      id: `row-${layer.index}`, "aria-rowindex": at + 2, "aria-selected": String(state.selected.has(layer.index)),
      class: layer.index === state.current ? "current" : undefined,
      onclick: () => onLayer(layer.index),
    });
    row.dataset.layer = layer.index;
    row.append(...shown.map((column) => drawCell(layer, column)));
    return row;
  }

  function drawCell(layer, column) {
    const cell = make("td", { class: `column-${column.id}${column.numeric ? " numeric" : ""}` });
    if (column.id === "name") {
      const name = make("div", { class: "name", title: layer.name.slice(0, 600) }, make("bdi", {}, layer.name));
      const severity = gravest(layer.issues);
      if (severity) name.prepend(mark(severity));
      cell.append(name, make("div", { class: "description", title: layer.description.slice(0, 600) }, layer.description));
    } else if (column.id === "type") {
      const swatch = make("span", { class: "swatch" });
      swatch.dataset.kind = layer.kind;
      cell.append(make("div", { class: "line" }, swatch, layer.type));
    } else if (column.lines) {
      const lines = column.lines(layer);
      const shown = lines.length > 2 ? [lines[0], `${lines[1]}  +${lines.length - 2}`] : lines;
      cell.title = lines.slice(0, 40).join("\n").slice(0, 2000);
      cell.append(...(shown.length ? shown : ["–"]).map((line) => make("div", { class: "line" }, line)));
    } else {
      cell.append(make("div", { class: "line" }, column.cell(layer)));
      if (column.numeric && column.value(layer) > 999) cell.title = grouped.format(column.value(layer));
      const share = column.bar ? (100 * column.value(layer)) / column.most : 0;
      if (share >= 0.5) {
        const bar = make("div", { class: "bar" });
        bar.style.width = `${share}%`;
        cell.append(bar);
      }
    }
    return cell;
  }

  // current: the layer that is selected; all: with it, the layers of a selected block
  function select(current, all, scroll = true) {
    state.current = current;
    state.selected = all;
    for (const row of body.querySelectorAll("[data-layer]")) {
      const index = Number(row.dataset.layer);
      row.setAttribute("aria-selected", String(all.has(index)));
      row.classList.toggle("current", index === current);
    }
    const first = current ?? [...all].find((index) => place.has(index));
    if (first !== undefined && first !== null) {
      table.setAttribute("aria-activedescendant", `row-${first}`);
      if (scroll && current === null) reveal([...all].findLast((index) => place.has(index)));
      if (scroll) reveal(first);
    } else {
      table.removeAttribute("aria-activedescendant");
    }
  }

  function reveal(index) {
    if (!place.has(index)) return;
    const header = head.getBoundingClientRect().height;
    const top = place.get(index) * ROW, bottom = top + ROW;
    const { scrollTop, clientHeight } = scroller;
    if (top < scrollTop) scroller.scrollTop = top;
    else if (bottom + header > scrollTop + clientHeight) scroller.scrollTop = bottom + header - clientHeight;
    draw();
  }

  // the layer that many rows further, counted from the selected one
  function beside(index, step) {
    if (!rows.length) return null;
    if (!place.has(index)) return rows[step > 0 ? 0 : rows.length - 1].index;
    return rows[Math.min(rows.length - 1, Math.max(0, place.get(index) + step))].index;
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
      return make("label", { title: column.hint }, box, column.title);
    }));
  }

  types.append(make("option", { value: "" }, "All types"),
    ...model.types.map(([type, count]) => make("option", { value: type }, `${type.slice(0, 60)} (${count})`)));
  search.addEventListener("input", () => { state.words = search.value; apply(); });
  types.addEventListener("change", () => { state.type = types.value; apply(); });
  onlyFindings.addEventListener("change", () => { state.only = onlyFindings.checked; apply(); });
  scroller.addEventListener("scroll", draw, { passive: true });
  new ResizeObserver(draw).observe(scroller);
  window.addEventListener("resize", draw);

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

  drawMenu();
  return { apply, select, reveal, beside, filter, rowText, sortBy, showColumns, state, rows: () => rows };
}

const names = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const compareNames = (a, b) => names.compare(a, b);

function mark(severity) {
  return make("span", { class: `mark ${severity}`, role: "img", "aria-label": severity, title: severity }, SIGNS[severity]);
}
