// Maintenance windows: when and where trouble is expected, so that nobody is woken by people at work.

import { useRef, useState } from "../vendor/preact-hooks.js";
import { span } from "../time.js";
import { fromField, nextAt, toField } from "../wallclock.js";
import { floorName, roomName } from "../words.js";
import { useDeed, useFound } from "./asking.js";
import { Field, Outcome, refocus, useFirstWrong } from "./field.js";
import { Icon } from "./icons.js";
import { html, Moment, Stretch, useDesk, useNow } from "./parts.js";
import { place, Places } from "./places.js";

const HOUR = 3_600_000; // ms
const OFTEN = 15_000; // ms between two looks, for others may add and end them too
const STEP = 50; // windows; with each "Show more" so many more, up to what the server gives at once
const MOST = 200;
const FIELDS = ["roomId", "floor", "startsAt", "endsAt", "reason"];

export function Maintenance({ hotel, mayChange, rooms }) {
  const [limit, setLimit] = useState(STEP);
  const { found, complaint, again } = useFound(`maintenance?limit=${limit}`, { every: () => OFTEN });
  const now = useNow((at) => Math.floor(at / 1000), []) * 1000;
  const all = (found?.items ?? []).map((one) => ({ ...one, state: stateOf(one, now) }));
  const current = all.filter(({ state }) => state !== "over");
  current.sort((one, other) => Date.parse(one.startsAt) - Date.parse(other.startsAt));
  const over = all.filter(({ state }) => state === "over");
  const row = (one) => html`<${Row} key=${one.id} one=${one} rooms=${rooms} mayChange=${mayChange} again=${again} />`;
  return html`<p class="lead">While people work on a room, a floor or the hotel, its tablets wake nobody. Tampering, a foreign
      network and a check-out with the tablet gone are told all the same.</p>
    ${mayChange && html`<${Add} hotel=${hotel} rooms=${rooms} again=${again} />`}
    <p class="complaint" role="alert">${complaint}</p>
    ${!found && !complaint && html`<p class="nothing">Loading…</p>`}
    ${found && html`<h3 id="windows-title" tabindex="-1">Running and to come</h3>
      ${current.length === 0 && html`<p class="hint">None: everything is told.</p>`}
      <ul id="windows">${current.map(row)}</ul>`}
    ${over.length > 0 && html`<h3>Over</h3><ul>${over.map(row)}</ul>`}
    ${found?.next && limit < MOST && html`<button type="button" onClick=${() => setLimit(limit + STEP)}>Show more</button>`}`;
}

// The list is asked for now and then; a window that begins or ends meanwhile shows it at once.
function stateOf({ startsAt, endsAt, endedAt }, now) {
  if (endedAt || now >= Date.parse(endsAt)) return "over";
  return now < Date.parse(startsAt) ? "to-come" : "running";
}

function Add({ hotel, rooms, again }) {
  const { clock, http } = useDesk();
  const form = useRef(null);
  const [where, setWhere] = useState("");
  const [starts, setStarts] = useState("");
  const [ends, setEnds] = useState("");
  const [reason, setReason] = useState("");
  const deed = useDeed();
  const { wrong } = deed;
  useFirstWrong(form, wrong);
  const zone = hotel.timezone;
  const begins = () => (starts ? fromField(starts, zone) : clock.now());
  const until = (moment) => setEnds(toField(moment, zone));
  const submit = async (event) => {
    event.preventDefault();
    const from = starts ? fromField(starts, zone) : null;
    const to = fromField(ends, zone);
    if (Number.isNaN(to)) return deed.refuse({ endsAt: "Say until when." });
    if (to <= begins()) return deed.refuse({ endsAt: starts ? "This is before it begins." : "This is past." });
    const body = {
      ...place(where), endsAt: new Date(to).toISOString(),
      ...(from && { startsAt: new Date(from).toISOString() }), ...(reason.trim() && { reason: reason.trim() }),
    };
    if (!(await deed.work(() => http.post("maintenance", body), "The window is set."))) return undefined;
    for (const empty of [setStarts, setEnds, setReason]) empty("");
    return again();
  };
  return html`<form class="sheetlike" id="add-window" ref=${form} onSubmit=${submit} noValidate>
    <div class="fields">
      <${Field} id="window-where" label="Where" wrong=${wrong.roomId ?? wrong.floor} control=${(props) => html`<select ...${props}
        value=${where} onChange=${(event) => setWhere(event.target.value)}><${Places} rooms=${rooms} value=${where} /></select>`} />
      <${Field} id="window-starts" label="From" hint="Empty: from now on." wrong=${wrong.startsAt} control=${(props) => html`<input
        type="datetime-local" ...${props} value=${starts} onInput=${(event) => setStarts(event.target.value)} />`} />
      <${Field} id="window-ends" label="Until" hint="On the hotel’s clock (${zone}), 31 days at most." wrong=${wrong.endsAt}
        control=${(props) => html`<input type="datetime-local" ...${props} value=${ends}
          onInput=${(event) => setEnds(event.target.value)} />`}>
        <p class="quick">${[1, 2, 4, 8].map((hours) => html`<button type="button" key=${hours}
            onClick=${() => until(begins() + hours * HOUR)}>${hours} h</button>`)}
          <button type="button" onClick=${() => until(nextAt("07:00", begins(), zone))}>till 07:00</button></p>
      <//>
    </div>
    <div class="fields one">
      <${Field} id="window-reason" label="Why" hint="For those who read it at night." wrong=${wrong.reason}
        control=${(props) => html`<input ...${props} value=${reason} maxlength="200" autocomplete="off"
          onInput=${(event) => setReason(event.target.value)} />`} />
    </div>
    <p><button class="primary" type="submit" disabled=${deed.busy}>Set the window</button></p>
    <${Outcome} deed=${deed} fields=${FIELDS} />
  </form>`;
}

const SIGNS = { running: "bolt", "to-come": "sleeping", over: "check" };

function Row({ one, rooms, mayChange, again }) {
  const { clock, http } = useDesk();
  const deed = useDeed();
  const { id, roomId, floor, startsAt, endsAt, endedAt, reason, createdBy, state } = one;
  const where = roomId ? roomName(rooms.get(roomId), roomId) : floor ? floorName(floor) : "The whole hotel";
  const words = state === "running" ? "End now" : "Withdraw";
  const end = async () => {
    if (!(await deed.work(() => http.post(`maintenance/${encodeURIComponent(id)}/end`)))) return;
    await again();
    refocus("#windows-title");
  };
  return html`<li class="window ${state}" data-window=${id}>
    <p><${Icon} name=${SIGNS[state]} /> <strong>${where}</strong> ${reason && html`<span class="hint">${reason}</span>`}</p>
    <p>${state === "running" ? html`Until <${Moment} at=${endsAt} />, ${span(Date.parse(endsAt) - clock.now())} more`
      : state === "to-come" ? html`<${Stretch} from=${startsAt} to=${endsAt} />`
      : endedAt && Date.parse(endedAt) <= Date.parse(startsAt) ? html`Withdrawn, <${Moment} at=${endedAt} />`
      : html`<${Stretch} from=${startsAt} to=${endedAt ?? endsAt} />${endedAt && ", ended early"}`}</p>
    <p class="hint">${createdBy}</p>
    <p class="tools">${mayChange && state !== "over" && html`<button type="button" disabled=${deed.busy} onClick=${end}
      aria-label="${words}: ${where}">${words}</button>`}</p>
    <p class="complaint" role="alert">${deed.trouble}</p>
  </li>`;
}
