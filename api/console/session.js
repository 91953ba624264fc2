// Who is at the desk, and in which hotel: logging in, trading the token, its end. The token lives in sessionStorage,
// so that a reload keeps it and a closed tab forgets it; the password is kept nowhere.

import { Http } from "./http.js";

const TOKEN = "innwatch.token";
const HOTEL = "innwatch.hotel"; // in localStorage: where this desk works, for people of several hotels
const SPENT = 0.8; // of what was left of the token's life when we learned of it: time for a fresh one
const AGAIN = 60_000; // ms before a renewal that failed is tried again
const MANAGES = new Set(["manager", "admin"]);
const MAY_ACKNOWLEDGE = new Set(["staff", "manager", "admin"]);

export class Session {
  #token = sessionStorage.getItem(TOKEN);
  #clock;
  #ended;
  #renewAt = Infinity;
  http;
  facts = null; // the answer of /api/session, once it has come

  /** `ended(why)` is called when the server no longer takes the token, at its expiry, and at logging out. */
  constructor({ clock, ended }) {
    this.#clock = clock;
    this.#ended = ended;
    this.http = new Http({ clock, token: () => this.#token, refused: () => this.end("Your session has ended.") });
    clock.watch((now) => this.#mind(now));
  }

  get token() {
    return this.#token;
  }

  get mayAcknowledge() {
    return MAY_ACKNOWLEDGE.has(this.facts?.role);
  }

  /** Whether this person looks after the hotel's people. */
  get isManager() {
    return MANAGES.has(this.facts?.role);
  }

  /** Trade name and password for a token; people of several hotels get the one where this desk was last. */
  async logIn({ username, password }) {
    const grant = await this.http.post("auth/user-token", { username, password });
    this.#adopt(grant.token);
    const last = localStorage.getItem(HOTEL);
    if (last !== grant.hotelId && grant.hotels.some(({ id }) => id === last)) await this.moveTo(last);
  }

  /** Trade the token for one of another hotel. */
  async moveTo(hotelId) {
    const grant = await this.http.post("auth/switch", { hotelId });
    localStorage.setItem(HOTEL, hotelId);
    this.#adopt(grant.token);
  }

  /** Put a password of one's own in the place of `current`; every other session of this person ends. */
  async changePassword({ current, password }) {
    const grant = await this.http.post("auth/password", { current, password });
    this.#adopt(grant.token);
    await this.load();
  }

  /** Ask who we are, in which hotel (null for an admin who chose none), and where the broker listens. */
  async load() {
    this.facts = await this.http.get("session");
    this.#plan();
    return this.facts;
  }

  /** Whether the server still takes the token; when it does not, the session has ended by the time this returns. */
  async stillValid() {
    try {
      await this.http.get("session");
    } catch (problem) {
      return problem.status !== 401;
    }
    return true;
  }

  end(why) {
    if (this.#token === null) return;
    this.#token = null;
    this.facts = null;
    sessionStorage.removeItem(TOKEN);
    this.#ended(why);
  }

  #adopt(token) {
    this.#token = token;
    sessionStorage.setItem(TOKEN, token);
  }

  #plan() {
    const now = this.#clock.now();
    this.#renewAt = now + SPENT * (Date.parse(this.facts.expiresAt) - now);
  }

  #mind(now) {
    if (!this.facts) return;
    if (Date.parse(this.facts.expiresAt) <= now) this.end("Your session has ended.");
    else if (now >= this.#renewAt) this.#renew(now);
  }

  // Connections keep the token that they were opened with, and come back with the new one when the broker ends them.
  async #renew(now) {
    this.#renewAt = now + AGAIN;
    const before = this.#token;
    try {
      const { token } = await this.http.post("auth/renew");
      if (this.#token !== before) return;
      this.#adopt(token);
      await this.load();
    } catch {
      // Refused, and the session has ended; or out of reach, and it is tried again.
    }
  }
}
