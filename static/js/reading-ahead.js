// Fetches the next radiographs while the reader looks at this one. The server names them by what would be served
// next; nothing is claimed by looking, and nothing but their radiographs is fetched.

import { pixelsOf } from "./viewer-pixels.js";

const PATIENCE = 8000; // milliseconds: a radiograph without full depth must not hold up the next ones

export async function fetchAhead() {
  const from = document.querySelector("[data-ahead]")?.dataset.ahead;
  const unpack = document.querySelector("[data-unpack]")?.dataset.unpack;
  if (!from || !unpack) return;
  await shown();
  if (document.querySelector("[data-ahead]")?.dataset.ahead !== from) return; // the reader went on
  try {
    const answer = await fetch(from);
    if (!answer.ok || answer.redirected) return;
    const { radiographs } = await answer.json();
    for (const radiograph of radiographs) await pixelsOf(radiograph.pixels, unpack, { ahead: true });
  } catch {
    // The next radiograph then comes when it is its turn.
  }
}

function shown() {
  const pending = () => document.querySelector("[data-pixels]:not([data-depth=full], [data-depth=none])");
  return new Promise((go) => {
    const look = () => pending() || go();
    document.addEventListener("radiograph:shown", look);
    setTimeout(go, PATIENCE);
    look();
  });
}
