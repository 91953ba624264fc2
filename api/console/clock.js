// The page's one clock. It shows the server's time, since a desk computer that is minutes off would call fresh news
// old; and it ticks once a second even while the page is in the background.

const SLEPT = 10_000; // A longer gap between two ticks: the computer slept, and every connection may be dead.
const TRUSTED = 2_000; // The Date header counts whole seconds, and the answer travelled: less than this is no error.

export class Clock {
  #ahead = 0; // of this computer's clock, in ms
  #watchers = new Set();
  #sleepers = new Set();
  #last = Date.now();

  constructor() {
    const tick = () => this.#tick();
    const worker = new Worker(new URL("./ticker.js", import.meta.url));
    worker.addEventListener("message", tick);
    worker.addEventListener("error", () => setInterval(tick, 1000), { once: true });
  }

  /** The time of the server, in ms since 1970. */
  now() {
    return Date.now() + this.#ahead;
  }

  /** Learn the server's time from the Date header of an answer. */
  learn(date) {
    const ahead = Date.parse(date ?? "") - Date.now();
    if (!Number.isNaN(ahead)) this.#ahead = Math.abs(ahead) < TRUSTED ? 0 : ahead;
  }

  /** Call `watcher(now)` every second; returns what ends it. */
  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Call `sleeper()` when the computer wakes up; returns what ends it. */
  afterSleep(sleeper) {
    this.#sleepers.add(sleeper);
    return () => this.#sleepers.delete(sleeper);
  }

  /** Wait `ms`, to the next full second; less when `signal` aborts or somebody calls the `cut` it is handed. */
  rest(ms, { signal, cut = () => {} }) {
    return new Promise((resolve) => {
      const until = Date.now() + ms;
      const end = () => {
        unwatch();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const unwatch = this.watch(() => Date.now() >= until && end());
      signal.addEventListener("abort", end);
      cut(end);
      if (signal.aborted) end();
    });
  }

  /** Repeating timers for mqtt.js, in its own terms, on our ticks: good to a second. */
  get timers() {
    return { set: (call, ms) => this.#repeat(call, ms), clear: (stop) => stop() };
  }

  #repeat(call, ms) {
    let due = Date.now() + ms;
    return this.watch(() => {
      if (Date.now() < due) return;
      due += ms;
      call();
    });
  }

  #tick() {
    const gap = Date.now() - this.#last;
    this.#last = Date.now();
    if (gap > SLEPT) for (const sleeper of [...this.#sleepers]) sleeper();
    for (const watcher of [...this.#watchers]) watcher(this.now());
  }
}
