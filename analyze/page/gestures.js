// Pointers and the wheel: drag to pan, pinch or turn the wheel with Ctrl to zoom. `onClick` and `onDoubleClick` get the
// element of a click, except of the click that ends a drag.

const CLICK = 4; // pixels that a pointer may move during a click

function handleGestures(svg, viewport, { onClick, onDoubleClick }) {
  const pointers = new Map();
  let traveled = 0;

  svg.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    if (pointers.size === 0) traveled = 0;
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
  });
  svg.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const others = [...pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    traveled += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    if (traveled > CLICK && !svg.hasPointerCapture(event.pointerId)) {
      svg.setPointerCapture(event.pointerId);
      svg.classList.add("panning");
    }
    if (others.length === 0 && traveled > CLICK) viewport.pan(now.x - before.x, now.y - before.y);
    else if (others.length === 1) pinch(before, now, others[0]);
    pointers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    svg.addEventListener(end, (event) => {
      pointers.delete(event.pointerId);
      if (pointers.size === 0) svg.classList.remove("panning");
    });
  }

  function pinch(before, now, other) {
    const box = svg.getBoundingClientRect();
    const distance = (point) => Math.hypot(point.x - other.x, point.y - other.y);
    viewport.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    viewport.zoomAt(distance(now) / Math.max(distance(before), 1),
      (now.x + other.x) / 2 - box.left, (now.y + other.y) / 2 - box.top);
  }

  svg.addEventListener("click", (event) => {
    if (traveled <= CLICK) onClick(event.target);
  });
  svg.addEventListener("dblclick", (event) => onDoubleClick(event.target));
  svg.addEventListener("wheel", (event) => {
    event.preventDefault();
    const step = event.deltaMode === 1 ? 16 : 1;
    if (event.ctrlKey || event.metaKey) {
      const box = svg.getBoundingClientRect();
      viewport.zoomAt(Math.exp(-event.deltaY * step * 0.006), event.clientX - box.left, event.clientY - box.top);
    } else {
      viewport.pan(-(event.shiftKey ? event.deltaY : event.deltaX) * step, -(event.shiftKey ? 0 : event.deltaY) * step);
    }
  }, { passive: false });
}
