// The selection, a layer or a block, which graph, table and details show together; and the folding of blocks, which
// follows the selection. `views` has graph, table and details by the first call. `onChange` runs after each change.

function makeSelection(model, views, onChange) {
  const folding = makeFolding(model);
  const { isFolded } = folding;
  const insideLayouts = new Map(); // the layouts inside blocks, by block
  let selected = null; // { layer } or { block }; in a block that was folded around it, `within` is that layer

  const selectedLayer = () => model.layers[selected?.layer]; // undefined if no layer is selected
  const current = () => selected?.layer ?? selected?.block?.layers[0];
  const relayout = () => views.graph.show(layoutOf(model, isFolded, insideLayouts));
  const boxOfBlock = (block) => (layout) =>
    layout.clusters.find((cluster) => cluster.block === block) ?? layout.nodeOf[block.layers[0]];
  const boxOfSelected = (layout) => (!selected ? null
    : selected.block ? boxOfBlock(selected.block)(layout) : layout.nodeOf[selected.layer]);

  // `from` is the view that was clicked; it does not scroll or move.
  function select(next, from = "") {
    const { graph, table, details } = views;
    selected = next;
    const layer = selectedLayer(), peek = folding.peekFor(layer);
    if (peek.changes) {
      const change = () => {
        peek.apply();
        relayout();
      };
      if (from === "graph" && layer) graph.hold(change, (layout) => layout.nodeOf[layer.index]);
      else change();
    }
    if (layer) details.showLayer(layer);
    else if (next) details.showBlock(next.block);
    else details.close();
    table.select(next?.layer ?? null, new Set(next ? (next.block?.layers ?? [next.layer]) : []));
    markSelected();
    if (next && from !== "graph") graph.reveal(boxOfSelected(graph.layout()));
    // for screen readers
    if (next) byId("status").textContent = next.block ? `Block ${next.block.name}` : layerSummary(layer);
    onChange();
  }

  function layerSummary(layer) {
    const findings = layer.issues.length ? `, ${layer.issues.length} findings` : "";
    return `${layer.name}, ${layer.type}, ${layer.size}${findings}`;
  }

  function markSelected() {
    const key = !selected ? null
      : selected.block ? (isFolded(selected.block) ? `b${selected.block.index}` : `c${selected.block.index}`)
        : views.graph.layout().nodeOf[selected.layer].key;
    views.graph.mark(key);
  }

  // Fold or unfold a block. A folded block takes over the selection of its layer.
  function toggle(block) {
    if (block.layers.length < 2) return;
    const isOpen = !isFolded(block), isInside = selectedLayer()?.block === block;
    views.graph.hold(() => {
      folding.set(block, isOpen);
      relayout();
    }, boxOfBlock(block));
    if (isOpen && (isInside || selected?.block === block)) select({ block, within: selected.layer ?? selected.within }, "graph");
    else if (selected?.block === block) views.details.showBlock(block);
    markSelected();
    onChange();
  }

  // The selection stays: folded blocks take over that of their layer, and give it back.
  function foldAll(fold) {
    folding.setAll(fold);
    const layer = selectedLayer();
    if (fold && layer && layer.block.layers.length > 1) selected = { block: layer.block, within: layer.index };
    else if (!fold && selected?.within !== undefined) selected = { layer: selected.within };
    relayout();
    views.graph.fit(false);
    select(selected);
  }

  return {
    select, toggle, foldAll, relayout, isFolded, current,
    setFolding: folding.setAll,
    hasBlocks: folding.foldable.length > 0,
    selected: () => selected,
    layer: selectedLayer,
    block: () => selected?.block ?? selectedLayer()?.block,
    reveal: () => selected && views.graph.reveal(boxOfSelected(views.graph.layout()), true),
  };
}
