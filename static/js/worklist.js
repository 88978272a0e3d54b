// Keys of the worklist: N reads the next case, J and K move between rows, / goes to the search.
import { typing } from "./reading-keys.js";

const links = () => [...document.querySelectorAll("[data-row] a")];

function move(step) {
  const rows = links();
  const at = rows.indexOf(document.activeElement);
  rows[Math.max(0, Math.min(rows.length - 1, at + step))]?.focus();
}

const keys = {
  n: () => document.querySelector("[data-next] button:enabled")?.click(),
  j: () => move(1),
  k: () => move(-1),
  x: () => document.activeElement.closest("[data-row]")?.querySelector("[data-pick]").click(),
  "/": () => document.querySelector("[data-search]").select(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat || typing(event.target)) return;
  const act = keys[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
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
