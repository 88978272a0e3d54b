// The user's keys: which chord means which act (diagnostics/accounts/hotkeys.py has the table).

const told = document.getElementById("rr-hotkeys")?.dataset.keys;
const chords = new Map(); // chord -> acts; two acts share one only where no page knows both
for (const [act, chord] of Object.entries(JSON.parse(told || "{}"))) {
  chords.set(chord, [...(chords.get(chord) ?? []), act]);
}

// How a key is written: 'o', 'Shift+o', 'Shift+1', '[', 'Ctrl+z'. A sign that needs Shift is only the sign;
// where Shift with a digit prints a sign, both are tried.
export function chordsOf(event) {
  const sign = event.key === " " ? "Space" : event.key;
  if (event.metaKey || [...sign].length !== 1) return [];
  const altGraph = event.getModifierState?.("AltGraph"); // brackets on many keyboards
  if (event.altKey && !altGraph) return [];
  const control = event.ctrlKey && !altGraph ? "Ctrl+" : "";
  const digit = /^Digit(\d)$/.exec(event.code)?.[1];
  if (/\p{L}/u.test(sign)) return [`${control}${event.shiftKey ? "Shift+" : ""}${sign.toLowerCase()}`];
  return event.shiftKey && digit ? [`${control}${sign}`, `${control}Shift+${digit}`] : [`${control}${sign}`];
}

// Runs the one of `acts` that this key means; says whether there was one. A chord that means anything at all
// is taken as that: where digits need Shift, Shift+3 must not name a finding and set a window as well.
export function actOn(event, acts) {
  const chord = chordsOf(event).find((name) => chords.has(name));
  const act = chords.get(chord)?.find((name) => acts[name]);
  return Boolean(act) && acts[act]() !== false;
}

// Says whether this key, let go, is the one that means `act`.
export function means(event, act) {
  const own = chordsOf({ ...plain(event), shiftKey: false });
  return own.some((chord) => chords.get(chord)?.includes(act));
}

const plain = ({ key, code, metaKey, altKey, ctrlKey }) => ({ key, code, metaKey, altKey, ctrlKey });
