// The layers that the table shows, in their order: filtered by words, type and findings, sorted by a column.

function makeRows(model, columns) {
  const state = { words: "", type: "", only: false, sort: null, descending: false };
  let rows = model.layers, positions = new Map();

  const largestFirst = (column) => Boolean(column.bar || column.lines);

  // Sort by a column. The second call for a column reverses its order, the third one ends the sorting.
  function sortBy(id, descending) {
    const first = largestFirst(columns.find((one) => one.id === id));
    if (descending !== undefined) Object.assign(state, { sort: id, descending });
    else if (state.sort !== id) Object.assign(state, { sort: id, descending: first });
    else if (state.descending === first) state.descending = !state.descending;
    else state.sort = null;
  }

  function update() {
    const matches = matcher(state.words);
    rows = model.layers.filter((layer) => matches(layer) && (!state.type || layer.type === state.type) &&
      (!state.only || layer.issues.length > 0));
    const column = columns.find((one) => one.id === state.sort);
    if (column) rows = [...rows].sort((a, b) => (state.descending ? -1 : 1) * compare(column, a, b) || a.index - b.index);
    positions = new Map(rows.map((layer, index) => [layer.index, index]));
  }

  function compare(column, a, b) {
    const [first, second] = [column.value(a) ?? -1, column.value(b) ?? -1];
    return typeof first === "number" ? first - second : compareNames(first, second);
  }

  // The layer that is `step` rows below this one; the first or last row if this one is not shown.
  function layerBelow(index, step) {
    if (!rows.length) return null;
    if (!positions.has(index)) return rows[step > 0 ? 0 : rows.length - 1].index;
    return rows[Math.min(rows.length - 1, Math.max(0, positions.get(index) + step))].index;
  }

  return { state, sortBy, update, layerBelow, all: () => rows, has: (index) => positions.has(index), positionOf: (index) => positions.get(index) };
}

const names = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
const compareNames = (a, b) => names.compare(a, b);
