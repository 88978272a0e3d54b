// One file of the upload page: its fields, its request, and its result.

const MAX_REPEATS = 12;

export class Row {
  constructor(form, file, onRemove) {
    this.form = form;
    this.file = file;
    this.status = "ready"; // ready, queued, sending, accepted, duplicate, conflict, refused, unsent
    this.element = form.querySelector("[data-upload-row]").content.firstElementChild.cloneNode(true);
    this.fields = [...this.element.querySelectorAll("[data-field]")];
    this.result = this.element.querySelector("[data-result]");
    this.progress = this.element.querySelector("[data-progress]");
    this.element.querySelector("[data-name]").textContent = file.name;
    this.element.querySelector("[data-size]").textContent = sizeText(file.size);
    this.removeButton = this.element.querySelector("[data-remove]");
    this.removeButton.addEventListener("click", onRemove);
    for (const field of this.fields) {
      field.value = form.elements[field.dataset.field].value;
      field.addEventListener("input", () => {
        field.dataset.changed = "yes";
        this.makeReady();
      });
    }
    this.result.textContent = form.dataset.ready;
  }

  get isUnsent() {
    return ["ready", "unsent"].includes(this.status);
  }

  // A refused file is uploaded again only after one of its fields was edited.
  makeReady() {
    if (this.isUnsent) return;
    this.status = "ready";
    this.result.textContent = this.form.dataset.ready;
  }

  field(name) {
    return this.fields.find((field) => field.dataset.field === name);
  }

  value(name) {
    return this.field(name).value;
  }

  follow(common) {
    const field = this.field(common.name);
    if (field && !field.dataset.changed && this.isUnsent) field.value = common.value;
  }

  requireField(name) {
    const field = this.field(name);
    field.required = true;
    field.reportValidity();
    field.focus();
  }

  queue() {
    this.lock(true);
    this.status = "queued";
    this.result.textContent = this.form.dataset.ready;
  }

  async send() {
    this.status = "sending";
    this.result.textContent = this.form.dataset.sending;
    this.progress.hidden = false;
    try {
      this.finish(await this.postUntilFree());
    } catch (error) {
      this.finish({ status: "unsent", message: error.message || this.form.dataset.unsent });
    }
    this.progress.hidden = true;
  }

  // A busy server asks to repeat the request after some seconds.
  async postUntilFree() {
    let result = await this.post();
    for (let left = MAX_REPEATS; result.code === "busy" && left; left -= 1) {
      await new Promise((resolve) => setTimeout(resolve, result.retryAfter * 1000));
      result = await this.post();
    }
    return result.code === "busy" ? { ...result, status: "unsent" } : result;
  }

  // XMLHttpRequest, because fetch does not report the progress of an upload.
  post() {
    const fields = new FormData();
    fields.append("csrfmiddlewaretoken", this.form.elements.csrfmiddlewaretoken.value);
    fields.append("radiographs", this.file, this.file.name);
    for (const field of this.fields) fields.append(field.dataset.field, field.value);
    const request = new XMLHttpRequest();
    request.open("POST", this.form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => this.advance(event.loaded / event.total);
    return new Promise((resolve, reject) => {
      request.onerror = () => reject(new Error(this.form.dataset.unsent));
      request.onload = () => {
        const isJson = request.getResponseHeader("Content-Type")?.startsWith("application/json");
        const retryAfter = Number(request.getResponseHeader("Retry-After"));
        if (isJson) resolve({ ...JSON.parse(request.responseText).results[0], retryAfter });
        else reject(new Error(request.status < 500 ? this.form.dataset.loggedOut : this.form.dataset.unsent));
      };
      request.send(fields);
    });
  }

  advance(share) {
    this.progress.value = share;
    if (share === 1) this.result.textContent = this.form.dataset.checking;
  }

  finish({ status, message, code = "", url = "" }) {
    this.status = status;
    const kind = status === "unsent" ? "refused" : status;
    const icons = this.form.querySelector("[data-upload-icons]").content;
    const icon = icons.querySelector(`[data-icon=${kind}]`).cloneNode(true);
    const label = this.form.dataset[kind]; // none for a duplicate, whose message begins with it
    if (label) icon.append(` ${label}`);
    this.result.replaceChildren(icon, status === "accepted" ? " " : ` ${message} `);
    if (code) this.result.append(codeElement(code));
    if (url) this.result.append(linkElement(url, this.form.dataset.open));
    this.lock(["accepted", "duplicate"].includes(status));
  }

  lock(locked) {
    for (const field of this.fields) field.disabled = locked;
    this.removeButton.disabled = locked && ["queued", "sending"].includes(this.status);
  }
}

function codeElement(code) {
  const element = document.createElement("span");
  element.className = "rr-quiet rr-mono";
  element.textContent = code;
  return element;
}

function linkElement(url, text) {
  const element = document.createElement("a");
  element.href = url;
  element.textContent = text;
  return element;
}

function sizeText(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
