// The view of a radiograph: window, zoom, position and rotation. Linked viewers share one View.

const groups = new Map();
const TURNS = [[1, 0], [0, 1], [-1, 0], [0, -1]]; // cosine and sine of quarter turns to the right
const MERGE_MS = 600; // steps of one kind within this time are undone together
const MAX_UNDO = 100;

export class View {
  constructor() {
    this.watchers = new Set();
    this.bounds = { narrowest: 1, widest: 2, lowest: 0, highest: 1 };
    this.past = [];
    this.restore(new Snapshot());
  }

  // All values are relative, so that radiographs of different sizes and greys can share a view: width and level
  // are in units of the initial window, which runs from 0 to 1.
  restore(snapshot) {
    Object.assign(this, snapshot, { inverted: new Set(snapshot.inverted) });
    this.changed();
  }

  // Stores the state before a change; consecutive steps of one kind are one change.
  remember(kind) {
    const now = performance.now();
    const isSame = kind === this.last?.kind && now - this.last.at < MERGE_MS;
    this.last = { kind, at: now };
    if (isSame) return;
    this.past.push(new Snapshot(this));
    this.past.splice(0, this.past.length - MAX_UNDO);
  }

  undo() {
    if (!this.past.length) return;
    this.last = null;
    this.restore(this.past.pop());
  }

  reset() {
    this.remember("reset");
    this.restore(new Snapshot());
  }

  fit() {
    this.remember("position");
    this.moveTo(1, 0.5, 0.5);
  }

  zoomAt(factor, x = this.x, y = this.y) {
    this.remember("zoom");
    const zoom = clamp(this.zoom * factor, Math.min(1, this.zoom), 64);
    const ratio = this.zoom / zoom; // the point under the cursor does not move
    this.moveTo(zoom, x + (this.x - x) * ratio, y + (this.y - y) * ratio);
  }

  pan(dx, dy) {
    this.moveTo(this.zoom, this.x - dx, this.y - dy);
  }

  moveTo(zoom, x, y) {
    const margin = Math.max(0, 0.5 - 0.5 / zoom); // the image cannot be panned out of the stage
    this.zoom = zoom;
    this.x = clamp(x, 0.5 - margin, 0.5 + margin);
    this.y = clamp(y, 0.5 - margin, 0.5 + margin);
    this.changed();
  }

  rotate(quarters) {
    this.remember("rotate");
    this.turns = (this.turns + quarters + 4) % 4;
    this.changed();
  }

  window(dWidth, dLevel) {
    this.windowTo(this.width + dWidth, this.level + dLevel);
  }

  windowTo(width, level) {
    this.width = clamp(width, this.bounds.narrowest, this.bounds.widest);
    this.level = clamp(level, this.bounds.lowest, this.bounds.highest);
    this.changed();
  }

  // Widens the limits of the window to those of another linked radiograph.
  widen({ narrowest, widest, lowest, highest }) {
    const now = this.bounds;
    this.bounds = {
      narrowest: Math.min(now.narrowest, narrowest),
      widest: Math.max(now.widest, widest),
      lowest: Math.min(now.lowest, lowest),
      highest: Math.max(now.highest, highest),
    };
  }

  // Linked radiographs are inverted separately.
  invert({ name }) {
    this.remember("invert");
    if (!this.inverted.delete(name)) this.inverted.add(name);
    this.changed();
  }

  changed() {
    for (const watcher of this.watchers) watcher();
  }
}

class Snapshot {
  constructor({ width = 1, level = 0.5, inverted = [], zoom = 1, x = 0.5, y = 0.5, turns = 0 } = {}) {
    Object.assign(this, { width, level, inverted: [...inverted], zoom, x, y, turns });
  }
}

// Returns the shared View of a group, or a new one without a group.
export function viewOf(group) {
  if (!group) return new View();
  if (!groups.has(group)) groups.set(group, new View());
  return groups.get(group);
}

// Returns the position of a radiograph in stage pixels: stage = (left, top) + rotate(radiograph) * scale.
export function layout(view, radiograph, stage) {
  const [across, down] = view.turns % 2 ? [radiograph.height, radiograph.width] : [radiograph.width, radiograph.height];
  const scale = Math.min(stage.width / across, stage.height / down) * view.zoom;
  const [cos, sin] = TURNS[view.turns];
  const x = view.x * radiograph.width * scale;
  const y = view.y * radiograph.height * scale;
  return { scale, cos, sin, left: stage.width / 2 - cos * x + sin * y, top: stage.height / 2 - sin * x - cos * y };
}

// Converts a step on the stage to image pixels.
export function toRadiograph(box, dx, dy) {
  return [(box.cos * dx + box.sin * dy) / box.scale, (box.cos * dy - box.sin * dx) / box.scale];
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
