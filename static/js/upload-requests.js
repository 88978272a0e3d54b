// Requests of the upload page: at most three at a time, repeated while the server is busy.

const MOST_AT_A_TIME = 3;
const MAX_REPEATS = 12;

export class Requests {
  constructor(form) {
    this.form = form;
    this.waiting = [];
    this.running = 0;
  }

  // Runs a task when fewer than three are running; the first come are the first served.
  run(task) {
    return new Promise((resolve, reject) => {
      this.waiting.push(() => task().then(resolve, reject));
      this.next();
    });
  }

  next() {
    if (this.running >= MOST_AT_A_TIME || !this.waiting.length) return;
    this.running += 1;
    const task = this.waiting.shift();
    task().finally(() => {
      this.running -= 1;
      this.next();
    });
  }

  get isBusy() {
    return this.running + this.waiting.length > 0;
  }

  async get(url) {
    return this.answer(await request("GET", url));
  }

  // Resolves to the rows of the answer; rejects with a sentence for the user.
  async post(url, fields, onProgress) {
    const body = new FormData();
    body.append("csrfmiddlewaretoken", this.form.elements.csrfmiddlewaretoken.value);
    for (const [name, value] of Object.entries(fields)) {
      if (value instanceof File) body.append(name, value, value.name);
      else body.append(name, value);
    }
    let response = await this.send(url, body, onProgress);
    for (let left = MAX_REPEATS; response.json?.code === "busy" && left; left -= 1) {
      await new Promise((resolve) => setTimeout(resolve, response.pause * 1000));
      response = await this.send(url, body, onProgress);
    }
    return this.answer(response);
  }

  async send(url, body, onProgress) {
    try {
      return await request("POST", url, body, onProgress);
    } catch {
      throw new Error(this.form.dataset.unsent);
    }
  }

  answer({ status, json }) {
    if (status === 204) return [];
    if (status >= 500 && !json) throw new Error(this.form.dataset.unsent);
    if (status === 404) throw new Error(this.form.dataset.gone);
    if (!json) throw new Error(this.form.dataset.loggedOut);
    if (status >= 400) throw new Error(json.message);
    return json.rows;
  }
}

// XMLHttpRequest, because fetch does not report the progress of an upload.
function request(method, url, body, onProgress) {
  const sending = new XMLHttpRequest();
  sending.open(method, url);
  sending.setRequestHeader("Accept", "application/json");
  if (method === "GET") sending.setRequestHeader("HX-Request", "true"); // the page asks, not the user
  if (onProgress) sending.upload.onprogress = (event) => onProgress(event.loaded / event.total);
  return new Promise((resolve, reject) => {
    sending.onerror = () => reject(new Error("no connection"));
    sending.onload = () => {
      const isJson = sending.getResponseHeader("Content-Type")?.startsWith("application/json");
      resolve({
        status: sending.status,
        json: isJson ? JSON.parse(sending.responseText) : null,
        pause: Number(sending.getResponseHeader("Retry-After")),
      });
    };
    sending.send(body);
  });
}
