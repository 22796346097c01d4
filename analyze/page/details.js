// The details of a layer or block, and the list of findings. Names in them are links to their layers.

function copyButton(label, text, title) {
  const button = make("button", { type: "button", class: "copy", title: title ?? `${label} to the clipboard` }, label);
  button.addEventListener("click", async (event) => {
    event.stopPropagation();
    const done = await copyText(text());
    button.textContent = done ? "Copied" : "Not copied";
    button.classList.toggle("done", done);
    setTimeout(() => {
      button.textContent = label;
      button.classList.remove("done");
    }, 1400);
  });
  return button;
}

async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // some browsers refuse the clipboard to pages from disk
    const area = make("textarea", { class: "offscreen", "aria-hidden": "true" });
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

function findingsView(model, list, onLayer) {
  list.replaceChildren(...model.issues.map((issue) => findingItem(model, issue, onLayer)));
}

function findingItem(model, issue, onLayer) {
  const item = make("li", { class: `finding ${issue.severity}` });
  item.dataset.severity = issue.severity;
  const layer = issue.layer === null ? null : layerLink(model, issue.layer, onLayer);
  const head = make("div", { class: "head" }, mark(issue.severity));
  if (layer) head.append(layer);
  if (layer && issue.port) head.append(make("span", { class: "quiet" }, `port ${issue.port}`));
  head.append(make("span", { class: "code" }, issue.code));
  item.append(head, make("p", {}, issue.text, issue.advice ? make("span", { class: "quiet" }, `; ${issue.advice}`) : ""));
  if (issue.others.length) {
    const others = make("p", { class: "others quiet" }, "See also ");
    for (const [at, index] of issue.others.slice(0, 12).entries()) {
      others.append(at ? ", " : "", layerLink(model, index, onLayer));
    }
    item.append(others);
  }
  if (issue.edit) {
    item.append(make("div", { class: "edit" }, make("code", {}, issue.edit),
      copyButton("Copy edit", () => issue.edit, "Copy the edit that fixes this")));
  }
  if (issue.layer !== null) {
    item.classList.add("clickable");
    item.addEventListener("click", (event) => {
      if (!event.target.closest("a, button, code") && !String(getSelection())) onLayer(issue.layer);
    });
  }
  return item;
}

function layerLink(model, index, onLayer) {
  return nameLink("layer", model.layers[index].name, () => onLayer(index));
}

// A link that also works in a new tab.
function nameLink(kind, name, go) {
  const characters = [...name];
  const shown = characters.length > 80 ? `${characters.slice(0, 79).join("")}…` : name;
  return make("a", {
    class: "name-link", href: `#${kind}=${encodeURIComponent(name)}`,
    onclick: (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      go();
    },
  }, make("bdi", {}, shown));
}

function detailsView(model, panel, { onLayer, onBlock, onClose, onToggle, isFolded, rowText }) {
  const section = (title, ...children) => make("section", {}, make("h3", {}, title), ...children);
  const pairs = (rows) => {
    const list = make("dl");
    for (const [term, value] of rows) list.append(make("dt", {}, term), make("dd", {}, value));
    return list;
  };

  function showLayer(layer) {
    const swatch = make("span", { class: "swatch" });
    swatch.dataset.kind = layer.kind;
    const parts = [
      header(layer.name, [swatch, `${layer.type} · layer ${layer.index + 1} · `, blockLink(layer.block)],
        copyButton("Copy row", () => rowText(layer), "Copy the row as tab-separated values"),
        copyButton("Copy name", () => layer.name)),
      make("p", { class: "description" }, layer.description),
    ];
    if (layer.note) parts.push(make("p", { class: "quiet" }, layer.note));
    if (layer.assumed) {
      parts.push(make("p", { class: "quiet" }, "≈ Sizes are a guess: downstream of an error, they assume that it is fixed."));
    }
    const issues = [...layer.issues, ...layer.related];
    if (issues.length) {
      parts.push(make("ul", { class: "findings" }, ...issues.map((issue) => findingItem(model, issue, onLayer))));
    }
    const grid = make("div", { class: "grid" });
    grid.append(section("Inputs", inputs(layer)), section("Outputs", outputs(layer)));
    const learned = [...(layer.learnables ?? []).map(([name, size]) => [name, size]),
      ...(layer.states ?? []).map(([name, size]) => [name, `${size} · state`])];
    if (layer.count === null) grid.append(section("Learnables", make("p", { class: "quiet" }, "unknown, because the size of an input is unknown")));
    else if (learned.length) {
      grid.append(section(layer.count ? `Learnables · ${numberFormat.format(layer.count)}` : "States", pairs(learned)));
    }
    const costs = costRows(layer);
    if (costs.length) grid.append(section("Costs of one observation", pairs(costs)));
    parts.push(grid, make("div", { class: "edit" }, make("code", {}, layer.call),
      copyButton("Copy", () => layer.call, "Copy the call that makes this layer")));
    open(parts, `Layer ${layer.name}`);
  }

  function showBlock(block) {
    const layers = block.layers.map((index) => model.layers[index]);
    const known = layers.reduce((sum, layer) => sum + (layer.count ?? 0), 0);
    const rows = [["Layers", numberFormat.format(layers.length)], ["Learnables", numberFormat.format(known)],
      ["Output", layers.at(-1).size]];
    const adds = layers.reduce((total, layer) => total + (layer.costs?.multiply_adds ?? 0), 0);
    if (adds) rows.push(["Multiply-adds", shortCount(adds)]);
    const toggle = make("button", { type: "button", class: "copy", onclick: () => onToggle(block) },
      isFolded(block) ? "Unfold" : "Fold");
    const list = make("p", { class: "members" });
    for (const layer of layers.slice(0, 200)) list.append(layerLink(model, layer.index, onLayer), " ");
    if (layers.length > 200) list.append(`and ${layers.length - 200} more`);
    const issues = issuesOf(model, block.layers);
    const parts = [header(block.name, ["Block of layers"], toggle), pairs(rows), list];
    if (issues.length) parts.splice(1, 0, make("ul", { class: "findings" }, ...issues.map((issue) => findingItem(model, issue, onLayer))));
    open(parts, `Block ${block.name}`);
  }

  function header(title, subtitle, ...buttons) {
    return make("header", {},
      make("div", { class: "title" }, make("h2", {}, make("bdi", {}, title)), make("p", { class: "quiet" }, ...subtitle)),
      make("div", { class: "buttons" }, ...buttons,
        make("button", { type: "button", class: "close", "aria-label": "Close details", title: "Close (Esc)", onclick: onClose }, "×")));
  }

  function blockLink(block) {
    return nameLink("block", block.name, () => onBlock(block));
  }

  function inputs(layer) {
    const rows = layer.inputs.map((port) => {
      const link = layer.incoming.find((one) => one.targetPort === port);
      const value = make("span", {});
      if (link) value.append(layerLink(model, link.source, onLayer), portText(link.sourcePort, model.layers[link.source]), make("br"), quiet(sizeOf(link.source, link.sourcePort)));
      else value.append(make("span", { class: "error" }, "not connected"));
      return [port, value];
    });
    return rows.length ? pairs(rows) : make("p", { class: "quiet" }, "none: an input of the network");
  }

  function outputs(layer) {
    const rows = layer.activations.map(([port, size]) => {
      const value = make("span", {}, size);
      const targets = layer.outgoing.filter((link) => link.sourcePort === port);
      targets.slice(0, 40).forEach((link, at) => {
        value.append(at ? ", " : make("br"), at ? "" : "→ ", layerLink(model, link.target, onLayer), portText(link.targetPort, model.layers[link.target], true));
      });
      return [port, value];
    });
    return pairs(rows);
  }

  const portText = (port, layer, isInput) => {
    const single = isInput ? layer.inputs.length === 1 : layer.activations.length === 1;
    return single ? "" : `/${port}`;
  };
  const quiet = (text) => make("span", { class: "quiet" }, text);
  const sizeOf = (index, port) => model.layers[index].activations.find(([name]) => name === port)?.[1] ?? "";

  function costRows(layer) {
    const costs = layer.costs ?? {}, rows = [];
    if (costs.multiply_adds != null) rows.push(["Multiply-adds", numberFormat.format(costs.multiply_adds)]);
    if (costs.inference != null) rows.push(["Activations", shortBytes(costs.inference)]);
    if (costs.training != null) rows.push(["Saved for backward", shortBytes(costs.training)]);
    if (costs.field) rows.push(["Receptive field", `${costs.field}, stride ${costs.stride}`]);
    return rows;
  }

  function open(parts, label) {
    panel.replaceChildren(...parts);
    panel.setAttribute("aria-label", label);
    panel.hidden = false;
    panel.scrollTop = 0;
  }

  function close() {
    panel.hidden = true;
    panel.replaceChildren();
  }

  return { showLayer, showBlock, close };
}
