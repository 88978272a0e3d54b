// The line with the number of files and what they need, the Send button, and the progress of all rows.

// The common values by field, and how empty cells show them.
export function valuesOf(fields) {
  return Object.fromEntries(
    fields.flatMap((field) => [
      [field.name, field.value.trim()],
      [`${field.name}_label`, field.options && field.value ? field.selectedOptions[0].text : field.value.trim()],
    ]),
  );
}

export class Total {
  constructor(form) {
    this.form = form;
    this.button = form.querySelector("[data-upload-send]");
    this.summary = form.querySelector("[data-upload-summary]");
    this.bar = form.querySelector("[data-upload-bar]");
    this.clear = form.querySelector("[data-upload-clear]");
    this.texts = form.querySelector("[data-upload-counts]").content;
  }

  show(rows, common) {
    const sendable = rows.filter((row) => row.isSendable(common)).length;
    const ready = rows.filter((row) => row.state === "ready").length;
    const count = (...states) => rows.filter((row) => states.includes(row.state)).length;
    const parts = {
      uploading: count("uploading", "received"),
      ready: sendable,
      unnamed: ready - sendable,
      blocked: count("blocked"),
      refused: count("refused", "failed"),
      open: count("sending", "open"),
      finished: count("finished"),
    };
    this.button.disabled = rows.length > 0 && !ready;
    this.button.textContent = sendable || ready ? this.text("send", sendable) : this.form.dataset.send;
    this.clear.hidden = !count("refused", "open", "finished");
    this.summary.textContent = rows.length ? this.sentence(rows.length, parts) : "";
    this.progress(parts);
  }

  sentence(files, parts) {
    const told = Object.entries(parts).filter(([, number]) => number);
    return `${this.text("files", files)}: ${told.map(([name, number]) => this.text(name, number)).join(", ")}`;
  }

  text(name, number) {
    const texts = this.texts.querySelector(`[data-count=${name}]`).dataset;
    return number === 1 ? texts.one : texts.many.replace("%d", number);
  }

  progress({ uploading, ready, unnamed, blocked, refused, open, finished }) {
    this.bar.hidden = !uploading && !open;
    const done = uploading ? ready + unnamed + blocked + refused + open + finished : finished;
    this.bar.max = uploading ? uploading + done : open + finished;
    this.bar.value = done;
  }
}
