// Access points that tablets taught us of and that stand in no room's list: what IT should know of the hotel's Wi-Fi.

import { useFound } from "./asking.js";
import { html, Moment } from "./parts.js";

const OFTEN = 60_000; // ms between two looks

export function AccessPoints({ rooms }) {
  const { found, complaint } = useFound("access-points", { every: OFTEN });
  const bare = [...rooms.values()].filter(({ accessPoints, deviceIds }) => accessPoints.length === 0 && deviceIds.length > 0);
  const items = found?.items ?? [];
  return html`<p class="lead">Tablets of several rooms were heard on these while they were in their rooms, so they are the hotel’s. A tablet on one
      of them is elsewhere in the hotel, not on a foreign network.</p>
    <p class="verdict ${items.length || bare.length ? "wait" : ""}" id="inventory">${inventory(items.length, bare.length)}</p>
    <p class="complaint" role="alert">${complaint}</p>
    ${!found && !complaint && html`<p class="nothing">Loading…</p>`}
    ${items.length > 0 && html`<div class="sheet"><table class="grid">
      <thead><tr><th scope="col">BSSID</th><th scope="col">Network</th><th scope="col">Rooms</th><th scope="col">Learned</th></tr></thead>
      <tbody>${items.map((one) => html`<${Row} key=${one.bssid} one=${one} />`)}</tbody>
    </table></div>`}`;
}

function inventory(learned, bare) {
  if (!learned && !bare) return "The hotel’s access points are all listed: whatever else a tablet is on is foreign.";
  const parts = [learned && `${learned === 1 ? "1 access point stands" : `${learned} access points stand`} in no room’s list`,
    bare && `${bare === 1 ? "1 room with a tablet lists" : `${bare} rooms with tablets list`} none`];
  return `${parts.filter(Boolean).join(", and ")}. Until that is mended, a network that nobody knows is high and not critical.`;
}

function Row({ one }) {
  const { bssid, ssid, rooms, since } = one;
  return html`<tr data-bssid=${bssid}>
    <th scope="row"><code>${bssid}</code></th>
    <td data-of="Network">${ssid ?? "unknown"}</td>
    <td data-of="Rooms">${rooms}</td>
    <td data-of="Learned"><${Moment} at=${since} /></td>
  </tr>`;
}
