// Tablets on their way in, for managers: a code for one, who waits for a yes, and what became of each code.

import { useState } from "../vendor/preact-hooks.js";
import { byRoom } from "../fleet.js";
import { isGood } from "../enrolments.js";
import { address } from "../route.js";
import { roomName } from "../words.js";
import { Icon } from "./icons.js";
import { Ago, html, Moment } from "./parts.js";

export function Enrolments({ enrolments, store }) {
  const { items, waiting } = enrolments;
  const others = (items ?? []).filter(({ state }) => state !== "waiting");
  return html`<section class="list enrolments" aria-labelledby="enrolments-title" aria-busy=${enrolments.busy}>
    <h2 id="enrolments-title" class="hidden">Enrolment</h2>
    ${waiting.map((one) => html`<${Waiting} key=${one.id} one=${one} enrolments=${enrolments} store=${store} />`)}
    <${Make} enrolments=${enrolments} store=${store} />
    <p class="complaint" id="enrolment-trouble" role="alert">${enrolments.trouble || enrolments.unheard}</p>
    ${enrolments.made && html`<${Made} made=${enrolments.made} now=${enrolments.madeNow} rooms=${store.rooms}
      done=${() => enrolments.forget()} />`}
    ${items == null && !enrolments.unheard && html`<p class="nothing">Loading…</p>`}
    ${items?.length === 0 && html`<p class="nothing">No code has been made yet.</p>`}
    ${others.length > 0 && html`<h3>Codes made lately</h3>`}
    <ul id="enrolments">${others.map((one) => html`<${Row} key=${one.id} one=${one} rooms=${store.rooms}
      enrolments=${enrolments} />`)}</ul>
  </section>`;
}

/** Says wherever a manager is that somebody waits for the yes, and leads there. */
export function Knock({ waiting, rooms }) {
  const [{ wantedDeviceId, roomId }] = waiting;
  const more = waiting.length > 1 ? `, and ${waiting.length - 1} more` : "";
  return html`<div class="urge" id="knock" role="status">
    <p><strong>${wantedDeviceId}</strong> waits for a manager’s yes, for ${inWords(rooms, roomId)}${more}.</p>
    <a href=${address("enrolments")}>Look at it</a>
  </div>`;
}

function Make({ enrolments, store }) {
  const [room, setRoom] = useState("");
  const rooms = [...store.rooms.values()].sort(byRoom);
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const { roomId, deviceId, again } = Object.fromEntries(new FormData(form));
    if (!(await enrolments.make({ roomId, deviceId: deviceId.trim(), again: again === "on" }))) return;
    form.reset();
    setRoom("");
  };
  if (store.loaded && rooms.length === 0) return html`<p class="nothing">This hotel has no rooms yet.</p>`;
  return html`<form class="bar" id="make-code" onSubmit=${submit}>
    <label>Room <select name="roomId" required value=${room} onChange=${(event) => setRoom(event.target.value)}>
      <option value="">Choose…</option>
      ${rooms.map((one) => html`<option key=${one.roomId} value=${one.roomId}>${inFull(one)}</option>`)}
    </select></label>
    <label>Tablet id <input name="deviceId" list="tablets-here" placeholder="any" autocomplete="off" autocapitalize="none"
      spellcheck=${false} pattern="[A-Za-z0-9_\\-]{1,64}" title="Letters, digits, - and _; empty: any tablet" /></label>
    <datalist id="tablets-here">${[...store.devices.values()].filter(({ roomId }) => roomId === room)
      .map(({ deviceId }) => html`<option key=${deviceId} value=${deviceId} />`)}</datalist>
    <label class="tick"><input name="again" type="checkbox" /> This tablet was here before</label>
    <button class="primary" type="submit" disabled=${enrolments.busy}>Make a code</button>
    <p class="hint">For one tablet, once, within 15 minutes. One that was here before waits for a manager’s yes, unless you say
      so now; the access that it had ends then.</p>
  </form>`;
}

function Made({ made, now, rooms, done }) {
  const { code, link, qr, deviceId, roomId, expiresAt } = made;
  if (now && now.state !== "open") {
    return html`<div class="made" id="code-made" role="status">
      <p><strong>The code for ${inWords(rooms, roomId)}:</strong> <${Became} one=${now} /></p>
      <p class="tools"><button type="button" onClick=${done}>Done</button></p>
    </div>`;
  }
  return html`<div class="made code" id="code-made" role="status">
    <img src=${`data:image/svg+xml,${encodeURIComponent(qr)}`} alt="The link as a QR code" />
    <div>
      <p>For <strong>${deviceId ?? "one tablet"}</strong> in <strong>${inWords(rooms, roomId)}</strong>: scan the picture with its
        agent, or type the code.</p>
      <p class="digits" id="code">${code}</p>
      <p>Good once, until <${Moment} at=${expiresAt} />. It is not shown again.</p>
      <${Link} link=${link} done=${done} />
    </div>
  </div>`;
}

function Link({ link, done }) {
  const [copied, setCopied] = useState("");
  const copy = async () => {
    await navigator.clipboard?.writeText(link).catch(() => {});
    setCopied(link);
  };
  return html`<input readonly value=${link} aria-label="The link" onFocus=${(event) => event.target.select()} />
    <p class="tools">${navigator.clipboard && html`<button type="button" onClick=${copy}>
        ${copied === link ? "Copied" : "Copy the link"}</button>`}
      <button type="button" onClick=${done}>Done</button></p>`;
}

// What is known of the tablet of that name stands beside: one that is heard meanwhile may be another than who waits.
function Waiting({ one, enrolments, store }) {
  const { id, wantedDeviceId, wantedAt, roomId, expiresAt } = one;
  const known = store.devices.get(wantedDeviceId);
  return html`<div class="waits" data-enrolment=${id} role="group" aria-label="${wantedDeviceId} waits">
    <p><${Icon} name="high" /> <strong>${wantedDeviceId} waits for your yes</strong>, for ${inWords(store.rooms, roomId)}. It came${" "}
      <${Ago} at=${wantedAt} /> ago, and may come in until <${Moment} at=${expiresAt} />.</p>
    <p>${known ? html`The tablet of that name belongs to ${inWords(store.rooms, known.roomId)}, ${known.lastHeard
        ? html`and was last heard <${Ago} at=${known.lastHeard} /> ago` : "and was never heard"}.`
      : "A tablet of that name was here before."}${" "}
      Say yes only if you know who set it up: the access that it had ends, and this one takes its place.</p>
    <p class="tools">
      <button type="button" class="primary" disabled=${enrolments.busy} onClick=${() => enrolments.approve(id)}>Approve</button>
      <button type="button" disabled=${enrolments.busy} onClick=${() => enrolments.withdraw(id)}>Withdraw</button>
    </p>
  </div>`;
}

function Row({ one, rooms, enrolments }) {
  const { id, roomId, deviceId, again, createdBy, createdAt } = one;
  return html`<li class="enrolment ${isGood(one) ? "" : "over"}" data-enrolment=${id}>
    <p><strong>${inWords(rooms, roomId)}</strong> <span class="hint">${deviceId ?? "any tablet"}${again ? ", here before" : ""}</span></p>
    <p><${Became} one=${one} /></p>
    <p class="hint">${createdBy}, <${Moment} at=${createdAt} /></p>
    <p class="tools">${isGood(one) && html`<button type="button" disabled=${enrolments.busy}
      onClick=${() => enrolments.withdraw(id)}>Withdraw</button>`}</p>
  </li>`;
}

// A state that this page does not know yet is shown as it came.
function Became({ one }) {
  const { state, wantedDeviceId: wanted, enrolledDeviceId, approvedBy, expiresAt } = one;
  switch (state) {
    case "open": return html`Not used yet; good until <${Moment} at=${expiresAt} />`;
    case "waiting": return html`${wanted} waits for your yes`;
    case "approved": return html`${approvedBy} said yes to ${wanted}; it may come until <${Moment} at=${expiresAt} />`;
    case "used": return html`<${Icon} name="check" /> ${enrolledDeviceId ?? "A tablet"} came in, <${Moment} at=${one.usedAt} />`;
    case "withdrawn": return html`Withdrawn, <${Moment} at=${one.withdrawnAt} />`;
    case "expired": return wanted && !approvedBy ? `Expired: nobody said yes to ${wanted}` : "Expired: no tablet came in";
    default: return state;
  }
}

function inWords(rooms, roomId) {
  return roomName(rooms.get(roomId), roomId);
}

function inFull(room) {
  const name = roomName(room, room.roomId);
  return room.name && room.name !== room.roomId ? `${name} (${room.roomId})` : name;
}
