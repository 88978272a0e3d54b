// Films in full depth, fetched and unpacked by one worker and kept for a while: the one shown and the next.

import { filmOfPixels } from "./viewer-film.js";

const ROOM = 400_000_000; // bytes of unpacked films kept in this tab
const films = new Map(); // address -> promise of a film, the oldest use first
const waiting = new Map(); // question -> how to answer it
let worker = null;
let questions = 0;

// Gives a film, from memory where it was fetched before; rejects where it cannot be had.
export function pixelsOf(url, script, { ahead = false } = {}) {
  const known = films.get(url);
  films.delete(url);
  films.set(url, known ?? asked(url, script, ahead));
  films.get(url).then(makeRoom, () => films.delete(url));
  return films.get(url);
}

async function asked(url, script, ahead) {
  worker ??= started(script);
  questions += 1;
  const id = questions;
  const { film, trouble } = await new Promise((answer) => {
    waiting.set(id, answer);
    worker.postMessage({ id, url: new URL(url, document.baseURI).href, ahead });
  });
  if (trouble) throw new Error(trouble);
  const unpacked = filmOfPixels(film);
  unpacked.bytes = film.levels.reduce((sum, level) => sum + level.greys.byteLength, 0);
  loaded.set(url, unpacked);
  return unpacked;
}

const loaded = new Map();

// The film itself where it is here already: no waiting, not even a moment.
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
  for (const url of [...films.keys()].reverse()) {
    const film = loaded.get(url);
    room -= film?.bytes ?? 0;
    if (room >= 0 || !film || url === [...films.keys()].at(-1)) continue;
    films.delete(url);
    loaded.delete(url);
  }
}
