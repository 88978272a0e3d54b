// Full-depth pixels, fetched and unpacked by one web worker and cached: of the radiograph shown and of the next.

import { radiographOfPixels } from "./viewer-radiograph.js";

const CACHE_BYTES = 400_000_000; // of unpacked pixels in this tab
const radiographs = new Map(); // URL -> promise of a radiograph, least recently used first
const loaded = new Map(); // URL -> radiograph
const pending = new Map(); // request id -> its resolve function
let worker = null;
let requests = 0;

// Returns a radiograph, from the cache if possible; rejects where it cannot be loaded.
export function pixelsOf(url, script, { prefetch = false } = {}) {
  const cached = radiographs.get(url);
  radiographs.delete(url);
  radiographs.set(url, cached ?? load(url, script, prefetch));
  radiographs.get(url).then(trimCache, () => radiographs.delete(url));
  return radiographs.get(url);
}

async function load(url, script, prefetch) {
  worker ??= startWorker(script);
  requests += 1;
  const id = requests;
  const { radiograph, error } = await new Promise((resolve) => {
    pending.set(id, resolve);
    worker.postMessage({ id, url: new URL(url, document.baseURI).href, prefetch });
  });
  if (error) throw new Error(error);
  const unpacked = radiographOfPixels(radiograph);
  unpacked.bytes = radiograph.levels.reduce((sum, level) => sum + level.greys.byteLength, 0);
  loaded.set(url, unpacked);
  return unpacked;
}

// Returns a cached radiograph without waiting, or null.
export const cachedPixels = (url) => loaded.get(url) ?? null;

function startWorker(script) {
  const started = new Worker(script, { type: "module" });
  started.addEventListener("message", ({ data }) => {
    pending.get(data.id)?.(data);
    pending.delete(data.id);
  });
  started.addEventListener("error", () => {
    for (const resolve of pending.values()) resolve({ error: "the worker ended" });
    pending.clear();
    worker = null;
  });
  return started;
}

// The most recently used radiograph stays, whatever its size.
function trimCache() {
  let free = CACHE_BYTES;
  for (const url of [...radiographs.keys()].reverse()) {
    const radiograph = loaded.get(url);
    free -= radiograph?.bytes ?? 0;
    if (free >= 0 || !radiograph || url === [...radiographs.keys()].at(-1)) continue;
    radiographs.delete(url);
    loaded.delete(url);
  }
}
