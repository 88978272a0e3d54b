// The heat above a radiograph: off until asked for, one class at a time, loaded when first shown.

export class Heat {
  constructor(root, painter) {
    this.own = painter;
    this.painter = painter;
    this.controls = root.querySelector("[data-viewer-heat]");
    this.button = this.controls.querySelector("[data-tool=heat]");
    this.classes = this.controls.querySelector("[data-heat-class]");
    this.slider = this.controls.querySelector("[data-heat-opacity]");
    this.note = this.controls.querySelector("[data-heat-note]");
    this.images = new Map();
    this.on = this.button.getAttribute("aria-pressed") === "true";
    this.peeking = false;
    this.controls.hidden = false;
    this.button.addEventListener("click", () => this.toggle());
    this.classes.addEventListener("change", () => this.show());
    this.slider.addEventListener("input", () => this.show());
    document.addEventListener("radiograph:shown", ({ detail }) => this.settle(detail.viewer));
    this.show();
  }

  // With two radiographs side by side the heat lies on the second one; null brings it back to the first.
  moveTo(other) {
    this.own.heat = null;
    this.own.ask();
    this.other = other;
    if (other) this.painter = null;
    else this.painter = this.own;
    this.on = Boolean(other);
    this.show();
  }

  settle(viewer) {
    if (viewer.root !== this.other || this.painter) return;
    this.painter = viewer.painter;
    this.show();
  }

  toggle() {
    this.on = !this.on;
    this.show();
  }

  peek(held) {
    this.peeking = held;
    this.show();
  }

  fade(step) {
    this.slider.value = Number(this.slider.value) + step;
    this.show();
  }

  nextClass() {
    this.classes.selectedIndex = (this.classes.selectedIndex + 1) % this.classes.options.length;
    this.show();
  }

  // Peeking turns the heat over, so that a radiograph seen with heat can be compared without it.
  async show() {
    const wanted = this.on !== this.peeking;
    const chosen = this.classes.selectedOptions[0];
    this.button.setAttribute("aria-pressed", String(wanted));
    this.note.textContent = [chosen.dataset.reason, this.note.dataset.note].filter(Boolean).join(" ");
    const shown = this.painter?.heat?.url === chosen.value;
    if (!wanted || !chosen.value || !shown) this.draw(null); // another opacity alone must not flicker
    if (!wanted || !chosen.value) return;
    const image = await this.load(chosen.value);
    const still = this.on !== this.peeking && this.classes.selectedOptions[0] === chosen;
    if (image && still) this.draw(image);
    if (!image && still) this.note.textContent = this.note.dataset.failed;
  }

  draw(image) {
    if (!this.painter) return;
    const url = this.classes.selectedOptions[0].value;
    this.painter.heat = image && { image, url, opacity: Number(this.slider.value) / 100 };
    this.painter.ask();
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
