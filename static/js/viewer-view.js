// What is seen of a radiograph: window, zoom, place and turn. Linked radiographs share one View.

const groups = new Map();
const TURNS = [[1, 0], [0, 1], [-1, 0], [0, -1]]; // cosine and sine of quarter turns to the right
const ONE_CHANGE = 600; // milliseconds within which steps of one kind are undone together
const REMEMBERED = 100;

export class View {
  constructor() {
    this.watchers = new Set();
    this.bounds = { narrowest: 1, widest: 2, lowest: 0, highest: 1 };
    this.past = [];
    this.restore(new Snapshot());
  }

  // Everything is relative to the radiograph, so that radiographs of other sizes and greys can share it: width and
  // level are shares of the window that the radiograph starts with, which runs from 0 to 1.
  restore(snapshot) {
    Object.assign(this, snapshot, { inverted: new Set(snapshot.inverted) });
    this.changed();
  }

  // Steps of one kind that follow each other closely are one change to undo.
  remember(kind) {
    const now = performance.now();
    const isSame = kind === this.last?.kind && now - this.last.at < ONE_CHANGE;
    this.last = { kind, at: now };
    if (isSame) return;
    this.past.push(new Snapshot(this));
    this.past.splice(0, this.past.length - REMEMBERED);
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
    this.remember("place");
    this.place(1, 0.5, 0.5);
  }

  zoomAt(factor, x = this.x, y = this.y) {
    this.remember("zoom");
    const zoom = clamp(this.zoom * factor, Math.min(1, this.zoom), 64);
    const kept = this.zoom / zoom; // the point under the cursor stays where it is
    this.place(zoom, x + (this.x - x) * kept, y + (this.y - y) * kept);
  }

  pan(dx, dy) {
    this.place(this.zoom, this.x - dx, this.y - dy);
  }

  place(zoom, x, y) {
    const room = Math.max(0, 0.5 - 0.5 / zoom); // never lose the radiograph beyond the edge
    this.zoom = zoom;
    this.x = clamp(x, 0.5 - room, 0.5 + room);
    this.y = clamp(y, 0.5 - room, 0.5 + room);
    this.changed();
  }

  turn(quarters) {
    this.remember("turn");
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

  // A radiograph says how far its greys reach; linked radiographs reach as far as the widest.
  widen({ narrowest, widest, lowest, highest }) {
    const now = this.bounds;
    this.bounds = {
      narrowest: Math.min(now.narrowest, narrowest),
      widest: Math.max(now.widest, widest),
      lowest: Math.min(now.lowest, lowest),
      highest: Math.max(now.highest, highest),
    };
  }

  // Each of the linked radiographs is inverted by itself.
  turnOver({ name }) {
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

// The same View for every radiograph of a group, a new one for a radiograph that stands alone.
export function viewOf(group) {
  if (!group) return new View();
  if (!groups.has(group)) groups.set(group, new View());
  return groups.get(group);
}

// Where a radiograph lies on a stage, in stage pixels: stage = (left, top) + turn(radiograph) * scale.
export function layout(view, radiograph, stage) {
  const [across, down] = view.turns % 2 ? [radiograph.height, radiograph.width] : [radiograph.width, radiograph.height];
  const scale = Math.min(stage.width / across, stage.height / down) * view.zoom;
  const [cos, sin] = TURNS[view.turns];
  const x = view.x * radiograph.width * scale;
  const y = view.y * radiograph.height * scale;
  return { scale, cos, sin, left: stage.width / 2 - cos * x + sin * y, top: stage.height / 2 - sin * x - cos * y };
}

// The radiograph's direction of a step on the stage, in radiograph pixels.
export function toRadiograph(box, dx, dy) {
  return [(box.cos * dx + box.sin * dy) / box.scale, (box.cos * dy - box.sin * dx) / box.scale];
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
