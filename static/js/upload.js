// The upload page: files are received and checked at once, and sent when their rows are complete.

import { chosenFiles, watchDrop } from "./upload-files.js";
import { Progress } from "./upload-progress.js";
import { Requests } from "./upload-requests.js";
import { Row } from "./upload-row.js";
import { Total, valuesOf } from "./upload-total.js";

class UploadPage {
  constructor(form) {
    this.form = form;
    this.requests = new Requests(form);
    this.progress = new Progress(form, this.requests);
    this.total = new Total(form);
    this.body = form.querySelector("[data-upload-rows]");
    this.table = form.querySelector("[data-upload-list]");
    this.common = [...form.querySelectorAll("[data-upload-fields] [name]")];
    this.rows = [];
    this.changed = new Set();
    for (const control of form.querySelectorAll("input[type=file]")) this.prepare(control);
    for (const element of form.querySelectorAll("[data-upload-script]")) element.hidden = false;
    for (const element of form.querySelectorAll("[data-upload-plain]")) element.hidden = true;
    watchDrop(form.querySelector("[data-upload-drop]"), (files) => this.addFiles(files));
    form.addEventListener("submit", (event) => this.submit(event));
    for (const field of this.common) {
      field.required = false; // each row may have its own value
      field.addEventListener("input", () => this.update());
    }
    form.querySelector("[data-upload-clear]").addEventListener("click", () => this.clear());
    window.addEventListener("beforeunload", (event) => {
      if (this.requests.isBusy) event.preventDefault();
    });
    this.load();
  }

  prepare(control) {
    control.required = false; // the rows hold the files
    control.addEventListener("change", () => {
      this.addFiles(chosenFiles(control));
      control.value = ""; // so that the same file can be chosen again
    });
  }

  // The list as it was before a reload.
  async load() {
    try {
      for (const values of await this.requests.get(this.form.dataset.list)) this.addRow({ values });
    } catch (error) {
      this.total.summary.textContent = error.message;
    }
    this.checkReceived();
    this.progress.follow(() => this.rows);
  }

  addRow(source, before = null) {
    const row = new Row(this.form, this.requests, source, (changed) => this.update(changed));
    row.part("remove").addEventListener("click", () => this.remove(row));
    row.part("retry").addEventListener("click", () => this.receive(row));
    this.rows.push(row);
    this.body.insertBefore(row.element, before);
    this.update();
    return row;
  }

  addFiles(files) {
    for (const { file, path } of files) this.receive(this.addRow({ file, path }), path);
  }

  receive(row, path = row.part("name").textContent) {
    if (!row.file) return this.requests.run(() => row.check());
    row.state = "uploading";
    return this.requests.run(async () => {
      if (!this.rows.includes(row)) return; // removed while it waited
      try {
        const fields = { radiograph: row.file, path };
        const url = this.form.dataset.list;
        const [first, ...others] = await this.requests.post(url, fields, (share) => row.advance(share));
        row.file = null;
        row.fill(first);
        const next = row.element.nextSibling;
        for (const values of others) this.addRow({ values }, next);
        if (this.rows.includes(row)) await row.saveTyped();
        else await this.requests.post(row.url("remove"), {}); // removed while it was on its way
      } catch (error) {
        row.fail(error.message);
      }
    }).then(() => this.checkReceived());
  }

  // The files of a ZIP, and those that were received while the server was busy.
  checkReceived() {
    for (const row of this.rows.filter((each) => each.state === "received" && !each.isQueued)) {
      row.isQueued = true;
      this.requests.run(() => row.check());
    }
  }

  async remove(row) {
    this.rows = this.rows.filter((other) => other !== row);
    const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
    row.element.remove();
    next?.querySelector("[data-remove]").focus();
    this.update();
    if (row.values) await this.requests.post(row.url("remove"), {}).catch(() => {}); // it expires anyway
  }

  async clear() {
    try {
      await this.requests.post(this.form.dataset.clear, {});
    } catch (error) {
      this.total.summary.textContent = error.message;
      return;
    }
    const isCleared = (row) => row.values && ["refused", "open", "finished"].includes(row.state);
    for (const row of this.rows.filter(isCleared)) row.element.remove();
    this.rows = this.rows.filter((row) => !isCleared(row));
    this.update();
  }

  submit(event) {
    event.preventDefault();
    const common = valuesOf(this.common);
    const sendable = this.rows.filter((row) => row.isSendable(common));
    const missing = this.rows.find((row) => row.state === "ready" && !row.isSendable(common));
    if (!this.rows.length) this.form.querySelector("input[type=file]").click();
    else if (!sendable.length && missing) missing.field("patient_ref").focus();
    for (const row of sendable) row.send(common).then(() => this.progress.follow(() => this.rows));
  }

  // Once per frame, and only the rows that changed: there may be hundreds.
  update(row = null) {
    if (row) this.changed.add(row);
    this.frame ??= requestAnimationFrame(() => this.show());
  }

  show() {
    this.frame = null;
    this.table.hidden = !this.rows.length;
    const common = valuesOf(this.common);
    const isNew = JSON.stringify(common) !== JSON.stringify(this.shown);
    for (const row of isNew ? this.rows : this.changed) row.follow(common);
    this.shown = common;
    this.changed.clear();
    this.total.show(this.rows, common);
  }
}

for (const form of document.querySelectorAll("[data-upload]")) new UploadPage(form);
