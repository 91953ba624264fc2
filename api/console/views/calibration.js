// Calibration: what rooms' own tablets heard in the last week, the floors and access points that follow, and setting them.

import { useState } from "../vendor/preact-hooks.js";
import { byRoom } from "../fleet.js";
import { address } from "../route.js";
import { past } from "../wallclock.js";
import { dbm, roomName } from "../words.js";
import { useDeed, useFound } from "./asking.js";
import { refocus } from "./field.js";
import { html, useDesk } from "./parts.js";
import { Outcomes } from "./outcomes.js";

const DAY = 86_400_000; // ms

export function Calibration({ mayChange, rooms, kept: { tried } }) {
  const { found, complaint, again } = useFound("calibration");
  const setting = useSetting(again);
  const named = ({ roomId }) => roomName(rooms.get(roomId), roomId);
  const all = [...(found?.rooms ?? [])].sort((one, other) => byRoom(rooms.get(one.roomId) ?? one, rooms.get(other.roomId) ?? other));
  const ready = all.filter((one) => one.ready);
  const rest = all.filter((one) => !one.ready);
  const few = all.filter((one) => one.rssiFloor == null);
  return html`<p class="lead">Each room’s own tablets tell how weak a signal is usual there. A little below that is a good floor:
      a tablet in its room is never under it for long, and one that is carried off soon is. Nothing is set until you say so.</p>
    <p class="complaint" role="alert">${complaint}</p>
    ${!found && !complaint && html`<p class="nothing">Looking at the last week…</p>`}
    ${found && html`<p class="verdict ${ready.length || few.length === all.length ? "wait" : ""}" id="calibration-verdict"
      tabindex="-1">${verdict({ all, ready, few, needed: found.needed, named })}</p>`}
    <p class="done" role="status">${setting.done ? `${count(setting.done)} set.` : ""}</p>
    ${ready.length > 0 && mayChange && html`<${Trial} proposal=${found.proposal} tried=${tried} rooms=${rooms} />`}
    ${ready.length > 0 && html`<h3>Proposed</h3>
      <${Table} items=${ready} named=${named} refused=${setting.refused} last=${(one) => mayChange && html`<button type="button"
        disabled=${setting.busy} onClick=${() => setting.set([one])} aria-label="Set it: ${named(one)}">Set it</button>`} />
      ${mayChange && ready.length > 1 && html`<p class="tools start"><button type="button" disabled=${setting.busy}
        onClick=${() => setting.set(ready)}>Set all ${ready.length}</button></p>`}`}
    ${rest.length > 0 && html`<h3>As they are</h3>
      <${Table} items=${rest} named=${named} refused=${setting.refused} last=${(one) => (one.rssiFloor == null
        ? html`<span class="hint">too little heard yet: ${lacking(one, found.needed)}</span>` : "set so already")} />`}`;
}

/** Sets what is proposed, room by room: `{ busy, done, refused, set }`; one that is refused keeps none of the others back. */
function useSetting(again) {
  const { http } = useDesk();
  const [told, setTold] = useState({ busy: false, done: 0, refused: {} });
  const set = async (some) => {
    const refused = {};
    let done = 0;
    setTold({ busy: true, done, refused });
    for (const { roomId, revision } of some) {
      try {
        await http.post(`calibration/${encodeURIComponent(roomId)}/apply`, { ifRevision: revision });
        done += 1;
      } catch (problem) {
        if (problem.status === undefined) throw problem; // no Problem: a fault of this page
        refused[roomId] = problem.status === 409 ? "Not set: something else is proposed by now, or nothing." : problem.message;
      }
    }
    await again();
    setTold({ busy: false, done, refused });
    refocus("#calibration-verdict");
  };
  return { ...told, set };
}

function verdict({ all, ready, few, needed, named }) {
  if (!all.length) return "Nothing was heard yet of any room.";
  const [nearest] = [...few].sort((one, other) => Math.min(other.days, needed.days) - Math.min(one.days, needed.days)
    || other.usable - one.usable);
  const missing = nearest && `${few.length > 1 ? "At best " : ""}${lacking(nearest, needed)} in ${named(nearest)}.`;
  if (few.length === all.length) return `Too little heard yet. ${missing}`;
  const others = few.length ? ` In ${count(few.length)} too little was heard yet. ${missing}` : "";
  if (!ready.length) return `Nothing to change: where enough was heard, it is set so already.${others}`;
  return `${count(ready.length)} would change, of ${all.length} that were heard.${others}`;
}

// How far it is, of a room in which too little was heard yet.
function lacking({ usable, days }, needed) {
  const some = (number) => number.toLocaleString("en-GB");
  return `${some(usable)} of ${some(needed.samples)} heartbeats, on ${days} of ${needed.days} days`;
}

function count(some) {
  return some === 1 ? "1 room" : `${some} rooms`;
}

/** The proposal, tried on the last day before it is set. */
function Trial({ proposal, tried, rooms }) {
  const { act, clock, http } = useDesk();
  const deed = useDeed();
  const ask = () => deed.work(async () => {
    const now = past(clock.now());
    const body = { startsAt: new Date(now - DAY).toISOString(), endsAt: new Date(now).toISOString(), proposal };
    const { id } = await http.post("replay", body);
    act.keep(() => ({ tried: id }));
  });
  return html`<p class="tools start"><button type="button" class=${tried ? "" : "primary"} disabled=${deed.busy} onClick=${ask}>
      ${tried ? "Try it again" : "Try it on the last 24 hours"}</button></p>
    <p class="complaint" role="alert">${[deed.trouble, ...Object.values(deed.wrong)].filter(Boolean).join(" ")}</p>
    ${tried && html`<${Outcomes} key=${tried} id=${tried} rooms=${rooms} />`}`;
}

function Table({ items, named, last, refused = {} }) {
  return html`<div class="sheet"><table class="grid">
    <thead><tr><th scope="col">Room</th><th scope="col">Heard</th><th scope="col">Weakest usual</th><th scope="col">Floor</th>
      <th scope="col">Access points</th><th scope="col"><span class="hidden">Set it</span></th></tr></thead>
    <tbody>${items.map((one) => html`<tr key=${one.roomId} data-room=${one.roomId}>
      <th scope="row"><a href=${address("policy", `room.${one.roomId}`)}>${named(one)}</a></th>
      <td data-of="Heard">${one.samples.toLocaleString("en-GB")} times, ${one.days === 1 ? "1 day" : `${one.days} days`}</td>
      <td data-of="Weakest usual">${one.weakest == null ? "–" : dbm(one.weakest)}${
        one.median != null && html` <span class="hint">middle ${dbm(one.median)}</span>`}</td>
      <td data-of="Floor"><${Floor} was=${one.wasFloor} will=${one.ready ? one.rssiFloor : one.wasFloor} /></td>
      <td data-of="Access points"><${Points} one=${one} /></td>
      <td>${last(one)}${refused[one.roomId] && html`<p class="complaint" role="alert">${refused[one.roomId]}</p>`}</td>
    </tr>`)}</tbody>
  </table></div>`;
}

function Floor({ was, will }) {
  const now = was == null ? "none" : dbm(was);
  return was === will ? now : html`${now} → <strong>${dbm(will)}</strong>`;
}

function Points({ one: { accessPoints, wasAccessPoints } }) {
  const fresh = accessPoints.filter((bssid) => !wasAccessPoints.includes(bssid));
  if (!fresh.length) return wasAccessPoints.length ? `${wasAccessPoints.length} listed` : "none listed";
  return html`${fresh.map((bssid) => html`<span class="fresh" key=${bssid}><code>${bssid}</code> new</span>`)}`;
}
