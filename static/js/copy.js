// <button data-copy="#id"> copies that element's text and says so.
const words = document.getElementById("rr-words").dataset;

const copy = async (button) => {
  const source = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = words.copied;
  } catch {
    getSelection().selectAllChildren(source); // no clipboard without https: Ctrl+C does the rest
  }
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
