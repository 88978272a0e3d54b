// One row of the check table: its fields, its state, and what can be done with it.

import { Decision } from "./upload-decision.js";
import { showNote, sizeText } from "./upload-note.js";

const SENT = ["open", "finished"];

export class Row {
  constructor(form, requests, { file = null, path = "", values = null }, onChange) {
    this.form = form;
    this.requests = requests;
    this.file = file;
    this.onChange = () => onChange(this);
    this.state = "uploading"; // uploading, failed, received, ready, blocked, refused, sending, open, finished
    this.element = form.querySelector("[data-upload-row]").content.firstElementChild.cloneNode(true);
    this.fields = [...this.element.querySelectorAll("[data-field]")];
    this.part("name").textContent = path;
    this.part("size").textContent = file ? sizeText(file.size) : "";
    for (const field of this.fields) {
      field.addEventListener("input", this.onChange);
      field.addEventListener("change", () => this.type(field));
    }
    this.unsaved = new Set(); // names of fields whose typed values the server does not have yet
    this.decision = new Decision(this);
    if (values) this.fill(values);
    else this.note({ text: form.dataset.waiting, tone: "", icon: "queued" });
  }

  part(name) {
    return this.element.querySelector(`[data-${name}]`);
  }

  field(name) {
    return this.fields.find((field) => field.dataset.field === name);
  }

  get isSent() {
    return SENT.includes(this.state);
  }

  // The own value, or the common one where the cell is empty.
  value(name, common) {
    return this.field(name).value.trim() || common[name] || "";
  }

  isSendable(common) {
    return this.state === "ready" && Boolean(this.value("patient_ref", common));
  }

  // Empty cells show the common value; a row without any patient says so.
  follow(common) {
    for (const field of this.fields) {
      const text = common[`${field.dataset.field}_label`];
      if (!field.options) field.placeholder = text ?? "";
      else field.options[0].text = text || field.options[0].dataset.own;
    }
    this.part("unnamed").hidden = this.state !== "ready" || this.isSendable(common);
  }

  fill(values) {
    this.values = values;
    this.part("name").textContent = values.name;
    this.part("size").textContent = sizeText(values.size);
    this.part("person").textContent = values.person;
    this.part("study").textContent = values.study;
    this.field("study_date").hidden = Boolean(values.study); // the file has its own
    const thumbnail = this.part("thumbnail");
    thumbnail.hidden = !values.thumbnail;
    if (values.thumbnail && thumbnail.getAttribute("src") !== values.thumbnail) thumbnail.src = values.thumbnail;
    for (const field of this.fields) {
      const isTyped = field === document.activeElement || this.unsaved.has(field.dataset.field);
      if (!isTyped) field.value = values.fields[field.dataset.field];
    }
    this.decision.show(values.mismatch);
    this.follows(values);
  }

  // What changes after sending.
  follows({ state, note, url }) {
    this.state = state;
    this.note(note, url);
  }

  note({ text, tone, icon, code = "" }, url = "") {
    const shownCode = this.state === "refused" ? code : "";
    showNote(this.form, this.part("note"), { text, tone, icon, code: shownCode, url });
    this.lock();
    this.onChange();
  }

  lock() {
    const isFinal = this.isSent || ["refused", "sending", "failed"].includes(this.state);
    for (const field of this.fields) field.disabled = isFinal;
    this.part("remove").disabled = this.state === "sending";
    this.part("retry").hidden = this.state !== "failed";
    this.part("progress").hidden = this.state !== "uploading";
  }

  fail(message) {
    this.state = "failed";
    this.note({ text: message, tone: "stat", icon: "failed" });
  }

  advance(share) {
    this.part("progress").value = share;
    const text = share === 1 ? this.form.dataset.checking : this.form.dataset.uploading;
    this.note({ text, tone: "", icon: "running" });
  }

  url(action) {
    return `${this.form.dataset.list}${this.values.id}/${action}/`;
  }

  async check() {
    await this.ask("check", {}, "failed");
  }

  async edit(fields) {
    if (!this.values || this.isSent) return;
    await this.ask("edit", fields, this.state);
    for (const name of Object.keys(fields)) this.unsaved.delete(name);
  }

  async type(field) {
    this.unsaved.add(field.dataset.field);
    await this.edit({ [field.dataset.field]: field.value });
  }

  // What was typed while the file was on its way.
  async saveTyped() {
    for (const field of this.fields) {
      if (this.unsaved.has(field.dataset.field)) await this.type(field);
    }
  }

  async send(common) {
    const fields = this.fields.map((field) => field.dataset.field);
    this.state = "sending";
    this.note({ text: this.form.dataset.sending, tone: "", icon: "running" });
    await this.requests.run(() =>
      this.ask("send", Object.fromEntries(fields.map((name) => [name, this.value(name, common)])), "ready"),
    );
  }

  // A request that failed leaves the row in the given state, with a sentence.
  async ask(action, fields, stateOnFailure) {
    try {
      const [values] = await this.requests.post(this.url(action), fields);
      this.fill(values);
    } catch (error) {
      this.state = stateOnFailure;
      this.note({ text: error.message, tone: "stat", icon: "failed" });
    }
  }
}
