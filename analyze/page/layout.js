// Where everything stands. Layers are laid out inside their block, blocks among themselves. Connections that
// only repeat a longer way (shortcuts, skips) do not take part: they run in lanes at the side, so that
// what is a chain is drawn as a chain.

const NODE = { width: 208, height: 44, following: 24, gap: 24, tight: 3, beside: 34 };
const FRAME = { side: 22, top: 34, bottom: 16 };
const LANE = { clear: 16, apart: 9, corner: 9, gap: 11 };
const BEHIND = 4; // how far the card behind a folded block shows

// `isFolded(block)` says which blocks are one node. Kept: layouts inside blocks, which do not change.
function layoutOf(model, isFolded, kept) {
  const open = (block) => block.layers.length > 1 && !isFolded(block);
  const items = model.blocks.map((block) => {
    if (!open(block)) return { block, width: NODE.width, height: NODE.height };
    if (!kept.has(block.index)) kept.set(block.index, inside(model, block));
    const inner = kept.get(block.index);
    return {
      block, inner,
      width: inner.width + 2 * FRAME.side,
      height: inner.height + FRAME.top + FRAME.bottom,
    };
  });
  const outer = arrange(items, blockEdges(model), () => NODE.gap + 2);
  const nodes = [], clusters = [], nodeOf = new Array(model.layers.length);
  items.forEach((item, index) => {
    const { x, y } = outer.places[index];
    const block = item.block;
    if (item.inner) {
      const cluster = { block, x, y, width: item.width, height: item.height };
      clusters.push(cluster);
      block.layers.forEach((layer, at) => {
        const place = item.inner.places[at + 1];
        const node = {
          key: `l${layer}`, layer: model.layers[layer], block, cluster,
          x: x + FRAME.side + place.x, y: y + FRAME.top + place.y,
          width: place.width, height: place.height,
          above: y + FRAME.top + place.above, below: y + FRAME.top + place.below,
        };
        nodes.push(node);
        nodeOf[layer] = node;
      });
    } else {
      const single = block.layers.length === 1;
      const node = {
        key: single ? `l${block.layers[0]}` : `b${block.index}`,
        layer: single ? model.layers[block.layers[0]] : null, block, cluster: null,
        x, y, width: item.width, height: item.height,
        above: outer.places[index].above, below: outer.places[index].below,
      };
      nodes.push(node);
      for (const layer of block.layers) nodeOf[layer] = node;
    }
  });
  const edges = routed(model, nodes, clusters, nodeOf, items, outer);
  return { nodes, clusters, edges, nodeOf, ...bounds(nodes, clusters, edges) };
}

// The layers of a block below its entry, a point that stands for all that comes from outside.
function inside(model, block) {
  const position = new Map(block.layers.map((layer, index) => [layer, index + 1]));
  const items = [{ width: 1, height: 0, entry: true }, ...block.layers.map((index) => ({
    width: NODE.width,
    height: model.layers[index].follows ? NODE.following : NODE.height,
    follows: model.layers[index].follows,
  }))];
  const edges = [];
  for (const layer of block.layers) {
    const { into } = model.layers[layer];
    for (const link of into) {
      if (position.has(link.source)) edges.push([position.get(link.source), position.get(layer)]);
    }
    if (!into.length || into.some((link) => !position.has(link.source))) edges.push([0, position.get(layer)]);
  }
  const gap = (before, after) => (before.entry ? 0 : after.follows ? NODE.tight : NODE.gap);
  const result = arrange(items, edges, gap);
  const above = Math.min(...result.places.slice(1).map((place) => place.y));
  for (const place of result.places) {
    place.y -= above;
    place.above -= above;
    place.below -= above;
  }
  for (const route of result.routes.values()) for (const point of route) point.y = Math.max(0, point.y - above);
  return { ...result, height: result.height - above, position };
}

function blockEdges(model) {
  const edges = [];
  for (const layer of model.layers) {
    for (const link of layer.outOf) {
      const [from, to] = [layer.block.index, model.layers[link.target].block.index];
      if (from !== to) edges.push([from, to]);
    }
  }
  return edges;
}

// Places of items that are numbered in a topological order: series become one box for dagre, which
// makes the layers of the drawing out of what is left. Returns places (top left) and ways around items.
function arrange(items, edges, gapBetween) {
  const { into, outOf } = reduced(items.length, edges);
  const series = [], seriesOf = new Array(items.length);
  for (let item = 0; item < items.length; item++) {
    const before = into[item].length === 1 ? into[item][0] : null;
    if (before !== null && outOf[before].length === 1) {
      seriesOf[item] = seriesOf[before];
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
  const routes = new Map();
  if (series.length === 1) {
    Object.assign(series[0], { x: series[0].width / 2, y: series[0].height / 2 });
  } else if (series.length > 1) {
    const graph = new dagre.graphlib.Graph();
    graph.setGraph({ ranksep: NODE.gap + 6, nodesep: NODE.beside, marginx: 0, marginy: 0 });
    graph.setDefaultEdgeLabel(() => ({}));
    for (const one of series) graph.setNode(String(one.index), { width: one.width, height: one.height });
    for (const one of series) {
      for (const next of outOf[one.items.at(-1)]) {
        graph.setEdge(String(one.index), String(seriesOf[next].index), { weight: items[one.items[0]].entry ? 3 : 1 });
      }
    }
    dagre.layout(graph);
    const bands = []; // what stands side by side: from the highest top to the lowest bottom
    for (const one of series) {
      const { x, y } = graph.node(String(one.index));
      Object.assign(one, { x, y });
      let band = bands.find((other) => Math.abs(other.y - y) < 1);
      if (!band) {
        band = { y, top: y, bottom: y };
        bands.push(band);
      }
      band.top = Math.min(band.top, y - one.height / 2);
      band.bottom = Math.max(band.bottom, y + one.height / 2);
      one.band = band;
    }
    // through a band lines go straight down, so that they cross nothing that stands there
    for (const one of series) {
      for (const next of outOf[one.items.at(-1)]) {
        const after = seriesOf[next], { points } = graph.edge(String(one.index), String(after.index));
        const route = [{ x: one.x, y: one.band.bottom }];
        for (const { x, y } of points.slice(1, -1)) {
          const band = bands.find((other) => Math.abs(other.y - y) < 1);
          if (band) route.push({ x, y: band.top }, { x, y: band.bottom });
        }
        route.push({ x: after.x, y: after.band.top });
        routes.set(`${one.items.at(-1)}>${next}`, route);
      }
    }
  }
  const places = new Array(items.length);
  for (const one of series) {
    one.items.forEach((item, at) => {
      const { width, height } = items[item];
      const y = one.y - one.height / 2 + one.offsets[at];
      const place = { x: one.x - width / 2, y, width, height, above: y, below: y + height };
      if (one.band && at === 0) place.above = one.band.top;
      if (one.band && at === one.items.length - 1) place.below = one.band.bottom;
      places[item] = place;
    });
  }
  const right = Math.max(0, ...places.map((place) => place.x + place.width));
  const bottom = Math.max(0, ...places.map((place) => place.y + place.height));
  return { places, routes, width: right, height: bottom };
}

// The edges without those that only repeat a longer way.
function reduced(count, edges) {
  const into = Array.from({ length: count }, () => []);
  const outOf = Array.from({ length: count }, () => []);
  const targets = Array.from({ length: count }, () => new Set());
  for (const [from, to] of edges) targets[from].add(to);
  for (let from = 0; from < count; from++) {
    const goals = [...targets[from]];
    const last = Math.max(...goals);
    const reached = new Set();
    if (goals.length > 1) {
      const stack = [...goals];
      while (stack.length) {
        for (const next of targets[stack.pop()]) {
          if (next <= last && !reached.has(next)) {
            reached.add(next);
            stack.push(next);
          }
        }
      }
    }
    for (const to of goals) {
      if (reached.has(to)) continue;
      outOf[from].push(to);
      into[to].push(from);
    }
  }
  return { into, outOf };
}

// One line between each two nodes that are connected, by the shortest way that crosses no node.
function routed(model, nodes, clusters, nodeOf, items, outer) {
  const found = new Map();
  for (const layer of model.layers) {
    for (const link of layer.outOf) {
      const source = nodeOf[link.source], target = nodeOf[link.target];
      if (source === target) continue;
      const key = `${source.key}>${target.key}`;
      if (!found.has(key)) found.set(key, { key, source, target, links: [], flows: false });
      const edge = found.get(key);
      edge.links.push(link);
      edge.flows ||= link.flows;
    }
  }
  const edges = [...found.values()], lanes = [];
  const tall = [...nodes].sort((a, b) => a.y - b.y);
  for (const edge of edges) {
    const { source, target } = edge;
    const bends = (node, from) => {
      const { inner } = items[node.block.index];
      const route = inner.routes.get(`${from}>${inner.position.get(node.layer.index)}`) ?? [];
      return route.map(({ x, y }) => ({ x: x + node.cluster.x + FRAME.side, y: y + node.cluster.y + FRAME.top }));
    };
    if (source.cluster && source.cluster === target.cluster) {
      edge.via = bends(target, items[source.block.index].inner.position.get(source.layer.index));
    } else {
      edge.via = outer.routes.get(`${source.block.index}>${target.block.index}`) ?? [];
      if (target.cluster) edge.via = [...edge.via, ...bends(target, 0).slice(1)];
    }
    const start = { x: source.x + source.width / 2, y: source.y + source.height };
    const end = { x: target.x + target.width / 2, y: target.y };
    const points = [start, ...edge.via, end];
    if (end.y - start.y <= NODE.tight + 1 && start.x === end.x) edge.path = "";
    else if (isFree(points, edge, tall)) edge.path = curve(points);
    else lanes.push(edge);
    edge.box = boxOf(points);
  }
  lanes.sort((a, b) => (a.target.y - a.source.y) - (b.target.y - b.source.y));
  const obstacles = [...nodes.map((node) => ({ ...node, node })), ...clusters];
  const taken = [];
  const arrivals = new Map();
  for (const edge of lanes) place(edge, nodes, obstacles, taken, arrivals);
  return edges;
}

// Whether a curve through these points crosses no node; `tall` are the nodes by their top.
function isFree(points, edge, tall) {
  for (let at = 1; at < points.length; at++) {
    const [a, b] = [points[at - 1], points[at]];
    if (b.y < a.y - 1) return false;
    for (let index = firstBelow(tall, a.y - NODE.height); index < tall.length; index++) {
      const node = tall[index];
      if (node.y >= b.y) break;
      if (node.y + node.height <= a.y || node === edge.source || node === edge.target) continue;
      for (let step = 0; step <= 16; step++) {
        const { x, y } = onCurve(a, b, step / 16);
        if (y > node.y - 2 && y < node.y + node.height + 2 && x > node.x - 4 && x < node.x + node.width + 4) return false;
      }
    }
  }
  return true;
}

function firstBelow(tall, y) {
  let [first, last] = [0, tall.length];
  while (first < last) {
    const middle = (first + last) >> 1;
    if (tall[middle].y < y) first = middle + 1;
    else last = middle;
  }
  return first;
}

// A point of the line that `curve` draws from a to b.
function onCurve(a, b, t) {
  const swing = t * t * (3 - 2 * t), rise = 1.5 * t * (1 - t) + t ** 3;
  return { x: a.x + (b.x - a.x) * swing, y: a.y + (b.y - a.y) * rise };
}

// A lane beside the nodes that stand between source and target: right of them unless left is much nearer.
// It leaves and arrives at the side; where something stands there, through the gap below or above.
function place(edge, nodes, obstacles, taken, arrivals) {
  const { source, target } = edge;
  const arrived = arrivals.get(target.key) ?? 0;
  arrivals.set(target.key, arrived + 1);
  // they leave low and arrive high, so that one that ends where the next begins can share its lane
  const y1 = source.y + source.height * 0.7;
  const y2 = target.y + target.height * 0.3 + Math.min(arrived * 6, target.height * 0.3);
  const [top, bottom] = [Math.min(y1, y2), Math.max(y1, y2)];
  const between = [];
  for (const one of obstacles) {
    if (one.y >= bottom || one.y + one.height <= top) continue;
    if (!one.node && (one === source.cluster || one === target.cluster)) continue;
    between.push({ left: one.x - LANE.clear, right: one.x + one.width + LANE.clear });
  }
  for (const lane of taken) {
    if (lane.top > bottom + 4 || lane.bottom < top - 4) continue;
    between.push({ left: lane.x - LANE.apart, right: lane.x + LANE.apart });
  }
  const rightOf = (node) => node.x + node.width + (node.layer ? 0 : BEHIND);
  const right = corridor(Math.max(rightOf(source), rightOf(target)) + LANE.clear, between, 1);
  const left = corridor(Math.min(source.x, target.x) - LANE.clear, between, -1);
  const middle = (source.x + source.width / 2 + target.x + target.width / 2) / 2;
  const sides = middle - left + 100 < right - middle ? [left, right] : [right, left];
  const start = { x: source.x + source.width / 2, y: source.y + source.height };
  const end = { x: target.x + target.width / 2, y: target.y };
  const leaves = [source.below + LANE.gap], arrives = [target.above - LANE.gap];
  if (source.cluster !== target.cluster) { // past what stands beside the frame, too
    if (source.cluster) leaves.push(source.cluster.y + source.cluster.height + LANE.gap);
    if (target.cluster) arrives.push(target.cluster.y - LANE.gap);
  }
  const ways = [], detours = [];
  for (const x of sides) {
    const out = [{ x: x < start.x ? source.x : rightOf(source), y: y1 }, { x, y: y1 }];
    const back = [{ x, y: y2 }, { x: x < end.x ? target.x : rightOf(target), y: y2 }];
    ways.push([...out, ...back]);
    const outs = [out, ...leaves.map((y) => [start, { x: start.x, y }, { x, y }])];
    const backs = [back, ...arrives.map((y) => [{ x, y }, { x: end.x, y }, end])];
    for (const one of outs) for (const other of backs) detours.push([...one, ...other]);
  }
  if (leaves[0] < arrives[0] + 2 * LANE.gap) {
    for (const y of [...leaves, ...arrives]) ways.push([start, { x: start.x, y }, { x: end.x, y }, end]);
  }
  ways.push(...detours);
  const points = ways.find((way) => isOpen(way, edge, nodes)) ?? ways[0];
  const x = points.find((point, at) => at && point.x === points[at - 1].x && sides.includes(point.x))?.x ?? sides[0];
  if (points[1].x !== start.x || points.length > 4) taken.push({ x, top, bottom });
  edge.path = rounded(points);
  edge.box = boxOf(points);
}

// Whether a way of upright and level lines crosses no node.
function isOpen(points, edge, nodes) {
  for (const node of nodes) {
    if (node === edge.source || node === edge.target) continue;
    for (let at = 1; at < points.length; at++) {
      const [a, b] = [points[at - 1], points[at]];
      if (Math.max(a.x, b.x) > node.x - 3 && Math.min(a.x, b.x) < node.x + node.width + 3 &&
        Math.max(a.y, b.y) > node.y - 3 && Math.min(a.y, b.y) < node.y + node.height + 3) return false;
    }
  }
  return true;
}

// The first x, going right (1) or left (-1), that lies in none of the forbidden ranges.
function corridor(x, forbidden, step) {
  const ranges = forbidden.map(({ left, right }) => (step > 0 ? [left, right] : [-right, -left]));
  ranges.sort((a, b) => a[0] - b[0]);
  let at = step * x;
  for (const [first, last] of ranges) {
    if (first >= at) break;
    if (last > at) at = last;
  }
  return step * at;
}

// A line through upright and level stretches, with round corners.
function rounded(points) {
  let path = `M${points[0].x} ${points[0].y}`;
  for (let at = 1; at < points.length - 1; at++) {
    const [before, corner, after] = [points[at - 1], points[at], points[at + 1]];
    const first = Math.hypot(corner.x - before.x, corner.y - before.y);
    const second = Math.hypot(after.x - corner.x, after.y - corner.y);
    const radius = Math.min(LANE.corner, first / 2, second / 2);
    if (radius === 0) continue;
    const toward = (point, length) => `${corner.x + ((point.x - corner.x) * radius) / length} ` +
      `${corner.y + ((point.y - corner.y) * radius) / length}`;
    path += `L${toward(before, first)}Q${corner.x} ${corner.y} ${toward(after, second)}`;
  }
  return `${path}L${points.at(-1).x} ${points.at(-1).y}`;
}

// Through all points, upright in each of them.
function curve(points) {
  let path = `M${points[0].x} ${points[0].y}`;
  for (let at = 1; at < points.length; at++) {
    const [a, b] = [points[at - 1], points[at]];
    if (a.x === b.x && a.y === b.y) continue;
    const middle = (a.y + b.y) / 2;
    path += a.x === b.x ? `V${b.y}` : `C${a.x} ${middle} ${b.x} ${middle} ${b.x} ${b.y}`;
  }
  return path;
}

function boxOf(points) {
  const xs = points.map((point) => point.x), ys = points.map((point) => point.y);
  const x = Math.min(...xs), y = Math.min(...ys);
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}

function bounds(nodes, clusters, edges) {
  const boxes = [...nodes, ...clusters, ...edges.map((edge) => edge.box)];
  let [left, top, right, bottom] = [0, 0, 0, 0];
  for (const box of boxes) {
    left = Math.min(left, box.x);
    top = Math.min(top, box.y);
    right = Math.max(right, box.x + box.width);
    bottom = Math.max(bottom, box.y + box.height);
  }
  return { left, top, width: right - left, height: bottom - top };
}
