"use strict";
const NS = "http://www.w3.org/2000/svg";
const find = (id) => document.getElementById(id);
const served = document.body.dataset.source === "served";
const RELOAD = 3000; // milliseconds
let data = JSON.parse(find("data").textContent);

// -- texts

function clock(seconds) {
  const pad = (number) => String(number).padStart(2, "0");
  const whole = Math.round(seconds);
  return `${pad(Math.floor(whole / 3600))}:${pad(Math.floor(whole / 60) % 60)}:${pad(whole % 60)}`;
}

function short(number, digits = 4) {
  if (number === null || number === undefined) return "–";
  if (number === 0) return "0";
  const size = Math.abs(number);
  return size >= 1e-3 && size < 1e6 ? String(Number(number.toPrecision(digits))) : number.toExponential(2);
}

const isAccuracy = () => data.metric === "Accuracy";
const metricText = (number) =>
  number === null || number === undefined ? "–" : isAccuracy() ? `${number.toFixed(2)} %` : short(number);

function element(tag, text, name) {
  const made = document.createElement(tag);
  if (text !== undefined) made.textContent = text;
  if (name) made.className = name;
  return made;
}

// -- the top

function lastOf(list) {
  for (let i = list.length - 1; i >= 0; i--) if (list[i] !== null) return list[i];
  return null;
}

function drawTop() {
  const chip = find("state");
  const wrong = ["Loss is not finite.", "Stopped by an error."].includes(data.reason);
  const state = !data.reason ? "Running" : wrong ? `Ended: ${data.reason}` : `Finished: ${data.reason}`;
  // a status that is written again is read aloud again
  if (chip.textContent !== state) chip.textContent = state;
  chip.className = `chip ${!data.reason ? "" : wrong ? "error" : "fine"}`;
  document.title = data.reason ? `${state} – training` : `${Math.floor((100 * data.iteration) / data.iterations)} % – training`;
  find("done").value = data.iteration / data.iterations;
  find("stop").hidden = !served || Boolean(data.reason);
  const validation = data.validation.length ? data.validation[data.validation.length - 1] : null;
  const name = isAccuracy() ? "accuracy" : data.metric;
  const facts = [
    ["Epoch", data.epoch, ` of ${data.epochs}`],
    ["Iteration", data.iteration, ` of ${data.iterations}`],
    ["Elapsed", clock(data.seconds), ""],
    ["Time left", data.reason ? "–" : data.seconds_left === null ? "…" : clock(data.seconds_left), ""],
    [`Training ${name}`, metricText(lastOf(data.curves.metric.smoothed)), ""],
    ["Training loss", short(lastOf(data.curves.loss.smoothed)), ""],
  ];
  if (validation) facts.push([`Validation ${name}`, metricText(validation[2]), ""], ["Validation loss", short(validation[1]), ""]);
  facts.push(["Learning rate", short(data.learn_rate), ""]);
  find("facts").replaceChildren(
    ...facts.map(([title, value, rest]) => {
      const box = element("div");
      const number = element("dd", String(value));
      if (rest) number.append(element("small", rest));
      box.append(element("dt", title), number);
      return box;
    }),
  );
  const time = (seconds) => new Date(1000 * seconds).toLocaleString();
  find("times").textContent = `Started ${time(data.started)}, ${data.reason ? "ended" : "last news"} ${time(data.written)}.`;
  const body = find("options").querySelector("tbody");
  body.replaceChildren(
    ...data.options.map(([option, value]) => {
      const row = element("tr");
      row.append(element("th", option), element("td", value));
      return row;
    }),
  );
}

// -- the charts

function ticks(low, high, count) {
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const list = [];
  for (let i = Math.ceil(low / step); i * step <= high * (1 + 1e-9); i++) list.push(Number((i * step).toPrecision(12)));
  return list;
}

function powers(low, high) {
  const all = [];
  for (let power = Math.floor(low); power <= Math.ceil(high); power++) all.push(power);
  const step = Math.ceil(all.length / 6);
  return all.filter((power) => power % step === 0 && power >= low && power <= high);
}

function svg(tag, attributes, parent) {
  const made = document.createElementNS(NS, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  parent.append(made);
  return made;
}

function drawChart(id, curves, { log = false, percent = false, stairs = false } = {}) {
  const box = find(id);
  const [width, height] = [box.clientWidth, box.clientHeight];
  const edge = { left: 46, right: 10, top: 8, bottom: 22 };
  const scale = (value) => (log ? Math.log10(value) : value);
  const shown = (value) => value !== null && (!log || value > 0);
  const values = curves.flatMap((curve) => curve.ys.filter(shown).map(scale));
  let [low, high] = values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
  if (!values.length) [low, high] = log ? [-1, 0] : [0, 1];
  if (percent) [low, high] = [Math.max(0, low - 3), Math.min(100, high + 3)];
  else if (!log) [low, high] = [Math.min(0, low), high + 0.05 * (high - Math.min(0, low))];
  if (high - low < 1e-12) [low, high] = [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2];
  // a finished training that ended early is drawn as wide as it is long
  const last = Math.max(data.reason ? data.iteration : Math.min(data.iterations, Math.max(2 * data.iteration, 10)), 2);
  const x = (iteration) => edge.left + ((iteration - 1) / (last - 1)) * (width - edge.left - edge.right);
  const y = (value) => height - edge.bottom - ((scale(value) - low) / (high - low)) * (height - edge.top - edge.bottom);
  const image = document.createElementNS(NS, "svg");
  image.setAttribute("role", "img");
  image.setAttribute("aria-label", `${document.querySelector(`#${id}-title`).textContent} by iteration`);
  // 1. the bands of epochs; of many epochs, several share a band
  const numEpochs = Math.ceil(last / data.iterations_per_epoch);
  const each = Math.ceil(numEpochs / 30);
  for (let epoch = each; epoch < numEpochs; epoch += 2 * each) {
    const start = x(epoch * data.iterations_per_epoch + 0.5);
    const end = Math.min(x((epoch + each) * data.iterations_per_epoch + 0.5), width - edge.right);
    svg("rect", { class: "band", x: start, width: Math.max(end - start, 0), y: edge.top, height: height - edge.top - edge.bottom }, image);
    if (end - start > 46 && each === 1 && height >= 150) svg("text", { x: (start + end) / 2, y: edge.top + 11, "text-anchor": "middle" }, image).textContent = `Epoch ${epoch + 1}`;
  }
  // 2. the axes
  const rows = log ? powers(low, high).map((power) => 10 ** power) : ticks(low, high, height < 150 ? 3 : 5);
  for (const value of rows) {
    svg("line", { class: "grid", x1: edge.left, x2: width - edge.right, y1: y(value), y2: y(value) }, image);
    svg("text", { x: edge.left - 6, y: y(value) + 4, "text-anchor": "end" }, image).textContent = short(value, 3);
  }
  svg("line", { class: "axis", x1: edge.left, x2: width - edge.right, y1: height - edge.bottom, y2: height - edge.bottom }, image);
  for (const value of ticks(1, last, Math.max(2, Math.floor(width / 75))).filter((tick) => tick >= 1 && Number.isInteger(tick)))
    svg("text", { x: x(value), y: height - 6, "text-anchor": x(value) > width - 24 ? "end" : "middle" }, image).textContent = value;
  // 3. the curves
  for (const { kind, xs, ys } of curves) {
    let path = "";
    let isOpen = false;
    for (const [i, iteration] of xs.entries()) {
      const isShown = shown(ys[i]);
      if (isShown) {
        const point = `${x(iteration).toFixed(1)} ${y(ys[i]).toFixed(1)}`;
        path += isOpen ? (stairs ? `H${x(iteration).toFixed(1)}L${point}` : `L${point}`) : `M${point}`;
      }
      isOpen = isShown;
    }
    svg("path", { class: kind, d: path }, image);
    if (kind === "validation") {
      for (const [i, iteration] of xs.entries())
        if (shown(ys[i])) svg("circle", { cx: x(iteration), cy: y(ys[i]), r: xs.length > 60 ? 2 : 3.5 }, image);
      // a curve of one point is no line
    } else if (xs.length === 1 && shown(ys[0])) svg("path", { class: kind, d: `M${x(xs[0])} ${y(ys[0])}h3` }, image);
  }
  // 4. the values below the pointer
  const cross = svg("line", { class: "cross", y1: edge.top, y2: height - edge.bottom, visibility: "hidden" }, image);
  const legend = box.parentElement.querySelector(".legend");
  const text = percent ? metricText : short;
  const describe = (iteration) => legend.replaceChildren(...legendItems(curves, text, iteration));
  image.addEventListener("pointermove", (event) => {
    const part = (event.clientX - box.getBoundingClientRect().left - edge.left) / (width - edge.left - edge.right);
    const iteration = Math.round(1 + part * (last - 1));
    const isInside = iteration >= 1 && iteration <= data.iteration;
    cross.setAttribute("visibility", isInside ? "visible" : "hidden");
    cross.setAttribute("x1", x(iteration));
    cross.setAttribute("x2", x(iteration));
    describe(isInside ? iteration : null);
  });
  image.addEventListener("pointerleave", () => {
    cross.setAttribute("visibility", "hidden");
    describe(null);
  });
  describe(null);
  box.replaceChildren(image);
}

const LABELS = { raw: "training", smoothed: "smoothed", validation: "validation", rate: "" };

function legendItems(curves, text, iteration) {
  const items = curves
    .filter(({ kind, xs }) => LABELS[kind.split(" ").pop()] && xs.length)
    .map(({ kind, xs, ys }) => {
      const item = element("span", undefined, kind);
      let label = LABELS[kind];
      if (iteration !== null) label += ` ${text(valueAt(xs, ys, iteration))}`;
      item.append(element("i"), label);
      return item;
    });
  if (iteration === null) return items;
  const rate = curves.find(({ kind }) => kind.endsWith("rate"));
  const number = rate ? `: ${text(valueAt(rate.xs, rate.ys, iteration))}` : "";
  return [element("span", `Iteration ${iteration}${number}`), ...items];
}

function valueAt(xs, ys, iteration) {
  // the last point up to this iteration
  let [low, high] = [0, xs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= iteration) low = middle + 1;
    else high = middle;
  }
  return low ? ys[low - 1] : null;
}

function training(name, column) {
  const curve = data.curves[name];
  return [
    { kind: "raw", xs: curve.iterations, ys: curve.raw },
    { kind: "smoothed", xs: curve.ends, ys: curve.smoothed },
    { kind: "validation", xs: data.validation.map((point) => point[0]), ys: data.validation.map((point) => point[column]) },
  ];
}

function draw() {
  if (data === null) {
    find("state").textContent = "Before the first iteration";
    find("stop").hidden = true;
    return;
  }
  drawTop();
  find("metric-title").textContent = isAccuracy() ? "Accuracy (%)" : data.metric;
  drawChart("metric", training("metric", 2), { percent: isAccuracy() });
  drawChart("loss", training("loss", 1), { log: find("log").checked });
  const rates = data.rates.length ? [...data.rates, [data.iteration, data.learn_rate]] : [];
  drawChart("rate", [{ kind: "smoothed rate", xs: rates.map(([i]) => i), ys: rates.map(([, rate]) => rate) }], { stairs: true });
}

// -- news

async function follow() {
  let version = 0;
  while (data === null || !data.reason) {
    try {
      const answer = await fetch(`data?${version}`, { cache: "no-store" });
      if (answer.status === 200) {
        version = Number(answer.headers.get("X-Version"));
        data = await answer.json();
        draw();
      } else if (answer.status !== 204) throw new Error(answer.statusText);
    } catch {
      find("state").textContent = "No connection to the training";
      find("state").className = "chip error";
      find("stop").hidden = true;
      return;
    }
  }
}

function reload() {
  // not in the hands of a reader, and not where nobody looks
  const isBusy = document.hidden || document.querySelector(".cross[visibility=visible]") || String(getSelection());
  if (isBusy) setTimeout(reload, 500);
  else location.reload();
}

find("log").checked = sessionStorageGet("log") === "1";
find("options").open = sessionStorageGet("options") === "1";
find("log").addEventListener("change", () => {
  sessionStorageSet("log", find("log").checked ? "1" : "");
  if (data !== null) draw();
});
find("options").addEventListener("toggle", () => sessionStorageSet("options", find("options").open ? "1" : ""));
find("stop").addEventListener("click", async () => {
  find("stop").disabled = true;
  find("stop").textContent = "Stops after this iteration";
  await fetch("stop", { method: "POST" }).catch(() => {});
});

function sessionStorageGet(name) {
  // a frame without an origin, as in some notebooks, has no storage
  try { return sessionStorage.getItem(`layergraph-${name}`); } catch { return null; }
}

function sessionStorageSet(name, value) {
  try { sessionStorage.setItem(`layergraph-${name}`, value); } catch { /* the choice lasts until the reload */ }
}

new ResizeObserver(() => data !== null && draw()).observe(document.querySelector("main"));
draw();
document.documentElement.dataset.ready = ""; // for tests and for programs that print the page
if (served) follow();
// a frame in a notebook gets a new page from there
else if (data !== null && !data.reason && location.protocol === "file:") setTimeout(reload, RELOAD);
