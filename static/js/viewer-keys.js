// Keys of the radiograph: they act on the radiograph last touched, and are silent while somebody types.

import { actOn, means } from "./hotkeys.js";

const viewers = new Set();
let current = null;

const onRadiograph = (viewer) => ({
  invert: () => viewer.view.turnOver(viewer),
  "zoom-in": () => viewer.view.zoomAt(1.25),
  "zoom-out": () => viewer.view.zoomAt(0.8),
  fit: () => viewer.view.fit(),
  "true-size": () => viewer.trueSize(),
  "turn-right": () => viewer.view.turn(1),
  "turn-left": () => viewer.view.turn(-1),
  undo: () => viewer.view.undo(),
  ...Object.fromEntries([1, 2, 3, 4, 5].map((number) => [`preset-${number}`, () => viewer.preset(number - 1)])),
});
const onHeat = ({ heat, side }, event) => ({
  peek: () => !event.repeat && heat.peek(true),
  heat: () => heat.toggle(),
  fainter: () => heat.fade(-10),
  stronger: () => heat.fade(10),
  "next-class": () => heat.nextClass(),
  side: () => side.toggle(),
});
// Arrows belong to the page unless the radiograph has the focus.
const ON_STAGE = {
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
  if (!current?.painter || event.defaultPrevented || isTyping(event.target)) return;
  // Escape must also close what else is open, so it stays free to act elsewhere.
  if (event.key === "Escape" && !document.querySelector("dialog[open]")) current.view.reset();
  const heated = heatNear(current);
  const acts = { ...onRadiograph(current), ...(heated ? onHeat(heated, event) : {}) };
  if (actOn(event, acts)) event.preventDefault();
});

document.addEventListener("keyup", (event) => {
  if (means(event, "peek")) endPeeking();
});
window.addEventListener("blur", endPeeking);

function endPeeking() {
  for (const viewer of viewers) if (viewer.heat?.peeking) viewer.heat.peek(false);
}

function heatNear(viewer) {
  if (viewer.heat) return viewer;
  return [...viewers].find((other) => other.heat && other.view === viewer.view);
}

function moveByArrow(viewer, event) {
  const step = ON_STAGE[event.key];
  if (!step) return;
  event.preventDefault();
  const { stage, view } = viewer;
  view.remember(event.shiftKey ? "window" : "place");
  if (event.shiftKey) view.window(-step[0] / 40, -step[1] / 40);
  else viewer.move((step[0] * stage.clientWidth) / 10, (step[1] * stage.clientHeight) / 10);
}

function isTyping(target) {
  return Boolean(target.closest?.("input:not([type=range], [type=radio], [type=checkbox]), textarea, select, [contenteditable]"));
}
