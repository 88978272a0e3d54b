// The heatmap above a radiograph: one class at a time, loaded when first shown.

export class Heatmap {
  constructor(root, painter) {
    this.ownPainter = painter;
    this.painter = painter;
    this.controls = root.querySelector("[data-viewer-heatmap]");
    this.button = this.controls.querySelector("[data-tool=heatmap]");
    this.classes = this.controls.querySelector("[data-heatmap-class]");
    this.slider = this.controls.querySelector("[data-heatmap-opacity]");
    this.note = this.controls.querySelector("[data-heatmap-note]");
    this.root = root;
    this.ownCaption = root.querySelector("[data-viewer-caption]").textContent;
    this.images = new Map();
    this.on = this.button.getAttribute("aria-pressed") === "true";
    this.peeking = false;
    this.controls.hidden = false;
    this.button.addEventListener("click", () => this.toggle());
    this.classes.addEventListener("change", () => this.update());
    this.slider.addEventListener("input", () => this.update());
    document.addEventListener("radiograph:shown", ({ detail }) => this.attachTo(detail.viewer));
    this.update();
  }

  // Side by side, the heatmap is drawn on the second viewer; null moves it back to the first.
  moveTo(otherRoot) {
    this.caption(this.ownCaption);
    this.ownPainter.heatmap = null;
    this.ownPainter.requestDraw();
    this.otherRoot = otherRoot;
    this.painter = otherRoot ? null : this.ownPainter;
    this.on = Boolean(otherRoot);
    this.update();
  }

  attachTo(viewer) {
    if (viewer.root !== this.otherRoot || this.painter) return;
    this.painter = viewer.painter;
    this.update();
  }

  toggle() {
    this.on = !this.on;
    this.update();
  }

  peek(held) {
    this.peeking = held;
    this.update();
  }

  fade(step) {
    this.slider.value = Number(this.slider.value) + step;
    this.update();
  }

  nextClass() {
    this.classes.selectedIndex = (this.classes.selectedIndex + 1) % this.classes.options.length;
    this.update();
  }

  get isVisible() {
    return this.on !== this.peeking; // peeking inverts the button's state
  }

  async update() {
    const selected = this.classes.selectedOptions[0];
    this.button.setAttribute("aria-pressed", String(this.isVisible));
    this.note.textContent = [selected.dataset.reason, this.note.dataset.note].filter(Boolean).join(" ");
    this.caption(this.isVisible ? selected.dataset.caption : this.ownCaption);
    const isDrawn = this.painter?.heatmap?.url === selected.value;
    if (!this.isVisible || !selected.value || !isDrawn) this.draw(null); // an opacity change must not flicker
    if (!this.isVisible || !selected.value) return;
    const image = await this.load(selected.value);
    const isCurrent = this.isVisible && this.classes.selectedOptions[0] === selected;
    if (image && isCurrent) this.draw(image);
    if (!image && isCurrent) this.note.textContent = this.note.dataset.failed;
  }

  // The corner text of the viewer that shows the heatmap names the class of the heatmap.
  caption(text) {
    const shown = this.otherRoot ?? this.root;
    shown.querySelector("[data-viewer-caption]").textContent = text;
  }

  draw(image) {
    if (!this.painter) return;
    const url = this.classes.selectedOptions[0].value;
    this.painter.heatmap = image && { image, url, opacity: Number(this.slider.value) / 100 };
    this.painter.requestDraw();
  }

  async load(url) {
    if (!this.images.has(url)) {
      const image = new Image();
      image.src = url;
      this.images.set(url, image);
    }
    const image = this.images.get(url);
    try {
      await image.decode();
      return image;
    } catch {
      this.images.delete(url);
      return null;
    }
  }
}
