// A worker: fetches a radiograph in full depth, unpacks it (ml/depth.py tells the format) and halves it step by
// step for views of the whole radiograph. The reading thread stays free.

const HEADER = 64; // bytes
const SMALLEST = 200; // pixels: halving ends here

self.addEventListener("message", async ({ data: { id, url, ahead } }) => {
  try {
    const radiograph = unpack(await load(url, ahead));
    self.postMessage({ id, radiograph }, radiograph.levels.map((level) => level.greys.buffer));
  } catch (trouble) {
    self.postMessage({ id, trouble: String(trouble) });
  }
});

async function load(url, ahead) {
  const headers = ahead ? { "X-Readroom-Ahead": "yes" } : {};
  const answer = await fetch(url, { headers, priority: ahead ? "low" : "high" });
  if (!answer.ok || answer.redirected) throw new Error(`the radiograph was refused: ${answer.status}`);
  const plain = answer.body.pipeThrough(new DecompressionStream("gzip"));
  return new Response(plain).arrayBuffer();
}

function unpack(buffer) {
  const head = new DataView(buffer);
  if (head.getUint32(0) !== 0x52525058) throw new Error("this is no radiograph"); // RRPX
  const [planes, fn, turned, bits] = [4, 5, 6, 7].map((at) => head.getUint8(at));
  const [height, width] = [8, 12].map((at) => head.getUint32(at, true));
  const [slope, intercept, centre, window] = [16, 24, 32, 40].map((at) => head.getFloat64(at, true));
  const greys = planes === 1 ? narrow(buffer, width, height) : wide(buffer, width, height);
  const levels = halved({ greys, width, height });
  const [lowest, highest] = ends(greys);
  const quantiles = quantilesOf(levels.at(-1).greys);
  const facts = { width, height, bits, slope, intercept, centre, window, function: fn, turned: turned === 1 };
  return { ...facts, levels, lowest, highest, quantiles };
}

// Each pixel is told as its folded difference from the one before it; a row's first from the one above.
function wide(buffer, width, height) {
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

function narrow(buffer, width, height) {
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

function halved(whole) {
  const levels = [whole];
  while (Math.min(levels.at(-1).width, levels.at(-1).height) > SMALLEST) levels.push(half(levels.at(-1)));
  return levels;
}

function half({ greys: from, width: stride, height: rows }) {
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

function ends(greys) {
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
