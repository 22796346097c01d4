// The layout of the graph: the position of every node and frame, and the path of every connection. The phases:
//
// 1. Arrange the layers inside each open block. A layout of the whole graph at once would mix the layers of
//    neighboring blocks, so that no frame could surround a block, and folding one block would move all others.
// 2. Arrange the blocks, each as one box: a folded one as a node, an open one as large as its frame.
// 3. Put 1 and 2 together: a position in a block is relative to its frame.
// 4. Route the connections (routing.js), when all nodes that they must avoid have their positions.
//
// arrangement.js arranges items in 1 and 2. It ignores shortcuts, which 4 draws at the side.

const NODE = { width: 208, height: 44, following: 24, gap: 24, tight: 3, beside: 34 };
const FRAME = { side: 22, top: 34, bottom: 16 };
const CARD = 4; // pixels of the second card that a folded block shows

// `isFolded(block)` is true for a block that is one node. `insideLayouts` keeps the results of phase 1, which never change.
function layoutOf(model, isFolded, insideLayouts) {
  const isOpen = (block) => block.layers.length > 1 && !isFolded(block);
  const items = model.blocks.map((block) => {
    if (!isOpen(block)) return { block, width: NODE.width, height: NODE.height };
    if (!insideLayouts.has(block.index)) insideLayouts.set(block.index, arrangeBlock(model, block)); // 1.
    const inner = insideLayouts.get(block.index);
    return {
      block, inner,
      width: inner.width + 2 * FRAME.side,
      height: inner.height + FRAME.top + FRAME.bottom,
    };
  });
  const outer = arrange(items, blockEdges(model), () => NODE.gap + 2); // 2.
  const { nodes, clusters, nodeOf } = placeNodes(model, items, outer); // 3.
  const edges = routeEdges(model, nodes, clusters, nodeOf, items, outer); // 4.
  return { nodes, clusters, edges, nodeOf, ...boundsOf(nodes, clusters, edges) };
}

// The layers of a block below its entry, a point from which all connections from outside come.
function arrangeBlock(model, block) {
  const number = new Map(block.layers.map((layer, index) => [layer, index + 1]));
  const items = [{ width: 1, height: 0, entry: true }, ...block.layers.map((index) => ({
    width: NODE.width,
    height: model.layers[index].follows ? NODE.following : NODE.height,
    follows: model.layers[index].follows,
  }))];
  const edges = [];
  for (const layer of block.layers) {
    const { incoming } = model.layers[layer];
    for (const link of incoming) {
      if (number.has(link.source)) edges.push([number.get(link.source), number.get(layer)]);
    }
    if (!incoming.length || incoming.some((link) => !number.has(link.source))) edges.push([0, number.get(layer)]);
  }
  const gapBetween = (upper, lower) => (upper.entry ? 0 : lower.follows ? NODE.tight : NODE.gap);
  const result = arrange(items, edges, gapBetween);
  // move everything up by the room that dagre left below the entry
  const top = Math.min(...result.positions.slice(1).map((position) => position.y));
  for (const position of result.positions) {
    position.y -= top;
    position.above -= top;
    position.below -= top;
  }
  for (const route of result.routes.values()) for (const point of route) point.y = Math.max(0, point.y - top);
  return { ...result, height: result.height - top, number };
}

function blockEdges(model) {
  const edges = [];
  for (const layer of model.layers) {
    for (const link of layer.outgoing) {
      const [from, to] = [layer.block.index, model.layers[link.target].block.index];
      if (from !== to) edges.push([from, to]);
    }
  }
  return edges;
}

// Nodes (layers and folded blocks), clusters (open blocks with their frames), and the node that shows each layer.
function placeNodes(model, items, outer) {
  const nodes = [], clusters = [], nodeOf = new Array(model.layers.length);
  items.forEach((item, index) => {
    const { block } = item, { x, y, above, below } = outer.positions[index];
    if (item.inner) {
      const cluster = { block, x, y, width: item.width, height: item.height };
      clusters.push(cluster);
      block.layers.forEach((layer, at) => {
        const inside = item.inner.positions[at + 1];
        const node = {
          key: `l${layer}`, layer: model.layers[layer], block, cluster,
          x: x + FRAME.side + inside.x, y: y + FRAME.top + inside.y,
          width: inside.width, height: inside.height,
          above: y + FRAME.top + inside.above, below: y + FRAME.top + inside.below,
        };
        nodes.push(node);
        nodeOf[layer] = node;
      });
    } else {
      const isSingle = block.layers.length === 1;
      const node = {
        key: isSingle ? `l${block.layers[0]}` : `b${block.index}`,
        layer: isSingle ? model.layers[block.layers[0]] : null, block, cluster: null,
        x, y, width: item.width, height: item.height, above, below,
      };
      nodes.push(node);
      for (const layer of block.layers) nodeOf[layer] = node;
    }
  });
  return { nodes, clusters, nodeOf };
}

function boundsOf(nodes, clusters, edges) {
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
