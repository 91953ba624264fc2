// The tablets of the house, room by room: where each is, whether it is heard, and how much power it has.

import { byFloor, FILTERS, matches, searchable, tally } from "../fleet.js";
import { bars, dbm, floorName, LINK, percent, POSTURE, POWER, roomName, SEVERITY, word } from "../words.js";
import { Search } from "./alerts.js";
import { Battery, Icon, Signal } from "./icons.js";
import { Ago, html, memo, useDesk } from "./parts.js";

const FRESH = 90_000; // ms: the status of a tablet that is heard comes once a minute

export function Tablets({ store, worst, query, filter, selected }) {
  const devices = [...store.devices.values()];
  const [, means] = FILTERS[filter];
  const list = devices.filter((device) =>
    means(device, worst) && (!query || matches(query, searchable(device, store.rooms))));
  return html`<section class="list" aria-labelledby="tablets-title">
    <h2 id="tablets-title" class="hidden">Tablets</h2>
    <div class="bar">
      <${Search} query=${query} label="Search tablets" />
      <${Filters} counts=${tally(devices, worst)} filter=${filter} />
    </div>
    ${list.length === 0 && html`<p class="nothing">${!store.loaded ? "Loading…"
      : devices.length ? "No tablet fits." : "This hotel has no tablets yet."}</p>`}
    ${byFloor(list).map(({ floor, devices: here }) => html`<section class="floor" key=${floor}>
      <h3>${floorName(floor) || "No floor"} <span>${here.length}</span></h3>
      <ul class="tiles">${here.map((device) => html`<${Tile} key=${device.deviceId} device=${device}
        room=${store.rooms.get(device.roomId)} severity=${worst.get(device.deviceId)}
        selected=${device.deviceId === selected} />`)}</ul>
    </section>`)}
  </section>`;
}

function Filters({ counts, filter }) {
  const { act } = useDesk();
  return html`<div class="chips" role="group" aria-label="Which tablets">
    ${Object.entries(FILTERS).map(([key, [words]]) => (key === "all" || counts[key] || key === filter) && html`
      <button type="button" key=${key} aria-pressed=${key === filter} onClick=${() => act.filter(key)}>
        ${words} <span>${counts[key]}</span></button>`)}
  </div>`;
}

const Tile = memo(({ device, room, severity, selected }) => {
  const { act, clock } = useDesk();
  const { deviceId, link, posture, power, battery, charging, rssi, lastHeard } = device;
  const heard = link === "online" && clock.now() - Date.parse(lastHeard) < FRESH;
  return html`<li class="tile ${link} ${severity ?? ""}" data-device=${deviceId}>
    <button type="button" aria-current=${selected ? "true" : null} onClick=${() => act.openTablet(deviceId)}>
      <span class="name"><strong>${roomName(room, device.roomId)}</strong>
        ${severity && html`<span title="${word(SEVERITY, severity)} alert"><${Icon} name=${severity} />
          <span class="hidden">${word(SEVERITY, severity)} alert</span></span>`}</span>
      <span class="id">${deviceId}</span>
      <span class="axis ${link}"><${Icon} name=${link} />${word(LINK, link)}</span>
      <span class="axis ${posture}"><${Icon} name=${posture} />${word(POSTURE, posture)}</span>
      <span class="axis ${power}" title=${`Power: ${word(POWER, power)}`}>
        <${Battery} level=${battery} charging=${charging} />${battery == null ? "–" : percent(battery)}${" "}
        <span class=${["low", "critical"].includes(power) ? "" : "hidden"}>${word(POWER, power).toLowerCase()}</span></span>
      <span class="axis" title=${rssi == null ? "Signal unknown" : `Signal ${bars(rssi)} of 4`}>
        <${Signal} rssi=${rssi} />${rssi == null ? "–" : dbm(rssi)}</span>
      <span class="heard">${lastHeard == null ? "never heard" : heard ? "heard just now"
        : html`heard <${Ago} at=${lastHeard} /> ago`}</span>
    </button>
  </li>`;
});
