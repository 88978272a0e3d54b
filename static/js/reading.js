// Reading by keys alone: a digit names the finding, Enter signs it and brings the next film.
import { keepDraft } from "./reading-draft.js";
import { pressesItself, typing } from "./reading-keys.js";
import { countDown } from "./reading-lease.js";

const form = document.querySelector("[data-reading]");
const find = (selector) => document.querySelector(selector);

function choose(selector, at) {
  const choices = form ? [...form.querySelectorAll(`${selector} input`)] : [];
  const choice = choices.at(at);
  if (!choice) return;
  choice.checked = true;
  choice.focus({ preventScroll: true });
  choice.dispatchEvent(new Event("change", { bubbles: true }));
}

const press = (selector) => find(selector)?.click();
const forward = () => press("[data-sign-next], [data-take] button, [data-next] button");

const keys = {
  1: () => choose("[data-findings]", 0),
  2: () => choose("[data-findings]", 1),
  3: () => choose("[data-findings]", 2),
  4: () => choose("[data-findings]", 3),
  u: () => choose("[data-findings]", -1),
  7: () => choose("[data-confidence]", 0),
  8: () => choose("[data-confidence]", 1),
  9: () => choose("[data-confidence]", 2),
  t: () => form?.querySelector("[data-note]").focus(),
  s: () => press("[data-sign-stay]"),
  b: () => press("[data-back] button"),
  n: () => press("[data-next] button"),
  f: () => press("[data-second-opinion] button"),
  p: () => press("[data-prior]"),
};

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.repeat || event.metaKey || event.altKey || event.isComposing || find("dialog[open]")) return;
  if (key === "Enter" && (event.ctrlKey || !(typing(target) || pressesItself(target)))) {
    event.preventDefault();
    forward();
  } else if (key === "Escape" && target.matches("textarea")) {
    target.blur();
  } else if (!event.ctrlKey && !typing(target) && keys[key.toLowerCase()]) {
    event.preventDefault();
    keys[key.toLowerCase()]();
  }
});

// A second Enter while the first is on its way must not sign again.
form?.addEventListener("submit", (event) => {
  if (form.dataset.sent) event.preventDefault();
  form.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => delete form?.dataset.sent);

if (form) keepDraft(form);
countDown(find("[data-lease]"), form?.querySelector("[name=csrfmiddlewaretoken]")?.value);
