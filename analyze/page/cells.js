// The cells of the table, column by column.

function drawCell(layer, column) {
  const cell = make("td", { class: columnClass(column) });
  if (column.id === "name") {
    const name = make("div", { class: "name", title: layer.name.slice(0, 600) }, make("bdi", {}, layer.name));
    const severity = worstSeverity(layer.issues);
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
    if (column.numeric && column.value(layer) > 999) cell.title = numberFormat.format(column.value(layer));
    const share = column.bar ? (100 * column.value(layer)) / column.most : 0;
    if (share >= 0.5) {
      const bar = make("div", { class: "bar" });
      bar.style.width = `${share}%`;
      cell.append(bar);
    }
  }
  return cell;
}

const columnClass = (column) => `column-${column.id}${column.numeric ? " numeric" : ""}`;

// An empty row with the height of the rows that are not on the screen.
function spacerRow(height, columns) {
  const row = make("tr", { class: "spacer", "aria-hidden": "true" }, make("td", { colspan: columns.length }));
  row.firstChild.style.height = `${height}px`;
  return row;
}

// A row without height that has the longest text of each column, so that scrolling does not change the widths.
function sizerRow(model, columns) {
  const row = make("tr", { class: "sizer", "aria-hidden": "true" });
  row.append(...columns.map((column) => drawCell(longestOf(model, column), column)));
  return row;
}

function longestOf(model, column) {
  const lengthOf = (layer) => (column.lines ? (column.lines(layer)[0] ?? "")
    : column.id === "name" ? layer.name : String(column.cell(layer))).length;
  column.longest ??= model.layers.reduce((longest, layer) => {
    const length = lengthOf(layer);
    return length > longest.length ? { layer, length } : longest;
  }, { layer: model.layers[0], length: -1 }).layer;
  return column.longest;
}

function mark(severity) {
  return make("span", { class: `mark ${severity}`, role: "img", "aria-label": severity, title: severity }, SIGNS[severity]);
}
