// Uploads the chosen radiographs one request each, two at a time, and shows the result of each file.

import { filesOf } from "./upload-files.js";
import { Row } from "./upload-row.js";

const MAX_REQUESTS = 2;

class Upload {
  constructor(form) {
    this.form = form;
    this.chooser = form.querySelector("input[type=file]");
    this.list = form.querySelector("[data-upload-list]");
    this.body = form.querySelector("[data-upload-rows]");
    this.button = form.querySelector("[data-upload-send]");
    this.summary = form.querySelector("[data-upload-summary]");
    this.rows = [];
    this.requests = 0;
    this.chooser.required = false; // the rows hold the files
    this.chooser.addEventListener("change", () => this.add([...this.chooser.files]));
    form.addEventListener("submit", (event) => this.submit(event));
    form.addEventListener("input", (event) => this.applyToRows(event.target));
    this.watchDrop(form.querySelector("[data-upload-drop]"));
    window.addEventListener("beforeunload", (event) => {
      if (this.requests) event.preventDefault();
    });
    this.add([...this.chooser.files]);
  }

  add(files) {
    for (const file of files) {
      const row = new Row(this.form, file, () => this.remove(row));
      this.rows.push(row);
      this.body.append(row.element);
    }
    this.chooser.value = ""; // so that the same file can be chosen again
    this.update();
  }

  remove(row) {
    this.rows = this.rows.filter((other) => other !== row);
    row.element.remove();
    this.update();
  }

  // A common field sets the field of every row that was not edited by hand.
  applyToRows(field) {
    for (const row of this.rows) row.follow(field);
    this.update();
  }

  submit(event) {
    event.preventDefault();
    const unsent = this.rows.filter((row) => row.isUnsent);
    if (!this.rows.length) this.chooser.click();
    const incomplete = unsent.find((row) => !row.value("patient_ref").trim());
    if (incomplete) {
      incomplete.requireField("patient_ref");
      return;
    }
    for (const row of unsent) row.queue();
    this.sendQueued();
  }

  sendQueued() {
    while (this.requests < MAX_REQUESTS) {
      const next = this.rows.find((row) => row.status === "queued");
      if (!next) break;
      this.requests += 1;
      next.send().finally(() => {
        this.requests -= 1;
        this.sendQueued();
      });
    }
    this.update();
  }

  update() {
    const texts = this.form.dataset;
    const unsent = this.rows.filter((row) => row.isUnsent).length;
    const count = (...statuses) => this.rows.filter((row) => statuses.includes(row.status)).length;
    this.list.hidden = !this.rows.length;
    this.button.disabled = !unsent;
    this.button.textContent = [texts.buttonNone, texts.buttonOne][unsent] ?? texts.buttonMany.replace("%d", unsent);
    this.summary.textContent = this.rows.length
      ? texts.summary
          .replace("%a", count("accepted"))
          .replace("%d", count("duplicate"))
          .replace("%r", count("refused", "conflict", "unsent"))
      : "";
  }

  watchDrop(zone) {
    for (const name of ["dragover", "dragleave", "drop"]) {
      document.addEventListener(name, (event) => {
        if (!event.dataTransfer?.types.includes("Files")) return;
        event.preventDefault();
        zone.classList.toggle("upload-over", name === "dragover");
      });
    }
    document.addEventListener("drop", async (event) => {
      if (event.dataTransfer?.types.includes("Files")) this.add(await filesOf(event.dataTransfer));
    });
  }
}

for (const form of document.querySelectorAll("[data-upload]")) new Upload(form);
