// The user's hotkeys: maps chords to actions (the table is in diagnostics/accounts/hotkeys.py).

const json = document.getElementById("rr-hotkeys")?.dataset.keys;
const chords = new Map(); // chord -> actions; two actions share a chord only if no page has both
for (const [action, chord] of Object.entries(JSON.parse(json || "{}"))) {
  chords.set(chord, [...(chords.get(chord) ?? []), action]);
}

// Returns the chords of a key event: 'o', 'Shift+o', 'Shift+1', '[', 'Ctrl+z'. Punctuation is written without
// Shift. Where Shift and a digit produce punctuation, both notations are returned.
export function chordsOf(event) {
  const character = event.key === " " ? "Space" : event.key;
  if (event.metaKey || [...character].length !== 1) return [];
  const altGraph = event.getModifierState?.("AltGraph"); // brackets on many keyboards
  if (event.altKey && !altGraph) return [];
  const control = event.ctrlKey && !altGraph ? "Ctrl+" : "";
  const digit = /^Digit(\d)$/.exec(event.code)?.[1];
  if (/\p{L}/u.test(character)) return [`${control}${event.shiftKey ? "Shift+" : ""}${character.toLowerCase()}`];
  return event.shiftKey && digit ? [`${control}${character}`, `${control}Shift+${digit}`] : [`${control}${character}`];
}

// Runs the action of `actions` that the key is assigned to; returns whether there is one. Only the first assigned
// chord counts: where digits need Shift, Shift+3 must not select a finding and also set a window.
export function actOn(event, actions) {
  const chord = chordsOf(event).find((name) => chords.has(name));
  const action = chords.get(chord)?.find((name) => actions[name]);
  return Boolean(action) && actions[action]() !== false;
}

// Returns whether a released key is assigned to `action`.
export function means(event, action) {
  const released = chordsOf({ ...plain(event), shiftKey: false });
  return released.some((chord) => chords.get(chord)?.includes(action));
}

const plain = ({ key, code, metaKey, altKey, ctrlKey }) => ({ key, code, metaKey, altKey, ctrlKey });
