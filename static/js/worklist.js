// Keyboard control, search and saved-view counts of the worklist.
import { actOn } from "./hotkeys.js";
import { typing } from "./typing.js";

const rowLinks = () => [...document.querySelectorAll("[data-row] a")];

function moveFocus(step) {
  const links = rowLinks();
  const index = links.indexOf(document.activeElement);
  links[Math.max(0, Math.min(links.length - 1, index + step))]?.focus();
}

const acts = {
  next: () => document.querySelector("[data-next] button:enabled")?.click(),
  "row-down": () => moveFocus(1),
  "row-up": () => moveFocus(-1),
  "select-row": () => document.activeElement.closest("[data-row]")?.querySelector("[data-pick]").click(),
  "undo-signature": () => document.querySelector("[data-undo-signature] button")?.click(),
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

// Search while the user types. The address remains the view, and Enter submits the form as usual.
const DEBOUNCE = 400; // milliseconds
const MIN_LENGTH = 3; // characters
let pendingSearch;

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-search]")) return;
  clearTimeout(pendingSearch);
  const { form, value } = event.target;
  if (value.trim() && value.trim().length < MIN_LENGTH) return;
  pendingSearch = setTimeout(() => {
    const address = `?${new URLSearchParams(new FormData(form))}`;
    history.replaceState(null, "", address);
    window.htmx.ajax("GET", address, { target: "#worklist", select: "#worklist", swap: "outerHTML" });
  }, DEBOUNCE);
});

// The periodic refresh must not discard a selection or a focused field.
document.body.addEventListener("htmx:beforeRequest", (event) => {
  const list = document.querySelector("#worklist");
  const inUse = list?.querySelector("[data-pick]:checked, input:focus, select:focus");
  if (event.target === list && inUse) event.preventDefault();
});

// The counts of saved views are loaded after the table, because counting is slow.
const COUNTS_KEY = "saved view counts";
const countElements = () => [...document.querySelectorAll("[data-count-of]")];

function showCounts(counts) {
  for (const element of countElements()) element.textContent = counts[element.dataset.countOf] ?? "";
}

async function loadCounts() {
  if (!countElements().length) return;
  showCounts(JSON.parse(sessionStorage.getItem(COUNTS_KEY) ?? "{}")); // the last ones, so that nothing flickers
  try {
    // Background requests do not extend the session; the header marks them, as htmx does.
    const address = document.querySelector("[data-view-counts]").dataset.viewCounts;
    const response = await fetch(address, { headers: { "HX-Request": "true" } });
    if (!response.ok) return;
    const counts = await response.json();
    sessionStorage.setItem(COUNTS_KEY, JSON.stringify(counts));
    showCounts(counts);
  } catch {
    // The last counts stay.
  }
}

loadCounts();
document.body.addEventListener("htmx:afterSwap", (event) => event.target.id === "worklist" && loadCounts());
