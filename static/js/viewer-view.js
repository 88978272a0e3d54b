// What is seen of a film: window, zoom and place. Linked films share one View.

const groups = new Map();

export class View {
  constructor() {
    this.watchers = new Set();
    this.reset();
  }

  // Everything is relative to the film, so that films of other sizes can share it.
  reset() {
    this.width = 1; // of the window; grey runs from 0 to 1
    this.level = 0.5;
    this.invert = false;
    this.fit();
  }

  fit() {
    this.zoom = 1; // 1 shows the whole film
    this.x = 0.5; // the film's point in the middle of the stage
    this.y = 0.5;
    this.changed();
  }

  zoomAt(factor, x = this.x, y = this.y) {
    const zoom = clamp(this.zoom * factor, 1, 32);
    const kept = this.zoom / zoom; // the point under the cursor stays where it is
    this.place(zoom, x + (this.x - x) * kept, y + (this.y - y) * kept);
  }

  pan(dx, dy) {
    this.place(this.zoom, this.x - dx, this.y - dy);
  }

  place(zoom, x, y) {
    const room = 0.5 - 0.5 / zoom; // never lose the film beyond the edge
    this.zoom = zoom;
    this.x = clamp(x, 0.5 - room, 0.5 + room);
    this.y = clamp(y, 0.5 - room, 0.5 + room);
    this.changed();
  }

  window(dWidth, dLevel) {
    this.width = clamp(this.width + dWidth, 0.02, 2);
    this.level = clamp(this.level + dLevel, 0, 1);
    this.changed();
  }

  turnOver() {
    this.invert = !this.invert;
    this.changed();
  }

  changed() {
    for (const watcher of this.watchers) watcher();
  }

  // Screen grey for each of the 256 greys of the display film.
  greys() {
    const table = new Uint8ClampedArray(256);
    const low = this.level - this.width / 2;
    for (let grey = 0; grey < 256; grey += 1) {
      const shown = ((grey / 255 - low) / this.width) * 255;
      table[grey] = this.invert ? 255 - clamp(shown, 0, 255) : shown;
    }
    return table;
  }
}

// The same View for every film of a group, a new one for a film that stands alone.
export function viewOf(group) {
  if (!group) return new View();
  if (!groups.has(group)) groups.set(group, new View());
  return groups.get(group);
}

// Where a film of this size lies on a stage of that size, in stage pixels.
export function layout(view, film, stage) {
  const scale = Math.min(stage.width / film.width, stage.height / film.height) * view.zoom;
  const width = film.width * scale;
  const height = film.height * scale;
  return {
    scale,
    width,
    height,
    left: stage.width / 2 - view.x * width,
    top: stage.height / 2 - view.y * height,
  };
}

function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
