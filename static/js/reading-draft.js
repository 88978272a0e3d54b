// Stores an unsigned reading in the session storage of the tab, so that a reload does not lose it.

export function storeDraft(form) {
  const key = `reading ${form.dataset.draft}`;
  restore(form, JSON.parse(sessionStorage.getItem(key) ?? "{}"));
  const store = () => sessionStorage.setItem(key, JSON.stringify(draftOf(form)));
  form.addEventListener("input", store);
  form.addEventListener("change", store);
  form.addEventListener("reading:sent", () => sessionStorage.removeItem(key)); // only once the server has it
}

const draftOf = (form) => ({
  finding: form.elements.finding.value,
  confidence: form.elements.confidence.value,
  note: form.elements.note.value,
  structured: [...new FormData(form)].filter(([name]) => name.startsWith("structured-")),
});

function restore(form, { structured = [], ...draft }) {
  for (const [name, value] of Object.entries(draft)) {
    if (value) form.elements[name].value = value;
  }
  for (const input of form.querySelectorAll("[data-note-group] input")) {
    if (structured.some(([name, value]) => name === input.name && value === input.value)) input.checked = true;
  }
  if (structured.length) form.querySelector("[data-note-template]").open = true;
}
