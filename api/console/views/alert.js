// One alert: what happened and why, how the tablet is now, the acknowledgment, and everything that was done about it.

import { reached } from "../fleet.js";
import { address } from "../route.js";
import { floorName, headline, reason, roomName, SEVERITY, step, untold, word } from "../words.js";
import { Answer, Answered } from "./answer.js";
import { condition } from "./axes.js";
import { Icon } from "./icons.js";
import { Facts, Panel } from "./panel.js";
import { Signs } from "./signs.js";
import { Ago, html, Moment } from "./parts.js";
import { WhyAlert } from "./why.js";

/**
 * `alert` and `timeline` are undefined until they have come; `missing`: there is none of this id; `failed`: its notices
 * that reached nobody.
 */
export function AlertPanel({
  id, alert, timeline, failed, room, device, blind, missing, conflict, writing, mayAcknowledge, manages,
  staff, outages,
}) {
  const panel = { id: "alert-panel", of: id, label: "Alert" };
  if (!alert) return html`<${Panel} ...${panel} title=${missing ? "There is no such alert" : "One moment…"} />`;
  const { severity, acknowledged, status } = alert;
  const mark = html`<span class="severity ${severity}"><${Icon} name=${severity} />${word(SEVERITY, severity)}</span>`;
  return html`<${Panel} ...${panel} title=${headline(alert)} mark=${mark}>
    <${Signs} alert=${alert} outages=${outages} />
    <${Facts} facts=${[
      ["Room", roomName(room, alert.roomId)],
      ["Floor", floorName(alert.floor).replace("Floor ", "")],
      ["Tablet", html`<a href="#tablets/${alert.deviceId}">${alert.deviceId}</a>`],
      ["Since", html`<${Ago} at=${alert.openedAt} />, <${Moment} at=${alert.openedAt} />`],
      ["Seen", alert.count > 1 && html`${alert.count} times, last at <${Moment} at=${alert.lastAt} />`],
      ["Outage", alert.incidentId && html`<a href=${address("incidents", alert.incidentId)}>${
        outages.has(alert.incidentId) ? "It is part of one that lasts" : "It was part of one"}</a>`],
      ["Assigned", alert.assignee],
      ["Snoozed", alert.snoozedUntil && html`until <${Moment} at=${alert.snoozedUntil} />`],
      ["Drill", alert.drill && "Yes, this is an exercise"],
    ]} />
    <section><h3>Why</h3>
      <ul class="reasons">${alert.why.map((why, index) => html`<li key=${index}>${reason(why)}${
        why.since && html`, since <${Moment} at=${why.since} />`}</li>`)}</ul>
    </section>
    ${failed?.size > 0 && html`<${Untold} failed=${failed} />`}
    ${status !== "open" && html`<p class="over"><${Icon} name="check" /> Over${
      alert.resolvedAt && html` since <${Moment} at=${alert.resolvedAt} />`}${
      alert.resolvedBy && html`, resolved by <strong>${alert.resolvedBy}</strong>`}.</p>`}
    ${acknowledged && html`<${Answered} acknowledged=${acknowledged} />`}
    ${status === "open" && (mayAcknowledge || !acknowledged) && html`<${Answer} alert=${alert} writing=${writing}
      may=${mayAcknowledge} manages=${manages} staff=${staff} home=${device?.roomId} />`}
    <p class="complaint" id="conflict" role="alert">${conflict}</p>
    ${device && html`<section><h3>${reached(device) && !blind ? "The tablet now" : "The tablet, when last heard"}</h3>
      <${Facts} facts=${condition(device, blind)} /></section>`}
    <${WhyAlert} id=${id} />
    <section><h3>What was done</h3><${Timeline} entries=${timeline} /></section>
  <//>`;
}

function Untold({ failed }) {
  const errors = [...new Set([...failed.values()].map(({ error }) => error).filter(Boolean))];
  return html`<div class="untold" id="untold"><p><${Icon} name="high" /> <strong>${untold(failed)}.</strong></p>
    ${errors.map((error) => html`<p class="hint" key=${error}>${error}</p>`)}</div>`;
}

function Timeline({ entries }) {
  if (!entries) return html`<p aria-busy="true">Loading…</p>`;
  return html`<ol class="timeline" id="timeline">${entries.map((entry) => html`<li key=${entry.id}>
    <${Moment} at=${entry.at} />
    <div>${step(entry)}${entry.until && html` until <${Moment} at=${entry.until} />`}
      ${entry.note && html`<blockquote>${entry.note}</blockquote>`}
      ${entry.error && html`<p class="hint">${entry.error}</p>`}
      ${entry.type.startsWith("alert.") && entry.why?.length > 0
        && html`<p class="hint">${entry.why.map(reason).join(" · ")}</p>`}
    </div>
  </li>`)}</ol>`;
}
