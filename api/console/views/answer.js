// What people answer to an alert: that they have it, what they saw, whose it is, not now, or that it is over.

import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { needsManager, SNOOZED, snoozes } from "../answers.js";
import { Icon } from "./icons.js";
import { Ago, html, Moment, useDesk } from "./parts.js";

const LONGEST_NOTE = 2_000;

export function Answered({ acknowledged: { by, at, note } }) {
  return html`<section class="answered" id="acknowledged"><h3><${Icon} name="check" /> Acknowledged</h3>
    <p>by <strong>${by}</strong> at <${Moment} at=${at} />, <${Ago} at=${at} /> ago</p>
    ${note && html`<blockquote>${note}</blockquote>`}
  </section>`;
}

/**
 * `staff` are the names of those who may be given an alert, null until they have come; `manages`: we may do all;
 * `home`: the room where the tablet belongs now, undefined until that is known.
 */
export function Answer({ alert, writing, may, manages, staff, home = alert.roomId }) {
  const { act } = useDesk();
  const [busy, setBusy] = useState(false);
  const [sure, setSure] = useState(false);
  const note = useRef(null);
  const { id, revision, acknowledged } = alert;
  useEffect(() => {
    if (writing) note.current?.focus();
  }, [writing, id]);
  useEffect(() => setSure(false), [id, revision]);
  useEffect(() => {
    if (may) act.learnStaff();
  }, [may]);
  if (!may) return html`<p class="hint">Your role may look, but not acknowledge.</p>`;
  const give = async (verb, body) => {
    setBusy(true);
    const complaint = await act.give(id, verb, body);
    setBusy(false);
    if (body.note && !complaint && note.current) note.current.value = "";
  };
  const noted = () => (note.current.value.trim() ? { note: note.current.value.trim() } : {});
  const seen = { ifRevision: revision };
  const addNote = () => (note.current.value.trim() ? give("note", noted()) : note.current.focus());
  const submit = (event) => {
    event.preventDefault();
    if (acknowledged) addNote();
    else give("acknowledge", noted());
  };
  return html`<form class="answer" id=${acknowledged ? "answer" : "acknowledge"} key=${id} onSubmit=${submit}
      aria-busy=${busy}>
    <label for="note">Note, if you like</label>
    <input id="note" name="note" ref=${note} maxlength=${LONGEST_NOTE} autocomplete="off"
      placeholder="Who goes, what was seen" />
    ${!acknowledged && html`<button class="primary" type="submit" disabled=${busy}>Acknowledge</button>`}
    <div class="others">
      ${manages && alert.rule === "room.swapped" && home === alert.roomId && html`<button type="button" id="fix" disabled=${busy}
        onClick=${() => give("fix", seen)}>Swap their rooms</button>`}
      <button type="button" disabled=${busy} onClick=${addNote}>Add note</button>
      ${acknowledged && html`<button type="button" disabled=${busy}
        onClick=${() => give("unacknowledge", seen)}>Give it back</button>`}
      ${(manages || !needsManager(alert)) && !sure && html`<button type="button" disabled=${busy}
        onClick=${() => setSure(true)}>Resolve…</button>`}
    </div>
    ${sure && html`<div class="sure" role="group" aria-label="Resolve">
      <p>End it? Nobody hears of it again, unless it gets more severe than it is now.</p>
      <button type="button" class="primary" disabled=${busy}
        onClick=${() => give("resolve", { ...noted(), ...seen })}>Yes, resolve it</button>
      <button type="button" onClick=${() => setSure(false)}>No</button>
    </div>`}
    <div class="pairs">
      <${Assignee} alert=${alert} staff=${staff} busy=${busy}
        assign=${(assignee) => give("assign", { assignee, ...seen })} />
      <${Snooze} alert=${alert} busy=${busy} snooze=${(until) => give("snooze", { until, ...seen })} />
    </div>
    ${!manages && needsManager(alert) && html`<p class="hint">A manager resolves it.</p>`}
  </form>`;
}

function Assignee({ alert: { assignee }, staff, busy, assign }) {
  const names = [...new Set([assignee, ...(staff ?? [])].filter(Boolean))].sort();
  return html`<label for="assignee">Assigned to</label>
    <select id="assignee" disabled=${busy} value=${assignee ?? ""}
        onChange=${({ target }) => assign(target.value || null)}>
      <option value="">Nobody</option>
      ${names.map((name) => html`<option key=${name} value=${name}>${name}</option>`)}
    </select>`;
}

function Snooze({ alert, busy, snooze }) {
  const { clock, when } = useDesk();
  const until = alert.snoozedUntil;
  const choose = ({ target }) => {
    const minutes = Number(target.value);
    if (target.value === "end") snooze(null);
    else if (minutes) snooze(new Date(clock.now() + minutes * 60_000).toISOString());
  };
  return html`<label for="snooze">Snooze</label>
    <select id="snooze" disabled=${busy} value=${until ? SNOOZED : ""} onChange=${choose}>
      ${until ? html`<option value=${SNOOZED}>Until ${when(until, clock.now())}</option><option value="end">End it</option>`
        : html`<option value="">Not snoozed</option>`}
      ${snoozes(alert).map(([minutes, said]) => html`<option key=${minutes} value=${minutes}>For ${said}</option>`)}
    </select>`;
}
