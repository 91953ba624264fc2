// What the desk is told of a room whose guest leaves, in the desk's words.

import { percent } from "./words.js";
import { span } from "./time.js";

/** verdict → [in a word, the sign, what to do]. */
export const VERDICTS = {
  clear: ["Clear", "check", "The tablet is in its room."],
  "not-clear": ["Not clear", "critical", "Do not let the guest go before somebody has looked."],
  unknown: ["Look first", "unknown", "Nobody can tell from here: somebody should look."],
};

export const FINDINGS = {
  silent: "is not heard",
  "switched-off": "was switched off",
  elsewhere: "is not in its room",
  leaving: "is leaving its room, or says so itself",
  unplugged: "was taken off its dock",
  tampered: "was tampered with",
  "no-tablet": "The room has no tablet",
  "never-seen": "was never heard",
  asleep: "is asleep, and has not been heard for a while",
  "signed-off": "has signed off",
  "kept-out": "is kept out: its token has ended",
  "connection-lost": "lost its connection a moment ago",
  "not-heard-lately": "was not heard in the last minute",
  "place-unknown": "is heard, but not from where",
};

/** One reason, in a sentence without a full stop. */
export function finding({ because, deviceId }) {
  const said = FINDINGS[because] ?? because.replace(/-/g, " ");
  return deviceId ? `${deviceId} ${said}` : said;
}

/** What is known beside the verdict: when the tablet was heard, and its battery; empty without a tablet. */
export function condition({ seenAgoS, battery, charging }) {
  return [
    seenAgoS != null && `heard ${span(seenAgoS * 1000)} before`,
    battery != null && `battery ${percent(battery)}`,
    charging && "charging",
  ].filter(Boolean).join(", ");
}

const SERVICES = { "out-of-order": "Out of order", "out-of-service": "Out of service", maintenance: "In maintenance" };

/** What the hotel's systems say of the room, as terms and facts; moments stay moments for who draws them. */
export function said({ occupied, departsAt, service, housekeepingSince, checkedOutAt }) {
  return {
    guest: occupied == null ? "Not known" : occupied ? "Occupied" : "Vacant",
    departsAt, checkedOutAt, housekeepingSince,
    service: service && (SERVICES[service] ?? service.replace(/-/g, " ")),
  };
}
