// Keyboard control of the reading page: a digit selects the finding, Enter signs it and opens the next case.
import { actOn } from "./hotkeys.js";
import { storeDraft } from "./reading-draft.js";
import { countDown } from "./reading-lease.js";
import { navigateInPlace } from "./reading-navigate.js";
import { prefetch } from "./reading-prefetch.js";
import { handlesEnter, typing } from "./typing.js";

const find = (selector) => document.querySelector(selector);
const readingForm = () => find("[data-reading]");
const changeForm = () => find("[data-change][open] form"); // after signing, once the reader has opened it
const form = () => readingForm() ?? changeForm();

function choose(selector, index) {
  const choice = [...form().querySelectorAll(`${selector} input`)].at(index);
  if (!choice) return;
  choice.checked = true;
  choice.focus({ preventScroll: true });
  choice.dispatchEvent(new Event("change", { bubbles: true }));
}

const press = (selector) => find(selector)?.click();
const pressMainButton = () => {
  if (changeForm()) changeForm().querySelector("[data-sign-change]").click();
  else press("[data-sign-next], [data-claim] button, [data-next] button");
};

function openChange() {
  const change = find("[data-change]");
  if (!change) return false;
  change.open = true;
  change.scrollIntoView({ block: "nearest" });
  return change.querySelector("[name=finding]").focus({ preventScroll: true });
}

const always = {
  next: () => press("[data-next] button"),
  prior: () => press("[data-prior]"),
  "older-prior": () => press("[data-older-prior]"),
  "undo-signature": () => press("[data-undo-signature] button"),
  "second-opinion": () => press("[data-second-opinion] button"),
  change: openChange,
};
const choosing = {
  "finding-1": () => choose("[data-findings]", 0),
  "finding-2": () => choose("[data-findings]", 1),
  "finding-3": () => choose("[data-findings]", 2),
  "finding-4": () => choose("[data-findings]", 3),
  "cannot-judge": () => choose("[data-findings]", -1),
  sure: () => choose("[data-confidence]", 0),
  fairly: () => choose("[data-confidence]", 1),
  unsure: () => choose("[data-confidence]", 2),
  note: () => form().querySelector("[data-note]").focus(),
};
const whileChanging = { ...choosing, reason: () => form().querySelector("[data-reason]").focus() };
const whileReading = {
  ...choosing,
  compare: () => press("[data-sign-stay]"),
  "release": () => press("[data-release] button"),
};

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.repeat || event.metaKey || event.isComposing || find("dialog[open]")) return;
  if (key === "Enter" && (event.ctrlKey || !(typing(target) || handlesEnter(target)))) {
    event.preventDefault();
    pressMainButton();
  } else if (key === "Escape" && target.matches("textarea")) {
    target.blur();
  } else if (key === "Escape" && changeForm()) {
    find("[data-change]").open = false;
  } else if (!typing(target) && actOn(event, { ...always, ...formActions() })) {
    event.preventDefault();
  }
});

function formActions() {
  if (readingForm()) return whileReading;
  return changeForm() ? whileChanging : {};
}

// A second Enter before the response must not sign twice.
document.addEventListener("submit", (event) => {
  if (event.target.dataset.sent) event.preventDefault();
  event.target.dataset.sent = "yes";
});
window.addEventListener("pageshow", () => delete readingForm()?.dataset.sent);

let stopCountdown = () => {};
function startPage() {
  stopCountdown();
  if (readingForm()) storeDraft(readingForm());
  stopCountdown = countDown(find("[data-lease]"), find("[name=csrfmiddlewaretoken]")?.value);
  prefetch();
}

navigateInPlace(startPage);
startPage();
