// Which blocks are folded. A folded block opens while a layer in it is selected: then it peeks.

const UNFOLDED_UP_TO = 40; // layers; larger networks open as blocks

function makeFolding(model) {
  const foldable = model.blocks.filter((block) => block.layers.length > 1);
  const folded = new Set();
  let peeking = null;

  function setAll(fold) {
    folded.clear();
    if (fold) for (const block of foldable) folded.add(block.index);
    peeking = null;
  }

  function set(block, fold) {
    if (fold) folded.add(block.index);
    else folded.delete(block.index);
    peeking = null;
  }

  // open the block of this layer, and close the one that peeked; whether that changes anything
  function peekFor(layer) {
    const wanted = layer && folded.has(layer.block.index) ? layer.block.index : null;
    return { changes: wanted !== peeking, apply: () => { peeking = wanted; } };
  }

  setAll(model.layers.length > UNFOLDED_UP_TO);
  return { foldable, set, setAll, peekFor, isFolded: (block) => folded.has(block.index) && peeking !== block.index };
}
