// Times for people: how long ago, and when in the hotel's own zone.

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const SEVERAL = 3;

/** A span of milliseconds in at most two units: "8 s", "12 min", "3 h 5 min", "2 d 4 h". */
export function span(ms) {
  const left = Math.max(0, ms);
  if (left < MINUTE) return `${Math.floor(left / SECOND)} s`;
  if (left < HOUR) return `${Math.floor(left / MINUTE)} min`;
  if (left < DAY) return two(Math.floor(left / HOUR), "h", Math.floor((left % HOUR) / MINUTE), "min");
  return two(Math.floor(left / DAY), "d", Math.floor((left % DAY) / HOUR), "h");
}

function two(big, bigUnit, small, smallUnit) {
  return small ? `${big} ${bigUnit} ${small} ${smallUnit}` : `${big} ${bigUnit}`;
}

/** Formats moments in the hotel's zone to the minute, for what is planned: `night` with its day, `hour` without. */
export function nightly(zone) {
  const style = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", ...options });
  const night = style({ weekday: "long", day: "numeric", month: "long" });
  const hour = style({});
  return { night: (moment) => night.format(new Date(moment)), hour: (moment) => hour.format(new Date(moment)) };
}

/** Formats moments in the hotel's zone: `at(moment, now)` with the day only when it is another one. */
export function calendar(zone) {
  const style = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: zone, ...options });
  const day = style({ weekday: "short", day: "numeric", month: "short" });
  const time = style({ hour: "2-digit", minute: "2-digit", second: "2-digit" });
  return (moment, now) => {
    const then = new Date(moment);
    return day.format(then) === day.format(now) ? time.format(then) : `${day.format(then)}, ${time.format(then)}`;
  };
}

/** What was heard at `at`, oldest first, cut wherever nothing was heard for several times as long as usual. */
export function unbroken(heard) {
  const steps = heard.slice(1).map(({ at }, index) => Date.parse(at) - Date.parse(heard[index].at));
  const usual = [...steps].sort((one, other) => one - other)[Math.floor(steps.length / 2)];
  const runs = [[]];
  heard.forEach((one, index) => {
    if (index > 0 && steps[index - 1] > SEVERAL * usual) runs.push([]);
    runs[runs.length - 1].push(one);
  });
  return runs;
}
