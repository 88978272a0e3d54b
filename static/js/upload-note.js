// The status of a row: an icon, a sentence, and the link to its case.

export function showNote(form, element, { text, tone, icon, code, url }) {
  const sign = form.querySelector("[data-upload-icons]").content.querySelector(`[data-icon=${icon}]`);
  const shown = sign.cloneNode(true);
  if (tone) shown.classList.add(`rr-tone-${tone}`);
  element.replaceChildren(shown, ` ${text} `);
  if (url) element.append(link(url, form.dataset.open));
  if (code) element.append(quiet(code));
}

export function sizeText(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}

function link(url, text) {
  const element = document.createElement("a");
  element.href = url;
  element.textContent = text;
  return element;
}

function quiet(text) {
  const element = document.createElement("span");
  element.className = "rr-quiet rr-mono";
  element.textContent = text;
  return element;
}
