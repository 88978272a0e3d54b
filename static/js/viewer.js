// Attaches the radiograph viewer to every [data-viewer] of the page (see templates/cases/_radiograph.html).

import { applyPreset, boundsOf, radiographOfImage, readout } from "./viewer-radiograph.js";
import { Heat } from "./viewer-heat.js";
import { forgetViewer, watchKeys } from "./viewer-keys.js";
import { Painter } from "./viewer-paint.js";
import { pixelsAtHand, pixelsOf } from "./viewer-pixels.js";
import { watchPointer } from "./viewer-pointer.js";
import { SideBySide } from "./viewer-side.js";
import { watchTools } from "./viewer-tools.js";
import { toRadiograph, viewOf } from "./viewer-view.js";

const viewers = new Set();

class Viewer {
  constructor(root) {
    this.root = root;
    this.stage = root.querySelector("[data-viewer-stage]");
    this.plain = root.querySelector("[data-viewer-radiograph]");
    this.readout = root.querySelector("[data-viewer-readout]");
    this.view = viewOf(root.dataset.linked);
    this.name = `${root.dataset.pixels} ${"side" in root.dataset}`; // the same radiograph comes back on the next page
    this.leaving = [];
  }

  // The plain picture stays until the radiograph is decoded, and its 256 greys until the full depth is here.
  async start() {
    const { pixels, unpack } = this.root.dataset;
    this.show(pixelsAtHand(pixels) ?? radiographOfImage(await decoded(this.plain)));
    if (!pixels || this.painter.radiograph.levels) return;
    try {
      const radiograph = await pixelsOf(pixels, unpack);
      if (viewers.has(this)) this.show(radiograph);
    } catch {
      this.root.dataset.depth = "none";
    }
  }

  show(radiograph) {
    if (!this.painter) this.begin();
    this.view.widen(boundsOf(radiograph));
    this.painter.show(radiograph);
    Object.assign(this.root.dataset, { viewer: "ready", depth: radiograph.levels ? "full" : "8", by: this.painter.surface.kind });
    this.root.dispatchEvent(new CustomEvent("radiograph:shown", { bubbles: true, detail: { viewer: this } }));
  }

  begin() {
    this.painter = new Painter(this);
    this.painter.onDrawn = (box) => this.write(box);
    viewers.add(this);
    if (this.root.querySelector("[data-viewer-heat]")) this.heat = new Heat(this.root, this.painter);
    if (this.heat) this.side = new SideBySide(this);
    watchPointer(this);
    watchKeys(this);
    this.tools = watchTools(this);
  }

  // A point of the screen as a share of the radiograph's width and height.
  radiographPoint(clientX, clientY) {
    const { radiograph } = this.painter;
    const edge = this.stage.getBoundingClientRect();
    const box = this.painter.box();
    const [x, y] = toRadiograph(box, clientX - edge.left - box.left, clientY - edge.top - box.top);
    return { x: x / radiograph.width, y: y / radiograph.height };
  }

  move(dx, dy) {
    const { radiograph } = this.painter;
    const [x, y] = toRadiograph(this.painter.box(), dx, dy);
    this.view.pan(x / radiograph.width, y / radiograph.height);
  }

  preset(number) {
    applyPreset(this.painter.radiograph, this.view, number);
  }

  // One pixel of the radiograph on one of the screen, and back to the whole radiograph.
  trueSize() {
    const { view, painter } = this;
    const now = painter.box().scale * painter.ratio;
    view.remember("place");
    view.place(Math.abs(now - 1) < 0.01 ? 1 : view.zoom / now, view.x, view.y);
  }

  // A second press of the mouse shows the whole radiograph; on a whole one it takes the window back too.
  fitOrReset() {
    const { zoom, x, y } = this.view;
    if (zoom === 1 && x === 0.5 && y === 0.5) this.view.reset();
    else this.view.fit();
  }

  write(box) {
    const percent = Math.round(box.scale * this.painter.ratio * 100);
    this.readout.textContent = readout(this.painter.radiograph, this.view, percent, this.readout.dataset.turned);
    this.tools?.show();
  }

  letGo() {
    viewers.delete(this);
    forgetViewer(this);
    for (const leave of this.leaving) leave();
    this.side?.close();
    this.painter?.letGo();
  }
}

async function decoded(image) {
  await image.decode();
  return image;
}

export function attach() {
  for (const viewer of viewers) if (!viewer.root.isConnected) viewer.letGo();
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
document.addEventListener("radiograph:attach", attach);
