// -- the confusion matrix

function drawMatrix() {
  const size = data.classes.length;
  const isLarge = size > 30; // numbers in so many columns would be unreadable
  const hasUnlabeled = data.unlabeled.some((count) => count > 0);
  const names = hasUnlabeled ? [...data.classes, "unlabeled"] : data.classes;
  const rows = data.matrix.map((row, index) => (hasUnlabeled ? [...row, data.unlabeled[index]] : row));
  const table = find("matrix");

  function describe(row, column) {
    const total = data.pixels[row];
    const percent = total ? ` (${((100 * rows[row][column]) / total).toFixed(2)} % of the class)` : "";
    find("cell").textContent = `True ${data.classes[row]}, predicted ${names[column]}: ${counted(rows[row][column], "pixel")}${percent}`;
  }

  function cell(row, column, form) {
    const total = data.pixels[row];
    const part = total ? rows[row][column] / total : 0;
    const text = !total ? "" : form === "Percent" ? (100 * part).toFixed(1) : rows[row][column].toLocaleString("en");
    const made = element("td", isLarge ? undefined : text, [isLarge && "many", part > 0.55 && "strong", !total && "none"].filter(Boolean).join(" "));
    made.style.setProperty("--part", part);
    made.dataset.place = `${row},${column}`;
    return made;
  }

  function draw(form) {
    const head = withParts(element("tr"), element("th"), ...(isLarge ? [] : names.map((name) => element("th", name))));
    const body = rows.map((counts, row) =>
      withParts(element("tr"), withParts(element("th"), swatch(row), element("bdi", data.classes[row])), ...counts.map((_, column) => cell(row, column, form))),
    );
    table.replaceChildren(withParts(element("thead"), head), withParts(element("tbody"), ...body));
  }

  const point = (event) => {
    const place = event.target.dataset.place;
    if (place) describe(...place.split(",").map(Number));
  };
  table.addEventListener("pointerover", point);
  table.addEventListener("click", point);
  choice(find("matrix-form"), "matrix-form", ["Percent", "Pixels"], "Percent", draw);
  draw("Percent");
}
