// <button data-copy="#id"> copies the text of that element to the clipboard.
const texts = document.getElementById("rr-texts").dataset;

const copy = async (button) => {
  const source = document.querySelector(button.dataset.copy);
  try {
    await navigator.clipboard.writeText(source.textContent.trim());
    button.textContent = texts.copied;
  } catch {
    getSelection().selectAllChildren(source); // no clipboard without HTTPS: select the text for Ctrl+C
  }
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-copy]");
  if (button) copy(button);
});
