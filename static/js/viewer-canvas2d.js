// Draws a radiograph on a 2-D canvas: without WebGL2, and until the full-depth pixels are loaded.

import { shownGrey } from "./viewer-radiograph.js";
import { levelFor } from "./viewer-webgl.js";

export class Canvas2dSurface {
  constructor(radiograph) {
    this.radiograph = radiograph;
    this.kind = radiograph.image ? "2d-image" : "2d";
    this.canvas = document.createElement("canvas");
    this.context = this.canvas.getContext("2d", { willReadFrequently: true, alpha: false });
    this.table = new Uint32Array(radiograph.image ? 256 : 65536);
  }

  // The scaled greys are stored, so that a change of the window needs no new scaling.
  draw(box, ratio, width, height, ramp) {
    const state = [width, height, box.scale, box.left, box.top, box.cos, box.sin].join(" ");
    if (state !== this.scaledState) this.scale(box, ratio, width, height);
    this.scaledState = state;
    this.applyWindow(ramp);
    return true;
  }

  scale(box, ratio, width, height) {
    Object.assign(this.canvas, { width, height });
    const [left, top, right, bottom] = bounds(this.radiograph, box, ratio, width, height);
    const [across, down] = [Math.max(1, right - left), Math.max(1, bottom - top)];
    this.origin = { left, top };
    this.imageData = this.context.createImageData(across, down);
    this.scaled = this.radiograph.image
      ? this.scaledImage(box, ratio, left, top, across, down)
      : sampled(this.radiograph, box, ratio, left, top, across, down);
  }

  scaledImage(box, ratio, left, top, across, down) {
    const { context, radiograph } = this;
    const scale = box.scale * ratio;
    context.imageSmoothingEnabled = scale < 4; // magnified pixels are not smoothed
    context.imageSmoothingQuality = "high";
    const [cos, sin] = [box.cos * scale, box.sin * scale];
    context.setTransform(cos, sin, -sin, cos, box.left * ratio, box.top * ratio);
    context.drawImage(radiograph.image, 0, 0, radiograph.width, radiograph.height);
    context.resetTransform();
    const rgba = context.getImageData(left, top, across, down).data;
    const greys = new Uint8Array(across * down);
    for (let at = 0; at < greys.length; at += 1) greys[at] = rgba[at * 4];
    return greys;
  }

  applyWindow(ramp) {
    const { table, radiograph } = this;
    for (let grey = radiograph.lowest; grey <= radiograph.highest; grey += 1) {
      table[grey] = 0xff000000 | (Math.round(shownGrey(grey, ramp) * 255) * 0x010101);
    }
    const target = new Uint32Array(this.imageData.data.buffer);
    const { scaled } = this;
    for (let at = 0; at < target.length; at += 1) target[at] = table[scaled[at]];
    this.context.putImageData(this.imageData, this.origin.left, this.origin.top);
  }

  release() {
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

// Bilinear sampling of the mipmap level that fits, as in the shader of viewer-webgl.js. Rotations are multiples
// of 90 degrees, so rows and columns of the stage map to rows or columns of the image, computed once each.
function sampled(radiograph, box, ratio, left, top, across, down) {
  const scale = box.scale * ratio;
  const levelIndex = levelFor(radiograph, scale);
  const { greys, width, height } = radiograph.levels[levelIndex];
  const step = 1 / (scale * 2 ** levelIndex);
  const smooth = scale < 4; // magnified pixels are not smoothed
  const rotated = box.cos === 0;
  const [xSign, ySign] = rotated ? [box.sin, -box.sin] : [box.cos, box.cos];
  const columns = { from: left - box.left * ratio, count: across };
  const rows = { from: top - box.top * ratio, count: down };
  const alongX = steps(rotated ? rows : columns, xSign * step, width, 1, smooth);
  const alongY = steps(rotated ? columns : rows, ySign * step, height, width, smooth);
  const [inner, outer] = rotated ? [alongY, alongX] : [alongX, alongY];
  return blended(greys, inner, outer);
}

// For each stage pixel of one axis: offset of the first neighbour, distance to the second, weight of the second.
function steps({ from, count }, step, size, stride, smooth) {
  const offset = new Int32Array(count);
  const next = new Int32Array(count);
  const weight = new Float32Array(count);
  for (let pixel = 0; pixel < count; pixel += 1) {
    const position = Math.min(size - 1, Math.max(0, (from + pixel + 0.5) * step - (smooth ? 0.5 : 0)));
    const first = Math.floor(position);
    offset[pixel] = first * stride;
    next[pixel] = smooth && first < size - 1 ? stride : 0;
    weight[pixel] = next[pixel] ? position - first : 0;
  }
  return { offset, next, weight };
}

function blended(greys, inner, outer) {
  const across = inner.offset.length;
  const result = new Uint16Array(across * outer.offset.length);
  const { offset: offsets, next: nexts, weight: weights } = inner;
  for (let row = 0, to = 0; row < outer.offset.length; row += 1) {
    const [start, below, part] = [outer.offset[row], outer.next[row], outer.weight[row]];
    for (let column = 0; column < across; column += 1, to += 1) {
      const at = start + offsets[column];
      const next = nexts[column];
      const weight = weights[column];
      const upper = greys[at] + (greys[at + next] - greys[at]) * weight;
      const lower = greys[at + below] + (greys[at + below + next] - greys[at + below]) * weight;
      result[to] = upper + (lower - upper) * part + 0.5;
    }
  }
  return result;
}
