// Mouse, pen and fingers on a film: drag windows, wheel zooms, middle or Space drags the place.

const FULL_WINDOW = 400; // pixels of drag that run through all greys

export function watchPointer(viewer) {
  const { stage, view } = viewer;
  const fingers = new Map();
  let spaceHeld = false;

  stage.addEventListener("pointerdown", (event) => {
    if (event.button === 2) return;
    stage.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY, middle: event.button === 1 });
    if (event.button === 1) event.preventDefault();
  });
  stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const now = { ...before, x: event.clientX, y: event.clientY };
    if (fingers.size === 2) pinch(viewer, fingers, event.pointerId, now);
    else if (fingers.size === 1) drag(viewer, before, now, event, spaceHeld);
    fingers.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    stage.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
  stage.addEventListener("dblclick", () => view.fit());
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      const at = viewer.filmPoint(event.clientX, event.clientY);
      view.zoomAt(Math.exp(-event.deltaY * (event.shiftKey ? 0.0004 : 0.002)), at.x, at.y);
    },
    { passive: false },
  );
  stage.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    event.preventDefault(); // Space would scroll the page
    spaceHeld = true;
  });
  stage.addEventListener("keyup", (event) => {
    if (event.key === " ") spaceHeld = false;
  });
  stage.addEventListener("blur", () => {
    spaceHeld = false;
  });
  followTouch(viewer);
}

function drag(viewer, before, now, event, spaceHeld) {
  const dx = now.x - before.x;
  const dy = now.y - before.y;
  if (before.middle || spaceHeld || !viewer.dragWindows) return move(viewer, dx, dy);
  const step = (event.shiftKey ? 0.2 : 1) / FULL_WINDOW;
  return viewer.view.window(dx * step, dy * step);
}

function move(viewer, dx, dy) {
  const box = viewer.painter.box();
  viewer.view.pan(dx / box.width, dy / box.height);
}

function pinch(viewer, fingers, id, now) {
  const [key, still] = [...fingers].find(([other]) => other !== id);
  const before = fingers.get(id);
  const apart = (a, b) => Math.hypot(a.x - b.x, a.y - b.y) || 1;
  const at = viewer.filmPoint((still.x + now.x) / 2, (still.y + now.y) / 2);
  viewer.view.zoomAt(apart(still, now) / apart(still, before), at.x, at.y);
  move(viewer, (now.x - before.x) / 2, (now.y - before.y) / 2);
  fingers.set(key, still);
}

// A whole film lets the finger scroll the page; a zoomed one, or one being windowed, keeps it.
function followTouch(viewer) {
  const { stage, view } = viewer;
  viewer.dragWindows = !window.matchMedia("(pointer: coarse)").matches;
  const follow = () => {
    stage.style.setProperty("touch-action", view.zoom > 1 || viewer.dragWindows ? "none" : "pan-y");
  };
  view.watchers.add(follow);
  viewer.followTouch = follow;
  follow();
}
