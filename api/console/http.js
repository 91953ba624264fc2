// Requests to the API. Every failure comes out as a Problem: what the server said (RFC 9457), or that it said nothing.

const PATIENCE = 15_000; // ms for one answer
const PAGE = 200; // items asked for at a time

export class Problem extends Error {
  /** `status` is 0 when no answer came at all; `body` is the problem document, or empty. */
  constructor(status, body = {}) {
    super(sentence(body) || (status ? `The server answered ${status}.` : "The server does not answer."));
    this.status = status;
    this.body = body;
  }
}

function sentence({ title, detail }) {
  return [title, detail].filter(Boolean).map((part) => part.replace(/\.?$/, ".")).join(" ");
}

/** Where the API lies: beside the page, wherever that is served. */
export function address(path) {
  return new URL(`api/${path}`, document.baseURI);
}

export class Http {
  #clock;
  #token;
  #refused;

  /** `token()` gives the bearer token or null; `refused()` is called when the server no longer takes it. */
  constructor({ clock, token, refused }) {
    this.#clock = clock;
    this.#token = token;
    this.#refused = refused;
  }

  get(path) {
    return this.#ask(path, {});
  }

  post(path, body) {
    return this.#ask(path, { method: "POST", body: body && JSON.stringify(body) });
  }

  patch(path, body) {
    return this.#ask(path, { method: "PATCH", body: JSON.stringify(body) });
  }

  delete(path) {
    return this.#ask(path, { method: "DELETE" });
  }

  put(path, body) {
    return this.#ask(path, { method: "PUT", body: JSON.stringify(body) });
  }

  /** Every item of a list, page by page. */
  async all(path) {
    const items = [];
    let cursor = "";
    do {
      const page = await this.get(`${path}${path.includes("?") ? "&" : "?"}limit=${PAGE}${cursor}`);
      items.push(...page.items);
      cursor = page.next ? `&cursor=${encodeURIComponent(page.next)}` : "";
    } while (cursor);
    return items;
  }

  /** Whether the server is ready: `{ ready, why }`, or null when that cannot be told. */
  async health() {
    try {
      const answer = await fetch(new URL("health/ready", document.baseURI), {
        cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(PATIENCE),
      });
      const { missing = [] } = answer.status === 503 ? await answer.json() : {};
      return { ready: answer.status !== 503, why: missing.join("; ") };
    } catch {
      return null;
    }
  }

  headers() {
    const token = this.#token();
    return token ? { Authorization: `Bearer ${token}` } : {};
  }

  async #ask(path, { method = "GET", body }) {
    const headers = { Accept: "application/json", ...this.headers() };
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const known = "Authorization" in headers;
    let answer;
    try {
      answer = await fetch(address(path), {
        method, body, headers, cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(PATIENCE),
      });
    } catch {
      throw new Problem(0);
    }
    this.#clock.learn(answer.headers.get("Date"));
    const content = await answer.json().catch(() => ({}));
    if (answer.ok) return content;
    if (answer.status === 401 && known) this.#refused();
    throw new Problem(answer.status, content);
  }
}
