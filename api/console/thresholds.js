// The thresholds of a policy in people's words: what each means, its unit and its limits. The server judges; this
// table lets the page say beforehand what it will say. A test holds it against `rules.policy.PolicyChanges`.

// unit → [its sign, how much of the wire's unit one is]
const UNITS = {
  seconds: [" s", 1], minutes: [" min", 60], hours: [" h", 3600], dbm: [" dBm", 1], db: [" dB", 1], percent: [" %", 1],
  share: [" %", 0.01], hourly: [" % an hour", 1], celsius: [" °C", 1], messages: [" messages", 1], times: [" times", 1],
};

const LASTING = ["seconds", "minutes", "hours"];
const YES_NO = [[true, "yes"], [false, "no"]];

/** Group by group: name on the wire → { words, means, unit with least and most (in the wire's unit), or choices }. */
export const GROUPS = {
  "How closely": {
    profile: { words: "Profile",
      means: "Strict: a heartbeat every 4 s, and silence is an alert within 20 s. Normal: every 10 s, milder at first.",
      choices: [["strict", "strict"], ["normal", "normal"]] },
    docked: { words: "Tablets stand on a dock", means: "Then being off it is told, and counts at a check-out.", choices: YES_NO },
  },
  "Leaving the room": {
    rssiFloor: { words: "Weakest signal in the room",
      means: "A signal below this is trouble. Without one, the room is not calibrated.",
      unit: "dbm", least: -126, most: 0 },
    rssiDefaultFloor: { words: "Weakest signal where none is calibrated", means: "Below it is worth an info, no more.",
      unit: "dbm", least: -126, most: 0 },
    rssiRecoveryMargin: { words: "Signal is good again above it by",
      means: "How far above the weakest signal it must rise before the alert ends.",
      unit: "db", least: 1, most: 40 },
    breachMinSpan: { words: "Leaving must last", means: "A weak signal or a foreign access point for a shorter time is passed by.",
      unit: "seconds", least: 0, most: 600 },
    breachSilentWithin: { words: "Own report, then silent within",
      means: "A tablet that reports a breach and falls silent within this time is critical.",
      unit: "seconds", least: 0, most: 3600 },
    misfitShare: { words: "Lives in another room from",
      means: "So much of half an hour on another room’s access points means that it lives there.",
      unit: "share", least: 0.5, most: 1 },
  },
  Silence: {
    silenceHighAfter: { words: "Silence is high after", means: "In the normal profile: a silence that lasts so long is high.",
      unit: "seconds", least: 0, most: 86400 },
    silenceCriticalAfter: { words: "Silence is critical after", means: "In the normal profile: one that lasts so long is critical.",
      unit: "minutes", least: 0, most: 86400 },
    sleepLongest: { words: "Longest sleep", means: "A tablet that says it will sleep is not silent for so long at most.",
      unit: "minutes", least: 0, most: 600 },
    byeReconnect: { words: "Back after a new connection", means: "How long one that says it will connect anew may take.",
      unit: "seconds", least: 10, most: 600 },
    byeReboot: { words: "Back after a restart", means: "How long one that says it will restart or update may take.",
      unit: "seconds", least: 10, most: 3600 },
    silenceGrace: { words: "Grace before a silence",
      means: "How long after 15 s without a message (strict; 30 s normal). Not set: 3 s strict, 10 s normal.",
      unit: "seconds", least: 0, most: 60 },
    restartGrace: { words: "Time to come back after our own outage",
      means: "When Innwatch itself was away, nobody is accused before.",
      unit: "seconds", least: 60, most: 3600 },
    neverSeenAfter: { words: "Never heard for", means: "A tablet that was added so long ago and never came is told.",
      unit: "hours", least: 600, most: 2592000 },
  },
  Departures: {
    departingWithin: { words: "Guest leaves within",
      means: "So long before the departure, a breach or a silence is one step more severe.",
      unit: "minutes", least: 0, most: 86400 },
    checkoutGuard: { words: "Guarded after a check-out for",
      means: "A tablet that goes within this time is critical, and the desk is told.",
      unit: "minutes", least: 0, most: 86400 },
    checkoutSeen: { words: "In its room again for", means: "So long ends an alert of a check-out.",
      unit: "minutes", least: 0, most: 3600 },
  },
  Battery: {
    batteryLow: { words: "Battery is low at", means: "Twice in a row, and not charging.", unit: "percent", least: 1, most: 90 },
    batteryLowClear: { words: "Battery is no longer low at", means: "Above “low”, or the alert would come and go.",
      unit: "percent", least: 1, most: 100 },
    batteryCritical: { words: "Battery is nearly empty at", means: "Twice in a row, and not charging.",
      unit: "percent", least: 1, most: 90 },
    batteryCriticalClear: { words: "Battery is no longer nearly empty at", means: "Above “nearly empty”.",
      unit: "percent", least: 1, most: 100 },
    batteryChargingClear: { words: "Battery is fine after charging for", means: "So long on a charger ends a battery alert.",
      unit: "minutes", least: 0, most: 3600 },
    batteryDrain: { words: "Battery empties fast at", means: "Over half an hour without a charger.",
      unit: "hourly", least: 2, most: 100 },
    batteryDrainClear: { words: "Battery no longer empties fast below", means: "Below “fast”.",
      unit: "hourly", least: 1, most: 99 },
    batteryTonight: { words: "Battery left at 07:00, at least", means: "A tablet that would have less is on the 21:00 round.",
      unit: "percent", least: 1, most: 90 },
    batteryTonightClear: { words: "Off the round at", means: "The forecast for 07:00 that takes it off again.",
      unit: "percent", least: 1, most: 100 },
  },
  "Dock, heat and kiosk": {
    unpluggedLongest: { words: "Off its dock for", means: "Where tablets stand on a dock: told after so long.",
      unit: "minutes", least: 0, most: 86400 },
    unpluggedClear: { words: "Back on its dock for", means: "So long on it ends the alert.",
      unit: "seconds", least: 0, most: 3600 },
    unpluggedFall: { words: "Carried off: signal falls by",
      means: "Taken off its dock and so much weaker soon after: a breach is critical.",
      unit: "db", least: 6, most: 60 },
    unpluggedFallWithin: { words: "Carried off: within", means: "How soon after.", unit: "seconds", least: 0, most: 600 },
    overheat: { words: "Too hot at", means: "Three times in a row.", unit: "celsius", least: 30, most: 90 },
    overheatClear: { words: "Cool again at", means: "Below “too hot”.", unit: "celsius", least: 20, most: 89 },
    kioskLeftLongest: { words: "Out of its kiosk for", means: "For longer is taken for tampering.",
      unit: "minutes", least: 0, most: 86400 },
  },
  "Clock, messages and names": {
    clockSkew: { words: "Clock is wrong by", means: "Three times in a row.", unit: "seconds", least: 10, most: 86400 },
    clockSkewClear: { words: "Clock is right within", means: "Less than “wrong”.", unit: "seconds", least: 5, most: 86400 },
    backlogLongest: { words: "Messages that may wait",
      means: "More of them, while it is online, means that it cannot get rid of them.",
      unit: "messages", least: 1, most: 100000 },
    backlogOldest: { words: "How long one may wait", means: "The same for the oldest message.",
      unit: "minutes", least: 60, most: 86400 },
    takeOvers: { words: "Put each other out", means: "So often within the next time: two pieces of hardware speak under one name.",
      unit: "times", least: 2, most: 20, whole: true },
    takeOversWithin: { words: "Put each other out within", means: "The time in which that counts.",
      unit: "minutes", least: 60, most: 3600 },
    tokenExpiringFrom: { words: "Access ends soon after", means: "So much of a token’s life without a newer one is told to IT.",
      unit: "share", least: 0.85, most: 0.99 },
  },
};

export const THRESHOLDS = Object.assign({}, ...Object.values(GROUPS));

/** A value as it stands in a field: a number in the field's own unit, or the word of a choice; "" for none. */
export function inField(name, value) {
  if (value == null) return "";
  const { unit, choices } = THRESHOLDS[name] ?? {};
  if (choices) return String(value);
  return String(unit ? exact(value / UNITS[unit][1]) : value);
}

/** A whole policy so: name → what stands in its field. */
export function inFields(policy) {
  return Object.fromEntries(Object.entries(policy).map(([name, value]) => [name, inField(name, value)]));
}

/** A value in words: "−70 dBm", "10 min", "yes". One that this page does not know is shown as it came. */
export function inWords(name, value) {
  if (value == null) return "not set";
  const { unit, choices } = THRESHOLDS[name] ?? {};
  if (choices) return choices.find(([known]) => known === value)?.[1] ?? String(value);
  return `${inField(name, value).replace("-", "−")}${unit ? UNITS[unit][0] : ""}`;
}

// What holds where no level says a grace: profile → seconds.
const GRACE = { strict: 3, normal: 10 };

/** What a threshold comes to where its value is this, in words: a grace that nobody says is the profile's. */
export function inForce(name, value, profile) {
  const grace = value == null ? ofProfile(name, profile) : undefined;
  return grace === undefined ? inWords(name, value) : `${inWords(name, grace)}, by the profile`;
}

/** What a threshold is by the profile where nobody says it: undefined for all but one. */
export function ofProfile(name, profile) {
  return name === "silenceGrace" ? GRACE[profile] : undefined;
}

/** The sign of a threshold's unit, and its limits in words: empty where it is a choice. */
export function signOf(name) {
  return (UNITS[THRESHOLDS[name].unit]?.[0] ?? "").trim();
}

export function limits(name) {
  const { unit, least, most } = THRESHOLDS[name];
  if (!unit) return "";
  if (LASTING.includes(unit)) return `${lasting(least)} to ${lasting(most)}`;
  return `${inField(name, least).replace("-", "−")} to ${inField(name, most)}${UNITS[unit][0]}`;
}

// A duration in the longest unit of which it is a whole number: a field in hours may begin at ten minutes.
function lasting(seconds) {
  const unit = [...LASTING].reverse().find((one) => seconds % UNITS[one][1] === 0 && seconds >= UNITS[one][1]) ?? "seconds";
  return `${seconds / UNITS[unit][1]}${UNITS[unit][0]}`;
}

// "50,000" or "50.000": fifty thousand to whoever types it. What this page writes has a point, and no nought at its end.
const THOUSANDS = /^-?\d{1,3}(,\d{3}|\.\d\d0)$/;

/** Read a field: `{ value }` as the wire has it, or `{ wrong }` with what to say. Empty is null: inherited. */
export function read(name, text) {
  const { unit, choices, least, most, whole } = THRESHOLDS[name];
  const typed = text.trim().replace("−", "-");
  const said = typed.replace(",", ".");
  if (said === "") return { value: null };
  if (THOUSANDS.test(typed)) return { wrong: `This may mean ${typed.replace(/[.,]/, "")} or ${Number(said)}: write one of them.` };
  if (choices) return { value: choices.find(([known]) => String(known) === said)[0] };
  if (!/^-?\d+(\.\d+)?$/.test(said)) return { wrong: `This is a number${unit ? `, ${limits(name)}` : ""}.` };
  const value = exact(Number(said) * UNITS[unit][1]);
  if (value < least || value > most) return { wrong: `This must be ${limits(name)}.` };
  if (whole && !Number.isInteger(value)) return { wrong: "This must be a whole number." };
  return { value };
}

// 0.07 / 0.01 is 7.000000000000001 to a computer.
function exact(number) {
  return Number(number.toPrecision(12));
}
