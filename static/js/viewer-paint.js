// Paints a radiograph through its window, and the heat on a second canvas above it.

import { ramp } from "./viewer-radiograph.js";
import { FlatSurface } from "./viewer-flat.js";
import { GlSurface } from "./viewer-gl.js";
import { layout } from "./viewer-view.js";

export class Painter {
  constructor(viewer) {
    this.viewer = viewer;
    this.stage = viewer.stage;
    this.view = viewer.view;
    this.radiograph = null;
    this.heat = null; // {image, opacity}
    this.above = this.place(document.createElement("canvas"), "radiograph-canvas radiograph-canvas-heat");
    this.waiting = false;
    this.follow = () => this.ask();
    this.view.watchers.add(this.follow);
    this.sizes = new ResizeObserver(this.follow);
    this.sizes.observe(this.stage);
  }

  place(canvas, className) {
    canvas.className = className;
    canvas.setAttribute("aria-hidden", "true");
    this.stage.querySelector(".radiograph-corner").before(canvas); // the words stay on top
    return canvas;
  }

  // Full depth goes to the graphics processor where there is one, all else to the 2-D canvas.
  show(radiograph) {
    this.radiograph = radiograph;
    const surface = (radiograph.levels && GlSurface.for(radiograph)) || new FlatSurface(radiograph);
    const before = this.surface;
    this.surface = surface;
    surface.onLost = () => this.ask(); // the next drawing finds out and falls back
    this.place(surface.canvas, "radiograph-canvas");
    this.place(this.above, this.above.className);
    this.draw();
    before?.letGo();
  }

  // Many changes in one frame are one drawing.
  ask() {
    if (this.waiting || !this.radiograph) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  box() {
    return layout(this.view, this.radiograph, { width: this.stage.clientWidth, height: this.stage.clientHeight });
  }

  get ratio() {
    return Math.min(window.devicePixelRatio || 1, 2);
  }

  draw() {
    if (!this.stage.isConnected) return;
    const { ratio, stage, view, viewer } = this;
    const [width, height] = [stage.clientWidth, stage.clientHeight].map((side) => Math.round(side * ratio));
    if (!width || !height) return;
    const box = this.box();
    const done = this.surface.draw(box, ratio, width, height, ramp(this.radiograph, view, view.inverted.has(viewer.name)));
    if (!done) return this.fallBack();
    this.drawHeat(box, ratio, width, height);
    this.onDrawn?.(box);
  }

  // The graphics processor went away: the 2-D canvas takes over.
  fallBack() {
    this.surface.letGo();
    this.surface = new FlatSurface(this.radiograph);
    this.above.before(this.place(this.surface.canvas, "radiograph-canvas"));
    this.draw();
  }

  drawHeat(box, ratio, width, height) {
    this.above.hidden = !this.heat;
    if (!this.heat) return;
    const { url, opacity } = this.heat;
    const drawn = [url, opacity, width, height, ...Object.values(box), this.radiograph.width].join(" ");
    if (drawn === this.drawn) return; // a window drag leaves the heat as it is
    this.drawn = drawn;
    Object.assign(this.above, { width, height });
    const pen = this.above.getContext("2d");
    const scale = box.scale * ratio;
    pen.globalAlpha = this.heat.opacity;
    pen.imageSmoothingQuality = "high";
    pen.setTransform(box.cos * scale, box.sin * scale, -box.sin * scale, box.cos * scale, box.left * ratio, box.top * ratio);
    pen.drawImage(this.heat.image, 0, 0, this.radiograph.width, this.radiograph.height);
  }

  letGo() {
    this.view.watchers.delete(this.follow);
    this.sizes.disconnect();
    this.surface?.letGo();
  }
}
