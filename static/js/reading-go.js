// Goes on without leaving the page: what is unpacked already stays, so that the next radiograph stands at once.
// Every step that goes wrong falls back to what the browser does by itself.

const ROOM = ".reading-room";
const isRoom = (url) => /\/review\/[0-9a-f-]{36}\/$/.test(new URL(url, document.baseURI).pathname);

// Calls `settle` whenever another page stands in the place of this one.
export function goInPlace(settle) {
  document.addEventListener("submit", (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || !form.matches("[data-go]")) return;
    event.preventDefault();
    send(form, submitter, settle).catch(() => byItself(form, submitter));
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-go]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    enter(link.href, settle).catch(() => location.assign(link.href));
  });
  window.addEventListener("popstate", () => location.reload());
}

async function send(form, submitter, settle) {
  const body = new FormData(form, submitter);
  const answer = await fetch(form.action, { method: "POST", body, headers: { "X-Readroom-Go": "yes" } });
  const to = answer.headers.get("X-Readroom-To");
  if (to && isRoom(to)) return enter(to, settle);
  if (to || answer.redirected) return location.assign(to ?? answer.url);
  if (answer.status >= 500) throw new Error(`refused: ${answer.status}`);
  return put(await answer.text(), form.action, settle); // what was wrong with the answer
}

async function enter(url, settle) {
  const answer = await fetch(url);
  if (!answer.ok || answer.redirected) return location.assign(url);
  return put(await answer.text(), url, settle);
}

function put(html, url, settle) {
  const next = new DOMParser().parseFromString(html, "text/html");
  const main = next.querySelector(`main${ROOM}`);
  if (!main) return location.assign(isRoom(url) ? url : location.href);
  document.title = next.title;
  for (const part of ["main", ".rr-nav"]) {
    const [old, fresh] = [document, next].map((page) => page.querySelector(part));
    if (old && fresh) old.replaceWith(document.adoptNode(fresh));
  }
  if (isRoom(url)) history.pushState(null, "", url);
  document.dispatchEvent(new Event("radiograph:attach"));
  settle();
  return document.querySelector("main").focus({ preventScroll: true });
}

function byItself(form, submitter) {
  if (submitter?.name) {
    const chosen = document.createElement("input");
    Object.assign(chosen, { type: "hidden", name: submitter.name, value: submitter.value });
    form.append(chosen);
  }
  form.submit();
}
