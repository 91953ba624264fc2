// Access points that tablets taught us of: whether they are the hotel's says a manager, with whoever knows its Wi-Fi.

import { roomName } from "../words.js";
import { useDeed, useFound } from "./asking.js";
import { refocus } from "./field.js";
import { html, Moment, useDesk } from "./parts.js";

const OFTEN = 60_000; // ms between two looks
const STATES = ["learned", "confirmed", "forgotten"]; // in this order: what waits for a word comes first

export function AccessPoints({ mayChange, rooms }) {
  const { found, complaint, again } = useFound("access-points", { every: () => OFTEN });
  const listed = new Map([...rooms.values()].flatMap((room) => room.accessPoints.map((bssid) => [bssid, room])));
  const items = [...(found?.items ?? [])].sort((one, other) => STATES.indexOf(one.state) - STATES.indexOf(other.state));
  const open = items.filter(({ bssid, state }) => state === "learned" && !listed.has(bssid)).length;
  const bare = [...rooms.values()].filter(({ accessPoints, deviceIds }) => accessPoints.length === 0 && deviceIds.length > 0).length;
  return html`<p class="lead">Tablets of several rooms were heard on these while they were in their rooms, so they are taken for the
      hotel’s: a tablet on one of them is elsewhere in the hotel. Of one that you confirm that is certain. A tablet on one that you
      rule out is on a foreign network, which is an alert.</p>
    <p class="complaint" role="alert">${complaint}</p>
    ${!found && !complaint && html`<p class="nothing">Loading…</p>`}
    ${found && html`<p class="verdict ${open || bare ? "wait" : ""}" id="inventory">${inventory(open, bare)}</p>`}
    ${items.length > 0 && html`<div class="sheet"><table class="grid">
      <thead><tr><th scope="col">BSSID</th><th scope="col">Network</th><th scope="col">Learned</th>
        <th scope="col">Is it the hotel’s?</th></tr></thead>
      <tbody>${items.map((one) => html`<${Row} key=${one.bssid} one=${one} room=${listed.get(one.bssid)}
        mayChange=${mayChange} again=${again} />`)}</tbody>
    </table></div>`}`;
}

function inventory(open, bare) {
  if (!open && !bare) return "The hotel’s access points are all known: whatever else a tablet is on is foreign, and critical.";
  const parts = [open && `${open === 1 ? "1 access point waits" : `${open} access points wait`} for a word`,
    bare && `${bare === 1 ? "1 room with a tablet lists" : `${bare} rooms with tablets list`} none`];
  return `${parts.filter(Boolean).join(", and ")}. Until that is mended, a network that nobody knows is high and not critical.`;
}

function Row({ one, room, mayChange, again }) {
  const { http } = useDesk();
  const deed = useDeed();
  const { bssid, ssid, rooms, since, state, decidedBy, decidedAt } = one;
  const say = (word) => async () => {
    if (!(await deed.work(() => http.post(`access-points/${encodeURIComponent(bssid)}/${word}`)))) return;
    await again();
    refocus(`[data-bssid="${bssid}"] button`);
  };
  const button = (word, words) => html`<button type="button" disabled=${deed.busy} onClick=${say(word)}
    aria-label="${words}: ${bssid}">${words}</button>`;
  return html`<tr data-bssid=${bssid} class=${state}>
    <th scope="row"><code>${bssid}</code></th>
    <td data-of="Network">${ssid ?? "unknown"}</td>
    <td data-of="Learned"><${Moment} at=${since} />, in ${rooms === 1 ? "1 room" : `${rooms} rooms`}</td>
    <td class="word"><div><span>${room ? `Listed: ${roomName(room, room.roomId)}` : said(state)}${
        decidedBy && html` <span class="hint">${decidedBy}, <${Moment} at=${decidedAt} /></span>`}</span>
      ${mayChange && !(room && state === "learned") && html`<span class="tools">
        ${state !== "confirmed" && button("confirm", "It is ours")}
        ${state !== "forgotten" && button("forget", "It is not ours")}</span>`}
      <span class="complaint" role="alert">${deed.trouble}</span></div></td>
  </tr>`;
}

function said(state) {
  return { learned: "Nobody has said yet", confirmed: "Yes, confirmed", forgotten: "No, foreign" }[state] ?? state;
}
