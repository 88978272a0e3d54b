// Web worker: fetches full-depth pixels, unpacks them (format: ml/images/bit_depth.py) and builds a mipmap,
// so that the page's main thread is not blocked.

const HEADER = 64; // bytes
const MIN_SIDE = 200; // pixels of the smallest mipmap level

self.addEventListener("message", async ({ data: { id, url, prefetch } }) => {
  try {
    const radiograph = unpack(await load(url, prefetch));
    self.postMessage({ id, radiograph }, radiograph.levels.map((level) => level.greys.buffer));
  } catch (error) {
    self.postMessage({ id, error: String(error) });
  }
});

async function load(url, prefetch) {
  const headers = prefetch ? { "X-Readroom-Prefetch": "yes" } : {};
  const response = await fetch(url, { headers, priority: prefetch ? "low" : "high" });
  if (!response.ok || response.redirected) throw new Error(`no pixels: status ${response.status}`);
  const unzipped = response.body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(unzipped).arrayBuffer();
}

function unpack(buffer) {
  const head = new DataView(buffer);
  if (head.getUint32(0) !== 0x52525058) throw new Error("not a packed radiograph"); // RRPX
  const [planes, voiFunction, inverted, bits] = [4, 5, 6, 7].map((at) => head.getUint8(at));
  const [height, width] = [8, 12].map((at) => head.getUint32(at, true));
  const [slope, intercept, centre, window] = [16, 24, 32, 40].map((at) => head.getFloat64(at, true));
  const greys = planes === 1 ? unpackBytes(buffer, width, height) : unpackWords(buffer, width, height);
  const levels = mipmap({ greys, width, height });
  const [lowest, highest] = range(greys);
  const quantiles = quantilesOf(levels.at(-1).greys);
  const header = { width, height, bits, slope, intercept, centre, window };
  return { ...header, function: voiFunction, inverted: inverted === 1, levels, lowest, highest, quantiles };
}

// Each pixel is stored as the zigzag-coded difference from the previous one; the first of a row from the one above.
function unpackWords(buffer, width, height) {
  const count = width * height;
  const low = new Uint8Array(buffer, HEADER, count);
  const high = new Uint8Array(buffer, HEADER + count, count);
  const greys = new Uint16Array(count);
  for (let row = 0, at = 0; row < height; row += 1) {
    let grey = row ? greys[at - width] : 0;
    for (const end = at + width; at < end; at += 1) {
      const folded = low[at] | (high[at] << 8);
      grey += (folded >>> 1) ^ -(folded & 1);
      greys[at] = grey;
    }
  }
  return greys;
}

function unpackBytes(buffer, width, height) {
  const folded = new Uint8Array(buffer, HEADER, width * height);
  const greys = new Uint16Array(folded.length);
  for (let row = 0, at = 0; row < height; row += 1) {
    let grey = row ? greys[at - width] : 0;
    for (const end = at + width; at < end; at += 1) {
      grey += (folded[at] >>> 1) ^ -(folded[at] & 1);
      greys[at] = grey;
    }
  }
  return greys;
}

function mipmap(whole) {
  const levels = [whole];
  while (Math.min(levels.at(-1).width, levels.at(-1).height) > MIN_SIDE) levels.push(halved(levels.at(-1)));
  return levels;
}

function halved({ greys: from, width: stride, height: rows }) {
  const [width, height] = [stride >> 1, rows >> 1];
  const greys = new Uint16Array(width * height);
  for (let row = 0, to = 0; row < height; row += 1) {
    let at = 2 * row * stride;
    for (let column = 0; column < width; column += 1, at += 2, to += 1) {
      greys[to] = (from[at] + from[at + 1] + from[at + stride] + from[at + stride + 1] + 2) >> 2;
    }
  }
  return { greys, width, height };
}

function range(greys) {
  let [lowest, highest] = [greys[0], greys[0]];
  for (let at = 1; at < greys.length; at += 1) {
    const grey = greys[at];
    if (grey < lowest) lowest = grey;
    else if (grey > highest) highest = grey;
  }
  return [lowest, highest];
}

function quantilesOf(greys) {
  const sorted = greys.slice().sort();
  return Array.from({ length: 101 }, (_, percent) => sorted[Math.round((percent / 100) * (sorted.length - 1))]);
}
