// The event stream, read with `fetch` because EventSource cannot send the token in a header.

import { address } from "./http.js";

const QUIET = 40_000; // ms without a byte, where the server sends a comment every 15 s: the line is dead

/**
 * Parse server-sent events (HTML standard, 9.2.6) from text that arrives in pieces.
 * `take({ id, type, data })` is called for each event; `id` is the last one the stream named, or "".
 */
export function parser(take) {
  let rest = "";
  let first = true;
  let event = { id: "", type: "", data: [] };

  const field = (name, value) => {
    if (name === "data") event.data.push(value);
    else if (name === "event") event.type = value;
    else if (name === "id" && !value.includes("\0")) event.id = value;
  };
  const line = (text) => {
    if (text === "") {
      if (event.data.length) take({ id: event.id, type: event.type || "message", data: event.data.join("\n") });
      event = { id: event.id, type: "", data: [] };
      return;
    }
    const colon = text.indexOf(":");
    if (colon < 0) field(text, "");
    else if (colon > 0) field(text.slice(0, colon), text.slice(colon + 1).replace(/^ /, ""));
  };

  return (piece) => {
    rest += piece;
    if (first && rest) {
      rest = rest.replace(/^\uFEFF/, "");
      first = false;
    }
    // A carriage return at the very end may be half of a line ending: it waits for the next piece.
    for (let end; (end = /\r\n|\n|\r(?!$)/.exec(rest)); rest = rest.slice(end.index + end[0].length)) {
      line(rest.slice(0, end.index));
    }
  };
}

/**
 * Read the stream until it ends, and say why: "ended", "refused" (the token), "away" (no stream came).
 * `up()` once it is open, `heard()` for every sign of life, `event({ id, type, data })` with `data` decoded.
 */
export async function readStream({ headers, lastId, signal, clock, up, heard, event }) {
  const dead = new AbortController();
  const stop = () => dead.abort();
  let last = Date.now();
  const unwatch = clock.watch(() => Date.now() - last > QUIET && stop());
  let why = "away";
  try {
    const resume = lastId ? { "Last-Event-ID": String(lastId) } : {};
    const answer = await fetch(address("events"), {
      headers: { Accept: "text/event-stream", ...headers, ...resume },
      cache: "no-store", credentials: "omit", signal: AbortSignal.any([signal, dead.signal]),
    });
    if (!answer.ok) return answer.status === 401 ? "refused" : "away";
    why = "ended";
    up();
    const feed = parser(({ id, type, data }) => event({ id, type, data: decoded(data) }));
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let piece; !(piece = await reader.read()).done; ) {
      last = Date.now();
      heard();
      feed(piece.value);
    }
    return why;
  } catch {
    return why; // Aborted, or the connection broke: the caller tries again either way.
  } finally {
    unwatch();
    stop();
  }
}

function decoded(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
