// When a key belongs to the page: nobody types, no dialog is open.

export const typing = (target) =>
  Boolean(target.closest("input:not([type=radio], [type=checkbox], [type=range]), textarea, select, [contenteditable], dialog"));

// Enter on a link, a button or a summary presses that, not the page's own button.
export const pressesItself = (target) => Boolean(target.closest("a, button, summary"));
