// Keeps an unsigned answer in this tab, so that a reload or a look at the worklist does not lose it.

export function keepDraft(form) {
  const key = `reading ${form.dataset.draft}`;
  restore(form, JSON.parse(sessionStorage.getItem(key) ?? "{}"));
  form.addEventListener("input", () => sessionStorage.setItem(key, JSON.stringify(answer(form))));
  form.addEventListener("change", () => sessionStorage.setItem(key, JSON.stringify(answer(form))));
  form.addEventListener("submit", () => sessionStorage.removeItem(key));
}

const answer = (form) => ({
  finding: form.elements.finding.value,
  confidence: form.elements.confidence.value,
  note: form.elements.note.value,
});

function restore(form, draft) {
  for (const [name, value] of Object.entries(draft)) {
    if (value) form.elements[name].value = value;
  }
}
