// Keys of the film: they act on the film last touched, and are silent while somebody types.

const viewers = new Set();
let current = null;

const ON_FILM = {
  i: (viewer) => viewer.view.turnOver(),
  "+": (viewer) => viewer.view.zoomAt(1.25),
  "-": (viewer) => viewer.view.zoomAt(0.8),
  "=": (viewer) => viewer.view.fit(),
  escape: (viewer) => viewer.view.reset(),
};
const ON_HEAT = {
  "[": (heat) => heat.fade(-10),
  "]": (heat) => heat.fade(10),
  c: (heat) => heat.nextClass(),
};
// Arrows belong to the page unless the film has the focus.
const ON_STAGE = {
  arrowleft: [0.1, 0],
  arrowright: [-0.1, 0],
  arrowup: [0, 0.1],
  arrowdown: [0, -0.1],
};

export function watchKeys(viewer) {
  viewers.add(viewer);
  current ??= viewer;
  for (const event of ["pointerenter", "focusin"]) {
    viewer.root.addEventListener(event, () => {
      current = viewer;
    });
  }
  viewer.stage.addEventListener("keydown", (event) => moveByArrow(viewer, event));
}

document.addEventListener("keydown", (event) => {
  const viewer = listening();
  if (!viewer || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  const key = event.key.toLowerCase();
  const heat = heatNear(viewer);
  if (ON_FILM[key]) ON_FILM[key](viewer);
  else if (heat && ON_HEAT[key]) ON_HEAT[key](heat);
  else if (heat && key === "o" && event.shiftKey) heat.toggle();
  else if (heat && key === "o" && !event.repeat) heat.peek(true);
  else return;
  if (key !== "escape") event.preventDefault(); // Escape must also close what else is open
});

document.addEventListener("keyup", (event) => {
  if (event.key.toLowerCase() === "o") endPeeking();
});
window.addEventListener("blur", endPeeking);

function endPeeking() {
  for (const viewer of viewers) if (viewer.heat?.peeking) viewer.heat.peek(false);
}

// A film that htmx took off the page listens no more.
function listening() {
  for (const viewer of viewers) if (!viewer.root.isConnected) viewers.delete(viewer);
  if (!viewers.has(current)) current = [...viewers][0] ?? null;
  return current;
}

function heatNear(viewer) {
  if (viewer.heat) return viewer.heat;
  return [...viewers].find((other) => other.heat && other.view === viewer.view)?.heat;
}

function moveByArrow(viewer, event) {
  const step = ON_STAGE[event.key.toLowerCase()];
  if (!step) return;
  event.preventDefault();
  if (event.shiftKey) viewer.view.window(-step[0] / 4, -step[1] / 4);
  else viewer.view.pan(step[0] / viewer.view.zoom, step[1] / viewer.view.zoom);
}

function isTyping(target) {
  return Boolean(target.closest?.("input:not([type=range], [type=radio], [type=checkbox]), textarea, select, [contenteditable]"));
}
