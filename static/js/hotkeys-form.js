// The hotkeys form: a key pressed in a field becomes its value. The value can also be typed.

import { chordsOf } from "./hotkeys.js";

for (const field of document.querySelectorAll("[data-hotkey]")) {
  field.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey) return;
    if (["Delete", "Backspace"].includes(event.key)) {
      event.preventDefault();
      field.value = "";
    }
    const chord = chordsOf(event).at(-1); // Shift+1, not the character it produces
    if (!chord || chord === "Space") return;
    event.preventDefault();
    field.value = chord.length === 1 ? chord.toUpperCase() : chord.replace(/.$/, (key) => key.toUpperCase());
    field.select();
  });
}
