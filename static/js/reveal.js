// The key that reveals the patient in the banner; the server audits each reveal.
import { actOn } from "./hotkeys.js";
import { typing } from "./typing.js";

document.addEventListener("keydown", (event) => {
  if (event.repeat || event.isComposing || typing(event.target) || document.querySelector("dialog[open]")) return;
  const button = document.querySelector("[data-reveal] button");
  if (button && actOn(event, { reveal: () => button.click() })) event.preventDefault();
});
