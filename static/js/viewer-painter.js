// Draws a radiograph with its window, and the heatmap on a second canvas above it.

import { ramp } from "./viewer-radiograph.js";
import { Canvas2dSurface } from "./viewer-canvas2d.js";
import { WebglSurface } from "./viewer-webgl.js";
import { layout } from "./viewer-view.js";

export class Painter {
  constructor(viewer) {
    this.viewer = viewer;
    this.stage = viewer.stage;
    this.view = viewer.view;
    this.radiograph = null;
    this.heatmap = null; // {image, url, opacity}
    this.heatmapCanvas = this.insert(document.createElement("canvas"), "radiograph-canvas radiograph-canvas-heatmap");
    this.isDrawRequested = false;
    this.onViewChange = () => this.requestDraw();
    this.view.watchers.add(this.onViewChange);
    this.resizeObserver = new ResizeObserver(this.onViewChange);
    this.resizeObserver.observe(this.stage);
  }

  insert(canvas, className) {
    canvas.className = className;
    canvas.setAttribute("aria-hidden", "true");
    this.stage.querySelector(".radiograph-corner").before(canvas); // the labels stay on top
    return canvas;
  }

  // Full-depth pixels are drawn with WebGL where available, everything else on a 2-D canvas.
  show(radiograph) {
    this.radiograph = radiograph;
    const surface = (radiograph.levels && WebglSurface.for(radiograph)) || new Canvas2dSurface(radiograph);
    const previous = this.surface;
    this.surface = surface;
    surface.onLost = () => this.requestDraw(); // the next draw falls back to the 2-D canvas
    this.insert(surface.canvas, "radiograph-canvas");
    this.insert(this.heatmapCanvas, this.heatmapCanvas.className);
    this.draw();
    previous?.release();
  }

  // Several changes within one frame are drawn once.
  requestDraw() {
    if (this.isDrawRequested || !this.radiograph) return;
    this.isDrawRequested = true;
    requestAnimationFrame(() => {
      this.isDrawRequested = false;
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
    const greyRamp = ramp(this.radiograph, view, view.inverted.has(viewer.name));
    if (!this.surface.draw(box, ratio, width, height, greyRamp)) return this.fallBack();
    this.drawHeatmap(box, ratio, width, height);
    this.onDrawn?.(box);
  }

  // The WebGL context was lost: continue on a 2-D canvas.
  fallBack() {
    this.surface.release();
    this.surface = new Canvas2dSurface(this.radiograph);
    this.heatmapCanvas.before(this.insert(this.surface.canvas, "radiograph-canvas"));
    this.draw();
  }

  drawHeatmap(box, ratio, width, height) {
    const canvas = this.heatmapCanvas;
    canvas.hidden = !this.heatmap;
    if (!this.heatmap) return;
    const { image, url, opacity } = this.heatmap;
    const state = [url, opacity, width, height, ...Object.values(box), this.radiograph.width].join(" ");
    if (state === this.drawnState) return; // changing the window does not change the heatmap
    this.drawnState = state;
    Object.assign(canvas, { width, height });
    const context = canvas.getContext("2d");
    const scale = box.scale * ratio;
    const [cos, sin] = [box.cos * scale, box.sin * scale];
    context.globalAlpha = opacity;
    context.imageSmoothingQuality = "high";
    context.setTransform(cos, sin, -sin, cos, box.left * ratio, box.top * ratio);
    context.drawImage(image, 0, 0, this.radiograph.width, this.radiograph.height);
  }

  release() {
    this.view.watchers.delete(this.onViewChange);
    this.resizeObserver.disconnect();
    this.surface?.release();
  }
}
