// The tablets of the house, room by room: where each is, whether it is heard, and how much power it has.

import { byFloor, FILTERS, matches, reached, searchable, tally } from "../fleet.js";
import { span } from "../time.js";
import { bars, dbm, floorName, lower, percent, POSTURE, POWER, roomName, SEVERITY, word } from "../words.js";
import { Search } from "./alerts.js";
import { LastKnown, linked } from "./axes.js";
import { Battery, Icon, Signal } from "./icons.js";
import { html, memo, useDesk, useNow } from "./parts.js";

const FRESH = 90_000; // ms: the status of a tablet that is heard comes once a minute

export function Tablets({ store, blind, worst, query, filter, selected }) {
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
        blind=${blind} selected=${device.deviceId === selected} />`)}</ul>
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

const Tile = memo(({ device, room, severity, blind, selected }) => {
  const { act } = useDesk();
  const { deviceId, link, posture, lastHeard } = device;
  const now = reached(device) && !blind;
  return html`<li class="tile ${link} ${severity ?? ""}" data-device=${deviceId}>
    <button type="button" aria-current=${selected ? "true" : null} onClick=${() => act.openTablet(deviceId)}>
      <span class="head"><span class="name"><strong>${roomName(room, device.roomId)}</strong>
        ${severity && html`<span title="${word(SEVERITY, severity)} alert"><${Icon} name=${severity} />
          <span class="hidden">${word(SEVERITY, severity)} alert</span></span>`}</span>
      <span class="id">${deviceId}</span></span>
      <span class="axis ${link}"><${Icon} name=${link} />${linked(device, blind)}</span>
      ${now || posture === "unknown"
        ? html`<span class="axis ${posture}"><${Icon} name=${posture} />${word(POSTURE, posture)}</span>`
        : html`<span class="axis wide ${posture}"><${LastKnown} sign=${html`<${Icon} name=${posture} />`}
            words=${word(POSTURE, posture)} at=${lastHeard} /></span>`}
      <${Readings} ...${device} now=${now} />
      ${(now || posture === "unknown") && html`<span class="heard">${
        lastHeard == null ? "never heard" : html`heard <${Heard} at=${lastHeard} current=${now} />`}</span>`}
    </button>
  </li>`;
});

/** Power and signal; unless they are of `now`, dimmed. */
function Readings({ power, battery, charging, rssi, now }) {
  const known = (text) => (now ? text : `Last known: ${lower(text)}`);
  const style = now ? "axis" : "axis last-known";
  return html`<span class="${style} ${power}" title=${known(`Power: ${word(POWER, power)}`)}>
      <${Battery} level=${battery} charging=${charging} />${battery == null ? "–" : percent(battery)}${" "}
      <span class=${["low", "critical"].includes(power) ? "" : "hidden"}>${word(POWER, power).toLowerCase()}</span></span>
    <span class=${style} title=${known(rssi == null ? "Signal unknown" : `Signal ${bars(rssi)} of 4`)}>
      <${Signal} rssi=${rssi} />${rssi == null ? "–" : dbm(rssi)}</span>`;
}

/** When a tablet was heard: a `current` status may be a minute old, and means just now. */
function Heard({ at, current }) {
  return useNow((now) => {
    const old = now - Date.parse(at);
    return current && old < FRESH ? "just now" : `${span(old)} ago`;
  }, [at, current]);
}
