// How far the AI results of sent rows are: one address tells all of them.

const PAUSE = 2000; // ms between two questions
const PAUSE_AFTER_FAILURE = 10_000;

export class Progress {
  constructor(form, requests) {
    this.url = form.dataset.progress;
    this.requests = requests;
    this.isFollowing = false;
  }

  // Asks until no row waits for its AI result.
  async follow(rows) {
    if (this.isFollowing) return;
    this.isFollowing = true;
    while (rows().some((row) => row.state === "open")) {
      const pause = await this.ask(rows);
      await new Promise((resolve) => setTimeout(resolve, pause));
    }
    this.isFollowing = false;
  }

  async ask(rows) {
    try {
      const progress = await this.requests.get(this.url);
      const found = new Map(progress.map((each) => [each.id, each]));
      for (const row of rows()) {
        if (row.isSent && found.has(row.values.id)) row.follows(found.get(row.values.id));
      }
      return PAUSE;
    } catch {
      return PAUSE_AFTER_FAILURE;
    }
  }
}
