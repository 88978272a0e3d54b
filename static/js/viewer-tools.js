// The toolbar below a radiograph.

export function watchTools(viewer) {
  const bar = viewer.root.querySelector("[data-viewer-tools]");
  if (!bar) return null;
  const { view } = viewer;
  const actions = {
    window: () => toggleWindowDrag(viewer),
    invert: () => view.invert(viewer),
    out: () => view.zoomAt(0.8),
    in: () => view.zoomAt(1.25),
    fit: () => view.fit(),
    true: () => viewer.trueSize(),
    right: () => view.rotate(1),
    left: () => view.rotate(-1),
    reset: () => view.reset(),
    side: () => viewer.side?.toggle(),
  };
  bar.hidden = false;
  bar.addEventListener("click", (event) => {
    const tool = event.target.closest("[data-tool]")?.dataset.tool;
    if (tool) actions[tool]();
    tools.update();
  });
  const presets = bar.querySelector("[data-preset]");
  presets?.addEventListener("change", () => {
    viewer.preset(Number(presets.value));
    presets.selectedIndex = 0; // a preset is an action, not a state: a drag changes it
  });
  const pressed = (tool, on) => bar.querySelector(`[data-tool=${tool}]`)?.setAttribute("aria-pressed", String(on));
  const tools = {
    update() {
      pressed("window", viewer.dragWindows);
      pressed("invert", view.inverted.has(viewer.name));
      pressed("side", Boolean(viewer.side?.isOpen));
    },
  };
  tools.update();
  return tools;
}

function toggleWindowDrag(viewer) {
  viewer.dragWindows = !viewer.dragWindows;
  viewer.updateTouchAction();
}
