// When a key belongs to the page: nobody types, no dialog is open. A dialog just closed keeps the focus until
// the next painting, so a closed one must not swallow the key that follows.

export const typing = (target) =>
  Boolean(target.closest("input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable], dialog[open]"));

// Enter on a link, a button or a summary presses that, not the page's own button.
export const pressesItself = (target) => Boolean(target.closest("a, button, summary"));
