// The viewport of the graph: the position and the scale of the drawing on the screen.

// scales: below `far` shapes have no texts; a network opens at `start` or above; `legible` is the least for a selection
const ZOOM = { least: 0.02, most: 3, far: 0.42, start: 0.55, legible: 0.68 };
const MARGIN = 80; // pixels around the screen where shapes are drawn, too, so that panning shows no gaps

// `onChange` runs after each move. Boxes have x, y, width and height in units of the layout.
function makeViewport(svg, onChange) {
  const view = { x: 0, y: 0, scale: 1 };
  const screen = () => svg.getBoundingClientRect();

  // A test whether a box is on the screen.
  function visibility() {
    const { width, height } = screen();
    const left = (-MARGIN - view.x) / view.scale, right = (width + MARGIN - view.x) / view.scale;
    const top = (-MARGIN - view.y) / view.scale, bottom = (height + MARGIN - view.y) / view.scale;
    return (box) => box.x <= right && box.x + box.width >= left && box.y <= bottom && box.y + box.height >= top;
  }

  function pan(right, down) {
    view.x += right;
    view.y += down;
    onChange();
  }

  // Zoom, and keep the point (x, y) of the screen in its position.
  function zoomAt(factor, x, y) {
    const scale = Math.min(ZOOM.most, Math.max(ZOOM.least, view.scale * factor));
    view.x = x - (x - view.x) * (scale / view.scale);
    view.y = y - (y - view.y) * (scale / view.scale);
    view.scale = scale;
    onChange();
  }

  function zoom(factor) {
    const { width, height } = screen();
    zoomAt(factor, width / 2, height / 2);
  }

  // Show the whole layout, or as much of its top as is legible.
  function fit(layout, whole) {
    const { width, height } = screen();
    if (!width) return;
    const pad = 28;
    const wide = (width - 2 * pad) / layout.width, high = (height - 2 * pad) / layout.height;
    view.scale = Math.min(1.15, wide, high);
    if (!whole && view.scale < ZOOM.start) view.scale = Math.min(1, Math.max(ZOOM.start, Math.min(wide, 0.85)));
    view.x = (width - layout.width * view.scale) / 2 - layout.left * view.scale;
    const room = height - layout.height * view.scale;
    view.y = Math.max(pad, room / 2) - layout.top * view.scale;
    onChange();
  }

  // Move a box onto the screen, at a legible size, with its frame if there is room.
  function reveal(box, center) {
    const { width, height } = screen();
    if (!width) return;
    let mustMove = center;
    if (view.scale < ZOOM.legible) {
      view.scale = 0.85;
      mustMove = true;
    }
    const left = box.x * view.scale + view.x, top = box.y * view.scale + view.y;
    const right = left + box.width * view.scale, bottom = top + box.height * view.scale;
    mustMove ||= left < 16 || top < 16 || right > width - 16 || bottom > height - 60;
    if (mustMove) {
      view.x = width / 2 - (box.x + box.width / 2) * view.scale;
      view.y = height / 2 - (box.y + box.height / 2) * view.scale;
    }
    const frame = box.cluster;
    if (frame && frame.width * view.scale <= width - 24) {
      const edge = frame.x * view.scale + view.x;
      view.x += Math.max(0, 12 - edge) + Math.min(0, width - 12 - edge - frame.width * view.scale);
    }
    onChange();
  }

  // Keep a box in its position on the screen after a new layout has moved it.
  function hold(before, after) {
    pan((before.x + before.width / 2 - after.x - after.width / 2) * view.scale, (before.y - after.y) * view.scale);
  }

  return { view, visibility, pan, zoomAt, zoom, fit, reveal, hold };
}
