// The list of open alerts: the gravest first, and among equals the one that has waited longest.

import { useState } from "../vendor/preact-hooks.js";
import { matches, reached } from "../fleet.js";
import { byUrgency, SEVERITIES } from "../store.js";
import { address } from "../route.js";
import { isPartOf } from "../signs.js";
import { judge } from "../watch.js";
import { floorName, headline, outage, reason, roomName, SEVERITY, untold, word } from "../words.js";
import { Icon } from "./icons.js";
import { Signs } from "./signs.js";
import { Ago, html, memo, Moment, useDesk, useNow } from "./parts.js";

const LATELY = 50; // alerts that are over, as many as are shown

/**
 * The alerts that the list shows, in its order. Those for which an outage speaks are one line unless they are `unfolded`:
 * among forty that are silent for one cause nobody sees the one that is gone. Who searches finds them.
 */
export function shown({ alerts, rooms, outages, query, unanswered, unfolded }) {
  return [...alerts.values()]
    .filter((alert) => !(unanswered && alert.acknowledged))
    .filter((alert) => unfolded || query || !isPartOf(alert, outages))
    .filter((alert) => !query || matches(query, findable(alert, rooms)))
    .sort(byUrgency);
}

function findable(alert, rooms) {
  const { deviceId, roomId, floor, severity } = alert;
  return [deviceId, roomName(rooms.get(roomId), roomId), roomId ?? "", floorName(floor), headline(alert), severity];
}

export function Alerts({ store, list, hotels, query, unanswered, unfolded, selected }) {
  const { act } = useDesk();
  const all = [...store.alerts.values()];
  const folded = all.filter((alert) => isPartOf(alert, store.outages)).length;
  // Waiting: nobody has acknowledged it. Said so, because just one button is to be called Acknowledge.
  const waiting = all.filter(({ acknowledged }) => !acknowledged).length;
  return html`<section class="list" aria-labelledby="alerts-title">
    <h2 id="alerts-title" class="hidden">Open alerts</h2>
    <div class="bar">
      <${Search} query=${query} label="Search alerts" />
      <div class="chips" role="group" aria-label="Which alerts">
        <button type="button" aria-pressed=${!unanswered} onClick=${() => act.unanswered(false)}>
          All <span>${all.length}</span></button>
        <button type="button" aria-pressed=${unanswered} onClick=${() => act.unanswered(true)}>
          Waiting <span>${waiting}</span></button>
      </div>
      <${Counts} alerts=${all} />
    </div>
    ${store.incidents.size > 0 && html`<div class="outages"><ul id="outages" aria-label="Outages">
      ${[...store.incidents.values()].map((incident) => html`<li key=${incident.id} data-incident=${incident.id}>
        <a href=${address("incidents", incident.id)}><${Icon} name="high" /><strong>Outage</strong> ${outage(incident)} · <${Ago} at=${incident.openedAt} /></a></li>`)}
    </ul>
      ${folded > 0 && html`<button type="button" id="unfold" aria-pressed=${unfolded} onClick=${() => act.unfold(!unfolded)}>${
        unfolded ? "Hide" : "Show"} ${store.incidents.size > 1 ? "their" : "its"} ${
        folded === 1 ? "one alert" : `${folded} alerts`}</button>`}</div>`}
    ${list.length > 0 && html`<ul class="alerts" id="alerts" aria-label="Open alerts">
      ${list.map((alert) => html`<${Row} key=${alert.id} alert=${alert} room=${store.rooms.get(alert.roomId)}
        failed=${untold(store.failed.get(alert.id))} outages=${store.outages} selected=${alert.id === selected} />`)}
    </ul>`}
    ${list.length === 0 && html`<${Nothing} store=${store} hotels=${hotels} some=${all.length > 0}
      folded=${folded === all.length} />`}
    ${store.resolved.size > 0 && html`<${Ended} store=${store} selected=${selected} />`}
  </section>`;
}

export function Search({ query, label }) {
  const { act } = useDesk();
  return html`<label class="search"><${Icon} name="search" /><span class="hidden">${label}</span>
    <input id="search" type="search" placeholder=${label} value=${query} autocomplete="off" spellcheck=${false}
      onInput=${(event) => act.search(event.target.value)} />
  </label>`;
}

function Counts({ alerts }) {
  const counted = [...SEVERITIES].reverse()
    .map((severity) => [severity, alerts.filter((alert) => alert.severity === severity).length])
    .filter(([, count]) => count);
  return html`<p class="counts">${counted.map(([severity, count]) => html`<span class=${severity} key=${severity}>
    <${Icon} name=${severity} />${count} ${word(SEVERITY, severity).toLowerCase()}</span>`)}</p>`;
}

const Row = memo(({ alert, room, failed, outages, selected }) => {
  const { act } = useDesk();
  const { acknowledged, severity, status } = alert;
  return html`<li class="alert ${severity} ${acknowledged || status !== "open" ? "answered" : "waiting"}"
      data-alert=${alert.id} data-severity=${severity}>
    <button type="button" class="row" aria-current=${selected ? "true" : null} onClick=${() => act.open(alert.id)}>
      <span class="severity"><${Icon} name=${severity} />${word(SEVERITY, severity)}</span>
      <span class="what"><strong>${headline(alert)}</strong>
        ${alert.drill && html`<em class="tag">Drill</em>`}
        <${Signs} alert=${alert} outages=${outages} />
        ${alert.why[0] && html`<span class="why">${reason(alert.why[0])}</span>`}
        ${failed && html`<span class="untold"><${Icon} name="high" />${failed}</span>`}</span>
      <span class="where"><strong>${roomName(room, alert.roomId)}</strong>
        <span>${[floorName(alert.floor), alert.deviceId].filter(Boolean).join(" · ")}</span></span>
      <span class="when"><span>${alert.count > 1 ? `${alert.count} times` : ""}</span><span class="hidden">since</span>
        <${Ago} at=${status === "open" ? alert.openedAt : alert.resolvedAt ?? alert.lastAt} /></span>
      <span class="by">${status === "open" ? html`<${Answer} alert=${alert} />`
        : html`<${Icon} name="check" />Over`}</span>
    </button>
  </li>`;
});

function Answer({ alert: { acknowledged, assignee, snoozedUntil } }) {
  if (!acknowledged && snoozedUntil) return html`<span>Snoozed until <${Moment} at=${snoozedUntil} /></span>`;
  if (!acknowledged) return html`<span class="open">${assignee ? `Waiting for ${assignee}` : "Waiting"}</span>`;
  return html`<${Icon} name="check" /><span>${acknowledged.by}, <${Ago} at=${acknowledged.at} /> ago</span>`;
}

function Nothing({ store, hotels, some, folded }) {
  const watching = useNow((now) => !judge({ ...store, now }), [store]);
  if (some) return html`<p class="nothing">${folded ? "Every open alert is part of the outage above." : "No alert fits."}</p>`;
  if (!store.loaded) return html`<p class="nothing" aria-busy="true">Loading…</p>`;
  if (!watching) return html`<p class="nothing">No open alert is known, but see above: news may be missing.</p>`;
  if (!store.devices.size) return html`<${Empty} hotels=${hotels} />`;
  return html`<div class="nothing calm" id="all-well"><${Icon} name="check" />
    <p><strong>No open alerts.</strong></p><p>${watched([...store.devices.values()])}</p></div>`;
}

function watched(devices) {
  const unheard = devices.filter((device) => !reached(device)).length;
  const all = devices.length === 1 ? "One tablet is being watched" : `${devices.length} tablets are being watched`;
  return unheard ? `${all}, of which ${unheard} ${unheard === 1 ? "is" : "are"} not heard now.` : `${all}.`;
}

// Nothing is watched here, which is no good news. Perhaps the desk meant another hotel.
function Empty({ hotels }) {
  const { act } = useDesk();
  return html`<div class="nothing" id="no-tablets"><p><strong>This hotel has no tablets yet.</strong></p>
    ${hotels.length > 1 && html`<p><button type="button" onClick=${act.chooseHotel}>Choose another of your ${
      hotels.length} hotels</button></p>`}</div>`;
}

function Ended({ store, selected }) {
  const [open, setOpen] = useState(false);
  const list = [...store.resolved.values()].reverse().slice(0, LATELY);
  return html`<section class="ended">
    <button type="button" class="more" aria-expanded=${open} onClick=${() => setOpen(!open)}>Over lately
      <span>${list.length}</span></button>
    ${open && html`<ul class="alerts" aria-label="Alerts that are over">
      ${list.map((alert) => html`<${Row} key=${alert.id} alert=${alert} room=${store.rooms.get(alert.roomId)}
        failed=${untold(store.failed.get(alert.id))} selected=${alert.id === selected} />`)}
    </ul>`}
  </section>`;
}
