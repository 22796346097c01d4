// The paths of connections, of which none may cross a node. The phases:
//
// 1. Merge the connections between two nodes into one edge.
// 2. Draw an edge as a curve through the points that the arrangement gives, if the curve crosses no node. dagre
//    avoids nodes, but shortcuts were never given to it, and a curve swings wider than its points.
// 3. Put every other edge into a lane at the side, the shortest first, so that long lanes enclose short ones and do not
//    cross them. Of several candidates the first that crosses no node is drawn.

const LANE = { clear: 16, apart: 9, corner: 9, gap: 11 };

function routeEdges(model, nodes, clusters, nodeOf, items, outer) {
  const edges = mergeLinks(model, nodeOf); // 1.
  const byTop = [...nodes].sort((a, b) => a.y - b.y);
  const sideways = [];
  for (const edge of edges) { // 2.
    const { source, target } = edge;
    const start = { x: source.x + source.width / 2, y: source.y + source.height };
    const end = { x: target.x + target.width / 2, y: target.y };
    const points = [start, ...arrangedPoints(edge, items, outer), end];
    if (end.y - start.y <= NODE.tight + 1 && start.x === end.x) edge.path = ""; // the nodes touch
    else if (isFreeCurve(points, edge, byTop)) edge.path = curvedPath(points);
    else sideways.push(edge);
    edge.box = boundingBox(points);
  }
  sideways.sort((a, b) => (a.target.y - a.source.y) - (b.target.y - b.source.y)); // 3.
  const obstacles = [...nodes.map((node) => ({ ...node, node })), ...clusters];
  const lanes = []; // the lanes in use: x, from top to bottom
  const arrivals = new Map(); // the number of lanes that end at each node
  for (const edge of sideways) routeInLane(edge, nodes, obstacles, lanes, arrivals);
  return edges;
}

function mergeLinks(model, nodeOf) {
  const edges = new Map();
  for (const layer of model.layers) {
    for (const link of layer.outgoing) {
      const source = nodeOf[link.source], target = nodeOf[link.target];
      if (source === target) continue;
      const key = `${source.key}>${target.key}`;
      if (!edges.has(key)) edges.set(key, { key, source, target, links: [], flows: false });
      const edge = edges.get(key);
      edge.links.push(link);
      edge.flows ||= link.flows;
    }
  }
  return [...edges.values()];
}

// The points between the ends of an edge where the arrangements of blocks and of layers lead it around others.
function arrangedPoints({ source, target }, items, outer) {
  const insideBlock = (node, from) => {
    const { inner } = items[node.block.index];
    const route = inner.routes.get(`${from}>${inner.number.get(node.layer.index)}`) ?? [];
    return route.map(({ x, y }) => ({ x: x + node.cluster.x + FRAME.side, y: y + node.cluster.y + FRAME.top }));
  };
  if (source.cluster && source.cluster === target.cluster) {
    return insideBlock(target, items[source.block.index].inner.number.get(source.layer.index));
  }
  const points = outer.routes.get(`${source.block.index}>${target.block.index}`) ?? [];
  // from the entry of the block on; its first point is where the outer route ends
  return target.cluster ? [...points, ...insideBlock(target, 0).slice(1)] : points;
}

// Whether a curve through these points crosses no node. `byTop` are the nodes in the order of their tops.
function isFreeCurve(points, edge, byTop) {
  for (let at = 1; at < points.length; at++) {
    const [a, b] = [points[at - 1], points[at]];
    if (b.y < a.y - 1) return false;
    for (let index = firstBelow(byTop, a.y - NODE.height); index < byTop.length; index++) {
      const node = byTop[index];
      if (node.y >= b.y) break;
      if (node.y + node.height <= a.y || node === edge.source || node === edge.target) continue;
      for (let step = 0; step <= 16; step++) {
        const { x, y } = pointOnCurve(a, b, step / 16);
        if (y > node.y - 2 && y < node.y + node.height + 2 && x > node.x - 4 && x < node.x + node.width + 4) return false;
      }
    }
  }
  return true;
}

// The index of the first node whose top is at y or below, by bisection.
function firstBelow(byTop, y) {
  let [first, last] = [0, byTop.length];
  while (first < last) {
    const middle = (first + last) >> 1;
    if (byTop[middle].y < y) first = middle + 1;
    else last = middle;
  }
  return first;
}

// A point of the Bézier curve that `curvedPath` draws from a to b, at t from 0 to 1.
function pointOnCurve(a, b, t) {
  const across = t * t * (3 - 2 * t), down = 1.5 * t * (1 - t) + t ** 3;
  return { x: a.x + (b.x - a.x) * across, y: a.y + (b.y - a.y) * down };
}

// Route an edge in a lane beside the nodes between its ends: right of them, unless left is much nearer.
function routeInLane(edge, nodes, obstacles, lanes, arrivals) {
  const { source, target } = edge;
  const arrived = arrivals.get(target.key) ?? 0;
  arrivals.set(target.key, arrived + 1);
  // edges leave low and arrive high, so that one that ends where the next begins can share its lane
  const leave = source.y + source.height * 0.7;
  const arrive = target.y + target.height * 0.3 + Math.min(arrived * 6, target.height * 0.3);
  const [top, bottom] = [Math.min(leave, arrive), Math.max(leave, arrive)];
  const blocked = blockedRanges(edge, obstacles, lanes, top, bottom);
  const right = nearestFree(Math.max(rightEnd(source), rightEnd(target)) + LANE.clear, blocked, 1);
  const left = nearestFree(Math.min(source.x, target.x) - LANE.clear, blocked, -1);
  const middle = (source.x + source.width / 2 + target.x + target.width / 2) / 2;
  const sides = middle - left + 100 < right - middle ? [left, right] : [right, left];
  const candidates = lanePaths(edge, sides, leave, arrive);
  const points = candidates.find((path) => crossesNoNode(path, edge, nodes)) ?? candidates[0];
  const start = source.x + source.width / 2;
  const x = points.find((point, at) => at && point.x === points[at - 1].x && sides.includes(point.x))?.x ?? sides[0];
  if (points[1].x !== start || points.length > 4) lanes.push({ x, top, bottom });
  edge.path = roundedPath(points);
  edge.box = boundingBox(points);
}

const rightEnd = (node) => node.x + node.width + (node.layer ? 0 : CARD);

// The ranges of x where no lane from top to bottom can run: nodes, frames, and other lanes.
function blockedRanges({ source, target }, obstacles, lanes, top, bottom) {
  const ranges = [];
  for (const one of obstacles) {
    if (one.y >= bottom || one.y + one.height <= top) continue;
    if (!one.node && (one === source.cluster || one === target.cluster)) continue;
    ranges.push({ left: one.x - LANE.clear, right: one.x + one.width + LANE.clear });
  }
  for (const lane of lanes) {
    if (lane.top > bottom + 4 || lane.bottom < top - 4) continue;
    ranges.push({ left: lane.x - LANE.apart, right: lane.x + LANE.apart });
  }
  return ranges;
}

// Paths to choose from, the best first: out and in at the sides of the nodes; straight down if there is room; and
// where a neighbor is in the way, through the gap below the source or above the target.
function lanePaths({ source, target }, sides, leave, arrive) {
  const start = { x: source.x + source.width / 2, y: source.y + source.height };
  const end = { x: target.x + target.width / 2, y: target.y };
  const gapsBelow = [source.below + LANE.gap], gapsAbove = [target.above - LANE.gap];
  if (source.cluster !== target.cluster) { // also outside the frame, past the neighbors of the block
    if (source.cluster) gapsBelow.push(source.cluster.y + source.cluster.height + LANE.gap);
    if (target.cluster) gapsAbove.push(target.cluster.y - LANE.gap);
  }
  const paths = [], detours = [];
  for (const x of sides) {
    const out = [{ x: x < start.x ? source.x : rightEnd(source), y: leave }, { x, y: leave }];
    const back = [{ x, y: arrive }, { x: x < end.x ? target.x : rightEnd(target), y: arrive }];
    paths.push([...out, ...back]);
    const outs = [out, ...gapsBelow.map((y) => [start, { x: start.x, y }, { x, y }])];
    const backs = [back, ...gapsAbove.map((y) => [{ x, y }, { x: end.x, y }, end])];
    for (const one of outs) for (const other of backs) detours.push([...one, ...other]);
  }
  if (gapsBelow[0] < gapsAbove[0] + 2 * LANE.gap) {
    for (const y of [...gapsBelow, ...gapsAbove]) paths.push([start, { x: start.x, y }, { x: end.x, y }, end]);
  }
  return [...paths, ...detours];
}

// Whether a path of vertical and horizontal lines crosses no node.
function crossesNoNode(points, edge, nodes) {
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

// The first x to the right (step 1) or left (-1) that is in none of the blocked ranges.
function nearestFree(x, blocked, step) {
  const ranges = blocked.map(({ left, right }) => (step > 0 ? [left, right] : [-right, -left]));
  ranges.sort((a, b) => a[0] - b[0]);
  let at = step * x;
  for (const [first, last] of ranges) {
    if (first >= at) break;
    if (last > at) at = last;
  }
  return step * at;
}

// Vertical and horizontal lines with round corners.
function roundedPath(points) {
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

// A curve through all points that is vertical in each of them.
function curvedPath(points) {
  let path = `M${points[0].x} ${points[0].y}`;
  for (let at = 1; at < points.length; at++) {
    const [a, b] = [points[at - 1], points[at]];
    if (a.x === b.x && a.y === b.y) continue;
    const middle = (a.y + b.y) / 2;
    path += a.x === b.x ? `V${b.y}` : `C${a.x} ${middle} ${b.x} ${middle} ${b.x} ${b.y}`;
  }
  return path;
}

function boundingBox(points) {
  const xs = points.map((point) => point.x), ys = points.map((point) => point.y);
  const x = Math.min(...xs), y = Math.min(...ys);
  return { x, y, width: Math.max(...xs) - x, height: Math.max(...ys) - y };
}
