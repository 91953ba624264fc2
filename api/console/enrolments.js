// The codes with which tablets come in, for who may make them. Nobody rings when a tablet waits for a yes, so they are
// asked for again and again, wherever in the console a manager is; the quicker, the more likely it is that one comes.

const RECENT = 20; // those shown, and more when more are still good
const OFTEN = 3_000; // ms between two questions while the page is open
const NOW_AND_THEN = 10_000; // ms while a tablet may come
const SELDOM = 30_000; // ms otherwise; what others make is good for 15 minutes
const GOOD = new Set(["open", "waiting", "approved"]);

/** Whether a tablet may still come with it. */
export function isGood({ state }) {
  return GOOD.has(state);
}

export class Enrolments {
  items = null; // the newest first, as /api/enrolments lists them, once they have come
  unheard = ""; // why the list could not be had
  trouble = ""; // why a deed was not done
  made = null; // the code that was made last, as it was told this once
  busy = false;

  #session;
  #clock;
  #changed;
  #turn = 0; // counts the questions, for of two answers the one that was asked for later is the newer
  #asking = 0;
  #askedAt = -Infinity;

  /** `changed()` is called after every change of the fields. */
  constructor({ session, clock, changed }) {
    this.#session = session;
    this.#clock = clock;
    this.#changed = changed;
  }

  /** Those that wait for somebody's yes, the one that has waited longest first. */
  get waiting() {
    const all = (this.items ?? []).filter(({ state }) => state === "waiting");
    return all.sort((one, other) => Date.parse(one.wantedAt) - Date.parse(other.wantedAt));
  }

  /** What became of the code that was made last, as far as the list tells. */
  get madeNow() {
    return this.items?.find(({ id }) => id === this.made?.id);
  }

  /** Ask again when it is time; `looking`: somebody has the page open. */
  mind(now, { looking }) {
    const every = looking ? OFTEN : this.items?.some(isGood) ? NOW_AND_THEN : SELDOM;
    if (!this.#asking && now - this.#askedAt >= every) this.load();
  }

  async load() {
    const turn = (this.#turn += 1);
    this.#askedAt = this.#clock.now();
    this.#asking += 1;
    let answer;
    try {
      answer = { items: await this.#newest(), unheard: "" };
    } catch ({ message }) {
      answer = { unheard: message };
    }
    this.#asking -= 1;
    if (turn === this.#turn) Object.assign(this, answer);
    this.#changed();
  }

  /** Returns whether it was done: then the form may be emptied. */
  make({ roomId, deviceId, again }) {
    return this.#work(async (http) => {
      this.made = await http.post("enrolments", { roomId, deviceId: deviceId || null, again });
    });
  }

  approve(id) {
    return this.#work((http) => http.post(`enrolments/${encodeURIComponent(id)}/approve`));
  }

  withdraw(id) {
    return this.#work(async (http) => {
      await http.post(`enrolments/${encodeURIComponent(id)}/withdraw`);
      if (this.made?.id === id) this.made = null;
    });
  }

  /** Show the code no more. */
  forget() {
    this.made = null;
    this.#changed();
  }

  // A code that is still good may stand behind others that were made after it.
  async #newest() {
    const { http } = this.#session;
    const items = [];
    let cursor = "";
    do {
      const page = await http.get(`enrolments?limit=${RECENT}${cursor}`);
      items.push(...page.items);
      cursor = page.next ? `&cursor=${encodeURIComponent(page.next)}` : "";
    } while (cursor && Date.parse(items.at(-1).expiresAt) > this.#clock.now());
    return items;
  }

  async #work(deed) {
    Object.assign(this, { busy: true, trouble: "" });
    this.#changed();
    try {
      await deed(this.#session.http);
    } catch ({ message, body }) {
      this.trouble = wrong(body?.errors) || message;
    }
    const done = !this.trouble;
    this.#changed();
    await this.load();
    this.busy = false;
    this.#changed();
    return done;
  }
}

const FIELDS = { roomId: "room", deviceId: "tablet id" };

function wrong(errors = []) {
  return errors.map(({ field, detail }) => `The ${FIELDS[field] ?? field} ${detail}.`).join(" ");
}
