// The radiograph beside the radiograph with heat: a second stage that shares the first one's view.

export class SideBySide {
  constructor(viewer) {
    this.viewer = viewer;
    this.copy = null;
    viewer.root.addEventListener("radiograph:side", () => this.toggle());
  }

  get isOpen() {
    return Boolean(this.copy);
  }

  // Only where the page has room for a second one; a page that shows both at once needs none.
  toggle() {
    if (this.copy) return this.close();
    const { root } = this.viewer;
    if (!root.parentElement.matches("[data-radiographs]")) return null;
    const copy = root.cloneNode(true);
    for (const extra of copy.querySelectorAll("canvas, [data-viewer-tools], [data-viewer-heat], noscript")) extra.remove();
    for (const key of ["depth", "by"]) delete copy.dataset[key];
    copy.dataset.viewer = "";
    copy.dataset.side = "";
    this.copy = copy;
    root.after(copy);
    root.parentElement.classList.add("reading-radiographs-two");
    this.viewer.heat.moveTo(copy);
    document.dispatchEvent(new Event("radiograph:attach"));
    return this.viewer.tools?.show();
  }

  close() {
    if (!this.copy) return;
    const { root, heat } = this.viewer;
    this.copy.remove();
    this.copy = null;
    if (!root.parentElement?.querySelector("[data-prior-radiograph]")) root.parentElement?.classList.remove("reading-radiographs-two");
    heat.moveTo(null);
    document.dispatchEvent(new Event("radiograph:attach"));
    this.viewer.tools?.show();
  }
}
