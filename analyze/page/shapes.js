// The shapes of the graph: a layer, a folded block, the frame around an open one, a connection.

const SIGNS = { error: "✕", warning: "!", note: "i" };

// `fit(text, room, weight)` cuts a text to a width.
function makeShapes(model, fit) {
  const nodeShape = (node) => (node.layer ? layerNode(node) : blockNode(node));

  function layerNode(node) {
    const { layer, width, height } = node, isSmall = height === NODE.following;
    const group = nodeGroup(node, `node${layer.follows && isSmall ? " following" : ""}`,
      `${layer.name}, ${layer.type}, ${layer.size}`, `${layer.name}\n${layer.description}\n${layer.size}`);
    group.dataset.kind = layer.kind;
    const room = width - 22 - (layer.issues.length ? 22 : 0);
    group.append(makeSvg("rect", { class: "body", width, height, rx: 6 }));
    if (isSmall) {
      group.append(makeSvg("text", { class: "name", x: 11, y: 16 }, fit(shortName(layer, node), room, 500)));
    } else {
      group.append(
        makeSvg("text", { class: "name", x: 11, y: 18 }, fit(shortName(layer, node), room, 600)),
        makeSvg("text", { class: "detail", x: 11, y: 34 }, fit(`${layer.type} · ${layer.size}`, room, 400)),
      );
    }
    group.append(...badge(layer.issues, width - 14, height / 2));
    if (!node.cluster) group.append(farLabel(node.block.name, height));
    return group;
  }

  function blockNode(node) {
    const { block, width, height } = node, issues = issuesOf(model, block.layers);
    const group = nodeGroup(node, "node folded", `${block.name}, block of ${block.layers.length} layers, folded`, block.name);
    const room = width - 44 - (issues.length ? 22 : 0);
    group.append(
      makeSvg("rect", { class: "card", x: CARD, y: CARD, width, height, rx: 8 }),
      makeSvg("rect", { class: "body", width, height, rx: 8 }),
      makeSvg("text", { class: "name", x: 11, y: 18 }, fit(block.name, room, 600)),
      makeSvg("text", { class: "detail", x: 11, y: 33 }, fit(blockSummary(block), width - 22, 400)),
      kindStrip(block, node), foldButton(width - 20, 14, "+", block, `Unfold ${block.name}`),
      ...badge(issues, width - 40, 14),
    );
    if (!node.cluster) group.append(farLabel(block.name, height));
    return group;
  }

  function nodeGroup({ key, x, y }, className, label, title) {
    const group = makeSvg("g", {
      class: className, id: `node-${key}`, role: "option", transform: `translate(${x} ${y})`,
      "aria-label": label,
    }, makeSvg("title", {}, title.length > 600 ? `${title.slice(0, 600)}…` : title));
    group.dataset.key = key;
    return group;
  }

  function badge(issues, x, y) {
    if (!issues.length) return [];
    const severity = worstSeverity(issues);
    return [makeSvg("g", { class: `badge ${severity}`, transform: `translate(${x} ${y})` },
      makeSvg("circle", { r: 8 }), makeSvg("text", { y: 3.6 }, SIGNS[severity]))];
  }

  // the name of a block at its left, at the same size on the screen at every zoom
  function farLabel(name, height) {
    const label = makeSvg("text", { class: "far-label", x: -14, y: height / 2, "dominant-baseline": "central" },
      fit(name, 150, 600));
    label.dataset.height = height;
    return label;
  }

  // the name without the name of its block, which the frame shows, where the names in the block are too long
  function shortName({ name }, { cluster }) {
    if (!cluster) return name;
    const prefix = cluster.block.name;
    cluster.hasLongNames ??= cluster.block.layers.some((index) => model.layers[index].name.length > 27);
    const rest = name.slice(prefix.length);
    return cluster.hasLongNames && name.startsWith(prefix) && /^[-_.:]./.test(rest) ? rest.slice(1) : name;
  }

  function blockSummary(block) {
    const count = block.layers.reduce((sum, index) => sum + (model.layers[index].count ?? 0), 0);
    const size = model.layers[block.layers.at(-1)].size;
    return `${block.layers.length} layers · ${size}${count ? ` · ${shortCount(count)}` : ""}`;
  }

  // the kinds of the layers in a block, in their order, as a strip of colors
  function kindStrip(block, { width, height }) {
    const strip = makeSvg("g", { class: "strip", transform: `translate(11 ${height - 7})` });
    const most = 48, step = Math.max(1, block.layers.length / most);
    const count = Math.min(block.layers.length, most), share = (width - 22) / count;
    for (let at = 0; at < count; at++) {
      const part = makeSvg("rect", { x: at * share, width: Math.max(0.5, share - (share > 4 ? 1 : 0)), height: 3, rx: 1 });
      part.dataset.kind = model.layers[block.layers[Math.floor(at * step)]].kind;
      strip.append(part);
    }
    return strip;
  }

  function foldButton(x, y, sign, block, label) {
    const group = makeSvg("g", { class: "fold", transform: `translate(${x} ${y})` },
      makeSvg("title", {}, label), makeSvg("circle", { r: 8 }), makeSvg("text", { y: 4 }, sign));
    group.dataset.fold = block.index;
    return group;
  }

  function clusterShape({ block, x, y, width, height }) {
    const group = makeSvg("g", { class: "cluster", transform: `translate(${x} ${y})` },
      makeSvg("rect", { class: "frame", width, height, rx: 12 }),
      makeSvg("text", { x: 16, y: 21 }, fit(block.name, width - 60, 600)),
      foldButton(width - 18, 17, "−", block, `Fold ${block.name}`), farLabel(block.name, height));
    group.dataset.cluster = block.index;
    return group;
  }

  function edgeShape(edge) {
    const path = makeSvg("path", { class: `edge${edge.flows ? "" : " lookup"}`, d: edge.path });
    path.dataset.edge = edge.key;
    return path;
  }

  return { nodeShape, clusterShape, edgeShape };
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

// A function that cuts texts to a width, in their middle: the ends of layer names differ most.
function textFitter(svg) {
  const context = document.createElement("canvas").getContext("2d");
  const family = getComputedStyle(svg).fontFamily;
  const results = new Map();
  return (text, room, weight) => {
    const key = `${weight}/${room}/${text}`;
    if (!results.has(key)) results.set(key, cut(text, room, weight));
    return results.get(key);
  };

  function cut(text, room, weight) {
    context.font = `${weight} ${weight === 400 ? 11 : 12}px ${family}`;
    // measuring takes time in proportion to the length, and no more than 200 characters ever fit
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
