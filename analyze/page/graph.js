// The graph: keeps on the page what the viewport shows of a layout, marks what is selected and what matches.

function graphView(model, svg, { onLayer, onBlock, onToggle, onNothing }) {
  const world = makeSvg("g", { class: "world" });
  const parts = { clusters: makeSvg("g"), edges: makeSvg("g"), nodes: makeSvg("g") };
  world.append(parts.clusters, parts.edges, parts.nodes);
  svg.append(arrowheads(), world);
  const drawn = { clusters: new Map(), edges: new Map(), nodes: new Map() };
  const shapes = makeShapes(model, textFitter(svg));
  const viewport = makeViewport(svg, refresh);
  let layout = null, selected = null, matching = null, waiting = false;

  function show(next) {
    layout = next;
    for (const kind of Object.keys(parts)) {
      parts[kind].replaceChildren();
      drawn[kind].clear();
    }
    mark();
  }

  // many changes in a row draw once
  function refresh() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(draw);
  }

  function draw() {
    waiting = false;
    if (!layout) return;
    const { x, y, scale } = viewport.view;
    world.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
    svg.classList.toggle("far", scale < ZOOM.far);
    svg.style.setProperty("--scale", scale);
    const isInSight = viewport.sight();
    sync("clusters", layout.clusters, isInSight, (one) => one.block.index, shapes.cluster);
    sync("edges", layout.edges, (one) => one.path && isInSight(one.box), (one) => one.key, shapes.edge);
    sync("nodes", layout.nodes, isInSight, (one) => one.key, shapes.node);
  }

  function sync(kind, all, wanted, keyOf, create) {
    const before = drawn[kind], parent = parts[kind], kept = new Set();
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

  function decorate(kind, element, one) {
    const { scale } = viewport.view;
    if (scale < ZOOM.far && !one.cluster && kind !== "edges") {
      element.querySelector(".far-label").classList.toggle("crowded", one.height * scale < 13);
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

  // select a key, and dim what does not match; undefined leaves either as it is
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

  // keep a box at its place on the screen while the layout around it changes
  function hold(change, boxOfLayout) {
    const before = layout && boxOfLayout(layout);
    change();
    const after = boxOfLayout(layout);
    if (before && after) viewport.hold(before, after);
    refresh();
  }

  const blockOf = (element) => model.blocks[Number(element.dataset.fold ?? element.dataset.cluster ?? element.dataset.key.slice(1))];
  handleGestures(svg, viewport, {
    onClick(target) {
      const fold = target.closest("[data-fold]"), node = target.closest(".node"), cluster = target.closest(".cluster");
      if (fold) onToggle(blockOf(fold));
      else if (node?.dataset.key.startsWith("l")) onLayer(Number(node.dataset.key.slice(1)));
      else if (node ?? cluster) onBlock(blockOf(node ?? cluster));
      else onNothing();
    },
    onDoubleClick(target) {
      if (target.closest("[data-fold]")) return;
      const block = target.closest(".node.folded") ?? target.closest(".cluster");
      if (block) onToggle(blockOf(block));
    },
  });
  new ResizeObserver(refresh).observe(svg);

  return {
    show, mark, hold, refresh,
    zoom: viewport.zoom,
    fit: (whole = true) => layout && viewport.fit(layout, whole),
    reveal: (box, center = false) => viewport.reveal(box, center),
    layout: () => layout,
  };
}
