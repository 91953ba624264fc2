// What became of a replay: how far it is, and then the alerts that there would have been and those that there would not.

import { useEffect } from "../vendor/preact-hooks.js";
import { address } from "../route.js";
import { inFields, inWords, THRESHOLDS } from "../thresholds.js";
import { span } from "../time.js";
import { headline, roomName, SEVERITY, word } from "../words.js";
import { useFound } from "./asking.js";
import { refocus } from "./field.js";
import { Icon } from "./icons.js";
import { html, Moment, Stretch, useDesk } from "./parts.js";

const OFTEN = 2_000; // ms between two looks at one that is not over

/** A replay: how far it is, then what came of it. `arrived`: somebody came here for it, and the focus goes there. */
export function Outcomes({ id, rooms, mayChange = false, arrived = false }) {
  const { found, complaint } = useFound(`replay/${encodeURIComponent(id)}`, { every: (told) => (told?.finishedAt ? 0 : OFTEN) });
  useEffect(() => {
    if (found && arrived) refocus("#outcomes");
  }, [Boolean(found)]);
  if (!found) return html`<p class="nothing">${complaint || "Loading…"}</p>`;
  const { request, result, error, finishedAt } = found;
  return html`<section class="outcomes" aria-busy=${!finishedAt}>
    <h3 id="outcomes" tabindex="-1"><${Stretch} from=${request.startsAt} to=${request.endsAt} /></h3>
    <p>Tried: ${proposed(request.proposal)}.${" "}
      <span class="hint">Asked for by ${found.askedBy}, <${Moment} at=${found.askedAt} />.</span></p>
    ${!finishedAt && html`<${Progress} one=${found} />`}
    <div role="status">${error ? html`<p class="complaint">It came to nothing: ${error}</p>`
      : result && html`<p id="verdict" class="verdict ${result.gainedCount + result.lostCount ? "wait" : ""}">
        ${verdict(result)}</p>`}</div>
    ${complaint && !finishedAt && html`<p class="complaint" role="alert">${complaint}</p>`}
    ${result && html`<${Doubts} result=${result} />
      ${mayChange && html`<${TakeOver} proposal=${request.proposal} />`}
      <${Troubles} title="Alerts gained" of=${result.gained} count=${result.gainedCount} rooms=${rooms} />
      <${Troubles} title="Alerts lost" of=${result.lost} count=${result.lostCount} rooms=${rooms} raised />`}
  </section>`;
}

/** Puts what was tried into the fields of the thresholds, where it is saved; of more rooms than one there is no such page. */
function TakeOver({ proposal: { policy = {}, rooms = [], devices = [], overrideAll = false } }) {
  const { act } = useDesk();
  if (Object.keys(policy).length === 0 || rooms.length + devices.length > 1) return null;
  if (overrideAll && !devices.length) {
    return html`<p class="hint">Saved, it would not come to this: rooms and tablets keep what they decide themselves.</p>`;
  }
  const level = rooms.length ? `room.${rooms[0]}` : devices.length ? `device.${devices[0]}` : null;
  const take = () => {
    const key = level ?? "";
    act.keep(({ drafts }) => ({ drafts: { ...drafts, [key]: { ...drafts[key], ...inFields(policy) } } }));
    act.go("policy", level);
  };
  return html`<p class="tools start"><button type="button" onClick=${take}>Take it over into the thresholds</button></p>`;
}

export function Progress({ one: { done, total } }) {
  if (!total) return html`<span class="hint">Waits for its turn</span>`;
  const share = Math.floor((100 * done) / total);
  return html`<progress max="100" value=${share} aria-label="How far it is">${share} %</progress> <span class="hint">${share} %</span>`;
}

/** What came of it, in a sentence. */
export function verdict({ inputs, gainedCount, lostCount, kept }) {
  if (!inputs) return "Nothing is stored of that time: there was nothing to judge.";
  if (gainedCount || lostCount) {
    return `${alerts(gainedCount)} more and ${lostCount} less; ${kept === 1 ? "1 stays as it was" : `${kept} stay as they were`}.`;
  }
  if (!kept) return "Nothing would have been different: no alert, as it was.";
  return `Nothing would have been different: ${alerts(kept)} as ${kept === 1 ? "it was" : "they were"}.`;
}

function alerts(count) {
  return count === 1 ? "1 alert" : `${count} alerts`;
}

/** How much was judged, and how long it took, in a sentence. */
export function effort({ inputs, tookS }) {
  const took = tookS < 1 ? "less than a second" : span(tookS * 1000);
  return `${inputs === 1 ? "1 message or deadline" : `${inputs.toLocaleString("en-GB")} messages and deadlines`} judged in ${took}.`;
}

// What somebody should know before they trust it.
function Doubts({ result }) {
  const { whole, diverged, unreadable, strange, inputs } = result;
  if (!inputs) return null;
  const doubts = [
    [!whole, "What was before is no longer stored: trouble that had begun by then may be missing."],
    [diverged, `At ${diverged} checkpoints a tablet was not as it had been. That is a fault of Innwatch; please report it.`],
    [unreadable + strange, `${unreadable + strange} stored messages could not be judged.`],
  ];
  const held = doubts.filter(([holds]) => holds);
  return html`${held.map(([, words]) => html`<p class="hint doubt"><${Icon} name="medium" /> ${words}</p>`)}
    <p class="hint">${effort(result)}</p>`;
}

function Troubles({ title, of, count, rooms, raised = false }) {
  if (!count) return null;
  return html`<h3>${title} <span class="count">${count}</span></h3>
    ${of.length < count && html`<p class="hint">The first ${of.length} of them.</p>`}
    <div class="sheet"><table class="grid">
      <thead><tr>${["Where", "What", "Severity", "Began", "Lasted"].map((words) => html`<th scope="col">${words}</th>`)}</tr></thead>
      <tbody>${of.map((one) => html`<tr key=${one.id + one.openedAt}>
        <th scope="row"><strong>${roomName(rooms.get(one.roomId), one.roomId)}</strong>${" "}
          <a class="id" href=${address("tablets", one.deviceId)}>${one.deviceId}</a></th>
        <td>${raised ? html`<a href=${address("alerts", one.id)}>${named(one)}</a>` : named(one)}</td>
        <td><span class="severity ${one.severity}"><${Icon} name=${one.severity} />${word(SEVERITY, one.severity)}</span></td>
        <td><${Moment} at=${one.openedAt} /></td>
        <td data-of="Lasted">${one.endedAt ? span(Date.parse(one.endedAt) - Date.parse(one.openedAt)) : "to the end"}</td>
      </tr>`)}</tbody>
    </table></div>`;
}

// Its reasons are not told, by which some are called more sharply.
function named({ rule }) {
  return headline({ rule, why: [] });
}

/** What a threshold comes to that is decided no more, in words: of the hotel, or of a place in it. */
export function backTo(ofHotel) {
  return ofHotel ? "the standard" : "inherited again";
}

/** What a proposal says, in a few words. */
export function proposed({ policy = {}, rooms = [], devices = [], overrideAll = false, floors = {}, accessPoints = {} }) {
  const said = Object.entries(policy).map(([name, value]) => (
    `${THRESHOLDS[name]?.words ?? name} ${value === null ? backTo(!rooms.length && !devices.length) : inWords(name, value)}`));
  const calibrated = new Set([...Object.keys(floors), ...Object.keys(accessPoints)]).size;
  if (said.length && rooms.length) said.push(rooms.length === 1 ? `as set for room ${rooms[0]}` : `as set for ${rooms.length} rooms`);
  if (said.length && devices.length) said.push(devices.length === 1 ? `as set for ${devices[0]}` : `as set for ${devices.length} tablets`);
  if (said.length && overrideAll) said.push("overriding what rooms and tablets decide themselves");
  if (calibrated) said.push(`the calibration of ${calibrated === 1 ? "1 room" : `${calibrated} rooms`}`);
  return said.join(", ") || "as it was";
}
