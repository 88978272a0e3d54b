// Attaches the film viewer to every [data-viewer] of the page (see templates/cases/_film.html).

import { Heat } from "./viewer-heat.js";
import { watchKeys } from "./viewer-keys.js";
import { Painter, size } from "./viewer-paint.js";
import { watchPointer } from "./viewer-pointer.js";
import { viewOf } from "./viewer-view.js";

class Viewer {
  constructor(root) {
    this.root = root;
    this.stage = root.querySelector("[data-viewer-stage]");
    this.plain = root.querySelector("[data-viewer-film]");
    this.readout = root.querySelector("[data-viewer-readout]");
    this.tools = root.querySelector("[data-viewer-tools]");
    this.view = viewOf(root.dataset.linked);
  }

  // Until the film is decoded, and for ever if it cannot be, the plain picture stays.
  async start() {
    await this.plain.decode();
    this.painter = new Painter(this.stage, this.view);
    this.painter.film = this.plain;
    this.painter.onDrawn = (box) => this.write(box);
    if (this.root.querySelector("[data-viewer-heat]")) this.heat = new Heat(this.root, this.painter);
    watchPointer(this);
    watchKeys(this);
    if (this.tools) this.watchTools();
    this.root.dataset.viewer = "ready";
    this.painter.ask();
  }

  // A point of the screen as a share of the film's width and height.
  filmPoint(clientX, clientY) {
    const edge = this.stage.getBoundingClientRect();
    const box = this.painter.box();
    return { x: (clientX - edge.left - box.left) / box.width, y: (clientY - edge.top - box.top) / box.height };
  }

  write(box) {
    const { width, level, invert } = this.view;
    const percent = Math.round(box.scale * 100);
    this.readout.textContent = `W ${Math.round(width * 255)} L ${Math.round(level * 255)}  ${percent} %`;
    this.tools?.querySelector("[data-tool=invert]").setAttribute("aria-pressed", String(invert));
  }

  watchTools() {
    this.tools.hidden = false;
    const acts = {
      window: () => this.switchDrag(),
      invert: () => this.view.turnOver(),
      out: () => this.view.zoomAt(0.8),
      in: () => this.view.zoomAt(1.25),
      fit: () => this.view.fit(),
      reset: () => this.view.reset(),
    };
    this.tools.addEventListener("click", (event) => {
      const tool = event.target.closest("[data-tool]")?.dataset.tool;
      if (tool) acts[tool]();
    });
    this.showDrag();
  }

  switchDrag() {
    this.dragWindows = !this.dragWindows;
    this.followTouch();
    this.showDrag();
  }

  showDrag() {
    this.tools.querySelector("[data-tool=window]").setAttribute("aria-pressed", String(this.dragWindows));
  }
}

function attach() {
  for (const root of document.querySelectorAll("[data-viewer='']")) {
    root.dataset.viewer = "starting";
    const viewer = new Viewer(root);
    viewer.start().catch(() => {
      root.dataset.viewer = "plain";
    });
  }
}

attach();
document.body.addEventListener("htmx:load", attach);
