// Keys of the viewer: they act on the viewer last used, and not while the user types in a field.

import { actOn, means } from "./hotkeys.js";
import { typing } from "./typing.js";

const viewers = new Set();
let current = null;

const radiographActions = (viewer) => ({
  invert: () => viewer.view.invert(viewer),
  "zoom-in": () => viewer.view.zoomAt(1.25),
  "zoom-out": () => viewer.view.zoomAt(0.8),
  fit: () => viewer.view.fit(),
  "true-size": () => viewer.trueSize(),
  "rotate-right": () => viewer.view.rotate(1),
  "rotate-left": () => viewer.view.rotate(-1),
  undo: () => viewer.view.undo(),
  ...Object.fromEntries([1, 2, 3, 4, 5].map((number) => [`preset-${number}`, () => viewer.preset(number - 1)])),
});
const heatmapActions = ({ heatmap, side }, event) => ({
  peek: () => !event.repeat && heatmap.peek(true),
  heatmap: () => heatmap.toggle(),
  "opacity-down": () => heatmap.fade(-10),
  "opacity-up": () => heatmap.fade(10),
  "next-class": () => heatmap.nextClass(),
  side: () => side.toggle(),
});
// Arrow keys pan only while the viewer has the focus.
const ARROW_STEPS = {
  ArrowLeft: [1, 0],
  ArrowRight: [-1, 0],
  ArrowUp: [0, 1],
  ArrowDown: [0, -1],
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

export function forgetViewer(viewer) {
  viewers.delete(viewer);
  if (current === viewer) current = [...viewers][0] ?? null;
}

document.addEventListener("keydown", (event) => {
  if (!current?.painter || event.defaultPrevented || typing(event.target)) return;
  // Escape may have other meanings on the page, so its default is not prevented.
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) current.view.reset();
  const withHeatmap = linkedViewerWithHeatmap(current);
  const actions = { ...radiographActions(current), ...(withHeatmap ? heatmapActions(withHeatmap, event) : {}) };
  if (actOn(event, actions)) event.preventDefault();
});

document.addEventListener("keyup", (event) => {
  if (means(event, "peek")) endPeeking();
});
window.addEventListener("blur", endPeeking);

function endPeeking() {
  for (const viewer of viewers) if (viewer.heatmap?.peeking) viewer.heatmap.peek(false);
}

function linkedViewerWithHeatmap(viewer) {
  if (viewer.heatmap) return viewer;
  return [...viewers].find((other) => other.heatmap && other.view === viewer.view);
}

function moveByArrow(viewer, event) {
  const step = ARROW_STEPS[event.key];
  if (!step) return;
  event.preventDefault();
  const { stage, view } = viewer;
  view.remember(event.shiftKey ? "window" : "position");
  if (event.shiftKey) view.window(-step[0] / 40, -step[1] / 40);
  else viewer.pan((step[0] * stage.clientWidth) / 10, (step[1] * stage.clientHeight) / 10);
}

const TEXT_FIELDS = "input:not([type=range], [type=radio], [type=checkbox]), textarea, select, [contenteditable]";
