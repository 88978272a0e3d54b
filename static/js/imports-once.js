// Disables the submit button of a slow form after the first submission and shows its status text.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => {
    form.querySelector("button[type=submit]").disabled = true;
    form.querySelector("[data-once-status]").hidden = false;
  });
}
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // restored from the back-forward cache: the button must be enabled
});
