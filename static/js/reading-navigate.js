// Loads the next reading page in place, so that prefetched images stay in memory. After any error the browser
// submits the form or follows the link itself.

const PAGE = ".reading-page";
const isReadingPage = (url) => /\/review\/[0-9a-f-]{36}\/$/.test(new URL(url, document.baseURI).pathname);

// Calls `onPage` whenever another page has been loaded in place.
export function navigateInPlace(onPage) {
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || !form.matches("[data-navigate]")) return;
    event.preventDefault();
    send(form, submitter, onPage).catch(() => submitNatively(form, submitter));
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-navigate]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    open(link.href, onPage).catch(() => location.assign(link.href));
  });
  let shown = location.pathname + location.search;
  window.addEventListener("popstate", () => {
    if (location.pathname + location.search !== shown) location.reload(); // not for a link within the page
  });
  document.addEventListener("reading:shown", () => {
    shown = location.pathname + location.search;
  });
}

async function send(form, submitter, onPage) {
  const body = new FormData(form, submitter);
  const response = await fetch(form.action, { method: "POST", body, headers: { "X-Readroom-Navigate": "yes" } });
  const next = response.headers.get("X-Readroom-Location");
  if (next) form.dispatchEvent(new Event("reading:sent"));
  if (next && isReadingPage(next)) return open(next, onPage);
  if (next || response.redirected) return location.assign(next ?? response.url);
  if (response.status >= 500) throw new Error(`status ${response.status}`);
  return replacePage(await response.text(), form.action, onPage); // the form with its errors
}

async function open(url, onPage) {
  const response = await fetch(url);
  if (!response.ok || response.redirected) return location.assign(url);
  return replacePage(await response.text(), url, onPage);
}

function replacePage(html, url, onPage) {
  const next = new DOMParser().parseFromString(html, "text/html");
  if (!next.querySelector(`main${PAGE}`)) return location.assign(isReadingPage(url) ? url : location.href);
  document.title = next.title;
  for (const part of ["main", ".rr-nav"]) {
    const [current, replacement] = [document, next].map((page) => page.querySelector(part));
    if (current && replacement) current.replaceWith(document.adoptNode(replacement));
  }
  window.htmx?.process(document.querySelector("main"));
  if (isReadingPage(url)) history.pushState(null, "", url);
  document.dispatchEvent(new Event("reading:shown"));
  document.dispatchEvent(new Event("radiograph:attach"));
  onPage();
  return document.querySelector("main").focus({ preventScroll: true });
}

function submitNatively(form, submitter) {
  if (submitter?.name) {
    const field = document.createElement("input");
    Object.assign(field, { type: "hidden", name: submitter.name, value: submitter.value });
    form.append(field);
  }
  form.submit();
}
