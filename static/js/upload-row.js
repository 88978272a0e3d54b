// One file of the upload page: its fields, its way to the server, and what became of it.

export class Row {
  constructor(form, file, onRemove) {
    this.form = form;
    this.file = file;
    this.ending = "waiting"; // queued, sending, accepted, duplicate, conflict, refused, unsent
    this.element = form.querySelector("[data-upload-row]").content.firstElementChild.cloneNode(true);
    this.fields = [...this.element.querySelectorAll("[data-field]")];
    this.result = this.element.querySelector("[data-result]");
    this.progress = this.element.querySelector("[data-progress]");
    this.element.querySelector("[data-name]").textContent = file.name;
    this.element.querySelector("[data-size]").textContent = sizeInWords(file.size);
    this.removeButton = this.element.querySelector("[data-remove]");
    this.removeButton.addEventListener("click", onRemove);
    for (const field of this.fields) {
      field.value = form.elements[field.dataset.field].value;
      field.addEventListener("input", () => {
        field.dataset.changed = "yes";
        this.tryAnew();
      });
    }
    this.result.textContent = form.dataset.waiting;
  }

  get isWaiting() {
    return ["waiting", "unsent"].includes(this.ending);
  }

  // A refused radiograph is sent again only after something beside it was changed.
  tryAnew() {
    if (this.isWaiting) return;
    this.ending = "waiting";
    this.result.textContent = this.form.dataset.waiting;
  }

  field(name) {
    return this.fields.find((field) => field.dataset.field === name);
  }

  value(name) {
    return this.field(name).value;
  }

  follow(common) {
    const field = this.field(common.name);
    if (field && !field.dataset.changed && this.isWaiting) field.value = common.value;
  }

  askFor(name) {
    const field = this.field(name);
    field.required = true;
    field.reportValidity();
    field.focus();
  }

  queue() {
    this.lock(true);
    this.ending = "queued";
    this.result.textContent = this.form.dataset.waiting;
  }

  async send() {
    this.ending = "sending";
    this.result.textContent = this.form.dataset.sending;
    this.progress.hidden = false;
    try {
      this.end(await this.post());
    } catch (trouble) {
      this.end({ ending: "unsent", words: trouble.message || this.form.dataset.unsent });
    }
    this.progress.hidden = true;
  }

  // XMLHttpRequest, because fetch does not tell how much of a radiograph has been sent.
  post() {
    const order = new FormData();
    order.append("csrfmiddlewaretoken", this.form.elements.csrfmiddlewaretoken.value);
    order.append("radiographs", this.file, this.file.name);
    for (const field of this.fields) order.append(field.dataset.field, field.value);
    const request = new XMLHttpRequest();
    request.open("POST", this.form.action);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => this.advance(event.loaded / event.total);
    return new Promise((done, failed) => {
      request.onerror = () => failed(new Error(this.form.dataset.unsent));
      request.onload = () => {
        const isAnswer = request.getResponseHeader("Content-Type")?.startsWith("application/json");
        if (isAnswer) done(JSON.parse(request.responseText).outcomes[0]);
        else failed(new Error(request.status < 500 ? this.form.dataset.loggedOut : this.form.dataset.unsent));
      };
      request.send(order);
    });
  }

  advance(share) {
    this.progress.value = share;
    if (share === 1) this.result.textContent = this.form.dataset.checking;
  }

  end({ ending, words, code = "", url = "" }) {
    this.ending = ending;
    const kind = ending === "unsent" ? "refused" : ending;
    const icons = this.form.querySelector("[data-upload-icons]").content;
    const head = icons.querySelector(`[data-icon=${kind}]`).cloneNode(true);
    const label = this.form.dataset[kind]; // none for a duplicate, whose sentence says so itself
    if (label) head.append(` ${label}`);
    this.result.replaceChildren(head, ending === "accepted" ? " " : ` ${words} `);
    if (code) this.result.append(quiet(code));
    if (url) this.result.append(link(url, this.form.dataset.open));
    this.lock(["accepted", "duplicate"].includes(ending));
  }

  lock(locked) {
    for (const field of this.fields) field.disabled = locked;
    this.removeButton.disabled = locked && ["queued", "sending"].includes(this.ending);
  }
}

function quiet(text) {
  const element = document.createElement("span");
  element.className = "rr-quiet rr-mono";
  element.textContent = text;
  return element;
}

function link(url, text) {
  const element = document.createElement("a");
  element.href = url;
  element.textContent = text;
  return element;
}

function sizeInWords(bytes) {
  return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
