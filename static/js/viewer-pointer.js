// Mouse, pen and touch: drag changes the window, wheel zooms, drag with the middle button or Space pans.

const FULL_WINDOW = 400; // pixels of drag that span the initial window

let spaceHeld = false; // anywhere on the page, except in fields and on buttons
const CONTROLS = "input:not([type=radio]), textarea, select, button, summary, a";

export function watchPointer(viewer) {
  const { stage, view } = viewer;
  const pointers = new Map();

  stage.addEventListener("pointerdown", (event) => {
    if (event.button === 2) return;
    stage.setPointerCapture(event.pointerId);
    if (!pointers.size) view.remember("drag");
    pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, middle: event.button === 1 });
    if (event.button === 1) event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    const before = pointers.get(event.pointerId);
    if (!before) return;
    const now = { ...before, x: event.clientX, y: event.clientY };
    if (pointers.size === 2) pinch(viewer, pointers, event.pointerId, now);
    else if (pointers.size === 1) drag(viewer, before, now, event);
    pointers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => pointers.delete(event.pointerId));
  }
  stage.addEventListener("dblclick", () => viewer.fitOrReset());
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const at = viewer.radiographPoint(event.clientX, event.clientY);
      view.zoomAt(Math.exp(-event.deltaY * (event.shiftKey ? 0.0004 : 0.002)), at.x, at.y);
    },
    { passive: false },
  );
  stage.addEventListener("keydown", (event) => {
    if (event.key === " ") event.preventDefault(); // otherwise Space scrolls the page
  });
  updateTouchAction(viewer);
}

document.addEventListener("keydown", (event) => {
  if (event.key === " ") spaceHeld = !event.target.closest?.(CONTROLS);
});
document.addEventListener("keyup", (event) => {
  if (event.key === " ") spaceHeld = false;
});
window.addEventListener("blur", () => {
  spaceHeld = false;
});

function drag(viewer, before, now, event) {
  const dx = now.x - before.x;
  const dy = now.y - before.y;
  if (before.middle || spaceHeld || !viewer.dragWindows) return viewer.pan(dx, dy);
  const step = (event.shiftKey ? 0.1 : 1) / FULL_WINDOW;
  return viewer.view.window(dx * step, dy * step);
}

function pinch(viewer, pointers, id, now) {
  const [key, other] = [...pointers].find(([otherId]) => otherId !== id);
  const before = pointers.get(id);
  const distance = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) || 1;
  const at = viewer.radiographPoint((other.x + now.x) / 2, (other.y + now.y) / 2);
  viewer.view.zoomAt(distance(other, now) / distance(other, before), at.x, at.y);
  viewer.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
  pointers.set(key, other);
}

// A drag with one finger scrolls the page, unless the image is zoomed or a drag changes the window.
function updateTouchAction(viewer) {
  const { stage, view } = viewer;
  viewer.dragWindows = !window.matchMedia("(pointer: coarse)").matches;
  const update = () => {
    stage.style.setProperty("touch-action", view.zoom > 1 || viewer.dragWindows ? "none" : "pan-y");
  };
  view.watchers.add(update);
  viewer.cleanups.push(() => view.watchers.delete(update));
  viewer.updateTouchAction = update;
  update();
}
