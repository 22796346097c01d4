"use strict";
const data = JSON.parse(document.getElementById("data").textContent);
const find = (id) => document.getElementById(id);

// -- elements and texts; all texts of the data are written as text, never as markup

function element(tag, text, name) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}

function withParts(made, ...parts) {
  made.append(...parts);
  return made;
}

const score = (number) => (number === null ? "–" : number.toFixed(4));
const counted = (number, noun, nouns = `${noun}s`) => `${number.toLocaleString("en")} ${number === 1 ? noun : nouns}`;

function swatch(index) {
  const made = element("span", undefined, "swatch");
  made.style.setProperty("--color", data.colors[index]);
  return made;
}

// one of a few words, as buttons of which one is down
function choice(box, name, words, chosen, change) {
  box.setAttribute("role", "radiogroup");
  for (const word of words) {
    const input = element("input");
    [input.type, input.name, input.value, input.checked] = ["radio", name, word, word === chosen];
    input.addEventListener("change", () => change(word));
    box.append(withParts(element("label"), input, word));
  }
}

// -- tables that sort

// columns: {title, value(row), cell(row)}; a missing value is last in both directions
function sortable(table, columns, rows, { most = Infinity, start = null } = {}) {
  let [sorted, direction] = start || [null, 1];
  let shown = most;
  const heads = columns.map((column, index) => {
    const button = element("button", column.title);
    button.type = "button";
    button.addEventListener("click", () => {
      // a second click turns the order; numbers start with the highest
      direction = sorted === index ? -direction : typeof column.value(rows[0]) === "string" ? 1 : -1;
      sorted = index;
      draw();
    });
    return withParts(element("th"), button);
  });
  const body = element("tbody");
  table.append(withParts(element("thead"), withParts(element("tr"), ...heads)), body);

  function compare(one, other) {
    const [a, b] = [columns[sorted].value(one), columns[sorted].value(other)];
    if (a === null || b === null) return (a === null) - (b === null);
    return direction * (typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b);
  }

  function draw() {
    heads.forEach((head, index) => {
      head.removeAttribute("aria-sort");
      if (index === sorted) head.setAttribute("aria-sort", direction > 0 ? "ascending" : "descending");
    });
    const ordered = sorted === null ? rows : [...rows].sort(compare);
    body.replaceChildren(...ordered.slice(0, shown).map((row) => withParts(element("tr"), ...columns.map((column) => column.cell(row)))));
  }

  draw();
  return () => {
    shown = Infinity;
    draw();
  };
}

// a score, its bar, and below it interval and baseline
function scoreCell(values) {
  const cell = element("td", undefined, "score");
  cell.append(element("span", score(values.value), "number"));
  if (values.value === null) return cell;
  const meter = element("div", undefined, "meter");
  const bar = element("i");
  bar.style.setProperty("--value", values.value);
  meter.append(bar);
  if (values.baseline !== null) {
    const mark = element("b");
    mark.style.setProperty("--value", values.baseline);
    meter.append(mark);
  }
  const range = values.lower === undefined || values.lower === null ? "" : `${values.lower.toFixed(3)}–${values.upper.toFixed(3)} · `;
  return withParts(cell, meter, element("small", `${range}baseline ${score(values.baseline)}`));
}

function drawTotals() {
  const [images, classes, pixels] = data.counts;
  find("counts").textContent = [counted(images, "image"), counted(classes, "class", "classes"), counted(pixels, "labeled pixel")].join(", ");
  find("totals").append(
    ...data.totals.map((total) => {
      const box = withParts(element("div"), element("dt", total.title), element("dd", score(total.value), "score"));
      if (total.lower !== null) box.append(element("dd", `95 %: ${total.lower.toFixed(3)} to ${total.upper.toFixed(3)}`, "rest"));
      return withParts(box, element("dd", `always ${data.largest}: ${score(total.baseline)}`, "rest"));
    }),
  );
  const intervals = images > 1 ? " The intervals of 95 % are from a bootstrap over the images." : "";
  find("about").textContent = `The baseline is a network that always predicts ${data.largest}, the largest class.${intervals}`;
}

function drawClasses() {
  const total = data.pixels.reduce((sum, count) => sum + count, 0);
  const share = (row) => (total ? data.pixels[row] / total : null);
  const columns = [
    { title: "Class", value: (row) => data.classes[row], cell: (row) => withParts(element("th"), swatch(row), element("bdi", data.classes[row])) },
    {
      title: "Pixels",
      value: (row) => data.pixels[row],
      cell: (row) => withParts(element("td", data.pixels[row].toLocaleString("en")), element("small", total ? `${(100 * share(row)).toFixed(2)} %` : "")),
    },
    ...data.class_metrics.map((metric) => ({ title: metric.title, value: (row) => metric.values[row].value, cell: (row) => scoreCell(metric.values[row]) })),
  ];
  sortable(find("classes"), columns, [...data.classes.keys()]);
}

function drawImages() {
  const columns = [
    { title: "Image", value: (row) => data.image_names[row], cell: (row) => withParts(element("th"), element("bdi", data.image_names[row])) },
    ...data.image_metrics.map((metric) => ({
      title: metric.title,
      value: (row) => metric.values[row],
      cell: (row) => scoreCell({ value: metric.values[row], baseline: metric.baseline[row] }),
    })),
  ];
  const most = 20;
  const rows = [...data.image_names.keys()];
  // the lowest first, by mean IoU if it is measured
  const iou = data.image_metrics.findIndex((metric) => metric.title === "Mean IoU");
  const showAll = sortable(find("images"), columns, rows, { most, start: [1 + Math.max(iou, 0), 1] });
  const more = find("all-images");
  more.hidden = rows.length <= most;
  more.textContent = `Show all ${counted(rows.length, "image")}`;
  more.addEventListener("click", () => {
    showAll();
    more.hidden = true;
  });
}
