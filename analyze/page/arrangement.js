// Positions of items that are connected: of the layers in a block, or of the blocks among themselves. The phases:
//
// a. Remove shortcuts, the connections that only repeat a longer path. dagre would push a chain apart to make room
//    for its skip connections; without them, a chain is drawn as a chain.
// b. Merge each series of items into one box. dagre would not keep a series straight, and its time grows with the
//    number of boxes: a network of 1,000 layers has few boxes left.
// c. dagre puts the boxes on levels and orders each level so that few connections cross.
// d. Route connections straight down through each level. The curves of dagre turn anywhere, also where a taller
//    box reaches beyond its neighbors.
// e. Unpack the boxes.

// `edges` are pairs of item numbers, which are in a topological order. `gapBetween(upper, lower)` is the distance of
// two items of a series. Returns a position per item (its top left corner, and its `above` and `below`: the ends
// of its level) and the points of connections that dagre routes around items, by "from>to".
function arrange(items, edges, gapBetween) {
  const { incoming, outgoing } = removeShortcuts(items.length, edges); // a.
  const { series, seriesOf } = mergeSeries(items, incoming, outgoing, gapBetween); // b.
  let routes = new Map();
  if (series.length === 1) {
    Object.assign(series[0], { x: series[0].width / 2, y: series[0].height / 2 });
  } else if (series.length > 1) {
    const connections = series.flatMap((one) => outgoing[one.items.at(-1)].map((next) => ({
      from: one, to: seriesOf[next], key: `${one.items.at(-1)}>${next}`,
    })));
    const graph = runDagre(items, series, connections); // c.
    routes = straightenRoutes(graph, series, connections); // d.
  }
  const positions = unpackSeries(items, series); // e.
  const right = Math.max(0, ...positions.map((position) => position.x + position.width));
  const bottom = Math.max(0, ...positions.map((position) => position.y + position.height));
  return { positions, routes, width: right, height: bottom };
}

// The neighbors of each item along all edges except shortcuts.
function removeShortcuts(count, edges) {
  const incoming = Array.from({ length: count }, () => []);
  const outgoing = Array.from({ length: count }, () => []);
  const targets = Array.from({ length: count }, () => new Set());
  for (const [from, to] of edges) targets[from].add(to);
  for (let from = 0; from < count; from++) {
    const direct = [...targets[from]];
    const last = Math.max(...direct);
    const reached = new Set(); // the items on longer paths
    if (direct.length > 1) {
      const pending = [...direct];
      while (pending.length) {
        for (const next of targets[pending.pop()]) {
          if (next <= last && !reached.has(next)) { // the order is topological: nothing after `last` leads back
            reached.add(next);
            pending.push(next);
          }
        }
      }
    }
    for (const to of direct) {
      if (reached.has(to)) continue;
      outgoing[from].push(to);
      incoming[to].push(from);
    }
  }
  return { incoming, outgoing };
}

// Boxes of items in series, and the box of each item.
function mergeSeries(items, incoming, outgoing, gapBetween) {
  const series = [], seriesOf = new Array(items.length);
  for (let item = 0; item < items.length; item++) {
    const source = incoming[item].length === 1 ? incoming[item][0] : null;
    if (source !== null && outgoing[source].length === 1) {
      seriesOf[item] = seriesOf[source];
      seriesOf[item].items.push(item);
    } else {
      seriesOf[item] = { index: series.length, items: [item] };
      series.push(seriesOf[item]);
    }
  }
  for (const one of series) {
    one.width = Math.max(...one.items.map((item) => items[item].width));
    one.offsets = [];
    let height = 0;
    one.items.forEach((item, at) => {
      if (at > 0) height += gapBetween(items[one.items[at - 1]], items[item]);
      one.offsets.push(height);
      height += items[item].height;
    });
    one.height = height;
  }
  return { series, seriesOf };
}

function runDagre(items, series, connections) {
  const graph = new dagre.graphlib.Graph();
  graph.setGraph({ ranksep: NODE.gap + 6, nodesep: NODE.beside, marginx: 0, marginy: 0 });
  graph.setDefaultEdgeLabel(() => ({}));
  for (const one of series) graph.setNode(String(one.index), { width: one.width, height: one.height });
  for (const { from, to } of connections) {
    // the connections from the entry of a block should be straight
    graph.setEdge(String(from.index), String(to.index), { weight: items[from.items[0]].entry ? 3 : 1 });
  }
  dagre.layout(graph);
  for (const one of series) {
    const { x, y } = graph.node(String(one.index));
    Object.assign(one, { x, y });
  }
  return graph;
}

// Gives each box its level, and returns the points of each connection.
function straightenRoutes(graph, series, connections) {
  const levels = []; // each from the highest top to the lowest bottom of its boxes
  const levelAt = (y) => levels.find((level) => Math.abs(level.y - y) < 1);
  for (const one of series) {
    const { y, height } = one;
    let level = levelAt(y);
    if (!level) {
      level = { y, top: y, bottom: y };
      levels.push(level);
    }
    level.top = Math.min(level.top, y - height / 2);
    level.bottom = Math.max(level.bottom, y + height / 2);
    one.level = level;
  }
  const routes = new Map();
  for (const { from, to, key } of connections) {
    const { points } = graph.edge(String(from.index), String(to.index));
    const route = [{ x: from.x, y: from.level.bottom }];
    for (const { x, y } of points.slice(1, -1)) {
      const level = levelAt(y);
      if (level) route.push({ x, y: level.top }, { x, y: level.bottom });
    }
    route.push({ x: to.x, y: to.level.top });
    routes.set(key, route);
  }
  return routes;
}

function unpackSeries(items, series) {
  const positions = new Array(items.length);
  for (const one of series) {
    one.items.forEach((item, at) => {
      const { width, height } = items[item];
      const y = one.y - one.height / 2 + one.offsets[at];
      const position = { x: one.x - width / 2, y, width, height, above: y, below: y + height };
      if (one.level && at === 0) position.above = one.level.top;
      if (one.level && at === one.items.length - 1) position.below = one.level.bottom;
      positions[item] = position;
    });
  }
  return positions;
}
