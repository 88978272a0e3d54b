// The counts of saved views are loaded after the table, because counting is slow.
const KEY = "saved view counts";
const elements = () => [...document.querySelectorAll("[data-count-of]")];

function show(counts) {
  for (const element of elements()) element.textContent = counts[element.dataset.countOf] ?? "";
}

async function load() {
  if (!elements().length) return;
  show(JSON.parse(sessionStorage.getItem(KEY) ?? "{}")); // the last ones, so that nothing flickers
  try {
    // Background requests do not extend the session; the header marks them, as htmx does.
    const address = document.querySelector("[data-view-counts]").dataset.viewCounts;
    const response = await fetch(address, { headers: { "HX-Request": "true" } });
    if (!response.ok) return;
    const counts = await response.json();
    sessionStorage.setItem(KEY, JSON.stringify(counts));
    show(counts);
  } catch {
    // The last counts stay.
  }
}

load();
document.addEventListener("case-list:changed", load);
