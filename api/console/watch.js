// Whether what the console shows may be trusted: the judgement behind the banner. Pure, so that it can be tested.

const FLICKER = 2_000; // ms that a lost connection may take to come back before it is worth a word
const FIRST = 6_000; // ms for the very first connection: the websocket's try and the stream's
const UNTOLD = 10_000; // ms without hearing of the monitor, which is retained, or of the server's health
const VALID = 30_000; // ms that the monitor's word is good for

/**
 * Judge. Returns null when all is well, else `{ state: "blind" | "degraded", title, detail, aged }`; `aged` is the
 * moment (ms) from which what is shown grows old, or null.
 */
export function judge({ link, monitor, health, now }) {
  if (!link.via) return lost(link, now);
  return (link.via === "websocket" ? watcher(link, monitor, now) : server(link, health, now)) ?? word(monitor);
}

function lost(link, now) {
  if (now - link.since < (link.ever ? FLICKER : FIRST)) return null;
  const title = link.ever ? "The connection to Innwatch is lost." : "Innwatch cannot be reached.";
  return blind(title, "Trying again. New alerts may be missing here.", link.ever ? link.heard : null);
}

// By websocket: the monitor must have been heard of, and its word be fresh.
function watcher(link, monitor, now) {
  if (!monitor) return untold(link, now);
  const until = Date.parse(monitor.validUntil);
  return until < now ? blind("Innwatch has stopped watching.", "Its monitor has fallen silent.", until - VALID) : null;
}

// By the event stream, which has no monitor: the server itself is asked.
function server(link, health, now) {
  if (!health) return untold(link, now);
  if (!health.ready) return blind("Innwatch is not ready.", health.why, null);
  return now - health.at > VALID ? blind("Innwatch does not answer.", "Its health is not known.", health.at) : null;
}

function untold(link, now) {
  if (now - link.since < UNTOLD) return null;
  return blind("Nothing says that this hotel is being watched.", "The monitor has not been heard of.", link.since);
}

function word(monitor) {
  const { state, why, since } = monitor ?? {};
  if (state === "blind") return blind("Innwatch is not watching this hotel.", why, Date.parse(since));
  if (state !== "degraded") return null;
  return { state, title: "Innwatch is watching with limits.", detail: why, aged: null };
}

function blind(title, detail, aged) {
  return { state: "blind", title, detail, aged };
}
