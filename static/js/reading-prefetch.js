// Prefetches the images of the next cases while a case is being read. The request claims nothing, and the response
// holds image addresses only.

import { pixelsOf } from "./viewer-pixels.js";

const MAX_WAIT = 8000; // milliseconds; an image without full depth must not delay the next ones

export async function prefetch() {
  const address = document.querySelector("[data-prefetch]")?.dataset.prefetch;
  const unpack = document.querySelector("[data-unpack]")?.dataset.unpack;
  if (!address || !unpack) return;
  await currentImageShown();
  if (document.querySelector("[data-prefetch]")?.dataset.prefetch !== address) return; // another case is open
  try {
    const response = await fetch(address);
    if (!response.ok || response.redirected) return;
    const { radiographs } = await response.json();
    for (const radiograph of radiographs) await pixelsOf(radiograph.pixels, unpack, { prefetch: true });
  } catch {
    // The images are then loaded when their cases are opened.
  }
}

function currentImageShown() {
  const pending = () => document.querySelector("[data-pixels]:not([data-depth=full], [data-depth=none])");
  return new Promise((resolve) => {
    const check = () => pending() || resolve();
    document.addEventListener("radiograph:shown", check);
    setTimeout(resolve, MAX_WAIT);
    check();
  });
}
