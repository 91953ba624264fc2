// What the keys do at the desk: they walk along the list of alerts, answer one, find some, and lead from page to page.

import { listenToKeys } from "./keys.js";

export class Walk {
  isOn = false; // on the way along the list: what that opens must not take the focus
  #page;
  #session;
  #change;
  #go;
  #close;

  /** `page` is read as it is at each key; `go(view, id, options)` and `close()` lead elsewhere, `change(fields)` redraws. */
  constructor({ page, session, change, go, close }) {
    this.#page = page;
    this.#session = session;
    this.#change = change;
    this.#go = go;
    this.#close = close;
  }

  listen() {
    const session = this.#session;
    const atDesk = (verb) => () => (session.facts ? verb() : false);
    const along = (steps) => atDesk(() => this.#page.route.view === "alerts" && this.#step(steps));
    // In the panel the arrows scroll.
    const arrow = (steps) => (event) => !event.target.closest?.(".panel") && along(steps)();
    const to = (view) => () => this.#go(view);
    listenToKeys({
      j: along(1), k: along(-1), ArrowDown: arrow(1), ArrowUp: arrow(-1),
      a: atDesk(() => this.#answer()), "/": atDesk(find), "?": atDesk(() => this.#change({ help: true })),
      Escape: atDesk(() => this.#leave()),
      1: atDesk(to("alerts")), 2: atDesk(to("tablets")), o: atDesk(to("incidents")),
      c: atDesk(() => session.mayAcknowledge && this.#go("clearances")), r: atDesk(to("round")),
      3: atDesk(() => session.isManager && this.#go("people")), 4: atDesk(() => session.isManager && this.#go("enrolments")),
      5: atDesk(to("policy")),
    });
  }

  #current(all) {
    const here = all.indexOf(document.activeElement?.closest("[data-alert]"));
    return here >= 0 ? here : all.findIndex(({ dataset }) => dataset.alert === this.#page.route.id);
  }

  #step(steps) {
    const all = rows();
    const next = all[Math.min(all.length - 1, Math.max(0, this.#current(all) + steps))];
    if (!next) return false;
    next.querySelector("button").focus();
    next.scrollIntoView({ block: "nearest" });
    if (!this.#page.route.id) return true;
    this.isOn = true;
    this.#go("alerts", next.dataset.alert, { replace: true });
    return true;
  }

  #answer() {
    const { view, id: open } = this.#page.route;
    if (view !== "alerts" || !this.#session.mayAcknowledge) return false;
    const all = rows();
    const id = all[this.#current(all)]?.dataset.alert ?? open ?? all[0]?.dataset.alert;
    if (!id) return false;
    this.#go("alerts", id);
    this.#change({ writing: id });
    return true;
  }

  // Escape in a field leaves it, and clears a search; the next one closes what is open.
  #leave() {
    const field = document.activeElement;
    if (field?.id !== "search") return this.#close();
    if (field.value) this.#change({ query: "" });
    field.blur();
    return true;
  }
}

function rows() {
  return [...document.querySelectorAll("#alerts [data-alert]")];
}

function find() {
  const field = document.getElementById("search");
  field?.focus();
  field?.select();
  return Boolean(field);
}
