// Radiographs in full depth, fetched and unpacked by one worker and kept for a while: the one shown and the next.

import { radiographOfPixels } from "./viewer-radiograph.js";

const ROOM = 400_000_000; // bytes of unpacked radiographs kept in this tab
const radiographs = new Map(); // address -> promise of a radiograph, the oldest use first
const waiting = new Map(); // question -> how to answer it
let worker = null;
let questions = 0;

// Gives a radiograph, from memory where it was fetched before; rejects where it cannot be had.
export function pixelsOf(url, script, { ahead = false } = {}) {
  const known = radiographs.get(url);
  radiographs.delete(url);
  radiographs.set(url, known ?? asked(url, script, ahead));
  radiographs.get(url).then(makeRoom, () => radiographs.delete(url));
  return radiographs.get(url);
}

async function asked(url, script, ahead) {
  worker ??= started(script);
  questions += 1;
  const id = questions;
  const { radiograph, trouble } = await new Promise((answer) => {
    waiting.set(id, answer);
    worker.postMessage({ id, url: new URL(url, document.baseURI).href, ahead });
  });
  if (trouble) throw new Error(trouble);
  const unpacked = radiographOfPixels(radiograph);
  unpacked.bytes = radiograph.levels.reduce((sum, level) => sum + level.greys.byteLength, 0);
  loaded.set(url, unpacked);
  return unpacked;
}

const loaded = new Map();

// The radiograph itself where it is here already: no waiting, not even a moment.
export const pixelsAtHand = (url) => loaded.get(url) ?? null;

function started(script) {
  const made = new Worker(script, { type: "module" });
  made.addEventListener("message", ({ data }) => {
    waiting.get(data.id)?.(data);
    waiting.delete(data.id);
  });
  made.addEventListener("error", () => {
    for (const answer of waiting.values()) answer({ trouble: "the worker ended" });
    waiting.clear();
    worker = null;
  });
  return made;
}

// The newest use stays, whatever its size.
function makeRoom() {
  let room = ROOM;
  for (const url of [...radiographs.keys()].reverse()) {
    const radiograph = loaded.get(url);
    room -= radiograph?.bytes ?? 0;
    if (room >= 0 || !radiograph || url === [...radiographs.keys()].at(-1)) continue;
    radiographs.delete(url);
    loaded.delete(url);
  }
}
