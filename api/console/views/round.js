// Tonight's round: who is to be charged, in the order in which one walks. To be printed, or carried on a phone.

import { useMemo } from "../vendor/preact-hooks.js";
import { nightly } from "../time.js";
import { floorName, percent, roomName } from "../words.js";
import { Icon } from "./icons.js";
import { useLook } from "./look.js";
import { html, useDesk } from "./parts.js";

const EVERY = 60_000; // ms: a forecast is no news

/** `zone` is the hotel's; `devices` as they are now, so that whoever was plugged in meanwhile is seen to be. */
export function Round({ hotel, rooms, devices }) {
  const { found, complaint } = useLook("round", { every: EVERY });
  const { night, hour } = nightly(hotel.timezone);
  return html`<section class="list round" aria-labelledby="round-title">
    <div class="bar"><h2 id="round-title" class="title">Tonight’s round</h2>
      ${found?.stops.length > 0 && html`<button type="button" class="print" onClick=${() => print()}>Print</button>`}</div>
    ${complaint && html`<p class="complaint" role="alert">${found ? `As it was: ${complaint}` : complaint}</p>`}
    ${!found && !complaint && html`<p class="nothing" aria-busy="true">Loading…</p>`}
    ${found && html`<p class="lead">${hotel.name || hotel.id}, ${night(found.evening)}:
      ${" "}<strong>${found.stops.length === 0 ? "nobody needs to be charged" : `${found.stops.length} to charge`}</strong>
      ${" "}to last until ${hour(found.morning)}. <span class="hint"><${AsOf} of=${found} hour=${hour} /></span></p>`}
    ${found?.stops.length > 0 && html`<div class="sheet"><table class="stops">
      <thead><tr><th scope="col"><span class="hidden">Done</span></th><th scope="col">Room</th><th scope="col">Tablet</th>
        <th scope="col">Battery</th><th scope="col">Loses an hour</th><th scope="col">At ${hour(found.morning)}</th>
        <th scope="col">Empty at</th></tr></thead>
      ${byFloor(found.stops).map(([floor, stops]) => html`<tbody key=${floor}>
        <tr class="floor-row"><th colspan="7" scope="rowgroup">${floorName(floor) || "No floor"} <span>${stops.length}</span></th></tr>
        ${stops.map((stop) => html`<${Stop} key=${stop.deviceId} stop=${stop} room=${rooms.get(stop.roomId)}
          charging=${devices.get(stop.deviceId)?.charging}
          hour=${hour} morning=${hour(found.morning)} />`)}
      </tbody>`)}
    </table></div>`}
  </section>`;
}

// The stops come in walking order: floors stay in it.
function byFloor(stops) {
  const floors = new Map();
  for (const stop of stops) {
    const floor = stop.floor ?? "";
    floors.set(floor, [...(floors.get(floor) ?? []), stop]);
  }
  return [...floors];
}

function AsOf({ of, hour }) {
  const { clock } = useDesk();
  return html`As of ${useMemo(() => hour(clock.now()), [of])}.`;
}

function Stop({ stop, room, charging, hour, morning }) {
  const { deviceId, roomId, battery, rate, left, emptyAt } = stop;
  return html`<tr data-stop=${deviceId} class=${charging ? "charging" : ""}>
    <td><span class="box" aria-hidden="true"></span></td>
    <th scope="row">${roomName(room, roomId)}</th>
    <td><a href="#tablets/${deviceId}">${deviceId}</a>${charging && html` <em class="tag"><${Icon} name="bolt" /> Charging now</em>`}</td>
    <td data-by="Battery">${percent(battery)}</td>
    <td data-by="Loses an hour">${percent(rate)}</td>
    <td data-by="At ${morning}">${left <= 0 ? "empty" : percent(left)}</td>
    <td data-by="Empty at">${emptyAt ? hour(emptyAt) : "–"}</td>
  </tr>`;
}
