// Side-by-side mode: the radiograph without and with the heatmap, in two viewers that share one view.

const NOT_COPIED = "canvas, [data-viewer-tools], [data-viewer-heatmap], noscript";

export class SideBySide {
  constructor(viewer) {
    this.viewer = viewer;
    this.copy = null;
  }

  get isOpen() {
    return Boolean(this.copy);
  }

  // Only on the reading page; the case page always shows both.
  toggle() {
    if (this.copy) return this.close();
    const { root } = this.viewer;
    if (!root.parentElement.matches("[data-radiographs]")) return null;
    const copy = root.cloneNode(true);
    for (const element of copy.querySelectorAll(NOT_COPIED)) element.remove();
    for (const key of ["depth", "renderer"]) delete copy.dataset[key];
    copy.dataset.viewer = "";
    copy.dataset.side = "";
    this.copy = copy;
    root.after(copy);
    root.parentElement.classList.add("reading-radiographs-two");
    this.viewer.heatmap.moveTo(copy);
    document.dispatchEvent(new Event("radiograph:attach"));
    return this.viewer.tools?.update();
  }

  close() {
    if (!this.copy) return;
    const { root, heatmap } = this.viewer;
    this.copy.remove();
    this.copy = null;
    const hasPrior = root.parentElement?.querySelector("[data-prior-radiograph]");
    if (!hasPrior) root.parentElement?.classList.remove("reading-radiographs-two");
    heatmap.moveTo(null);
    document.dispatchEvent(new Event("radiograph:attach"));
    this.viewer.tools?.update();
  }
}
