// '?' lists the hotkeys of this page: the items of .rr-keys and of <template data-more-keys>.
import { typing } from "./typing.js";

const texts = document.getElementById("rr-texts").dataset;

const items = () => {
  const more = [...document.querySelectorAll("template[data-more-keys]")];
  const visible = [...document.querySelectorAll(".rr-keys > *:not([data-keys-help], template)")];
  return [...visible, ...more.flatMap((template) => [...template.content.children])].map((item) => item.cloneNode(true));
};

const build = () => {
  const dialog = document.createElement("dialog");
  dialog.id = "keys-help";
  dialog.className = "rr-dialog";
  dialog.setAttribute("aria-labelledby", "keys-help-title");
  const title = document.createElement("h2");
  title.id = "keys-help-title";
  title.textContent = texts.keys;
  const list = document.createElement("ul");
  list.className = "rr-keys-list";
  for (const item of items()) {
    const line = document.createElement("li");
    line.append(...(item.querySelector("a") ?? item).childNodes); // the text only, without the link
    list.append(line);
  }
  const close = document.createElement("button");
  close.className = "btn btn-primary";
  close.textContent = texts.close;
  close.addEventListener("click", () => dialog.close());
  const change = document.createElement("a");
  change.className = "btn btn-link";
  change.href = texts.keysPage;
  change.textContent = texts.changeKeys;
  const actions = document.createElement("div");
  actions.className = "rr-actions";
  actions.append(close, change);
  dialog.append(title, list, actions);
  document.body.append(dialog);
  return dialog;
};

const showHelp = () => {
  if (!document.querySelector(".rr-keys")) return;
  const previous = document.getElementById("keys-help");
  if (previous?.open) return;
  previous?.remove(); // htmx may have changed the page and its hotkeys
  build().showModal();
};

document.addEventListener("keydown", (event) => {
  if (event.key === "?" && !event.ctrlKey && !event.metaKey && !typing(event.target)) showHelp();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-keys-help]")) showHelp();
});
