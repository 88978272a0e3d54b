// A film's greys and its windows: real values, the window it starts with, presets, and what is shown of them.

const FUNCTIONS = ["LINEAR", "LINEAR_EXACT", "SIGMOID"]; // DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3

// The display PNG: its 256 greys are the starting window; nothing beyond it is known.
export function filmOfImage(image) {
  const { naturalWidth: width, naturalHeight: height } = image;
  const greys = { slope: 1, intercept: 0, centre: 127.5, window: 255, turned: false, lowest: 0, highest: 255 };
  return { image, width, height, bits: 8, function: "LINEAR_EXACT", quantiles: quantilesOfImage(image), ...greys };
}

// What the worker unpacked (viewer-unpack.js): every grey that was stored.
export function filmOfPixels(told) {
  return { ...told, function: FUNCTIONS[told.function] };
}

function quantilesOfImage(image) {
  const pen = new OffscreenCanvas(64, 64).getContext("2d");
  pen.drawImage(image, 0, 0, 64, 64);
  const greys = pen.getImageData(0, 0, 64, 64).data.filter((_, at) => at % 4 === 0).sort();
  return Array.from({ length: 101 }, (_, percent) => greys[Math.round((percent / 100) * (greys.length - 1))]);
}

// Width and level in real values, as a modality writes them.
export function realWindow(film, view) {
  return { width: view.width * film.window, level: film.centre + (view.level - 0.5) * film.window };
}

// Stored greys from `low` to `low + span` run from black to white; a sigmoid runs through the same middle.
export function ramp(film, view, inverted) {
  const { width, level } = realWindow(film, view);
  const linear = film.function === "LINEAR";
  const span = linear ? Math.max(width - 1, 1e-6) : width;
  const low = (linear ? level - 0.5 : level) - span / 2;
  return {
    low: (low - film.intercept) / film.slope,
    span: span / film.slope,
    sigmoid: film.function === "SIGMOID",
    flip: film.turned !== inverted,
  };
}

// The screen's grey, 0 to 1, of a stored one.
export function shownGrey(stored, { low, span, sigmoid, flip }) {
  const share = (stored - low) / span;
  const grey = sigmoid ? 1 / (1 + Math.exp(-4 * (share - 0.5))) : Math.min(1, Math.max(0, share));
  return flip ? 1 - grey : grey;
}

// How far the window may go, in shares of the starting one.
export function boundsOf(film) {
  const ends = [film.lowest, film.highest].map((stored) => stored * film.slope + film.intercept);
  const share = (real) => (real - film.centre) / film.window + 0.5;
  const [low, high] = ends.map(share).sort((a, b) => a - b);
  return {
    narrowest: (film.function === "LINEAR" ? 2 : 1) * Math.abs(film.slope) / film.window,
    widest: Math.max(2, 2 * (high - low)),
    lowest: Math.min(0, low),
    highest: Math.max(1, high),
  };
}

// Windows by the film's own greys: [from, to] in percent of its area, the darkest first.
const PRESETS = [null, [0, 100], [2, 65], [35, 99], [20, 80]];

export function applyPreset(film, view, number) {
  const ends = PRESETS[number];
  view.remember("preset");
  if (!ends) return view.windowTo(1, 0.5);
  const dark = film.turned !== film.slope < 0;
  const at = (percent) => film.quantiles[dark ? 100 - percent : percent];
  const stored = number === 1 ? [film.lowest, film.highest] : ends.map(at);
  const [low, high] = stored.map((grey) => grey * film.slope + film.intercept).sort((a, b) => a - b);
  const width = Math.max(high - low, Math.abs(film.slope)) / film.window;
  return view.windowTo(width, ((low + high) / 2 - film.centre) / film.window + 0.5);
}

export function readout(film, view, percent, turnedWords) {
  const { width, level } = realWindow(film, view);
  const digits = film.window < 20 ? 1 : 0;
  const turned = view.turns ? `  ${turnedWords.replace("%s", view.turns * 90)}` : "";
  return `W ${width.toFixed(digits)} L ${level.toFixed(digits)}  ${percent} %${turned}`;
}
