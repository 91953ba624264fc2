// Outages: what is silent at once for one cause; and one of them, with who is back and who is not.

import { useState } from "../vendor/preact-hooks.js";
import { address } from "../route.js";
import { GROUPS, groupOf, kind, standing, stepOf, where, whyOf } from "../outages.js";
import { span } from "../time.js";
import { reason, roomName } from "../words.js";
import { Icon } from "./icons.js";
import { useLook } from "./look.js";
import { Facts, Panel } from "./panel.js";
import { Ago, html, Moment, useDesk } from "./parts.js";

const FOLDED = new Set(["back", "resolved"]); // groups that are closed at first: nobody has to go there

export function Incidents({ store, selected }) {
  const now = [...store.incidents.values()].sort(newestFirst);
  const past = [...store.pastIncidents.values()].sort(newestFirst);
  return html`<section class="list" aria-labelledby="incidents-title">
    <h2 id="incidents-title" class="title">Outages</h2>
    ${now.length === 0 && html`<p class="nothing" id="no-outage">${store.loaded ? "No outage is going on." : "Loading…"}</p>`}
    ${now.length > 0 && html`<ul class="incidents" aria-label="Going on">
      ${now.map((one) => html`<${Row} key=${one.id} incident=${one} selected=${one.id === selected} />`)}</ul>`}
    ${past.length > 0 && html`<h3 class="subtitle">Over</h3><ul class="incidents over" aria-label="Over">
      ${past.map((one) => html`<${Row} key=${one.id} incident=${one} selected=${one.id === selected} />`)}</ul>`}
  </section>`;
}

function newestFirst(one, other) {
  return Date.parse(other.openedAt) - Date.parse(one.openedAt);
}

function Row({ incident, selected }) {
  const { act } = useDesk();
  const { id, openedAt, closedAt, acknowledged, lost } = incident;
  return html`<li data-incident=${id} class=${closedAt ? "answered" : acknowledged ? "answered high" : "waiting high"}>
    <button type="button" class="row" aria-current=${selected ? "true" : null} onClick=${() => act.openIncident(id)}>
      <span class="what"><strong><${Icon} name=${closedAt && !lost ? "check" : "high"} /> ${where(incident)}</strong>
        <span class="why">${standing(incident)}</span></span>
      <span class="when">${closedAt ? html`<${Moment} at=${openedAt} />` : html`<${Ago} at=${openedAt} />`}</span>
      <span class="by">${acknowledged ? html`<${Icon} name="check" />${acknowledged.by}` : closedAt ? "Over" : "Waiting"}</span>
    </button>
  </li>`;
}

export function IncidentPanel({ id, store, mayAcknowledge }) {
  const live = store.incidents.get(id) ?? store.pastIncidents.get(id);
  const { found, missing, complaint } = useLook(`incidents/${encodeURIComponent(id)}`, { again: live?.revision });
  const incident = live && live.revision >= (found?.revision ?? 0) ? live : found;
  const panel = { id: "incident-panel", of: id, label: "Outage" };
  if (!incident) {
    return html`<${Panel} ...${panel} title=${missing ? "There is no such outage" : "One moment…"}>
      ${complaint && !missing && html`<p class="complaint" role="alert">${complaint}</p>`}<//>`;
  }
  const { openedAt, closedAt, backAt, partOf, members, back, lost, acknowledged } = incident;
  const wider = store.incidents.get(partOf) ?? store.pastIncidents.get(partOf);
  return html`<${Panel} ...${panel} title=${where(incident)}
      mark=${html`<span class="severity ${closedAt ? "low" : "high"}"><${Icon} name=${closedAt ? "check" : "high"} />
        ${closedAt ? "Over" : "Outage"}</span>`}>
    <p>${kind(incident)}. <strong>${standing(incident)}.</strong></p>
    <${Facts} facts=${[
      ["Began", html`<${Moment} at=${openedAt} />, <${Ago} at=${openedAt} /> ago`],
      ["Tablets", members],
      ["Back", back > 0 && `${back}, which is ${Math.floor((100 * back) / members)} %`],
      ["Most back", backAt && html`${closedAt ? "at" : "since"} <${Moment} at=${backAt} />`],
      ["Lost", lost > 0 && `${lost} did not return; each is told by itself`],
      ["Over", closedAt && html`at <${Moment} at=${closedAt} />, after ${span(Date.parse(closedAt) - Date.parse(openedAt))}`],
      ["Part of", partOf && html`<a href=${address("incidents", partOf)}>${wider ? where(wider) : "A wider outage"}</a>`],
    ]} />
    ${whyOf(incident).length > 0 && html`<section><h3>Why</h3><ul class="reasons">
      ${whyOf(incident).map((why, index) => html`<li key=${index}>${reason(why)}</li>`)}</ul></section>`}
    ${acknowledged ? html`<section class="answered" id="incident-taken"><h3><${Icon} name="check" /> Acknowledged</h3>
        <p>by <strong>${acknowledged.by}</strong> at <${Moment} at=${acknowledged.at} />.${closedAt ? "" : " Its alerts stay as they are."}</p></section>`
      : !closedAt && html`<${TakeOn} id=${id} may=${mayAcknowledge} />`}
    <${Members} incident=${incident} alerts=${found?.alerts} store=${store} complaint=${complaint} />
    <section><h3>What happened</h3>${found ? html`<ol class="timeline">${found.timeline.map((step) => html`<li key=${step.id}>
      <${Moment} at=${step.at} /><div>${stepOf(step, incident)}${step.error && html`<p class="hint">${step.error}</p>`}</div></li>`)}</ol>`
      : html`<p aria-busy="true">Loading…</p>`}</section>
  <//>`;
}

function TakeOn({ id, may }) {
  const { act } = useDesk();
  const [busy, setBusy] = useState(false);
  const [complaint, setComplaint] = useState("");
  if (!may) return html`<p class="hint">Nobody has it yet. Your role may look, but not acknowledge.</p>`;
  const take = async () => {
    setBusy(true);
    const said = await act.takeOn(id);
    setBusy(false);
    setComplaint(said);
  };
  return html`<div class="answer" aria-busy=${busy}>
    <button type="button" class="primary" disabled=${busy} onClick=${take}>Acknowledge</button>
    <p class="hint">Its notices stop. Each tablet that does not return is told by itself.</p>
    <p class="complaint" role="alert">${complaint}</p>
  </div>`;
}

// What the list says of an alert may be newer than what was found when the incident was asked for.
function newest(alert, store) {
  const known = store.alerts.get(alert.id) ?? store.resolved.get(alert.id);
  return known && known.revision > alert.revision ? known : alert;
}

function Members({ incident, alerts, store, complaint }) {
  if (!alerts) return html`<section><h3>Tablets</h3>${complaint ? html`<p class="complaint">${complaint}</p>`
    : html`<p aria-busy="true">Loading…</p>`}</section>`;
  const groups = new Map(Object.keys(GROUPS).map((key) => [key, []]));
  for (const alert of alerts.map((one) => newest(one, store))) groups.get(groupOf(alert, incident)).push(alert);
  if (alerts.length === 0) return html`<p class="hint" id="members">Its tablets stand with the wider outage.</p>`;
  return html`<section id="members">${[...groups].map(([key, list]) => list.length > 0 && html`
    <${Group} key=${key} name=${key} alerts=${list} store=${store} />`)}</section>`;
}

function Group({ name, alerts, store }) {
  const rows = html`<ul class="members">${alerts.map((alert) => html`<li key=${alert.id} data-member=${alert.deviceId}>
    <a href="#alerts/${alert.id}"><strong>${roomName(store.rooms.get(alert.roomId), alert.roomId)}</strong>${" "}
      <span class="id">${alert.deviceId}</span></a>
    <span class="hint">${alert.resolvedAt ? html`<${Moment} at=${alert.resolvedAt} />` : html`since <${Moment} at=${alert.openedAt} />`}${
      alert.resolvedBy && `, ${alert.resolvedBy}`}</span></li>`)}</ul>`;
  const title = html`${GROUPS[name]} <span class="count">${alerts.length}</span>`;
  if (FOLDED.has(name)) return html`<details><summary>${title}</summary>${rows}</details>`;
  return html`<h3 class=${name}>${title}</h3>${rows}`;
}
