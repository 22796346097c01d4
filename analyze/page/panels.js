// The panels around graph and table: totals, findings, the legend, tabs, the theme, the splitter.

const byId = (id) => document.getElementById(id);

function drawTotals(model) {
  byId("totals").append(...model.totals.map(([label, value, exact]) =>
    make("div", { title: exact && exact !== value ? `${label}: ${exact}` : undefined }, make("dt", {}, label), make("dd", {}, value))));
}

function drawLegend(model) {
  const kinds = [...new Set(model.layers.map((layer) => layer.kind))];
  byId("legend").append(...kinds.map((kind) => {
    const swatch = make("span", { class: "swatch" });
    swatch.dataset.kind = kind;
    return make("span", { class: "kind" }, swatch, kind);
  }));
  const isLookup = (layer, source) => !layer.incoming.some((link) => link.source === source && link.flows);
  if (!model.layers.some((layer) => layer.incoming.some(({ source }) => isLookup(layer, source)))) return;
  const line = makeSvg("svg", { class: "sample", width: 24, height: 8, "aria-hidden": "true" },
    makeSvg("path", { class: "edge lookup", d: "M0 4H24" }));
  byId("legend").append(make("span", { class: "kind" }, line, "indices or size of another layer"));
}

const hasErrors = (model) => model.issues.some((issue) => issue.severity === "error");

function drawFindings(model, onLayer) {
  const counts = SEVERITIES.map((severity) => [severity, model.issues.filter((issue) => issue.severity === severity).length])
    .filter(([, count]) => count > 0);
  byId("findings").hidden = byId("tab-findings").hidden = counts.length === 0;
  byId("no-findings").hidden = counts.length > 0;
  byId("tab-findings").append(` ${model.issues.length}`);
  const list = byId("findings-list");
  byId("chips").append(...counts.map(([severity, count]) => severityChip(severity, count, list)));
  findingsView(model, list, onLayer);
}

// A button that shows and hides the findings of one severity.
function severityChip(severity, count, list) {
  const chip = make("button", { type: "button", class: `chip ${severity}`, "aria-pressed": "true" },
    mark(severity), `${count} ${severity}${count === 1 ? "" : "s"}`);
  chip.addEventListener("click", () => {
    const isShown = chip.getAttribute("aria-pressed") === "false";
    chip.setAttribute("aria-pressed", String(isShown));
    for (const item of list.children) if (item.dataset.severity === severity) item.hidden = !isShown;
  });
  return chip;
}

function toggleFindings() {
  const hidden = byId("findings").classList.toggle("closed");
  byId("hide-findings").setAttribute("aria-expanded", String(!hidden));
  byId("hide-findings").textContent = hidden ? "Show" : "Hide";
}

const allTabs = () => document.querySelectorAll("[role=tab]");

function openTab(name) {
  document.body.dataset.tab = name;
  for (const tab of allTabs()) tab.setAttribute("aria-selected", String(tab.id === `tab-${name}`));
}

function switchTheme() {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)").matches;
  const now = root.dataset.theme ?? (dark ? "dark" : "light");
  root.dataset.theme = now === "dark" ? "light" : "dark";
}

// The line between graph and table, moved by dragging or by the arrow keys.
function handleSplitter(line, main) {
  const setShare = (share) => {
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
    setShare((100 * (event.clientX - box.left)) / box.width);
  });
  line.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -4, ArrowRight: 4 }[event.key];
    if (step) {
      setShare(Number(line.getAttribute("aria-valuenow")) + step);
      event.preventDefault();
    }
  });
}
