// Draws a film on a 2-D canvas: where there is no WebGL2, and until the film's full depth is here.

import { shownGrey } from "./viewer-film.js";
import { levelFor } from "./viewer-gl.js";

export class FlatSurface {
  constructor(film) {
    this.film = film;
    this.kind = film.image ? "2d of the picture" : "2d";
    this.canvas = document.createElement("canvas");
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true, alpha: false });
    this.greys = film.image ? 256 : 65536;
  }

  // The scaled grey is kept, so that dragging the window repaints without scaling again.
  draw(box, ratio, width, height, ramp) {
    const place = [width, height, box.scale, box.left, box.top, box.cos, box.sin].join(" ");
    if (place !== this.place) this.scale(box, ratio, width, height);
    this.place = place;
    this.applyWindow(ramp);
    return true;
  }

  scale(box, ratio, width, height) {
    Object.assign(this.canvas, { width, height });
    const [left, top, right, bottom] = bounds(this.film, box, ratio, width, height);
    const [across, down] = [Math.max(1, right - left), Math.max(1, bottom - top)];
    this.at = { left, top };
    this.shown = this.pen.createImageData(across, down);
    this.scaled = this.film.image
      ? this.picture(box, ratio, left, top, across, down)
      : sampled(this.film, box, ratio, left, top, across, down);
  }

  picture(box, ratio, left, top, across, down) {
    const { pen, film } = this;
    const scale = box.scale * ratio;
    pen.imageSmoothingEnabled = scale < 4; // far in, show the pixels as they are
    pen.imageSmoothingQuality = "high";
    pen.setTransform(box.cos * scale, box.sin * scale, -box.sin * scale, box.cos * scale, box.left * ratio, box.top * ratio);
    pen.drawImage(film.image, 0, 0, film.width, film.height);
    pen.resetTransform();
    const rgba = pen.getImageData(left, top, across, down).data;
    const greys = new Uint8Array(across * down);
    for (let at = 0; at < greys.length; at += 1) greys[at] = rgba[at * 4];
    return greys;
  }

  applyWindow(ramp) {
    const table = new Uint32Array(this.greys);
    for (let grey = 0; grey < table.length; grey += 1) {
      table[grey] = 0xff000000 | (Math.round(shownGrey(grey, ramp) * 255) * 0x010101);
    }
    const to = new Uint32Array(this.shown.data.buffer);
    for (let at = 0; at < to.length; at += 1) to[at] = table[this.scaled[at]];
    this.pen.putImageData(this.shown, this.at.left, this.at.top);
  }

  letGo() {
    this.canvas.remove();
  }
}

// The part of the canvas that the film covers.
function bounds(film, box, ratio, width, height) {
  const x = box.left + (box.cos * film.width - box.sin * film.height) * box.scale;
  const y = box.top + (box.sin * film.width + box.cos * film.height) * box.scale;
  return [
    Math.max(0, Math.floor(Math.min(box.left, x) * ratio)),
    Math.max(0, Math.floor(Math.min(box.top, y) * ratio)),
    Math.min(width, Math.ceil(Math.max(box.left, x) * ratio)),
    Math.min(height, Math.ceil(Math.max(box.top, y) * ratio)),
  ];
}

// As the shader of viewer-gl.js does it: between four neighbours of the halving that fits.
function sampled(film, box, ratio, left, top, across, down) {
  const scale = box.scale * ratio;
  const number = levelFor(film, scale);
  const { greys, width, height } = film.levels[number];
  const step = 1 / (scale * 2 ** number);
  const result = new Uint16Array(across * down);
  const smooth = scale < 4 ? 0.5 : 0;
  for (let row = 0, to = 0; row < down; row += 1) {
    const dy = (top + row + 0.5 - box.top * ratio) * step;
    for (let column = 0; column < across; column += 1, to += 1) {
      const dx = (left + column + 0.5 - box.left * ratio) * step;
      const x = Math.min(width - 1, Math.max(0, box.cos * dx + box.sin * dy - smooth));
      const y = Math.min(height - 1, Math.max(0, box.cos * dy - box.sin * dx - smooth));
      const at = (y | 0) * width + (x | 0);
      const right = smooth && x < width - 1 ? 1 : 0;
      const below = smooth && y < height - 1 ? width : 0;
      const sx = right && x % 1;
      const sy = below && y % 1;
      const upper = greys[at] + (greys[at + right] - greys[at]) * sx;
      const lower = greys[at + below] + (greys[at + below + right] - greys[at + below]) * sx;
      result[to] = Math.round(upper + (lower - upper) * sy);
    }
  }
  return result;
}
