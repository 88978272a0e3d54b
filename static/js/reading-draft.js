// Stores an unsigned reading in the session storage of the tab, so that a reload does not lose it.

export function storeDraft(form) {
  const key = `reading ${form.dataset.draft}`;
  restore(form, JSON.parse(sessionStorage.getItem(key) ?? "{}"));
  const store = () => sessionStorage.setItem(key, JSON.stringify(draftOf(form)));
  form.addEventListener("input", store);
  form.addEventListener("change", store);
  form.addEventListener("submit", () => sessionStorage.removeItem(key));
}

const draftOf = (form) => ({
  finding: form.elements.finding.value,
  confidence: form.elements.confidence.value,
  note: form.elements.note.value,
});

function restore(form, draft) {
  for (const [name, value] of Object.entries(draft)) {
    if (value) form.elements[name].value = value;
  }
}
