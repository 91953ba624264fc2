// Which rooms and tablets decide thresholds for themselves, with what they would be held to otherwise.

import { byRoom } from "../fleet.js";
import { address } from "../route.js";
import { inForce, inWords, THRESHOLDS } from "../thresholds.js";
import { html } from "./parts.js";
import { inFull } from "./places.js";

/** `told` is what was found of the hotel's, `profile` the level's own. Of a `room` only its tablets are shown. */
export function Exceptions({ told: { found, complaint }, rooms, room, profile }) {
  if (!found) return complaint ? html`<p class="complaint" role="alert">${complaint}</p>` : null;
  const exceptions = found.exceptions.filter((one) => !room || (one.deviceId && one.roomId === room));
  if (!exceptions.length) {
    return !room && html`<p class="hint" id="exceptions">No room and no tablet decides anything for itself.</p>`;
  }
  const place = (roomId) => rooms.get(roomId) ?? { roomId };
  const all = [...exceptions].sort((one, other) => byRoom(place(one.roomId), place(other.roomId)));
  const ofRoom = (roomId) => found.exceptions.find((one) => one.roomId === roomId && !one.deviceId)?.own.profile;
  const profileOf = ({ own, roomId }) => own.profile ?? ofRoom(roomId) ?? profile;
  const otherwise = (name, one) => (one.own[name] === one.inherited[name] ? "the same"
    : inForce(name, one.inherited[name], profileOf(one)));
  return html`<details id="exceptions"><summary>${counted(exceptions)}</summary>
    ${!room && html`<p class="hint">The floor of a room is its calibration, and stands there.</p>`}
    <div class="sheet"><table class="grid">
      <thead><tr><th scope="col">Room or tablet</th><th scope="col">Threshold</th><th scope="col">Here</th>
        <th scope="col">Otherwise</th></tr></thead>
      <tbody>${all.flatMap((one) => Object.keys(one.own).map((name, at) => html`<tr key=${`${one.roomId} ${one.deviceId} ${name}`}
          data-exception=${one.deviceId ?? one.roomId}>
        <th scope="row">${at === 0 && html`<a href=${address("policy", levelOf(one))}>${
          one.deviceId ? `${one.deviceId}, ${inFull(place(one.roomId))}` : inFull(place(one.roomId))}</a>`}</th>
        <td data-of="Threshold">${THRESHOLDS[name]?.words ?? name}</td>
        <td data-of="Here">${inWords(name, one.own[name])}</td>
        <td data-of="Otherwise">${otherwise(name, one)}</td></tr>`))}</tbody>
    </table></div>
  </details>`;
}

function levelOf({ roomId, deviceId }) {
  return deviceId ? `device.${deviceId}` : `room.${roomId}`;
}

/** "2 rooms and 1 tablet decide for themselves". */
function counted(exceptions) {
  const tablets = exceptions.filter(({ deviceId }) => deviceId).length;
  const rooms = exceptions.length - tablets;
  const some = [[rooms, "room"], [tablets, "tablet"]].filter(([number]) => number)
    .map(([number, word]) => `${number} ${word}${number === 1 ? "" : "s"}`);
  return `${some.join(" and ")} ${exceptions.length === 1 ? "decides for itself" : "decide for themselves"}`;
}
