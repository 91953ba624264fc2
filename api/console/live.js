// Keeps news coming: by MQTT over a websocket, by the event stream while that fails, and by the websocket again as
// soon as it works. It knows ways and attempts, not what the news means.

import { readStream } from "./sse.js";
import { listen } from "./websocket.js";

const SHORTEST = 1_000; // ms between two attempts,
const LONGEST = 30_000; // doubling up to this, each with jitter so that consoles do not come back in step

export class Live {
  #session;
  #clock;
  #news;
  #stop = new AbortController();
  #stream = null; // the AbortController of the event stream while the websocket is down
  #hurry = new Set(); // waits to be cut short when the network is back

  /**
   * `news` is called with what happens:
   * `up(via)` news comes again, and what was missed must be fetched · `down()` nothing comes ·
   * `heard()` a sign of life · `message(topic, payload)` from MQTT · `event({ id, type, data })` from the stream ·
   * `lastId()` is asked for the last event that was seen.
   */
  constructor({ session, clock, news }) {
    this.#session = session;
    this.#clock = clock;
    this.#news = news;
    this.via = null; // "websocket", "stream" or null
  }

  start() {
    const hurry = () => this.#hurry.forEach((cut) => cut());
    const { signal } = this.#stop;
    addEventListener("online", hurry, { signal });
    document.addEventListener("visibilitychange", () => document.hidden || hurry(), { signal });
    this.#keepWebsocket();
  }

  stop() {
    this.#stop.abort();
    this.#stopStream();
    this.via = null;
  }

  async #keepWebsocket() {
    const { signal } = this.#stop;
    for (let failures = 0; !signal.aborted; failures += 1) {
      const why = await this.#websocket(() => (failures = -1));
      if (signal.aborted) return;
      const lost = failures < 0;
      if (why === "refused") {
        if (!(await this.#session.stillValid())) return;
        // The API takes the token and the broker does not: asking the broker again changes nothing.
        this.#startStream();
        return;
      }
      // A connection that worked is tried again before the stream takes over: mostly the broker restarted.
      if (!lost) this.#startStream();
      await this.#rest(failures, signal);
    }
  }

  async #websocket(worked) {
    const asleep = new AbortController();
    const awake = this.#clock.afterSleep(() => asleep.abort());
    try {
      return await listen({
        facts: this.#session.facts, token: this.#session.token, clock: this.#clock,
        signal: AbortSignal.any([this.#stop.signal, asleep.signal]),
        heard: this.#news.heard, message: this.#news.message,
        up: () => {
          worked();
          this.#stopStream();
          this.#now("websocket");
        },
      });
    } finally {
      awake();
      if (this.via === "websocket") this.#now(null);
    }
  }

  #startStream() {
    if (this.#stream || this.#stop.signal.aborted) return;
    this.#stream = new AbortController();
    this.#keepStream(this.#stream.signal);
  }

  #stopStream() {
    this.#stream?.abort();
    this.#stream = null;
  }

  async #keepStream(signal) {
    for (let failures = 0; !signal.aborted; failures += 1) {
      const asleep = new AbortController();
      const awake = this.#clock.afterSleep(() => asleep.abort());
      const why = await readStream({
        headers: this.#session.http.headers(), lastId: this.#news.lastId(), clock: this.#clock,
        signal: AbortSignal.any([signal, asleep.signal]), heard: this.#news.heard, event: this.#news.event,
        up: () => {
          failures = -1;
          this.#now("stream");
        },
      });
      awake();
      if (signal.aborted) return;
      this.#now(null);
      if (why === "refused" && !(await this.#session.stillValid())) return;
      await this.#rest(failures, signal);
    }
  }

  #rest(failures, signal) {
    const longest = Math.min(LONGEST, SHORTEST * 2 ** Math.max(0, failures));
    let cut;
    const rested = this.#clock.rest(longest * (0.5 + Math.random() / 2), { signal, cut: (end) => (cut = end) });
    this.#hurry.add(cut);
    return rested.then(() => this.#hurry.delete(cut));
  }

  #now(via) {
    const before = this.via;
    this.via = via;
    if (via) this.#news.up(via);
    else if (before) this.#news.down();
  }
}
