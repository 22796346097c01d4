// The graph: draws what is in sight of a layout, pans and zooms, and says what was clicked.

const ZOOM = { least: 0.02, most: 3, far: 0.42, start: 0.55, legible: 0.68 };
const MARGIN = 80; // drawn beyond the edges of the view, so that panning shows no gaps
const SIGNS = { error: "✕", warning: "!", hint: "i" };

function graphView(model, svg, { onLayer, onBlock, onToggle, onNothing }) {
  const world = makeSvg("g", { class: "world" });
  const parts = { clusters: makeSvg("g"), edges: makeSvg("g"), nodes: makeSvg("g") };
  world.append(parts.clusters, parts.edges, parts.nodes);
  svg.append(arrowheads(), world);
  const shown = { clusters: new Map(), edges: new Map(), nodes: new Map() };
  const view = { x: 0, y: 0, scale: 1 };
  let layout = null, selected = null, matching = null, waiting = false;
  const fitting = textFitter(svg);

  function show(next) {
    layout = next;
    for (const kind of Object.keys(parts)) {
      parts[kind].replaceChildren();
      shown[kind].clear();
    }
    mark();
  }

  // -- drawing what is in sight

  function refresh() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(draw);
  }

  function draw() {
    waiting = false;
    if (!layout) return;
    world.setAttribute("transform", `translate(${view.x} ${view.y}) scale(${view.scale})`);
    svg.classList.toggle("far", view.scale < ZOOM.far);
    svg.style.setProperty("--scale", view.scale);
    const { width, height } = svg.getBoundingClientRect();
    const sight = {
      left: (-MARGIN - view.x) / view.scale, right: (width + MARGIN - view.x) / view.scale,
      top: (-MARGIN - view.y) / view.scale, bottom: (height + MARGIN - view.y) / view.scale,
    };
    const inSight = (box) => box.x <= sight.right && box.x + box.width >= sight.left &&
      box.y <= sight.bottom && box.y + box.height >= sight.top;
    sync("clusters", layout.clusters, (one) => inSight(one), (one) => one.block.index, drawCluster);
    sync("edges", layout.edges, (one) => one.path && inSight(one.box), (one) => one.key, drawEdge);
    sync("nodes", layout.nodes, (one) => inSight(one), (one) => one.key, drawNode);
  }

  function sync(kind, all, wanted, keyOf, create) {
    const before = shown[kind], parent = parts[kind], kept = new Set();
    for (const one of all) {
      if (!wanted(one)) continue;
      const key = keyOf(one);
      kept.add(key);
      if (before.has(key)) continue;
      const element = create(one);
      before.set(key, element);
      parent.append(element);
    }
    for (const [key, element] of before) {
      if (kept.has(key)) continue;
      element.remove();
      before.delete(key);
    }
    for (const one of all) {
      const element = before.get(keyOf(one));
      if (element) decorate(kind, element, one);
    }
  }

  function drawNode(node) {
    const { layer, block } = node;
    const group = makeSvg("g", {
      class: layer ? `node${layer.follows && node.height === NODE.following ? " following" : ""}` : "node folded",
      id: `node-${node.key}`, role: "option", transform: `translate(${node.x} ${node.y})`,
      "aria-label": layer ? `${layer.name}, ${layer.type}, ${layer.size}`
        : `${block.name}, block of ${block.layers.length} layers, folded`,
    });
    group.dataset.key = node.key;
    if (layer) group.dataset.kind = layer.kind;
    const issues = layer ? layer.issues : issuesOf(model, block.layers);
    const room = node.width - 22 - (issues.length ? 22 : 0) - (layer ? 0 : 22);
    const name = layer ? shortName(layer, node) : block.name;
    const full = layer ? `${layer.name}\n${layer.description}\n${layer.size}` : block.name;
    group.append(makeSvg("title", {}, full.length > 600 ? `${full.slice(0, 600)}…` : full));
    if (!layer) {
      group.append(makeSvg("rect", { class: "behind", x: BEHIND, y: BEHIND, width: node.width, height: node.height, rx: 8 }));
    }
    group.append(makeSvg("rect", { class: "body", width: node.width, height: node.height, rx: layer ? 6 : 8 }));
    if (node.height === NODE.following) {
      group.append(makeSvg("text", { class: "name", x: 11, y: 16 }, fitting(name, room, 500)));
    } else if (layer) {
      group.append(
        makeSvg("text", { class: "name", x: 11, y: 18 }, fitting(name, room, 600)),
        makeSvg("text", { class: "detail", x: 11, y: 34 }, fitting(`${layer.type} · ${layer.size}`, room, 400)),
      );
    } else {
      group.append(
        makeSvg("text", { class: "name", x: 11, y: 18 }, fitting(name, room, 600)),
        makeSvg("text", { class: "detail", x: 11, y: 33 }, fitting(blockLine(block), node.width - 22, 400)),
        kindStrip(block, node), button(node.width - 20, 14, "+", block, `Unfold ${block.name}`),
      );
    }
    if (issues.length) {
      const severity = gravest(issues);
      const x = node.width - (layer ? 14 : 40), y = layer ? node.height / 2 : 14;
      group.append(makeSvg("g", { class: `badge ${severity}`, transform: `translate(${x} ${y})` },
        makeSvg("circle", { r: 8 }), makeSvg("text", { y: 3.6 }, SIGNS[severity])));
    }
    if (!node.cluster) group.append(farLabel(block.name, node.height));
    return group;
  }

  // the name of a block beside it, of the same size on the screen however far away the block is
  function farLabel(name, height) {
    const label = makeSvg("text", { class: "far-label", x: -14, y: height / 2, "dominant-baseline": "central" }, fitting(name, 150, 600));
    label.dataset.height = height;
    return label;
  }

  // Without the name of the block, which its frame says, if the block has names that are too long.
  function shortName({ name }, { cluster }) {
    if (!cluster) return name;
    const prefix = cluster.block.name;
    cluster.crowded ??= cluster.block.layers.some((index) => model.layers[index].name.length > 27);
    const rest = name.slice(prefix.length);
    return cluster.crowded && name.startsWith(prefix) && /^[-_.:]./.test(rest) ? rest.slice(1) : name;
  }

  function blockLine(block) {
    const count = block.layers.reduce((sum, index) => sum + (model.layers[index].count ?? 0), 0);
    const size = model.layers[block.layers.at(-1)].size;
    return `${block.layers.length} layers · ${size}${count ? ` · ${shortCount(count)}` : ""}`;
  }

  // the kinds of its layers, in their order, as a band of colours
  function kindStrip(block, node) {
    const strip = makeSvg("g", { class: "strip", transform: `translate(11 ${node.height - 7})` });
    const most = 48, step = Math.max(1, block.layers.length / most);
    const count = Math.min(block.layers.length, most), width = (node.width - 22) / count;
    for (let at = 0; at < count; at++) {
      const part = makeSvg("rect", { x: at * width, width: Math.max(0.5, width - (width > 4 ? 1 : 0)), height: 3, rx: 1 });
      part.dataset.kind = model.layers[block.layers[Math.floor(at * step)]].kind;
      strip.append(part);
    }
    return strip;
  }

  function button(x, y, sign, block, label) {
    const group = makeSvg("g", { class: "fold", transform: `translate(${x} ${y})` },
      makeSvg("title", {}, label), makeSvg("circle", { r: 8 }), makeSvg("text", { y: 4 }, sign));
    group.dataset.fold = block.index;
    return group;
  }

  function drawCluster({ block, x, y, width, height }) {
    const group = makeSvg("g", { class: "cluster", transform: `translate(${x} ${y})` },
      makeSvg("rect", { class: "frame", width, height, rx: 12 }),
      makeSvg("text", { x: 16, y: 21 }, fitting(block.name, width - 60, 600)),
      button(width - 18, 17, "−", block, `Fold ${block.name}`), farLabel(block.name, height));
    group.dataset.cluster = block.index;
    return group;
  }

  function drawEdge(edge) {
    const path = makeSvg("path", { class: `edge${edge.flows ? "" : " lookup"}`, d: edge.path });
    path.dataset.edge = edge.key;
    return path;
  }

  function arrowheads() {
    const defs = makeSvg("defs");
    for (const name of ["arrow", "arrow-in", "arrow-out"]) {
      defs.append(makeSvg("marker", {
        id: name, viewBox: "0 0 8 8", refX: 7.5, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto",
      }, makeSvg("path", { d: "M0 0.5L8 4L0 7.5z" })));
    }
    return defs;
  }

  // -- what is selected, what matches

  function decorate(kind, element, one) {
    if (view.scale < ZOOM.far && !one.cluster && kind !== "edges") {
      element.querySelector(".far-label").classList.toggle("crowded", one.height * view.scale < 13);
    }
    if (kind === "nodes") {
      const isSelected = selected?.key === one.key;
      element.classList.toggle("selected", isSelected);
      element.setAttribute("aria-selected", isSelected);
      element.classList.toggle("near", Boolean(selected?.near.has(one.key)));
      element.classList.toggle("dimmed", Boolean(matching) && !matchesNode(one));
    } else if (kind === "clusters") {
      element.classList.toggle("selected", selected?.key === `c${one.block.index}`);
    } else {
      const before = selected?.key === one.target.key, after = selected?.key === one.source.key;
      element.classList.toggle("before", before);
      element.classList.toggle("after", after);
      element.setAttribute("marker-end", `url(#${before ? "arrow-in" : after ? "arrow-out" : "arrow"})`);
    }
  }

  function matchesNode(node) {
    return node.layer ? matching.has(node.layer.index) : node.block.layers.some((index) => matching.has(index));
  }

  function mark(key, matches) {
    if (matches !== undefined) matching = matches;
    if (key !== undefined) selected = key === null ? null : { key, near: new Set() };
    if (selected && layout) {
      selected.near.clear();
      for (const edge of layout.edges) {
        if (edge.source.key === selected.key) selected.near.add(edge.target.key);
        if (edge.target.key === selected.key) selected.near.add(edge.source.key);
      }
      svg.setAttribute("aria-activedescendant", `node-${selected.key}`);
    } else {
      svg.removeAttribute("aria-activedescendant");
    }
    refresh();
  }

  // -- panning and zooming

  function zoomAt(factor, x, y) {
    const scale = Math.min(ZOOM.most, Math.max(ZOOM.least, view.scale * factor));
    view.x = x - (x - view.x) * (scale / view.scale);
    view.y = y - (y - view.y) * (scale / view.scale);
    view.scale = scale;
    refresh();
  }

  function zoom(factor) {
    const { width, height } = svg.getBoundingClientRect();
    zoomAt(factor, width / 2, height / 2);
  }

  // the whole graph, or as much of its beginning as can be read
  function fit(whole = true) {
    const { width, height } = svg.getBoundingClientRect();
    if (!width || !layout) return;
    const pad = 28;
    const wide = (width - 2 * pad) / layout.width, high = (height - 2 * pad) / layout.height;
    view.scale = Math.min(1.15, wide, high);
    if (!whole && view.scale < ZOOM.start) view.scale = Math.min(1, Math.max(ZOOM.start, Math.min(wide, 0.85)));
    view.x = (width - layout.width * view.scale) / 2 - layout.left * view.scale;
    const spare = height - layout.height * view.scale;
    view.y = Math.max(pad, spare / 2) - layout.top * view.scale;
    refresh();
  }

  // bring a box into sight, and into a size that can be read; with its frame, where that has room
  function reveal(box, center = false) {
    const { width, height } = svg.getBoundingClientRect();
    if (!width) return;
    let moved = center;
    if (view.scale < ZOOM.legible) {
      view.scale = 0.85;
      moved = true;
    }
    const left = box.x * view.scale + view.x, top = box.y * view.scale + view.y;
    const right = left + box.width * view.scale, bottom = top + box.height * view.scale;
    moved ||= left < 16 || top < 16 || right > width - 16 || bottom > height - 60;
    if (moved) {
      view.x = width / 2 - (box.x + box.width / 2) * view.scale;
      view.y = height / 2 - (box.y + box.height / 2) * view.scale;
    }
    const frame = box.cluster;
    if (frame && frame.width * view.scale <= width - 24) {
      const edge = frame.x * view.scale + view.x;
      view.x += Math.max(0, 12 - edge) + Math.min(0, width - 12 - edge - frame.width * view.scale);
    }
    refresh();
  }

  // keep a box where it stands while the layout around it changes
  function hold(change, boxOfLayout) {
    const before = layout && boxOfLayout(layout);
    change();
    const after = boxOfLayout(layout);
    if (before && after) {
      view.x += (before.x + before.width / 2 - after.x - after.width / 2) * view.scale;
      view.y += (before.y - after.y) * view.scale;
    }
    refresh();
  }

  const pointers = new Map();
  let travelled = 0;
  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (pointers.size === 0) travelled = 0;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  svg.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    travelled += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    if (travelled > 4 && !svg.hasPointerCapture(event.pointerId)) {
      svg.setPointerCapture(event.pointerId);
      svg.classList.add("panning");
    }
    if (others.length === 0 && travelled > 4) {
      view.x += now.x - before.x;
      view.y += now.y - before.y;
      refresh();
    } else if (others.length === 1) {
      const box = svg.getBoundingClientRect();
      const apart = (point) => Math.hypot(point.x - others[0].x, point.y - others[0].y);
      const middle = { x: (now.x + others[0].x) / 2 - box.left, y: (now.y + others[0].y) / 2 - box.top };
      view.x += (now.x - before.x) / 2;
      view.y += (now.y - before.y) / 2;
      zoomAt(apart(now) / Math.max(apart(before), 1), middle.x, middle.y);
    }
    pointers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    svg.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      if (pointers.size === 0) svg.classList.remove("panning");
    });
  }
  svg.addEventListener("click", (event) => {
    if (travelled > 4) return;
    const fold = event.target.closest("[data-fold]");
    const node = event.target.closest(".node");
    const cluster = event.target.closest(".cluster");
    if (fold) onToggle(model.blocks[Number(fold.dataset.fold)]);
    else if (node?.dataset.key.startsWith("l")) onLayer(Number(node.dataset.key.slice(1)));
    else if (node) onBlock(model.blocks[Number(node.dataset.key.slice(1))]);
    else if (cluster) onBlock(model.blocks[Number(cluster.dataset.cluster)]);
    else onNothing();
  });
  svg.addEventListener("dblclick", (event) => {
    if (event.target.closest("[data-fold]")) return;
    const node = event.target.closest(".node.folded"), cluster = event.target.closest(".cluster");
    if (node) onToggle(model.blocks[Number(node.dataset.key.slice(1))]);
    else if (cluster) onToggle(model.blocks[Number(cluster.dataset.cluster)]);
  });
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    const step = event.deltaMode === 1 ? 16 : 1;
    if (event.ctrlKey || event.metaKey) {
      const box = svg.getBoundingClientRect();
      zoomAt(Math.exp(-event.deltaY * step * 0.006), event.clientX - box.left, event.clientY - box.top);
    } else {
      view.x -= (event.shiftKey ? event.deltaY : event.deltaX) * step;
      view.y -= (event.shiftKey ? 0 : event.deltaY) * step;
      refresh();
    }
  }, { passive: false });
  new ResizeObserver(refresh).observe(svg);

  return { show, mark, fit, zoom, reveal, hold, refresh, layout: () => layout, view };
}

// Cuts texts in their middle to a width; the ends of layer names say the most.
function textFitter(svg) {
  const context = document.createElement("canvas").getContext("2d");
  const family = getComputedStyle(svg).fontFamily;
  const kept = new Map();
  return (text, room, weight) => {
    const key = `${weight}/${room}/${text}`;
    if (!kept.has(key)) kept.set(key, cut(text, room, weight));
    return kept.get(key);
  };

  function cut(text, room, weight) {
    context.font = `${weight} ${weight === 400 ? 11 : 12}px ${family}`;
    const characters = [...(text.length > 200 ? `${text.slice(0, 100)}${text.slice(-100)}` : text)];
    if (text.length <= 200 && context.measureText(text).width <= room) return text;
    let [few, many] = [0, characters.length];
    while (few < many) {
      const count = Math.ceil((few + many) / 2);
      if (context.measureText(middleCut(characters, count)).width <= room) few = count;
      else many = count - 1;
    }
    return middleCut(characters, few);
  }
}

function middleCut(characters, count) {
  const front = Math.ceil(count * 0.45);
  const back = count - front;
  return `${characters.slice(0, front).join("")}…${back ? characters.slice(-back).join("") : ""}`;
}
