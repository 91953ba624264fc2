// Turns news into knowledge: what came by either way goes to the store, and whenever a gap is possible the lists are
// fetched again. One feed per session.

import { Live } from "./live.js";

const FLEET = new Set(["device.added", "device.removed", "device.moved"]);
const RESOLVED = 20; // ended alerts shown at first
const PAST = 30; // incidents that are over
const TOLD = 100; // what the desk was told of rooms
const FAILED = 200; // notices that failed lately, of which those of open alerts are shown
const ASK = 10_000; // ms between two questions after the server's health, as often as the monitor is refreshed
const AGAIN = 3_000; // ms before lists that failed are asked for again

export class Feed {
  #session;
  #clock;
  #store;
  #live;
  #stop = new AbortController();
  #loading = null;
  #stale = false;
  #asking = false; // for what the desk was told
  #askedMore = false;
  #lastEvent = 0; // the highest id of the hotel's events that was seen
  #asked = 0; // when the server's health was last asked for
  #touch;

  /** `touched(alertId)` is called for news of an alert that its snapshot does not hold, such as a notice sent. */
  constructor({ session, clock, store, touched }) {
    this.#session = session;
    this.#clock = clock;
    this.#store = store;
    this.#touch = touched;
    this.#live = new Live({
      session,
      clock,
      news: {
        up: (via) => this.#up(via),
        down: () => this.#down(),
        heard: () => (this.#store.link.heard = this.#clock.now()),
        message: (topic, payload) => this.#message(topic, payload),
        event: (event) => this.#streamed(event),
        lastId: () => this.#lastEvent,
      },
    });
  }

  start() {
    this.#store.set({ link: { ...this.#store.link, via: null, since: this.#clock.now() } });
    this.reload();
    this.#live.start();
    const unwatch = this.#clock.watch((now) => this.#ask(now));
    this.#stop.signal.addEventListener("abort", unwatch);
  }

  stop() {
    this.#stop.abort();
    this.#live.stop();
  }

  /** Fetch the lists. Asked again meanwhile, it fetches them once more, since the first answer may be too old. */
  reload() {
    this.#stale = true;
    this.#loading ??= this.#load().finally(() => (this.#loading = null));
    return this.#loading;
  }

  async #load() {
    const { http } = this.#session;
    const { signal } = this.#stop;
    while (this.#stale && !signal.aborted) {
      this.#stale = false;
      const since = this.#store.mark();
      try {
        const [alerts, rooms, devices, ended, failed, incidents, past, told] = await Promise.all([
          http.all("alerts?status=open"),
          http.all("rooms"),
          http.all("devices"),
          http.get(`alerts?status=resolved&limit=${RESOLVED}`),
          http.get(`notifications?state=dead&limit=${FAILED}`),
          http.all("incidents?status=open"),
          http.get(`incidents?limit=${PAST}`),
          this.#session.mayAcknowledge ? http.get(`clearances?limit=${TOLD}`) : { items: [] },
        ]);
        if (signal.aborted) return;
        this.#store.fleet(rooms, devices, since);
        this.#store.resolvedAlerts(ended.items);
        this.#store.openAlerts(alerts, since);
        this.#store.readIncidents(incidents, past.items.filter(({ closedAt }) => closedAt), since);
        for (const one of told.items) this.#store.clearance(one);
        for (const { lastError, ...notice } of failed.items) this.#store.noticeFailed({ ...notice, error: lastError });
        this.#store.set({ loaded: true, trouble: null });
      } catch (problem) {
        if (signal.aborted || problem.status === 401) return;
        this.#store.set({ trouble: problem.message });
        this.#stale = true;
        await this.#clock.rest(AGAIN, { signal });
      }
    }
  }

  #up(via) {
    const now = this.#clock.now();
    this.#store.set({ link: { via, since: now, heard: now, ever: true }, health: null });
    this.#asked = 0;
    this.reload();
  }

  // The stream does not carry the monitor's refreshed word, so there the server is asked whether it is well.
  async #ask(now) {
    if (this.#store.link.via !== "stream" || now - this.#asked < ASK) return;
    this.#asked = now;
    const health = await this.#session.http.health();
    if (health) this.#store.set({ health: { ...health, at: this.#clock.now() } });
  }

  #down() {
    this.#store.set({ link: { ...this.#store.link, via: null, since: this.#clock.now() } });
  }

  #message(topic, payload) {
    const [, , kind, subject] = topic.split("/");
    if (kind === "alerts") payload ? this.#store.alert(payload) : this.#store.alertGone(subject);
    else if (kind === "devices") this.#store.device(payload);
    else if (kind === "monitor" && payload) this.#store.set({ monitor: payload });
    else if (kind === "events" && payload) this.#event(payload);
    else if (kind === "clearance" && payload) this.#store.clearance({ clearance: payload });
  }

  // The stream does not carry what the desk is told anew when the tablet of a guest who left goes, or comes back.
  async #askAnew(roomId) {
    if (this.#store.link.via !== "stream" || !this.#session.mayAcknowledge || !roomId) return;
    const said = await this.#session.http.get(`rooms/${encodeURIComponent(roomId)}/clearance`).catch(() => null);
    if (said) this.#store.clearance({ clearance: said.now });
  }

  // The event says of which room something was said: what the desk was told then is for those who may ask. Many words
  // in a row are asked about once, and once more when the last of them came after the question.
  async #askTold() {
    if (!this.#session.mayAcknowledge) return;
    this.#askedMore = true;
    if (this.#asking) return;
    this.#asking = true;
    while (this.#askedMore && !this.#stop.signal.aborted) {
      this.#askedMore = false;
      const told = await this.#session.http.get(`clearances?limit=${TOLD}`).catch(() => null);
      for (const one of told?.items ?? []) this.#store.clearance(one);
    }
    this.#asking = false;
  }

  #streamed({ type, data }) {
    if (type === "reset") {
      this.#lastEvent = data.id;
      this.reload();
    } else if (data) this.#event(data);
  }

  // The same event comes by both ways when one takes over from the other. Every case below may happen twice.
  #event({ id, at, type, data }) {
    this.#lastEvent = Math.max(this.#lastEvent, id);
    if (type.startsWith("alert.")) {
      this.#store.alert(data);
      this.#touch(data.id);
      if (data.family === "checkout") this.#askAnew(data.roomId);
    } else if (type.startsWith("notification.")) {
      if (!data.alertId) return; // of an incident
      if (type === "notification.dead") this.#store.noticeFailed(data);
      else if (type === "notification.sent") this.#store.noticeSent(data);
      this.#touch(data.alertId);
    } else if (type.startsWith("incident.")) this.#store.incident(data);
    else if (type === "pms.received") this.#askTold();
    else if (type === "device.status") this.#store.device(data);
    else if (FLEET.has(type)) this.reload();
    else if (type === "monitor.changed") {
      this.#store.set({ monitor: { ...this.#store.monitor, ...data, since: at } });
    }
  }
}
