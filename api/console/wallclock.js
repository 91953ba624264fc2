// What a date field says is the hotel's clock, wherever the desk stands: to a moment and back.

const MINUTE = 60_000; // ms, as is the next
const DAY = 1440 * MINUTE;

/** A moment (ms) as a `datetime-local` field has it, on the clock of `zone`, to the minute. */
export function toField(moment, zone) {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
  }).formatToParts(moment);
  const { year, month, day, hour, minute } = Object.fromEntries(parts.map(({ type, value }) => [type, value]));
  return `${year.padStart(4, "0")}-${month}-${day}T${hour}:${minute}`;
}

/** The moment (ms) that a field means; NaN for none. Of an hour that the clock repeats, the first; of one that it
 * leaves out, as much later as the clock was put forward. */
export function fromField(text, zone) {
  const asUtc = Date.parse(`${text}Z`);
  if (Number.isNaN(asUtc)) return NaN;
  // Around a change of the clock one offset holds before and another after it: of the two moments, the earlier that is one.
  const tried = [-DAY, DAY].map((side) => asUtc - offset(asUtc + side, zone));
  const fitting = tried.filter((moment) => moment + offset(moment, zone) === asUtc);
  return fitting.length ? Math.min(...fitting) : tried[0];
}

/** A moment that is over for the server too, whose clock the page follows to two seconds. */
export function past(now) {
  return now - 5_000;
}

/** The next moment (ms) after `now` at which the clock of `zone` shows this time of day, such as "07:00". */
export function nextAt(time, now, zone) {
  const today = fromField(`${toField(now, zone).slice(0, 10)}T${time}`, zone);
  return today > now ? today : fromField(`${toField(now + DAY, zone).slice(0, 10)}T${time}`, zone);
}

// How far the clock of a zone is ahead of UTC at a moment, in ms.
function offset(moment, zone) {
  return Date.parse(`${toField(moment, zone)}Z`) - Math.floor(moment / MINUTE) * MINUTE;
}
