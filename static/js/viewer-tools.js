// The row of buttons below a radiograph.

export function watchTools(viewer) {
  const bar = viewer.root.querySelector("[data-viewer-tools]");
  if (!bar) return null;
  const { view } = viewer;
  const acts = {
    window: () => switchDrag(viewer),
    invert: () => view.turnOver(viewer),
    out: () => view.zoomAt(0.8),
    in: () => view.zoomAt(1.25),
    fit: () => view.fit(),
    true: () => viewer.trueSize(),
    right: () => view.turn(1),
    left: () => view.turn(-1),
    reset: () => view.reset(),
    side: () => viewer.side?.toggle(),
  };
  bar.hidden = false;
  bar.addEventListener("click", (event) => {
    const tool = event.target.closest("[data-tool]")?.dataset.tool;
    if (tool) acts[tool]();
    tools.show();
  });
  const presets = bar.querySelector("[data-preset]");
  presets?.addEventListener("change", () => {
    viewer.preset(Number(presets.value));
    presets.selectedIndex = 0; // a preset is an act, not a state: the next drag leaves it
  });
  const pressed = (tool, on) => bar.querySelector(`[data-tool=${tool}]`)?.setAttribute("aria-pressed", String(on));
  const tools = {
    show() {
      pressed("window", viewer.dragWindows);
      pressed("invert", view.inverted.has(viewer.name));
      pressed("side", Boolean(viewer.side?.isOpen));
    },
  };
  tools.show();
  return tools;
}

function switchDrag(viewer) {
  viewer.dragWindows = !viewer.dragWindows;
  viewer.followTouch();
}
