// The graph: draws the part of a layout that is on the screen, and marks the selection and the matches of the filter.

function graphView(model, svg, { onLayer, onBlock, onToggle, onNothing }) {
  const world = makeSvg("g", { class: "world" });
  const groups = { clusters: makeSvg("g"), edges: makeSvg("g"), nodes: makeSvg("g") };
  world.append(groups.clusters, groups.edges, groups.nodes);
  svg.append(arrowheads(), world);
  const drawn = { clusters: new Map(), edges: new Map(), nodes: new Map() };
  const shapes = makeShapes(model, textFitter(svg));
  const viewport = makeViewport(svg, refresh);
  let layout = null, selected = null, matching = null, isScheduled = false;

  function show(next) {
    layout = next;
    for (const kind of Object.keys(groups)) {
      groups[kind].replaceChildren();
      drawn[kind].clear();
    }
    mark();
  }

  // Draw with the next frame of the screen, once for all changes until then.
  function refresh() {
    if (isScheduled) return;
    isScheduled = true;
    requestAnimationFrame(draw);
  }

  function draw() {
    isScheduled = false;
    if (!layout) return;
    const { x, y, scale } = viewport.view;
    world.setAttribute("transform", `translate(${x} ${y}) scale(${scale})`);
    svg.classList.toggle("far", scale < ZOOM.far);
    svg.style.setProperty("--scale", scale);
    const isVisible = viewport.visibility();
    sync("clusters", layout.clusters, isVisible, (cluster) => cluster.block.index, shapes.clusterShape);
    sync("edges", layout.edges, (edge) => edge.path && isVisible(edge.box), (edge) => edge.key, shapes.edgeShape);
    sync("nodes", layout.nodes, isVisible, (node) => node.key, shapes.nodeShape);
  }

  // Add the items that have come onto the screen, remove those that have left it, and update the marks of all.
  function sync(kind, items, isWanted, keyOf, create) {
    const elements = drawn[kind], wanted = new Set();
    for (const item of items) {
      if (!isWanted(item)) continue;
      const key = keyOf(item);
      wanted.add(key);
      if (elements.has(key)) continue;
      const element = create(item);
      elements.set(key, element);
      groups[kind].append(element);
    }
    for (const [key, element] of elements) {
      if (wanted.has(key)) continue;
      element.remove();
      elements.delete(key);
    }
    for (const item of items) {
      const element = elements.get(keyOf(item));
      if (element) markElement(kind, element, item);
    }
  }

  function markElement(kind, element, item) {
    const { scale } = viewport.view;
    if (scale < ZOOM.far && !item.cluster && kind !== "edges") {
      element.querySelector(".far-label").classList.toggle("crowded", item.height * scale < 13);
    }
    if (kind === "nodes") {
      const isSelected = selected?.key === item.key;
      element.classList.toggle("selected", isSelected);
      element.setAttribute("aria-selected", isSelected);
      element.classList.toggle("near", Boolean(selected?.near.has(item.key)));
      element.classList.toggle("dimmed", Boolean(matching) && !matchesNode(item));
    } else if (kind === "clusters") {
      element.classList.toggle("selected", selected?.key === `c${item.block.index}`);
    } else {
      const isIncoming = selected?.key === item.target.key, isOutgoing = selected?.key === item.source.key;
      element.classList.toggle("incoming", isIncoming);
      element.classList.toggle("outgoing", isOutgoing);
      element.setAttribute("marker-end", `url(#${isIncoming ? "arrow-in" : isOutgoing ? "arrow-out" : "arrow"})`);
    }
  }

  function matchesNode(node) {
    return node.layer ? matching.has(node.layer.index) : node.block.layers.some((index) => matching.has(index));
  }

  // Select the shape with this key, and dim the nodes without matches; undefined leaves either as it is.
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

  // Keep a box in its position on the screen while the layout around it changes.
  function hold(change, boxOfLayout) {
    const before = layout && boxOfLayout(layout);
    change();
    const after = boxOfLayout(layout);
    if (before && after) viewport.hold(before, after);
    refresh();
  }

  const blockOf = ({ dataset }) => model.blocks[Number(dataset.fold ?? dataset.cluster ?? dataset.key.slice(1))];
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
