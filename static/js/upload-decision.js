// The choice where typed fields contradict the file: those of the file, or the typed ones with a reason.

export class Decision {
  constructor(row) {
    this.row = row;
    this.reason = row.part("reason");
    row.part("use-file").addEventListener("click", () => row.edit(row.values.mismatch));
    row.part("use-typed").addEventListener("click", () => this.ask());
    row.part("confirm").addEventListener("click", () => this.confirm());
    this.reason.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault(); // it would send all rows
      this.confirm();
    });
  }

  show(mismatch) {
    this.row.part("decision").hidden = !Object.keys(mismatch).length;
    this.row.part("because").hidden = true;
    this.reason.disabled = true; // an empty hidden field would stop the form
  }

  ask() {
    this.row.part("because").hidden = false;
    this.reason.disabled = false;
    this.reason.focus();
  }

  confirm() {
    if (this.reason.reportValidity()) this.row.edit({ mismatch_reason: this.reason.value });
  }
}
