// A form that takes long is sent once, and says that it is at work.
for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", () => {
    form.querySelector("button[type=submit]").disabled = true;
    form.querySelector("[data-once-words]").hidden = false;
  });
}
window.addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload(); // back again: the button must work
});
