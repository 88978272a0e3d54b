// Mouse, pen and fingers on a radiograph: drag windows, wheel zooms, middle or Space drags the place.

const FULL_WINDOW = 400; // pixels of drag that run through all greys of the starting window

let spaceHeld = false; // anywhere on the page, while nobody types or presses something

export function watchPointer(viewer) {
  const { stage, view } = viewer;
  const fingers = new Map();

  stage.addEventListener("pointerdown", (event) => {
    if (event.button === 2) return;
    stage.setPointerCapture(event.pointerId);
    if (!fingers.size) view.remember("drag");
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY, middle: event.button === 1 });
    if (event.button === 1) event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = { ...before, x: event.clientX, y: event.clientY };
    if (fingers.size === 2) pinch(viewer, fingers, event.pointerId, now);
    else if (fingers.size === 1) drag(viewer, before, now, event);
    fingers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => fingers.delete(event.pointerId));
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
    if (event.key === " ") event.preventDefault(); // Space would scroll the page
  });
  followTouch(viewer);
}

document.addEventListener("keydown", (event) => {
  if (event.key === " ") spaceHeld = !event.target.closest?.("input:not([type=radio]), textarea, select, button, summary, a");
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
  if (before.middle || spaceHeld || !viewer.dragWindows) return viewer.move(dx, dy);
  const step = (event.shiftKey ? 0.1 : 1) / FULL_WINDOW;
  return viewer.view.window(dx * step, dy * step);
}

function pinch(viewer, fingers, id, now) {
  const [key, still] = [...fingers].find(([other]) => other !== id);
  const before = fingers.get(id);
  const apart = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) || 1;
  const at = viewer.radiographPoint((still.x + now.x) / 2, (still.y + now.y) / 2);
  viewer.view.zoomAt(apart(still, now) / apart(still, before), at.x, at.y);
  viewer.move((now.x - before.x) / 2, (now.y - before.y) / 2);
  fingers.set(key, still);
}

// A whole radiograph lets the finger scroll the page; a zoomed one, or one being windowed, keeps it.
function followTouch(viewer) {
  const { stage, view } = viewer;
  viewer.dragWindows = !window.matchMedia("(pointer: coarse)").matches;
  const follow = () => {
    stage.style.setProperty("touch-action", view.zoom > 1 || viewer.dragWindows ? "none" : "pan-y");
  };
  view.watchers.add(follow);
  viewer.leaving.push(() => view.watchers.delete(follow));
  viewer.followTouch = follow;
  follow();
}
