// Greys and windows of a radiograph: modality values, the initial window, presets, and the readout.

const FUNCTIONS = ["LINEAR", "LINEAR_EXACT", "SIGMOID"]; // DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3

// The display PNG: its 256 greys are the initial window; greys outside it are lost.
export function radiographOfImage(image) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const greys = { slope: 1, intercept: 0, centre: 127.5, window: 255, inverted: false, lowest: 0, highest: 255 };
  return { image, width, height, bits: 8, function: "LINEAR_EXACT", quantiles: quantilesOfImage(image), ...greys };
}

// The pixels unpacked by viewer-unpack.js: every stored grey.
export function radiographOfPixels(unpacked) {
  return { ...unpacked, function: FUNCTIONS[unpacked.function] };
}

function quantilesOfImage(image) {
  const context = new OffscreenCanvas(64, 64).getContext("2d");
  context.drawImage(image, 0, 0, 64, 64);
  const greys = context.getImageData(0, 0, 64, 64).data.filter((_, at) => at % 4 === 0).sort();
  return Array.from({ length: 101 }, (_, percent) => greys[Math.round((percent / 100) * (greys.length - 1))]);
}

// Width and level in modality values.
export function realWindow(radiograph, view) {
  return { width: view.width * radiograph.window, level: radiograph.centre + (view.level - 0.5) * radiograph.window };
}

// Stored greys from `low` to `low + span` run from black to white; a sigmoid runs through the same middle.
export function ramp(radiograph, view, inverted) {
  const { width, level } = realWindow(radiograph, view);
  const linear = radiograph.function === "LINEAR";
  const span = linear ? Math.max(width - 1, 1e-6) : width;
  const low = (linear ? level - 0.5 : level) - span / 2;
  return {
    low: (low - radiograph.intercept) / radiograph.slope,
    span: span / radiograph.slope,
    sigmoid: radiograph.function === "SIGMOID",
    flip: radiograph.inverted !== inverted,
  };
}

// Returns the displayed grey, 0 to 1, of a stored one.
export function shownGrey(stored, { low, span, sigmoid, flip }) {
  const share = (stored - low) / span;
  const grey = sigmoid ? 1 / (1 + Math.exp(-4 * (share - 0.5))) : Math.min(1, Math.max(0, share));
  return flip ? 1 - grey : grey;
}

// Returns the limits of the window, in units of the initial one.
export function boundsOf(radiograph) {
  const ends = [radiograph.lowest, radiograph.highest].map((stored) => stored * radiograph.slope + radiograph.intercept);
  const relative = (value) => (value - radiograph.centre) / radiograph.window + 0.5;
  const [low, high] = ends.map(relative).sort((a, b) => a - b);
  return {
    narrowest: (radiograph.function === "LINEAR" ? 2 : 1) * Math.abs(radiograph.slope) / radiograph.window,
    widest: Math.max(2, 2 * (high - low)),
    lowest: Math.min(0, low),
    highest: Math.max(1, high),
  };
}

// Windows between two percentiles of the radiograph's greys, the darkest first.
const PRESETS = [null, [0, 100], [2, 65], [35, 99], [20, 80]];

export function applyPreset(radiograph, view, number) {
  const ends = PRESETS[number];
  view.remember("preset");
  if (!ends) return view.windowTo(1, 0.5);
  const isReversed = radiograph.inverted !== radiograph.slope < 0;
  const at = (percent) => radiograph.quantiles[isReversed ? 100 - percent : percent];
  const stored = number === 1 ? [radiograph.lowest, radiograph.highest] : ends.map(at);
  const [low, high] = stored.map((grey) => grey * radiograph.slope + radiograph.intercept).sort((a, b) => a - b);
  const width = Math.max(high - low, Math.abs(radiograph.slope)) / radiograph.window;
  return view.windowTo(width, ((low + high) / 2 - radiograph.centre) / radiograph.window + 0.5);
}

export function readout(radiograph, view, percent, rotationText) {
  const { width, level } = realWindow(radiograph, view);
  const digits = radiograph.window < 20 ? 1 : 0;
  const rotation = view.turns ? `  ${rotationText.replace("%s", view.turns * 90)}` : "";
  return `W ${width.toFixed(digits)} L ${level.toFixed(digits)}  ${percent} %${rotation}`;
}
