// What the console knows: the hotel's open alerts, its tablets and rooms, and what its monitor says. Lists and live
// news may arrive in any order; here it is decided which of two is the newer.

export const SEVERITIES = ["info", "low", "medium", "high", "critical"];
const INCIDENTS_KEPT = 100;
const RESOLVED_KEPT = 500; // ended alerts, which also tell old news of them from new

export function rank(severity) {
  return SEVERITIES.indexOf(severity);
}

/** The order of a list of alerts: the gravest first, and among equals the one that has waited longest. */
export function byUrgency(one, other) {
  return (
    rank(other.severity) - rank(one.severity) ||
    Date.parse(one.openedAt) - Date.parse(other.openedAt) ||
    (one.id < other.id ? -1 : 1)
  );
}

export class Store {
  alerts = new Map(); // id → snapshot of an open alert
  resolved = new Map(); // id → snapshot, those that ended lately
  devices = new Map(); // id → item of /api/devices, kept up to date by status messages
  rooms = new Map(); // id → item of /api/rooms
  failed = new Map(); // alert id → its notices that reached nobody: Map of key → { channel, kind, error? }
  incidents = new Map(); // id → snapshot of one that is not over
  outages = new Set(); // ids of these; another set only when they are others
  pastIncidents = new Map(); // id → snapshot of one that is, of the latest
  clearances = new Map(); // room id → the newest that the desk was told of it: { clearance, askedBy? }
  monitor = null; // what hotels/{h}/monitor says
  health = null; // what the server says of itself, asked for while there is no monitor: { ready, why, at }
  link = { via: null, since: 0, heard: 0, ever: false }; // our own connection; times in the clock's ms
  loaded = false;
  trouble = null; // why the lists could not be loaded

  #over = new Map(); // alert id → the revision up to which everything about it is old news
  #touched = new Map(); // id of an alert or device → when live news about it last came, in steps
  #step = 0;
  #watchers = new Set();
  #alarm;
  #outage;

  /**
   * `alarm(alert, before)` is called when an open alert is new or graver, `outage(incident)` when an incident is new;
   * neither while the first lists load.
   */
  constructor({ alarm = () => {}, outage = () => {} } = {}) {
    this.#alarm = alarm;
    this.#outage = outage;
  }

  /** Call `watcher()` after every change; returns what ends it. */
  watch(watcher) {
    this.#watchers.add(watcher);
    return () => this.#watchers.delete(watcher);
  }

  /** Change some of the plain fields. */
  set(fields) {
    Object.assign(this, fields);
    this.#changed();
  }

  /** Take a snapshot of an alert, from wherever. An older revision than the one known changes nothing. */
  alert(snapshot) {
    if (!snapshot?.id || !Array.isArray(snapshot.why)) return;
    const before = this.alerts.get(snapshot.id);
    if (snapshot.revision <= Math.max(before?.revision ?? -1, this.#over.get(snapshot.id) ?? -1)) return;
    this.#touch(snapshot.id);
    if (snapshot.status !== "open") {
      this.#end(snapshot);
    } else {
      this.#over.delete(snapshot.id);
      this.resolved.delete(snapshot.id);
      this.alerts.set(snapshot.id, snapshot);
      if (this.loaded && rank(snapshot.severity) > rank(before?.severity)) this.#alarm(snapshot, before);
    }
    this.#changed();
  }

  /** The incidents that are not over, and the latest that are. One that is in no list, and not newer, is over. */
  readIncidents(open, past, since) {
    const listed = new Set(open.map(({ id }) => id));
    for (const id of this.incidents.keys()) if (!listed.has(id) && !this.#news(id, since)) this.incidents.delete(id);
    for (const one of [...past].reverse()) this.#keepPast(one);
    for (const one of open) if (!this.#isOldOf(one)) this.incidents.set(one.id, one);
    this.outages = new Set(this.incidents.keys());
    this.#changed();
  }

  /** Take a snapshot of an incident. An older revision than the one known changes nothing. */
  incident(snapshot) {
    if (this.#isOldOf(snapshot)) return;
    const { id, closedAt } = snapshot;
    this.#touch(id);
    const isNew = !this.incidents.has(id);
    if (closedAt) {
      this.incidents.delete(id);
      this.#keepPast(snapshot);
    } else {
      this.incidents.set(id, snapshot);
      if (this.loaded && isNew) this.#outage(snapshot);
    }
    if (isNew || closedAt) this.outages = new Set(this.incidents.keys());
    this.#changed();
  }

  /** Take what the desk was told of a room; an older word than the one known changes nothing. */
  clearance({ clearance, askedBy = null }) {
    const { roomId, at } = clearance;
    const known = this.clearances.get(roomId);
    const older = known && Date.parse(known.clearance.at) >= Date.parse(at);
    // The same word comes by its topic and in the list, which alone says who asked.
    if (older && !(askedBy && known.clearance.at === at)) return;
    this.clearances.set(roomId, { clearance, askedBy: askedBy ?? known?.askedBy ?? null });
    this.#changed();
  }

  /** The retained topic of an alert was emptied: it is resolved. The event that says how may still come. */
  alertGone(id) {
    const known = this.alerts.get(id);
    if (!known) return;
    this.#touch(id);
    this.#end({ ...known, status: "resolved" });
    this.#changed();
  }

  /** Take a status of a device; what only the list tells (floor, agent) stays. */
  device(status) {
    if (!status?.deviceId) return;
    this.#touch(status.deviceId);
    this.devices.set(status.deviceId, { ...this.devices.get(status.deviceId), ...status });
    this.#changed();
  }

  /** A notice about an alert could not be delivered: the data of the event notification.dead. */
  noticeFailed({ alertId, channel, kind, error }) {
    const failed = new Map(this.failed.get(alertId));
    this.failed.set(alertId, failed.set(`${channel} ${kind}`, { channel, kind, error }));
    this.#changed();
  }

  /** A notice went out, perhaps one that had failed before: the data of the event notification.sent. */
  noticeSent({ alertId, channel, kind }) {
    if (this.failed.get(alertId)?.delete(`${channel} ${kind}`)) this.#changed();
  }

  /** Where we stand; hand it to the verbs below with the lists that were asked for after it. */
  mark() {
    return this.#step;
  }

  /** Take the whole list of open alerts. One that is not in it, and not newer than it, was resolved meanwhile. */
  openAlerts(items, since) {
    const listed = new Set(items.map(({ id }) => id));
    for (const item of items) this.alert(item);
    for (const id of this.alerts.keys()) if (!listed.has(id) && !this.#news(id, since)) this.alertGone(id);
    this.#changed();
  }

  /** Take a list of alerts that ended, newest first. */
  resolvedAlerts(items) {
    for (const item of [...items].reverse()) if (!this.alerts.has(item.id)) this.#end(item);
    this.#changed();
  }

  /** Take the whole lists of rooms and devices. A status that came after they were asked for is newer. */
  fleet(rooms, devices, since) {
    this.rooms = new Map(rooms.map((room) => [room.roomId, room]));
    const before = this.devices;
    this.devices = new Map(
      devices.map((item) => {
        const known = before.get(item.deviceId);
        return [item.deviceId, known && this.#news(item.deviceId, since) ? { ...item, ...newer(known) } : item];
      }),
    );
    this.#changed();
  }

  // Incidents that are over stay so: old news of one does not bring it back.
  #isOldOf({ id, revision }) {
    return this.pastIncidents.has(id) || revision <= (this.incidents.get(id)?.revision ?? -1);
  }

  #keepPast(snapshot) {
    this.pastIncidents.delete(snapshot.id);
    this.pastIncidents.set(snapshot.id, snapshot);
    if (this.pastIncidents.size > INCIDENTS_KEPT) this.pastIncidents.delete(this.pastIncidents.keys().next().value);
  }

  #end(snapshot) {
    this.alerts.delete(snapshot.id);
    this.#over.set(snapshot.id, Math.max(snapshot.revision, this.#over.get(snapshot.id) ?? 0));
    this.resolved.delete(snapshot.id);
    this.resolved.set(snapshot.id, snapshot);
    if (this.resolved.size > RESOLVED_KEPT) this.#forget(this.resolved.keys().next().value);
  }

  #forget(id) {
    this.resolved.delete(id);
    this.#over.delete(id);
    this.#touched.delete(id);
    this.failed.delete(id);
  }

  #touch(id) {
    this.#touched.set(id, (this.#step += 1));
  }

  #news(id, since) {
    return (this.#touched.get(id) ?? 0) > since;
  }

  #changed() {
    for (const watcher of this.#watchers) watcher();
  }
}

// The fields of a device that its status messages carry.
function newer({ link, tokenEnded, posture, power, since, lastHeard, battery, charging, rssi }) {
  return { link, tokenEnded, posture, power, since, lastHeard, battery, charging, rssi };
}
