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
  "take-back": () => document.querySelector("[data-take-back] button")?.click(),
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

// The search finds while somebody types; its address stays the view, and Enter does the same as ever.
const PAUSE = 400; // milliseconds
const FEWEST = 3; // letters
let waiting;

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-search]")) return;
  clearTimeout(waiting);
  const { form, value } = event.target;
  if (value.trim() && value.trim().length < FEWEST) return;
  waiting = setTimeout(() => {
    const address = `?${new URLSearchParams(new FormData(form))}`;
    history.replaceState(null, "", address);
    window.htmx.ajax("GET", address, { target: "#worklist", select: "#worklist", swap: "outerHTML" });
  }, PAUSE);
});

// What somebody has chosen or is writing must not be swept away by the table's renewal.
document.body.addEventListener("htmx:beforeRequest", (event) => {
  const list = document.querySelector("#worklist");
  const busy = list?.querySelector("[data-pick]:checked, input:focus, select:focus");
  if (event.target === list && busy) event.preventDefault();
});

// How many radiographs each kept view holds: asked once the table stands, so that counting does not hold it up.
const KEPT = "radiographs of views";
const places = () => [...document.querySelectorAll("[data-count-of]")];

function show(counts) {
  for (const place of places()) place.textContent = counts[place.dataset.countOf] ?? "";
}

async function countViews() {
  if (!places().length) return;
  show(JSON.parse(sessionStorage.getItem(KEPT) ?? "{}")); // as known, so that no number goes and comes
  try {
    // A page that renews itself keeps no session alive; the header says so, as htmx's own does.
    const address = document.querySelector("[data-view-counts]").dataset.viewCounts;
    const answer = await fetch(address, { headers: { "HX-Request": "true" } });
    if (!answer.ok) return;
    const counts = await answer.json();
    sessionStorage.setItem(KEPT, JSON.stringify(counts));
    show(counts);
  } catch {
    // The numbers then stay as they are.
  }
}

countViews();
document.body.addEventListener("htmx:afterSwap", (event) => event.target.id === "worklist" && countViews());
