// The structured note by keyboard: its hotkey opens the next group, a digit chooses in the focused group, Escape
// leaves. Listens on the document, because the reading page is replaced in place.
import { actOn } from "./hotkeys.js";
import { typing } from "./typing.js";

const shown = (element) => element.offsetParent !== null;
const note = () => [...document.querySelectorAll("[data-note-template]")].find(shown);
const groups = () => [...note().querySelectorAll("[data-note-group]")].filter(shown);
const current = () => document.activeElement?.closest?.("[data-note-group]");

function focusGroup(group) {
  (group?.querySelector("input:checked") ?? group?.querySelector("input"))?.focus();
}

function openNext() {
  if (!note()) return false;
  note().open = true;
  const all = groups();
  focusGroup(all[(all.indexOf(current()) + 1) % all.length]);
  return true;
}

function choose(group, number) {
  const input = group.querySelectorAll("input")[number - 1];
  if (!input) return;
  input.focus();
  input.click();
  if (input.type === "radio") focusGroup(groups()[groups().indexOf(group) + 1] ?? group);
}

// Before the hotkeys of the reading page, whose digits choose the finding.
document.addEventListener(
  "keydown",
  (event) => {
    if (!note() || event.repeat || event.metaKey || event.ctrlKey || event.altKey) return;
    const group = current();
    if (group && /^[1-9]$/.test(event.key)) choose(group, Number(event.key));
    else if (group && event.key === "Escape") document.activeElement.blur();
    else if (typing(event.target) || !actOn(event, { "structured-note": openNext })) return;
    event.preventDefault();
    event.stopImmediatePropagation();
  },
  { capture: true },
);
