// Choosing where: the whole hotel, one of its floors, or one of its rooms.

import { byRoom } from "../fleet.js";
import { floorName, roomName } from "../words.js";
import { html } from "./parts.js";

/** The hotel, its floors and its rooms, as the options of a select. */
export function Places({ rooms, value, whole = "The whole hotel" }) {
  const all = [...rooms.values()].sort(byRoom);
  const floors = [...new Set(all.map(({ floor }) => floor).filter((floor) => floor != null && floor !== ""))];
  const option = (key, words) => html`<option key=${key} value=${key} selected=${key === value}>${words}</option>`;
  return html`${option("", whole)}
    ${floors.length > 0 && html`<optgroup label="A floor">${floors.map((floor) => option(`floor ${floor}`, floorName(floor)))}</optgroup>`}
    ${all.length > 0 && html`<optgroup label="A room">${all.map((room) => option(`room ${room.roomId}`, inFull(room)))}</optgroup>`}`;
}

/** What was chosen of them: `{ floor }`, `{ roomId }`, or nothing for the whole hotel. */
export function place(chosen) {
  if (chosen.startsWith("floor ")) return { floor: chosen.slice(6) };
  return chosen.startsWith("room ") ? { roomId: chosen.slice(5) } : {};
}

/** A room by its name, with its id where that is another. */
export function inFull(room) {
  const name = roomName(room, room.roomId);
  return room.name && room.name !== room.roomId ? `${name} (${room.roomId})` : name;
}
