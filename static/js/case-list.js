// Keyboard, selection and search of the list of cases.
import { actOn } from "./hotkeys.js";
import { refresh } from "./case-list-live.js";
import { typing } from "./typing.js";

const rowLinks = () => [...document.querySelectorAll("[data-row] .rr-row-link")];

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
  reveal: () => document.activeElement.closest("[data-row]")?.querySelector("[data-reveal]")?.click(),
  "undo-signature": () => document.querySelector("[data-undo-signature] button")?.click(),
  search: () => document.querySelector("[data-search]").select(),
};
const arrows = { ArrowDown: 1, ArrowUp: -1 };

// The arrow keys move between rows, but scroll as usual until a row has the focus; from the search they enter it.
function moves(event) {
  if (!arrows[event.key] || event.ctrlKey || event.metaKey || event.altKey || event.shiftKey) return false;
  return event.target.matches("[data-search]") || Boolean(event.target.closest("[data-row]"));
}

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if (moves(event)) {
    moveFocus(arrows[event.key]);
    event.preventDefault();
  } else if (!event.repeat && !typing(event.target) && actOn(event, acts)) {
    event.preventDefault();
  }
});

// The selection: a bar that counts it.
function countSelected() {
  const output = document.querySelector("[data-selected]");
  if (!output) return;
  const boxes = [...document.querySelectorAll("[data-pick]")];
  const count = boxes.filter((box) => box.checked).length;
  const { one, many } = output.dataset;
  const text = count === 1 ? one : many.replace("%d", String(count));
  if (output.textContent !== text) output.textContent = text;
  for (const box of boxes) box.closest("tr").setAttribute("aria-selected", String(box.checked));
  const all = document.querySelector("[data-pick-all]");
  all.checked = count > 0 && count === boxes.length;
  all.indeterminate = count > 0 && count < boxes.length;
}

document.addEventListener("change", (event) => {
  if (event.target.matches("[data-pick-all]")) {
    for (const pick of document.querySelectorAll("[data-pick]")) pick.checked = event.target.checked;
  }
  if (event.target.matches("[data-pick], [data-pick-all]")) countSelected();
});
document.addEventListener("case-list:changed", countSelected);
countSelected(); // the browser restores checked boxes when the user comes back

// Search while the user types. The text is posted, so that it is in no address, history or log.
const DEBOUNCE = 300; // milliseconds
let pendingSearch;

document.addEventListener("input", (event) => {
  if (!event.target.matches("[data-search]")) return;
  clearTimeout(pendingSearch);
  const { value, minLength } = event.target;
  if (value.trim() && value.trim().length < minLength) return;
  pendingSearch = setTimeout(() => refresh({ byUser: true }), DEBOUNCE);
});

document.addEventListener("submit", (event) => {
  if (!event.target.matches("[data-search-form]")) return;
  event.preventDefault();
  clearTimeout(pendingSearch);
  refresh({ byUser: true });
});
