// Whether a key event belongs to a text field or an open dialog and not to the page's hotkeys.
const FIELDS = "input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable], dialog[open]";

// A closed dialog keeps the focus until the next repaint, so only an open one counts. The target of an event
// may also be the document, which has no closest().
export const typing = (target) => Boolean(target.closest?.(FIELDS));

// Enter activates a focused link, button or summary, and not the page's main button.
export const handlesEnter = (target) => Boolean(target.closest?.("a, button, summary"));
