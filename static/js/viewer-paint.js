// Draws a film through its window onto a canvas, and the heat on a second canvas above it.

import { layout } from "./viewer-view.js";

export class Painter {
  constructor(stage, view) {
    this.stage = stage;
    this.view = view;
    this.film = null;
    this.heat = null; // {image, opacity}
    this.base = this.addCanvas("film-canvas", { willReadFrequently: true, alpha: false });
    this.above = this.addCanvas("film-canvas film-canvas-heat", {});
    this.place = "";
    this.waiting = false;
    view.watchers.add(() => this.ask());
    new ResizeObserver(() => this.ask()).observe(stage);
  }

  addCanvas(className, options) {
    const canvas = document.createElement("canvas");
    canvas.className = className;
    canvas.setAttribute("aria-hidden", "true");
    this.stage.querySelector(".film-corner").before(canvas); // the words stay on top
    return { canvas, pen: canvas.getContext("2d", options) };
  }

  // Many changes in one frame are one drawing.
  ask() {
    if (this.waiting || !this.film) return;
    this.waiting = true;
    requestAnimationFrame(() => {
      this.waiting = false;
      this.draw();
    });
  }

  box() {
    return layout(this.view, size(this.film), { width: this.stage.clientWidth, height: this.stage.clientHeight });
  }

  draw() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const width = Math.round(this.stage.clientWidth * ratio);
    const height = Math.round(this.stage.clientHeight * ratio);
    if (!width || !height) return;
    const place = `${width} ${height} ${this.view.zoom} ${this.view.x} ${this.view.y}`;
    const box = this.box();
    if (place !== this.place) this.scale(box, ratio, width, height);
    this.place = place;
    this.applyWindow();
    this.drawHeat(box, ratio, width, height);
    this.onDrawn?.(box);
  }

  // The scaled grey is kept, so that dragging the window repaints without scaling again.
  scale(box, ratio, width, height) {
    const { canvas, pen } = this.base;
    canvas.width = width;
    canvas.height = height;
    pen.imageSmoothingEnabled = box.scale * ratio < 4; // far in, show the pixels as they are
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.film, box.left * ratio, box.top * ratio, box.width * ratio, box.height * ratio);
    const left = Math.max(0, Math.floor(box.left * ratio));
    const top = Math.max(0, Math.floor(box.top * ratio));
    const right = Math.min(width, Math.ceil((box.left + box.width) * ratio));
    const bottom = Math.min(height, Math.ceil((box.top + box.height) * ratio));
    this.grey = pen.getImageData(left, top, right - left, bottom - top);
    this.shown = pen.createImageData(this.grey);
    this.at = { left, top };
  }

  applyWindow() {
    const table = this.view.greys();
    const words = new Uint32Array(256);
    for (let grey = 0; grey < 256; grey += 1) words[grey] = 0xff000000 | (table[grey] * 0x010101);
    const from = this.grey.data;
    const to = new Uint32Array(this.shown.data.buffer);
    for (let pixel = 0; pixel < to.length; pixel += 1) to[pixel] = words[from[pixel * 4]];
    this.base.pen.putImageData(this.shown, this.at.left, this.at.top);
  }

  drawHeat(box, ratio, width, height) {
    const { canvas, pen } = this.above;
    canvas.hidden = !this.heat;
    if (!this.heat) return;
    canvas.width = width;
    canvas.height = height;
    pen.globalAlpha = this.heat.opacity;
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.heat.image, box.left * ratio, box.top * ratio, box.width * ratio, box.height * ratio);
  }
}

export function size(image) {
  return { width: image.naturalWidth, height: image.naturalHeight };
}
