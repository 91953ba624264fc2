// May the guest go? What the desk was told at check-outs, live; and any room, as it is at this moment.

import { useState } from "../vendor/preact-hooks.js";
import { condition as known, finding, said, VERDICTS } from "../clearance.js";
import { reached } from "../fleet.js";
import { byUrgency } from "../store.js";
import { headline, LINK, POSTURE, roomName, SEVERITY, word } from "../words.js";
import { LastKnown } from "./axes.js";
import { Icon } from "./icons.js";
import { useLook } from "./look.js";
import { Facts, Panel } from "./panel.js";
import { Ago, html, Moment, useDesk, useNow } from "./parts.js";

const EVERY = 5_000; // ms between two looks at a room that is open here

export function Clearances({ store, selected }) {
  const list = [...store.clearances.values()].sort((one, other) => Date.parse(other.clearance.at) - Date.parse(one.clearance.at));
  return html`<section class="list" aria-labelledby="clearances-title">
    <h2 id="clearances-title" class="title">Check-outs</h2>
    <${Ask} rooms=${store.rooms} key=${selected ?? ""} />
    ${list.length === 0 && html`<p class="nothing" id="no-clearance">${!store.loaded ? "Loading…"
      : "No check-out was told of yet. Any room can be asked for above."}</p>`}
    <ul class="clearances" aria-label="What was told at check-outs" aria-live="polite" aria-relevant="additions">
      ${list.map(({ clearance, askedBy }) => html`<${Row} key=${`${clearance.roomId} ${clearance.at}`} clearance=${clearance} askedBy=${askedBy}
        room=${store.rooms.get(clearance.roomId)} selected=${clearance.roomId === selected} />`)}
    </ul>
  </section>`;
}

function Ask({ rooms }) {
  const { act } = useDesk();
  const [missing, setMissing] = useState("");
  const ask = (event) => {
    event.preventDefault();
    const typed = event.target.elements.room.value.trim();
    const wanted = typed.toLowerCase();
    const found = [...rooms.values()].find((room) => [room.roomId, roomName(room, room.roomId)]
      .some((name) => name.toLowerCase() === wanted));
    setMissing(found || !typed ? "" : `There is no room ${typed} here.`);
    if (found) act.openRoom(found.roomId);
  };
  return html`<form class="bar ask" onSubmit=${ask}>
    <label for="ask-room">May the guest go? Room</label>
    <input id="ask-room" name="room" list="rooms" autocomplete="off" spellcheck=${false} aria-describedby="ask-trouble" />
    <datalist id="rooms">${[...rooms.keys()].map((id) => html`<option key=${id} value=${id} />`)}</datalist>
    <button type="submit" class="primary">Ask</button>
    <p class="complaint" id="ask-trouble" role="alert">${missing}</p>
  </form>`;
}

function Verdict({ verdict }) {
  const [words, sign] = VERDICTS[verdict] ?? VERDICTS.unknown;
  return html`<span class="verdict-sign ${verdict}"><${Icon} name=${sign} />${words}</span>`;
}

function Row({ clearance, askedBy, room, selected }) {
  const { act } = useDesk();
  const { roomId, verdict, reasons, at, validUntil } = clearance;
  const old = useNow((now) => now > Date.parse(validUntil), [validUntil]);
  return html`<li data-room=${roomId} data-verdict=${verdict} class=${old ? "old" : ""}>
    <button type="button" class="row" aria-current=${selected ? "true" : null} onClick=${() => act.openRoom(roomId)}>
      <${Verdict} verdict=${verdict} />
      <span class="what"><strong>${roomName(room, roomId)}</strong>
        <span class="why">${reasons.map(finding).join(" · ") || known(clearance)}</span></span>
      <span class="when"><${Moment} at=${at} /></span>
      <span class="by">${old ? "as it was then" : askedBy ?? ""}</span>
    </button>
  </li>`;
}

export function RoomPanel({ id, store }) {
  const path = `rooms/${encodeURIComponent(id)}`;
  const given = store.clearances.get(id);
  const { found, missing, complaint } = useLook(`${path}/clearance`, { again: given?.clearance.at, every: EVERY });
  const { found: told } = useLook(`${path}/status`, { again: given?.clearance.at });
  const title = roomName(store.rooms.get(id), id);
  const panel = { id: "room-panel", of: id, label: "Room" };
  if (missing) return html`<${Panel} ...${panel} title="There is no such room" />`;
  const alerts = [...store.alerts.values()].filter(({ roomId }) => roomId === id).sort(byUrgency);
  const tablets = [...store.devices.values()].filter(({ roomId }) => roomId === id);
  return html`<${Panel} ...${panel} title=${title}>
    ${complaint && html`<p class="complaint" role="alert">${found ? `As it was: ${complaint}` : complaint}</p>`}
    ${found ? html`<${Now} clearance=${found.now} />` : !complaint && html`<p aria-busy="true">Looking…</p>`}
    ${given && html`<section><h3>What the desk was told last</h3><p><${Verdict} verdict=${given.clearance.verdict} />${" "}
      at <${Moment} at=${given.clearance.at} />${given.askedBy && `, asked by ${given.askedBy}`}</p>
      <${Reasons} clearance=${given.clearance} /></section>`}
    <section><h3>Tablets</h3>${tablets.length === 0 && html`<p class="hint">None belongs here.</p>`}
      <ul class="reasons plain">${tablets.map(({ deviceId, link, posture, lastHeard }) => html`<li key=${deviceId}>
        <a href="#tablets/${deviceId}"><${Icon} name=${link} /> ${deviceId}</a>: ${word(LINK, link)}, ${reached({ link })
          ? word(POSTURE, posture) : html`<${LastKnown} words=${word(POSTURE, posture)} at=${lastHeard} />`}</li>`)}</ul></section>
    ${alerts.length > 0 && html`<section><h3>Open alerts</h3><ul class="reasons plain">${alerts.map((alert) => html`<li key=${alert.id}>
      <a href="#alerts/${alert.id}"><${Icon} name=${alert.severity} /> ${word(SEVERITY, alert.severity)}: ${headline(alert)}</a>,
      ${" "}<${Ago} at=${alert.openedAt} /></li>`)}</ul></section>`}
    ${told?.changedAt && html`<${Said} status=${told} />`}
  <//>`;
}

function Now({ clearance }) {
  const [, , advice] = VERDICTS[clearance.verdict] ?? VERDICTS.unknown;
  return html`<section class="now ${clearance.verdict}" id="clearance-now" data-verdict=${clearance.verdict}>
    <p class="large"><${Verdict} verdict=${clearance.verdict} /></p>
    <p>${advice}</p>
    <${Reasons} clearance=${clearance} />
    <p class="hint">As of <${Moment} at=${clearance.at} />${known(clearance) && `: ${known(clearance)}`}.</p>
  </section>`;
}

function Reasons({ clearance }) {
  return html`<ul class="reasons">${clearance.reasons.map((one, index) => html`<li key=${index}>${finding(one)}</li>`)}</ul>`;
}

function Said({ status }) {
  const { guest, departsAt, checkedOutAt, housekeepingSince, service } = said(status);
  return html`<section><h3>What the hotel's systems say</h3><${Facts} facts=${[
    ["Guest", guest],
    ["Leaves", departsAt && html`<${Moment} at=${departsAt} />`],
    ["Left", checkedOutAt && html`<${Moment} at=${checkedOutAt} />`],
    ["Service", service],
    ["Housekeeping", housekeepingSince && html`since <${Moment} at=${housekeepingSince} />`],
    ["Said by", status.changedBy && html`${status.changedBy}, <${Moment} at=${status.changedAt} />`],
  ]} /></section>`;
}
