// Attaches the radiograph viewer to every [data-viewer] of the page (see templates/cases/_radiograph.html).

import { applyPreset, boundsOf, radiographOfImage, readout } from "./viewer-radiograph.js";
import { Heatmap } from "./viewer-heatmap.js";
import { forgetViewer, watchKeys } from "./viewer-keys.js";
import { Painter } from "./viewer-painter.js";
import { cachedPixels, pixelsOf } from "./viewer-pixels.js";
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
    this.name = `${root.dataset.pixels} ${"side" in root.dataset}`; // stable when the page swaps its content
    this.cleanups = [];
  }

  // The plain image stays until the PNG is decoded, and its 256 greys until the full-depth pixels are loaded.
  async start() {
    const { pixels, unpack } = this.root.dataset;
    this.show(cachedPixels(pixels) ?? radiographOfImage(await decoded(this.plain)));
    if (!pixels || this.painter.radiograph.levels) return;
    try {
      const radiograph = await pixelsOf(pixels, unpack);
      if (viewers.has(this)) this.show(radiograph);
    } catch {
      this.root.dataset.depth = "none";
    }
  }

  show(radiograph) {
    if (!this.painter) this.initialize();
    this.view.widen(boundsOf(radiograph));
    this.painter.show(radiograph);
    const depth = radiograph.levels ? "full" : "8";
    Object.assign(this.root.dataset, { viewer: "ready", depth, renderer: this.painter.surface.kind });
    this.root.dispatchEvent(new CustomEvent("radiograph:shown", { bubbles: true, detail: { viewer: this } }));
  }

  initialize() {
    this.painter = new Painter(this);
    this.painter.onDrawn = (box) => this.updateReadout(box);
    viewers.add(this);
    if (this.root.querySelector("[data-viewer-heatmap]")) this.heatmap = new Heatmap(this.root, this.painter);
    if (this.heatmap) this.side = new SideBySide(this);
    watchPointer(this);
    watchKeys(this);
    this.tools = watchTools(this);
  }

  // Converts a point of the screen to fractions of the image's width and height.
  radiographPoint(clientX, clientY) {
    const { radiograph } = this.painter;
    const edge = this.stage.getBoundingClientRect();
    const box = this.painter.box();
    const [x, y] = toRadiograph(box, clientX - edge.left - box.left, clientY - edge.top - box.top);
    return { x: x / radiograph.width, y: y / radiograph.height };
  }

  pan(dx, dy) {
    const { radiograph } = this.painter;
    const [x, y] = toRadiograph(this.painter.box(), dx, dy);
    this.view.pan(x / radiograph.width, y / radiograph.height);
  }

  preset(number) {
    applyPreset(this.painter.radiograph, this.view, number);
  }

  // Toggles between one image pixel per screen pixel and the whole image.
  trueSize() {
    const { view, painter } = this;
    const scale = painter.box().scale * painter.ratio;
    view.remember("position");
    view.moveTo(Math.abs(scale - 1) < 0.01 ? 1 : view.zoom / scale, view.x, view.y);
  }

  // A double click fits the image; on a fitted image it resets the window too.
  fitOrReset() {
    const { zoom, x, y } = this.view;
    if (zoom === 1 && x === 0.5 && y === 0.5) this.view.reset();
    else this.view.fit();
  }

  updateReadout(box) {
    const percent = Math.round(box.scale * this.painter.ratio * 100);
    this.readout.textContent = readout(this.painter.radiograph, this.view, percent, this.readout.dataset.turned);
    this.tools?.update();
  }

  release() {
    viewers.delete(this);
    forgetViewer(this);
    for (const cleanup of this.cleanups) cleanup();
    this.side?.close();
    this.painter?.release();
  }
}

async function decoded(image) {
  await image.decode();
  return image;
}

export function attach() {
  for (const viewer of viewers) if (!viewer.root.isConnected) viewer.release();
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
