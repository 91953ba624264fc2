// What people may answer to an alert, and who may be given one.

const MANAGED = new Set(["tamper", "identity"]); // families that a good signal never ends
const LONGEST_IF_CRITICAL = 60; // minutes
const SNOOZES = [[15, "15 minutes"], [60, "an hour"], [240, "4 hours"], [720, "12 hours"]];

export const SNOOZED = "snoozed";

/** Whether only a manager ends it by hand. */
export function needsManager({ severity, family }) {
  return severity === "critical" || MANAGED.has(family);
}

/** For how long it may be snoozed: `[minutes, in words]`. A minute less than what is allowed, for clocks differ. */
export function snoozes({ severity }) {
  return SNOOZES.filter(([minutes]) => severity !== "critical" || minutes <= LONGEST_IF_CRITICAL)
    .map(([minutes, said]) => [severity === "critical" && minutes === LONGEST_IF_CRITICAL ? minutes - 1 : minutes, said]);
}

/** The names of those of a hotel who may answer alerts. */
export async function learnStaff(http) {
  const people = await http.all("users");
  return people.filter(({ role, admin, disabled }) => !disabled && (admin || role !== "viewer")).map(({ name }) => name);
}

/** What to say of an answer that was not taken. `at` writes a moment on the hotel's clock. */
export function refusal({ status, message, body }, at, noun = "alert") {
  if (status === 410) return `The ${noun} is over: there is nothing left to answer.`;
  if (status !== 409) return `Not done. ${message}`;
  if (!body.by) return `The ${noun} has changed meanwhile. Look again, then answer.`;
  const first = `${body.by} was first, at ${at(body.at)}.`;
  return body.type?.endsWith("changed") ? `${first} Look again, then answer.` : first;
}
