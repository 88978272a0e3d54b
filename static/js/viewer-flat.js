// Draws a radiograph on a 2-D canvas: where there is no WebGL2, and until the radiograph's full depth is here.

import { shownGrey } from "./viewer-radiograph.js";
import { levelFor } from "./viewer-gl.js";

export class FlatSurface {
  constructor(radiograph) {
    this.radiograph = radiograph;
    this.kind = radiograph.image ? "2d of the picture" : "2d";
    this.canvas = document.createElement("canvas");
    this.pen = this.canvas.getContext("2d", { willReadFrequently: true, alpha: false });
    this.table = new Uint32Array(radiograph.image ? 256 : 65536);
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
    const [left, top, right, bottom] = bounds(this.radiograph, box, ratio, width, height);
    const [across, down] = [Math.max(1, right - left), Math.max(1, bottom - top)];
    this.at = { left, top };
    this.shown = this.pen.createImageData(across, down);
    this.scaled = this.radiograph.image
      ? this.picture(box, ratio, left, top, across, down)
      : sampled(this.radiograph, box, ratio, left, top, across, down);
  }

  picture(box, ratio, left, top, across, down) {
    const { pen, radiograph } = this;
    const scale = box.scale * ratio;
    pen.imageSmoothingEnabled = scale < 4; // far in, show the pixels as they are
    pen.imageSmoothingQuality = "high";
    pen.setTransform(box.cos * scale, box.sin * scale, -box.sin * scale, box.cos * scale, box.left * ratio, box.top * ratio);
    pen.drawImage(radiograph.image, 0, 0, radiograph.width, radiograph.height);
    pen.resetTransform();
    const rgba = pen.getImageData(left, top, across, down).data;
    const greys = new Uint8Array(across * down);
    for (let at = 0; at < greys.length; at += 1) greys[at] = rgba[at * 4];
    return greys;
  }

  applyWindow(ramp) {
    const { table, radiograph } = this;
    for (let grey = radiograph.lowest; grey <= radiograph.highest; grey += 1) {
      table[grey] = 0xff000000 | (Math.round(shownGrey(grey, ramp) * 255) * 0x010101);
    }
    const to = new Uint32Array(this.shown.data.buffer);
    const { scaled } = this;
    for (let at = 0; at < to.length; at += 1) to[at] = table[scaled[at]];
    this.pen.putImageData(this.shown, this.at.left, this.at.top);
  }

  letGo() {
    this.canvas.remove();
  }
}

// The part of the canvas that the radiograph covers.
function bounds(radiograph, box, ratio, width, height) {
  const x = box.left + (box.cos * radiograph.width - box.sin * radiograph.height) * box.scale;
  const y = box.top + (box.sin * radiograph.width + box.cos * radiograph.height) * box.scale;
  return [
    Math.max(0, Math.floor(Math.min(box.left, x) * ratio)),
    Math.max(0, Math.floor(Math.min(box.top, y) * ratio)),
    Math.min(width, Math.ceil(Math.max(box.left, x) * ratio)),
    Math.min(height, Math.ceil(Math.max(box.top, y) * ratio)),
  ];
}

// As the shader of viewer-gl.js does it: between four neighbours of the halving that fits. Turns are quarters,
// so each side of the stage runs along one side of the radiograph, and its steps are worked out once.
function sampled(radiograph, box, ratio, left, top, across, down) {
  const scale = box.scale * ratio;
  const number = levelFor(radiograph, scale);
  const { greys, width, height } = radiograph.levels[number];
  const step = 1 / (scale * 2 ** number);
  const smooth = scale < 4; // far in, show the pixels as they are
  const turned = box.cos === 0;
  const [xSign, ySign] = turned ? [box.sin, -box.sin] : [box.cos, box.cos];
  const columns = { from: left - box.left * ratio, count: across };
  const rows = { from: top - box.top * ratio, count: down };
  const alongX = steps(turned ? rows : columns, xSign * step, width, 1, smooth);
  const alongY = steps(turned ? columns : rows, ySign * step, height, width, smooth);
  const [inner, outer] = turned ? [alongY, alongX] : [alongX, alongY];
  return blended(greys, inner, outer);
}

// For each pixel of one side of the stage: where its first neighbour lies, how far on the second one, and its share.
function steps({ from, count }, step, size, stride, smooth) {
  const at = new Int32Array(count);
  const on = new Int32Array(count);
  const share = new Float32Array(count);
  for (let pixel = 0; pixel < count; pixel += 1) {
    const place = Math.min(size - 1, Math.max(0, (from + pixel + 0.5) * step - (smooth ? 0.5 : 0)));
    const first = Math.floor(place);
    at[pixel] = first * stride;
    on[pixel] = smooth && first < size - 1 ? stride : 0;
    share[pixel] = on[pixel] ? place - first : 0;
  }
  return { at, on, share };
}

function blended(greys, inner, outer) {
  const across = inner.at.length;
  const result = new Uint16Array(across * outer.at.length);
  const { at: places, on: ons, share: shares } = inner;
  for (let row = 0, to = 0; row < outer.at.length; row += 1) {
    const [start, below, part] = [outer.at[row], outer.on[row], outer.share[row]];
    for (let column = 0; column < across; column += 1, to += 1) {
      const at = start + places[column];
      const on = ons[column];
      const share = shares[column];
      const upper = greys[at] + (greys[at + on] - greys[at]) * share;
      const lower = greys[at + below] + (greys[at + below + on] - greys[at + below]) * share;
      result[to] = upper + (lower - upper) * part + 0.5;
    }
  }
  return result;
}
