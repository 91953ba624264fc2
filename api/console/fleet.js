// The tablets as a whole: which ones a filter or a search means, how many of each kind there are, and their order.

import { floorName, roomName } from "./words.js";

const order = new Intl.Collator("en", { numeric: true }).compare;

const REACHED = new Set(["online", "sleeping"]); // a sleeping tablet has said so, and when it will wake

/** Whether what was last heard of a device still holds. Of one that is silent, signed off or was never seen nobody knows. */
export function reached({ link }) {
  return REACHED.has(link);
}

/** The filters of the tablets' page: key → [words, which devices]. Place and battery also find what was last known so. */
export const FILTERS = {
  all: ["All", () => true],
  alert: ["With alert", (device, alerting) => alerting.has(device.deviceId)],
  online: ["Online", ({ link }) => link === "online"],
  silent: ["Silent", ({ link }) => link === "silent"],
  resting: ["Asleep or signed off", ({ link }) => link === "sleeping" || link === "away"],
  "never-seen": ["Never seen", ({ link }) => link === "never-seen"],
  astray: ["Not in its room", ({ posture }) => ["weak", "out-of-zone", "foreign"].includes(posture)],
  battery: ["Battery low", ({ power }) => power === "low" || power === "critical"],
};

/** How many devices each filter means. */
export function tally(devices, alerting) {
  return Object.fromEntries(
    Object.entries(FILTERS).map(([key, [, means]]) => [key, devices.filter((device) => means(device, alerting)).length]),
  );
}

/** Whether every word of a query occurs in one of the texts. */
export function matches(query, texts) {
  const text = texts.join(" ").toLowerCase();
  return query.toLowerCase().split(/\s+/).every((part) => text.includes(part));
}

/** The texts by which a device is found. */
export function searchable(device, rooms) {
  const { roomId, deviceId, floor } = device;
  return [deviceId, roomId ?? "", roomName(rooms.get(roomId), roomId), floorName(floor)];
}

/** The order of rooms. */
export function byRoom(one, other) {
  return order(one.floor || "\uffff", other.floor || "\uffff") || order(one.roomId, other.roomId);
}

/** Devices by floor, then room, as `[{ floor, devices }]`; those without a floor come last. */
export function byFloor(devices) {
  const floors = new Map();
  for (const device of devices) {
    const floor = device.floor ?? "";
    if (!floors.has(floor)) floors.set(floor, []);
    floors.get(floor).push(device);
  }
  return [...floors]
    .sort(([one], [other]) => (one === "") - (other === "") || order(one, other))
    .map(([floor, members]) => ({
      floor,
      devices: members.sort((one, other) =>
        order(one.roomId ?? "\uffff", other.roomId ?? "\uffff") || order(one.deviceId, other.deviceId)),
    }));
}
