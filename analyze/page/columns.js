// The columns of the table: those of MATLAB, and more to switch on. Each has the `value` that sorts its rows, the text
// of its cells (one line in `cell`, or several in `lines`), and `plain` text for the clipboard.

function columnsOf(model) {
  const isKnown = (cost) => model.layers.some((layer) => layer.costs && layer.costs[cost] != null);
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
    { ...number("index", "#", "Position in the order of computation", (layer) => layer.index + 1, String), shown: true },
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
      tooltip: "Size of each learnable; sorted by the number of learnable parameters",
      value: (layer) => layer.count ?? -1,
      lines: (layer) => lines(layer.learnables) ?? ["?"],
      plain: (layer) => (lines(layer.learnables) ?? ["?"]).join("; "),
    },
    { ...number("count", "Learnables", "Number of learnable parameters", (layer) => layer.count, (value) => numberFormat.format(value)), bar: true },
    {
      id: "states", title: "States", tooltip: "Values that training updates without gradients, such as running means",
      value: (layer) => (lines(layer.states) ?? []).join("; "),
      lines: (layer) => lines(layer.states) ?? ["?"],
      plain: (layer) => (lines(layer.states) ?? ["?"]).join("; "),
    },
  ];
  if (isKnown("multiply_adds")) {
    columns.push({ ...number("multiply_adds", "Multiply-adds", "For one observation", (layer) => layer.costs?.multiply_adds, shortCount), bar: true });
  }
  if (isKnown("inference")) {
    columns.push({ ...number("inference", "Activation memory", "Bytes of the outputs in inference, one observation", (layer) => layer.costs?.inference, shortBytes), bar: true });
  }
  if (isKnown("training")) {
    columns.push({ ...number("training", "Saved for backward", "Bytes saved for the backward pass, one observation", (layer) => layer.costs?.training, shortBytes), bar: true });
  }
  if (isKnown("field")) {
    const area = (text) => text.split("×").reduce((product, one) => product * Number(one), 1);
    columns.push({
      id: "field", title: "Receptive field", tooltip: "Part of the input that one output position depends on",
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
