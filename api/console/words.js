// What the enumerations on the wire mean, in the words of the people at the desk. A value that this page does not
// know yet is shown as it came, never hidden.

const plain = (value) => String(value).replace(/[-.]/g, " ");
const first = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const lower = (text) => text.charAt(0).toLowerCase() + text.slice(1);
const minus = (value) => String(value).replace("-", "−");
const dbm = (value) => `${minus(Math.round(value))} dBm`;
const percent = (value) => `${Math.round(value)} %`;

export const SEVERITY = { critical: "Critical", high: "High", medium: "Medium", low: "Low", info: "Info" };

export const LINK = {
  online: "Online", sleeping: "Asleep", away: "Signed off", silent: "Silent", "never-seen": "Never seen",
};

export const TOKEN_ENDED = { expired: "Kept out: token expired", revoked: "Kept out: token revoked" };

export const POSTURE = {
  "in-room": "In its room", weak: "Weak signal", "out-of-zone": "Away from its room", foreign: "Foreign network",
  unknown: "Place unknown",
};

export const POWER = { ok: "Fine", low: "Low", critical: "Nearly empty", charging: "Charging", unknown: "Unknown" };

export const ROLE = { viewer: "viewer", staff: "staff", manager: "manager", admin: "administrator" };

const CAUSES = {
  "wifi-off": "Wi-Fi was switched off", "foreign-ap": "joined a foreign network", "weak-signal": "its signal is weak",
  "kiosk-exit": "the kiosk was left", root: "it was rooted", debugger: "a debugger is attached",
  "usb-debug": "USB debugging is on", emulator: "it runs in an emulator",
};

export const HEADLINES = {
  "breach.signal": "Signal too weak for its room",
  "breach.access-point": "Not on its room's Wi-Fi",
  "breach.reported": "The tablet reports a breach",
  silence: "The tablet has gone silent",
  "wifi-off": "Wi-Fi was switched off",
  "powered-off": "The tablet was switched off",
  "battery.low": "Battery is low",
  "battery.critical": "Battery is nearly empty",
  "token.expiring": "Its access ends soon",
  "token.expired": "Its access has expired",
  "checkout.guard": "Checked out, and the tablet is gone",
  "never-seen": "Never heard",
  "agent-stuck": "Connected, but says nothing",
  "battery.drain": "Battery empties fast",
  "battery.tonight": "Battery will not last the night",
  "power.unplugged": "Off its dock",
  "power.overheat": "Too hot",
  "tamper.root": "It was rooted",
  "tamper.debugger": "A debugger is attached",
  "tamper.usb-debug": "USB debugging is on",
  "tamper.emulator": "Something else pretends to be it",
  "tamper.kiosk": "Out of its kiosk",
  "tamper.agent-removed": "Its agent was removed",
  "tamper.other": "It was tampered with",
  "clock.skew": "Its clock is wrong",
  "room.mismatch": "In another room than it belongs to",
  "room.swapped": "Swapped with another tablet",
  "backlog.stuck": "It cannot get rid of what it kept",
  "identity.conflict": "Two tablets speak under its name",
};

// A rule that several reasons can open is named after the reason.
const SHARPER = {
  foreign: "On a network that is not the hotel's",
  "out-of-zone": "Away from its room",
  moved: "Near another room",
};

export const REASONS = {
  "signal-below-floor": ({ observed, limit }) =>
    `Signal ${observed == null ? "too weak" : `of ${dbm(observed)}`}` +
    (limit == null ? "" : `, where this room needs at least ${dbm(limit)}`),
  "room-not-calibrated": ({ limit }) =>
    `This room is not calibrated${limit == null ? "" : `, so the general floor of ${dbm(limit)} was used`}`,
  moved: ({ observed }) => `Connected to a neighbouring room's access point${named(observed)}`,
  "out-of-zone": ({ observed }) => `Connected to an access point in another part of the hotel${named(observed)}`,
  foreign: ({ observed }) => `Connected to an access point that is not the hotel's${named(observed)}`,
  "inventory-incomplete": () => "Not all access points of the hotel are listed, so it may be one of them",
  reported: ({ cause }) => `The tablet reported it itself${cause ? `: ${CAUSES[cause] ?? plain(cause)}` : ""}`,
  "silent-after-report": () => "It fell silent right after its own report",
  "nothing-heard": ({ observed, limit }) =>
    `Nothing heard${lasted(observed)}${limit == null ? "" : ` (allowed: ${duration(limit)})`}`,
  "connection-lost": ({ limit }) =>
    `Its connection broke off without a goodbye${limit == null ? "" : ` and was not back within ${duration(limit)}`}`,
  "not-listening": ({ observed }) => `Innwatch itself was not listening${lasted(observed)}, which does not count`,
  overslept: () => "It went to sleep and did not wake up in time",
  "bye-overdue": ({ cause }) => `It signed off${cause ? ` (${plain(cause)})` : ""} and did not come back in time`,
  "wifi-off": () => "Its Wi-Fi was switched off",
  "powered-off": () => "It was switched off",
  "battery-low": ({ observed, limit }) => `Battery ${charge(observed, "low")}${atMost(limit)}`,
  "battery-critical": ({ observed, limit }) => `Battery ${charge(observed, "nearly empty")}${atMost(limit)}`,
  "token-not-renewed": ({ observed }) =>
    `It has not renewed its token${observed == null ? "" : `, which is good for another ${duration(observed)}`}`,
  "token-expired": () => "Its token has expired, so it is not let in: enrol it again",
  "kept-out": () => "It was put out with an expired token and has not come back with another: enrol it again",
  flapping: ({ observed }) => `It keeps coming and going${observed == null ? "" : `: ${observed} times in half an hour`}`,
  "calm-again": ({ observed }) => `It has been calm${lasted(observed)}`,
  "still-firing": ({ observed }) => `It has gone on${lasted(observed) || " since"}`,
  "signal-recovered": ({ observed }) => `Its signal is good again${observed == null ? "" : ` (${dbm(observed)})`}`,
  "back-on-own-access-point": () => "It is back on its room's access point",
  "reported-recovery": () => "The tablet reports that it is over",
  "signal-fell": ({ observed }) =>
    `Its signal fell${observed == null ? "" : ` by ${Math.round(observed)} dB`} in the last minute, as when somebody carries it off`,
  "did-not-return": () => "It did not return when the others did",
  "area-silent": ({ observed }) => `${tablets(observed)} of one place fell silent at once`,
  "hotel-silent": ({ observed }) => `${tablets(observed)}, most of the hotel, fell silent at once`,
  "not-back-after-us": ({ observed }) => `Innwatch heard nobody for a while, and ${tablets(observed)} did not come back`,
  "part-of-outage": ({ observed }) => `It is told as part of an outage${named(observed)}`,
  maintenance: ({ limit }) =>
    `Nobody is told: a maintenance window${limit == null ? "" : ` of ${duration(limit)}`} is under way`,
  "heard-again": () => "The tablet is heard again",
  "battery-recovered": ({ observed }) => `Battery is back${observed == null ? "" : ` at ${percent(observed)}`}`,
  charging: ({ observed }) => `It has been charging${lasted(observed)}`,
  "token-renewed": () => "It was given a new token",
  "token-revoked": () => "Its tokens were revoked by somebody of the hotel",
  "never-heard": ({ observed }) => `Nothing of it arrived${observed == null ? "" : `, ${duration(observed)} after it was added`}`,
  "first-heard": () => "Its first message arrived",
  "no-heartbeat": ({ observed }) => `It is connected, and no heartbeat came${lasted(observed)}: its app may hang`,
  draining: ({ observed, limit }) =>
    `It loses ${observed == null ? "its charge fast" : `${percent(observed)} an hour`}` +
    (limit == null ? "" : `, the limit is ${percent(limit)}`),
  "drain-slowed": () => "It loses its charge slowly enough again",
  "dies-tonight": ({ observed }) =>
    `It should be charged before the night${observed == null ? "" : `: at 07:00 it would be at ${percent(observed)}`}`,
  "lasts-till-morning": () => "It will last until the morning",
  morning: () => "The night is over",
  unplugged: ({ observed }) => `It has been off its dock${lasted(observed)}`,
  "carried-off": ({ observed, limit }) =>
    "It was taken off its dock, and its signal fell at once" +
    (observed == null || limit == null ? "" : `, from ${dbm(limit)} to ${dbm(observed)}`),
  "plugged-in": () => "It is on its dock again",
  overheated: ({ observed, limit }) => `${celsius(observed, "Too hot")}${limit == null ? "" : `, the limit is ${celsius(limit)}`}`,
  "cooled-down": ({ observed }) => `It has cooled down${observed == null ? "" : ` to ${celsius(observed)}`}`,
  rooted: () => "Its system was opened: it can no longer be trusted",
  debugged: () => "Somebody looks into it with a debugger",
  "usb-debugging": () => "It can be controlled over its USB port",
  emulated: () => "Its agent runs in an emulator",
  "kiosk-left": ({ observed }) => `Its guest can reach more than the hotel's app${lasted(observed)}`,
  "agent-removed": () => "It can no longer be watched",
  tampered: ({ cause }) => `The tablet says so itself${cause ? `: ${plain(cause)}` : ""}`,
  "reported-clean": () => "The tablet looked again and found nothing",
  "clock-wrong": ({ observed }) =>
    `Its clock is ${observed == null ? "wrong" : `${duration(Math.abs(observed))} ${observed > 0 ? "fast" : "slow"}`}`,
  "clock-right": () => "Its clock is right again",
  "lives-elsewhere": ({ observed }) => `It is nearly always on the access points of another room${named(observed)}`,
  "says-another-room": ({ observed }) => `It reports another room${named(observed)}`,
  swapped: ({ observed }) => `It and ${observed ?? "another tablet"} are in each other's room`,
  "told-of-its-partner": ({ observed }) => `The alert of ${observed ?? "the other tablet"} tells of both`,
  "fits-again": () => "It is on its own room's access points",
  "backlog-long": ({ observed }) => `${observed == null ? "Too many" : Math.round(observed)} messages wait in it`,
  "backlog-old": ({ observed }) => `Messages have waited in it${lasted(observed)}`,
  "backlog-empty": () => "Nothing waits in it any more",
  "taken-over": ({ observed }) =>
    `Two pieces of hardware put each other out${observed == null ? "" : `, ${Math.round(observed)} times within minutes`}: ` +
    "one may be a copy",
  "not-taken-over": ({ observed }) => `It has not happened again${lasted(observed)}`,
  "no-longer-judged": () => "The room has lost what it was held against",
  "held-otherwise": () => "Thresholds or access points were changed, and by those of now it is no trouble",
  "device-removed": () => "The tablet was removed from the hotel",
  departing: () => "The guest is about to leave, which makes it more urgent",
  "room-vacant": () => "Nobody lives in the room, which makes it more urgent",
  "out-of-service": ({ observed }) => `The room is out of service${observed == null ? "" : ` (${plain(observed)})`}`,
  housekeeping: () => "Housekeeping is in the room, which makes it less urgent",
  "checked-out": () => "The guest has checked out",
  "gone-silent": () => "The tablet is not heard",
  "gone-elsewhere": () => "The tablet is not in its room",
  "seen-in-its-room": ({ observed }) => `It has been in its room${lasted(observed)}`,
  "within-allowance": ({ observed, limit }) =>
    `Silent${lasted(observed)}, which is allowed${limit == null ? "" : ` (up to ${duration(limit)})`}`,
  asleep: ({ limit }) => `It had said that it would sleep${limit == null ? "" : `, for up to ${duration(limit)}`}`,
  "said-goodbye": ({ limit }) => `It had signed off${limit == null ? "" : `, for up to ${duration(limit)}`}`,
  "we-began-again": () => "Innwatch had just begun to listen and gave every tablet time to come back",
  "too-few-samples": ({ observed, limit }) =>
    observed == null ? "Too few samples in a row" : `Only ${observed} of the ${limit} samples in a row that it takes`,
  "too-short": ({ observed, limit }) => (observed == null ? "It lasted for too short a time"
    : `It lasted ${duration(observed)}, less than the ${duration(limit)} that it takes`),
  "no-access-points-known": () => "No access points of the room are known, so there was nothing to hold it against",
  "own-access-points": () => "It moved between the access points of its own room",
  "low-on-charger": ({ observed, limit }) => `Battery ${charge(observed, "low")}${atMost(limit)}, and it is on its charger`,
  "falls-on-charger": ({ observed, limit }) => "It is on its charger, and loses " +
    (observed == null ? "its charge fast" : `${percent(observed)} an hour`) + (limit == null ? "" : `, the limit is ${percent(limit)}`) +
    ": the charger may not suffice",
  "heartbeats-late": ({ observed, limit }) => `No heartbeat came${lasted(observed)}, while it was heard otherwise` +
    (limit == null ? "" : `; up to ${duration(limit)} is allowed`),
  "has-newer-token": ({ limit }) => "Its token had expired, but it had a newer one" +
    (limit == null ? "" : ` and ${duration(limit)} to come back with that`),
  "too-few-take-overs": ({ observed, limit }) => "One start of it put out another" +
    (observed == null ? " too few times" : ` ${Math.round(observed)} times within minutes; it takes ${Math.round(limit)}`),
  "only-restarted": ({ observed }) =>
    `It started anew${observed == null ? "" : ` ${Math.round(observed)} times within minutes`}, and no earlier start came back`,
  "drains-slowly": ({ observed, limit }) =>
    observed == null ? "It loses its charge slower than the limit" : `It loses ${percent(observed)} an hour, the limit is ${percent(limit)}`,
  "not-yet-evening": ({ observed }) => "As it goes on it would not last the night" +
    (observed == null ? "" : ` (${percent(observed)} at 07:00)`) + ", which is told at 21:00",
  "too-small-a-share": ({ observed, limit }) => observed == null ? "Too little of half an hour was spent at another room"
    : `${percent(observed)} of half an hour was spent at another room; it takes ${percent(limit)}`,
  "guard-over": ({ observed }) =>
    `The check-out was${observed == null ? "" : ` ${duration(observed)} before, which is`} too long ago to be about it`,
  "not-docked": ({ observed }) => `It was off its charger${lasted(observed)}, and its room is not one whose tablets stay on theirs`,
  dismissed: () => "Somebody had resolved it by hand while it went on",
  acknowledged: ({ observed }) => `${observed ?? "Somebody"} had acknowledged it before the notice was sent`,
  snoozed: ({ observed }) => `${observed ?? "Somebody"} had snoozed it before the notice was sent`,
  "no-channel": () => "No channel is set up by which to tell anybody",
  "came-late": ({ cause }) => `It was told late, when it was history${cause ? `: ${CAUSES[cause] ?? plain(cause)}` : ""}`,
};

function named(accessPoint) {
  return accessPoint == null ? "" : ` (${accessPoint})`;
}

function tablets(count) {
  return count == null ? "many tablets" : count === 1 ? "1 tablet" : `${count} tablets`;
}

/** A length of time in at most two units, as `rules/figures.py` says it: "33 s", "1 min 30 s", "45 min", "2 h 5 min". */
export function duration(seconds) {
  const left = Math.floor(Math.max(0, seconds));
  const two = (big, bigUnit, small, smallUnit) => {
    const rest = Math.floor((left % big) / small);
    return `${Math.floor(left / big)} ${bigUnit}${rest ? ` ${rest} ${smallUnit}` : ""}`;
  };
  if (left < 60) return `${left} s`;
  if (left < 600) return two(60, "min", 1, "s");
  if (left < 3600) return `${Math.floor(left / 60)} min`;
  return left < 86_400 ? two(3600, "h", 60, "min") : two(86_400, "d", 3600, "h");
}

function lasted(seconds) {
  return seconds == null ? "" : ` for ${duration(seconds)}`;
}

function charge(level, otherwise) {
  return level == null ? otherwise : `at ${percent(level)}`;
}

function atMost(limit) {
  return limit == null ? "" : `, the limit is ${percent(limit)}`;
}

function celsius(degrees, otherwise) {
  return degrees == null ? otherwise : `${minus(Math.round(degrees))} °C`;
}

/** Who decided a threshold that was in force. */
export const DECIDED_BY = {
  default: "default", hotel: "the hotel", room: "this room", device: "this tablet",
  moved: "keeps apart from another", changed: "changed since",
};

const SAID = { heartbeat: "Heartbeat", report: "Report", state: "Birth, sleep or goodbye", result: "Answer to a command" };

/** What kind of message it was. */
export function message(kind) {
  return SAID[kind] ?? first(plain(kind));
}

/** A rule as a headline. */
export function ruleName(rule) {
  return word(HEADLINES, rule);
}

/** What happened, as a headline. */
export function headline(alert) {
  const sharper = alert.rule === "breach.access-point" && alert.why.map((why) => SHARPER[why.because]).find(Boolean);
  return sharper || HEADLINES[alert.rule] || first(plain(alert.rule));
}

/** One reason of an alert's `why`, in a sentence without a full stop. */
export function reason(why) {
  const said = REASONS[why.because]?.(why) ?? first(plain(why.because));
  return why.samples > 1 ? `${said}, ${why.samples} times in a row` : said;
}

const CHANNELS = { email: "e-mail", slack: "Slack" };
const list = new Intl.ListFormat("en-GB");
const NOTICES = {
  opened: "that it opened",
  worsened: "that it got worse",
  reopened: "that it is there again",
  flapping: "that it begins and ends again and again",
  lapsed: "that nobody has it any more",
  recovered: "that it is over",
};

export const STEPS = {
  "alert.opened": ({ severity }) => `Opened${severity ? `, ${word(SEVERITY, severity).toLowerCase()}` : ""}`,
  "alert.changed": ({ severity }) => `Changed${severity ? `, ${word(SEVERITY, severity).toLowerCase()}` : ""}`,
  "alert.reopened": () => "Opened again",
  "alert.cleared": () => "Over",
  "alert.resolved": ({ by }) => (by ? `Resolved by ${by}` : "Resolved"),
  "alert.acknowledged": ({ by }) => `Acknowledged by ${by}`,
  "alert.unacknowledged": ({ by }) => `Given back by ${by}`,
  "alert.lapsed": ({ by }) => `The acknowledgment${by ? ` by ${by}` : ""} has lapsed`,
  "alert.assigned": ({ by, assignee }) => `Assigned to ${assignee ?? "nobody"} by ${by}`,
  "alert.snoozed": ({ by, until }) => (until ? `Snoozed by ${by}` : by ? `Snooze ended by ${by}` : "The snooze is over"),
  "alert.noted": ({ by }) => `Noted by ${by}`,
  "alert.suppressed": () => "From here on nobody is told",
  "notification.sent": ({ channel, notice }) => `Told by ${word(CHANNELS, channel)}${told(notice)}`,
  "notification.dead": ({ channel, notice }) => `Could not be told by ${word(CHANNELS, channel)}${told(notice)}`,
};

function told(notice) {
  return notice ? ` ${NOTICES[notice] ?? plain(notice)}` : "";
}

/** Which notices about an alert failed, in a sentence without a full stop; empty when none did. */
export function untold(failed) {
  const ways = new Set([...(failed?.values() ?? [])].map(({ channel }) => word(CHANNELS, channel)));
  if (!ways.size) return "";
  return failed.size > 1 ? `The notices by ${list.format(ways)} failed` : `The notice by ${list.format(ways)} failed`;
}

/** One step of an alert's timeline. */
export function step(entry) {
  return STEPS[entry.type]?.(entry) ?? first(plain(entry.type)) + (entry.by ? `, by ${entry.by}` : "");
}

const SCOPES = { "access-point": "Access point", zone: "Zone" };

/** An incident in a sentence without a full stop: what is out, how many are silent, who has it. */
export function outage({ scope, place, members, back, acknowledged }) {
  const where = place == null ? "The whole hotel" : scope === "floor" ? floorName(place) : `${word(SCOPES, scope)} ${place}`;
  const silent = back ? `${members - back} of ${tablets(members)} still silent` : `${tablets(members)} silent at once`;
  return `${where}: ${silent}${acknowledged ? `, ${acknowledged.by} has it` : ""}`;
}

/** "Room 204", whatever the hotel calls it. */
export function roomName(room, roomId) {
  const name = room?.name || roomId;
  if (!name) return "No room";
  return /^\d/.test(name) ? `Room ${name}` : name;
}

/** "Floor 2"; empty when nobody said. */
export function floorName(floor) {
  if (floor == null || floor === "") return "";
  return /^-?\d/.test(floor) ? `Floor ${minus(floor)}` : floor;
}

/** A value of one of the tables above; unknown ones as they came. */
export function word(table, value) {
  return table[value] ?? first(plain(value ?? "unknown"));
}

/** Signal as people know it from their phones: 0 to 4 bars. */
export function bars(rssi) {
  if (rssi == null) return 0;
  return [-85, -75, -67, -58].filter((least) => rssi >= least).length;
}

export { dbm, lower, percent };
