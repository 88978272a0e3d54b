// Reading by keys alone: a digit names the finding, Enter signs it and brings the next radiograph.
import { actOn } from "./hotkeys.js";
import { fetchAhead } from "./reading-ahead.js";
import { keepDraft } from "./reading-draft.js";
import { goInPlace } from "./reading-go.js";
import { pressesItself, typing } from "./reading-keys.js";
import { countDown } from "./reading-lease.js";

const find = (selector) => document.querySelector(selector);
const form = () => find("[data-reading]");

function choose(selector, at) {
  const choice = [...form().querySelectorAll(`${selector} input`)].at(at);
  if (!choice) return;
  choice.checked = true;
  choice.focus({ preventScroll: true });
  choice.dispatchEvent(new Event("change", { bubbles: true }));
}

const press = (selector) => find(selector)?.click();
const forward = () => press("[data-sign-next], [data-take] button, [data-next] button");

const always = {
  next: () => press("[data-next] button"),
  prior: () => press("[data-prior]"),
  "take-back": () => press("[data-take-back] button"),
  "second-opinion": () => press("[data-second-opinion] button"),
};
const whileReading = {
  "finding-1": () => choose("[data-findings]", 0),
  "finding-2": () => choose("[data-findings]", 1),
  "finding-3": () => choose("[data-findings]", 2),
  "finding-4": () => choose("[data-findings]", 3),
  "cannot-judge": () => choose("[data-findings]", -1),
  sure: () => choose("[data-confidence]", 0),
  fairly: () => choose("[data-confidence]", 1),
  unsure: () => choose("[data-confidence]", 2),
  note: () => form().querySelector("[data-note]").focus(),
  compare: () => press("[data-sign-stay]"),
  "give-back": () => press("[data-back] button"),
};

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.repeat || event.metaKey || event.isComposing || find("dialog[open]")) return;
  if (key === "Enter" && (event.ctrlKey || !(typing(target) || pressesItself(target)))) {
    event.preventDefault();
    forward();
  } else if (key === "Escape" && target.matches("textarea")) {
    target.blur();
  } else if (!typing(target) && actOn(event, { ...always, ...(form() ? whileReading : {}) })) {
    event.preventDefault();
  }
});

// A second Enter while the first is on its way must not sign again.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => delete form()?.dataset.sent);

let stopCounting = () => {};
function settle() {
  stopCounting();
  if (form()) keepDraft(form());
  stopCounting = countDown(find("[data-lease]"), find("[name=csrfmiddlewaretoken]")?.value);
  fetchAhead();
}

goInPlace(settle);
settle();
