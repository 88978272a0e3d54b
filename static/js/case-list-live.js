// Keeps the list of cases up to date: asks every few seconds, and replaces only the rows that have changed.

const INTERVAL = 10_000; // milliseconds
const live = document.querySelector("[data-live]");
let latest = 0; // number of the newest request; an older response is discarded

const searched = () => document.querySelector("[data-search]")?.value.trim() ?? "";

// A request by the user is audited as a search and extends the session; `HX-Request` marks the others.
function request(byUser) {
  const headers = byUser
    ? {}
    : { "HX-Request": "true", "X-Readroom-Polling": "yes", "If-None-Match": live.dataset.etag };
  const address = `${live.dataset.live}${location.search}`;
  const form = document.querySelector("[data-search-form]");
  return searched()
    ? fetch(address, { method: "POST", headers, body: new FormData(form) })
    : fetch(address, { headers });
}

export async function refresh({ byUser = false } = {}) {
  const number = ++latest;
  let response;
  try {
    response = await request(byUser);
  } catch {
    return; // offline: the next interval tries again
  }
  const login = response.headers.get("HX-Redirect");
  if (login) location.assign(login);
  if (number !== latest || response.status !== 200 || response.redirected) return;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  live.dataset.etag = response.headers.get("ETag");
  merge(page);
}

function merge(page) {
  mergeTabs(page);
  mergeCases(page);
  const shown = page.querySelector("[data-part=shown]").textContent;
  const status = live.querySelector("[data-part=shown]");
  if (status.textContent !== shown) status.textContent = shown; // announced, politely
  window.htmx.process(live);
  document.dispatchEvent(new Event("case-list:changed"));
}

function mergeTabs(page) {
  const counts = [...page.querySelectorAll("[data-part=tabs] a span")].map((span) => span.textContent);
  for (const [index, span] of live.querySelectorAll("[data-part=tabs] a span").entries()) {
    if (span.textContent !== counts[index]) span.textContent = counts[index];
  }
}

function mergeCases(page) {
  const [now, then] = [live, page].map((root) => root.querySelector("[data-rows]"));
  if (now && then) {
    mergeRows(now, then);
    mergePager(page);
    return;
  }
  live.querySelector("[data-part=cases]").replaceWith(page.querySelector("[data-part=cases]"));
}

function mergePager(page) {
  const [now, then] = [live, page].map((root) => root.querySelector(".rr-pager"));
  if (now && then) now.replaceChildren(...then.childNodes);
  else if (now) now.remove();
  else if (then) live.querySelector("[data-part=cases]").append(then);
}

function mergeRows(now, then) {
  const present = new Map([...now.children].map((row) => [row.dataset.row, row]));
  const focused = document.activeElement?.closest?.("[data-row]");
  let place = now.firstElementChild;
  for (const incoming of [...then.children]) {
    const old = present.get(incoming.dataset.row);
    present.delete(incoming.dataset.row);
    const row = old ? updated(old, incoming) : incoming;
    if (row === place) place = place.nextElementSibling;
    else now.insertBefore(row, place);
  }
  const next = focused && present.has(focused.dataset.row) ? nextLink(focused) : null;
  for (const row of present.values()) row.remove();
  next?.focus();
}

// Returns the row as the server sees it now, with the user's selection and focus.
function updated(old, incoming) {
  if (old.dataset.version === incoming.dataset.version) return old;
  const focused = old.contains(document.activeElement) ? document.activeElement : null;
  const selector = focused?.matches("[data-pick]") ? "[data-pick]" : ".rr-row-link";
  incoming.querySelector("[data-pick]").checked = old.querySelector("[data-pick]").checked;
  incoming.querySelector("img").replaceWith(old.querySelector("img")); // not requested again
  old.dataset.version = incoming.dataset.version;
  old.className = incoming.className;
  old.replaceChildren(...incoming.childNodes);
  if (focused) old.querySelector(selector).focus();
  return old;
}

// Returns the link of the row after one that is about to leave, so that the keyboard keeps its place.
function nextLink(row) {
  const neighbour = row.nextElementSibling ?? row.previousElementSibling;
  return neighbour?.querySelector(".rr-row-link");
}

const due = () => !document.hidden && refresh();
setInterval(due, INTERVAL);
document.addEventListener("visibilitychange", due);
