// '?' lists the keys that work on this page: what stands in .rr-keys, and in <template data-more-keys>.
const words = document.getElementById("rr-words").dataset;

const typing = (target) => target.closest("input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable]");

const listed = () => {
  const more = [...document.querySelectorAll("template[data-more-keys]")];
  const items = [...document.querySelectorAll(".rr-keys > *:not([data-keys-help], template)")];
  return [...items, ...more.flatMap((template) => [...template.content.children])].map((item) => item.cloneNode(true));
};

const build = () => {
  const dialog = document.createElement("dialog");
  dialog.id = "keys-help";
  dialog.className = "rr-dialog";
  dialog.setAttribute("aria-labelledby", "keys-help-title");
  const title = document.createElement("h2");
  title.id = "keys-help-title";
  title.textContent = words.keys;
  const list = document.createElement("ul");
  list.className = "rr-keys-list";
  for (const item of listed()) {
    const line = document.createElement("li");
    line.append(...(item.querySelector("a") ?? item).childNodes); // words, not something else to press
    list.append(line);
  }
  const close = document.createElement("button");
  close.className = "btn btn-primary";
  close.textContent = words.close;
  close.addEventListener("click", () => dialog.close());
  const change = document.createElement("a");
  change.className = "btn btn-link";
  change.href = words.keysPage;
  change.textContent = words.changeKeys;
  const actions = document.createElement("div");
  actions.className = "rr-actions";
  actions.append(close, change);
  dialog.append(title, list, actions);
  document.body.append(dialog);
  return dialog;
};

const help = () => {
  if (!document.querySelector(".rr-keys")) return;
  const before = document.getElementById("keys-help");
  if (before?.open) return;
  before?.remove(); // the page may have changed since, and with it the keys that act
  build().showModal();
};

document.addEventListener("keydown", (event) => {
  if (event.key === "?" && !event.ctrlKey && !event.metaKey && !typing(event.target)) help();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys-help]")) help();
});
