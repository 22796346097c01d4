// The columns of the table: MATLAB's, and more to switch on. Each has the value that rows are sorted by, the
// text of a cell (one line, or several in `lines`), and `plain` text for the clipboard.

function columnsOf(model) {
  const some = (what) => model.layers.some((layer) => layer.costs && layer.costs[what] != null);
  const lines = (pairs) => pairs?.map(([name, size]) => `${name} ${size}`);
  const number = (id, title, tooltip, value, text) => ({
    id, title, tooltip, value, numeric: true,
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
      tooltip: "Size of the output; sorted by the number of elements",
      value: (layer) => layer.elements ?? -1,
      lines: (layer) => (layer.activations.length === 1 ? [layer.activations[0][1]] : lines(layer.activations)),
      plain: (layer) => (layer.activations.length === 1 ? layer.activations[0][1] : lines(layer.activations).join("; ")),
    },
    {
      id: "learnables", title: "Learnable properties", shown: true,
      tooltip: "What training learns; sorted by how many numbers",
      value: (layer) => layer.count ?? -1,
      lines: (layer) => lines(layer.learnables) ?? ["?"],
      plain: (layer) => (lines(layer.learnables) ?? ["?"]).join("; "),
    },
    { ...number("count", "Learnables", "How many numbers training learns", (layer) => layer.count, (value) => grouped.format(value)), bar: true },
    {
      id: "states", title: "States", tooltip: "What training keeps besides",
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
      id: "field", title: "Receptive field", tooltip: "How much of the input one output position sees",
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
