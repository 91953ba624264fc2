// The way over from HTTP, tablet by tablet: by which way each speaks, and what the end of the shared token would cut.

import { roomName } from "../words.js";
import { Icon } from "./icons.js";
import { Ago, html, useDesk } from "./parts.js";

const WAY = { mqtt: "MQTT", http: "HTTP, own token", "legacy-token": "HTTP, shared token" };
const SIGN = { mqtt: "online", http: "sleeping", "legacy-token": "away" };

/** `told` is what `GET /api/migration` says, null until it has come; `mayChange`: whether this person is a manager. */
export function Migration({ told, rooms, cutOnly, mayChange, problem }) {
  const { act } = useDesk();
  if (!told) return html`<section class="list"><p class="nothing">${problem || "Loading…"}</p></section>`;
  const { counts, sharedToken, strangers } = told;
  const list = cutOnly ? told.items.filter(({ cut }) => cut) : told.items;
  return html`<section class="list" aria-labelledby="migration-title">
    <h2 id="migration-title" class="hidden">From HTTP to MQTT</h2>
    <div class="bar">
      <div class="chips" role="group" aria-label="Which tablets">
        <button type="button" aria-pressed=${!cutOnly} onClick=${() => act.cutOnly(false)}>All <span>${counts.devices}</span></button>
        <button type="button" aria-pressed=${cutOnly} onClick=${() => act.cutOnly(true)}>Would be cut <span>${counts.cut}</span></button>
      </div>
      <p class="counts" id="migration-counts">
        <span>MQTT ${counts.mqtt}</span> <span>HTTP with own token ${counts.http}</span>
        <span>Shared token ${counts.legacyToken}</span> <span>Never heard ${counts.never}</span>
      </p>
    </div>
    <p id="migration-end" class=${counts.cut ? "verdict wait" : "verdict"}>${verdict(counts.cut, sharedToken)}</p>
    ${problem && html`<p class="complaint" role="alert">${problem}</p>`}
    ${list.length === 0 ? html`<p class="nothing">${cutOnly ? "No tablet would be cut." : "This hotel has no tablets yet."}</p>`
      : html`<div class="sheet"><table class="migration">
        <thead><tr><th scope="col">Tablet</th><th scope="col">Speaks by</th>
          <th scope="col">By the shared token</th><th scope="col">By HTTP</th><th scope="col">By MQTT</th>
          <th scope="col"><span class="hidden">The shared token</span></th></tr></thead>
        <tbody>${list.map((row) => html`<${Row} key=${row.deviceId} row=${row} room=${rooms.get(row.roomId)}
          mayChange=${mayChange} />`)}</tbody>
      </table></div>`}
    ${strangers.length > 0 && html`<section class="strangers" aria-labelledby="strangers-title">
      <h3 id="strangers-title">Came, and are not let in <span>${strangers.length}</span></h3>
      <p>Unknown here, or not allowed to use the shared token.</p>
      <ul>${strangers.map(({ deviceId, lastAt }) => html`<li key=${deviceId}><strong>${deviceId}</strong>${" "}
        <${Ago} at=${lastAt} /> ago</li>`)}</ul>
    </section>`}
  </section>`;
}

function verdict(cut, sharedToken) {
  if (!sharedToken) {
    return cut ? `The shared token is off. ${tablets(cut)} had no other way, and must be enrolled.`
      : "The shared token is off, and no tablet misses it.";
  }
  return cut ? `If the shared token were turned off now, ${tablets(cut)} would be cut.`
    : "The shared token can be turned off: no tablet would be cut.";
}

function tablets(count) {
  return count === 1 ? "1 tablet" : `${count} tablets`;
}

function Row({ row, room, mayChange }) {
  const { act } = useDesk();
  const { deviceId, speaks, cut, sharedToken } = row;
  return html`<tr data-device=${deviceId} class=${cut ? "cut" : ""}>
    <th scope="row"><strong>${roomName(room, row.roomId)}</strong> <span class="id">${deviceId}</span></th>
    <td><span class="axis ${SIGN[speaks] ?? "never-seen"}"><${Icon} name=${SIGN[speaks] ?? "never-seen"} />
      ${WAY[speaks] ?? "Never heard"}</span>${cut && html` <span class="mark">would be cut</span>`}</td>
    <${Last} by="By the shared token" contact=${row.legacyToken} />
    <${Last} by="By HTTP" contact=${row.http} />
    <${Last} by="By MQTT" contact=${row.mqtt} />
    <td>${mayChange ? html`<button type="button" onClick=${() => act.letShared(deviceId, !sharedToken)}>
        ${sharedToken ? "End the shared token" : "Allow the shared token"}</button>`
      : sharedToken ? "allowed" : ""}</td>
  </tr>`;
}

// On a phone, where the table's head is not seen, each says which it is.
function Last({ by, contact }) {
  return html`<td data-by=${by} class=${contact ? "" : "never"}>${contact ? html`<${Ago} at=${contact.lastAt} /> ago` : "–"}</td>`;
}
