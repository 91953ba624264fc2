// An incident in the words of the desk: what is out, how its tablets are, and what happened step by step.

import { floorName, lower, word } from "./words.js";

const SCOPES = { "access-point": "Access point", zone: "Zone" };
const KINDS = {
  "outage.area": "Part of the hotel is not heard", "outage.hotel": "Most of the hotel is not heard",
  "outage.own": "Innwatch itself was away, and many have not come back",
};
const PAST_KINDS = {
  "outage.area": "Part of the hotel was not heard", "outage.hotel": "Most of the hotel was not heard",
  "outage.own": "Innwatch itself was away, and many did not come back at once",
};
const CHANNELS = { email: "e-mail", slack: "Slack" };

/** What is out: "Floor 2", "Access point a4:…", "The whole hotel". */
export function where({ scope, place }) {
  if (place == null) return "The whole hotel";
  return scope === "floor" ? floorName(place) : `${word(SCOPES, scope)} ${place}`;
}

/** What kind of outage it is, or was. */
export function kind({ rule, closedAt }) {
  return word(closedAt ? PAST_KINDS : KINDS, rule);
}

/** Why it is one; of one that is over its times say for how long it went on. */
export function whyOf({ why = [], closedAt }) {
  return closedAt ? why.filter(({ because }) => because !== "still-firing") : why;
}

/** How it stands, in a sentence without a full stop. */
export function standing({ members, back, lost, closedAt, partOf }) {
  if (partOf) return "It became part of a wider outage";
  if (!closedAt) return `${members - back} of ${tablets(members)} still silent`;
  if (lost) return `${lost} of ${tablets(members)} did not return`;
  return members === back ? `All ${tablets(members)} came back` : `${back} of ${tablets(members)} came back`;
}

/** The groups in which the tablets of an incident are shown: key → words, the most urgent first. */
export const GROUPS = {
  lost: "Did not return", silent: "Still silent", elsewhere: "Silent again, by itself", resolved: "Resolved by hand", back: "Back",
};

/** In which group an alert of the incident belongs. One that opened again since is no longer the incident's. */
export function groupOf(alert, incident) {
  if (alert.status !== "open") return alert.resolvedBy ? "resolved" : "back";
  if (alert.why.some(({ because }) => because === "did-not-return")) return "lost";
  return alert.incidentId === incident.id && !incident.closedAt ? "silent" : "elsewhere";
}

/** One step of an incident's timeline, in a sentence without a full stop. */
export function stepOf(step, incident) {
  const { type, notice, channel, by } = step;
  if (type === "notification.sent") return `Told by ${word(CHANNELS, channel)} ${about(notice)}`;
  if (type === "notification.dead") return `The notice by ${word(CHANNELS, channel)} ${about(notice)} failed`;
  if (type === "incident.opened") return `Began: ${where(step)}, ${tablets(step.members)} silent`;
  if (by) return `Acknowledged by ${by}`;
  if (type === "incident.closed") return `Over: ${lower(standing(incident))}`;
  return `${where(step)}: ${step.back ? `${step.back} of ${tablets(step.members)} back` : `${tablets(step.members)} silent`}`;
}

function about(notice) {
  return notice === "incident-over" ? "that it is over" : "of it";
}

function tablets(count) {
  return count === 1 ? "1 tablet" : `${count} tablets`;
}
