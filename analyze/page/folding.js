// The state of the blocks: folded or open. A folded block is open while a layer in it is selected: it peeks.

const MOST_UNFOLDED = 40; // layers of a network whose blocks are open at first

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

  // Lets only the block of this layer peek: `apply` does it, `changes` is true if that changes the layout.
  function peekFor(layer) {
    const wanted = layer && folded.has(layer.block.index) ? layer.block.index : null;
    return { changes: wanted !== peeking, apply: () => { peeking = wanted; } };
  }

  setAll(model.layers.length > MOST_UNFOLDED);
  return { foldable, set, setAll, peekFor, isFolded: (block) => folded.has(block.index) && peeking !== block.index };
}
