// Whether a key event belongs to the focused element and not to the page. A dialog that has just closed keeps the
// focus until the next paint, so only an open one counts.

const TEXT_FIELDS = "input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable]";

export const typing = (target) => Boolean(target.closest(`${TEXT_FIELDS}, dialog[open]`));

// Enter activates a focused link, button or summary, and not the page's main button.
export const handlesEnter = (target) => Boolean(target.closest("a, button, summary"));
