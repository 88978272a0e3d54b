// Keys of the worklist, as its reader has them: next case, rows, choosing, search.
import { actOn } from "./hotkeys.js";
import { typing } from "./reading-keys.js";

const links = () => [...document.querySelectorAll("[data-row] a")];

function move(step) {
  const rows = links();
  const at = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, at + step))]?.focus();
}

const acts = {
  next: () => document.querySelector("[data-next] button:enabled")?.click(),
  "row-down": () => move(1),
  "row-up": () => move(-1),
  "choose-row": () => document.activeElement.closest("[data-row]")?.querySelector("[data-pick]").click(),
  search: () => document.querySelector("[data-search]").select(),
};

document.addEventListener("keydown", (event) => {
  if (event.repeat || typing(event.target) || document.querySelector("dialog[open]")) return;
  if (actOn(event, acts)) event.preventDefault();
});

document.addEventListener("change", (event) => {
  if (!event.target.matches("[data-pick-all]")) return;
  for (const pick of document.querySelectorAll("[data-pick]")) pick.checked = event.target.checked;
});

// What somebody has chosen or is writing must not be swept away by the table's renewal.
document.body.addEventListener("htmx:beforeRequest", (event) => {
  const list = document.querySelector("#worklist");
  const busy = list?.querySelector("[data-pick]:checked, input:focus, select:focus");
  if (event.target === list && busy) event.preventDefault();
});
