// Sends the radiographs of the upload page one by one, two at a time, and writes beside each what became of it.

import { filesOf } from "./upload-files.js";
import { Row } from "./upload-row.js";

const AT_ONCE = 2;

class Upload {
  constructor(form) {
    this.form = form;
    this.chooser = form.querySelector("input[type=file]");
    this.list = form.querySelector("[data-upload-list]");
    this.body = form.querySelector("[data-upload-rows]");
    this.button = form.querySelector("[data-upload-send]");
    this.summary = form.querySelector("[data-upload-summary]");
    this.rows = [];
    this.sending = 0;
    this.chooser.required = false; // the rows hold the files from here on
    this.chooser.addEventListener("change", () => this.take([...this.chooser.files]));
    form.addEventListener("submit", (event) => this.submit(event));
    form.addEventListener("input", (event) => this.spread(event.target));
    this.watchDrop(form.querySelector("[data-upload-drop]"));
    window.addEventListener("beforeunload", (event) => {
      if (this.sending) event.preventDefault();
    });
    this.take([...this.chooser.files]);
    this.write();
  }

  take(files) {
    for (const file of files) {
      const row = new Row(this.form, file, () => this.remove(row));
      this.rows.push(row);
      this.body.append(row.element);
    }
    this.chooser.value = ""; // so that the same file can be chosen again
    this.write();
  }

  remove(row) {
    this.rows = this.rows.filter((other) => other !== row);
    row.element.remove();
    this.write();
  }

  // What stands above the list goes into every row that nobody has changed by hand.
  spread(field) {
    for (const row of this.rows) row.follow(field);
    this.write();
  }

  submit(event) {
    event.preventDefault();
    const waiting = this.rows.filter((row) => row.isWaiting);
    if (!this.rows.length) this.chooser.click();
    const unnamed = waiting.find((row) => !row.value("patient_ref").trim());
    if (unnamed) {
      unnamed.askFor("patient_ref");
      return;
    }
    for (const row of waiting) row.queue();
    this.pump();
  }

  pump() {
    while (this.sending < AT_ONCE) {
      const next = this.rows.find((row) => row.ending === "queued");
      if (!next) break;
      this.sending += 1;
      next.send().finally(() => {
        this.sending -= 1;
        this.pump();
      });
    }
    this.write();
  }

  write() {
    const words = this.form.dataset;
    const waiting = this.rows.filter((row) => row.isWaiting).length;
    const count = (...endings) => this.rows.filter((row) => endings.includes(row.ending)).length;
    this.list.hidden = !this.rows.length;
    this.button.disabled = !waiting;
    this.button.textContent = [words.none, words.one][waiting] ?? words.count.replace("%d", waiting);
    this.summary.textContent = this.rows.length
      ? words.summary
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
      if (event.dataTransfer?.types.includes("Files")) this.take(await filesOf(event.dataTransfer));
    });
  }
}

for (const form of document.querySelectorAll("[data-upload]")) new Upload(form);
