// Trying other thresholds on what has been: asked for here, and what became of it, alert by alert.

import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { address } from "../route.js";
import { GROUPS, inField, inWords, limits, read, signOf, THRESHOLDS } from "../thresholds.js";
import { span } from "../time.js";
import { fromField, toField } from "../wallclock.js";
import { headline, roomName, SEVERITY, word } from "../words.js";
import { useDeed, useFound } from "./asking.js";
import { Field, Outcome, refocus, useFirstWrong } from "./field.js";
import { Icon } from "./icons.js";
import { html, Moment, Stretch, useDesk } from "./parts.js";
import { place, Places } from "./places.js";

const HOUR = 3_600_000; // ms
const REACHES = [["6 hours", 6], ["24 hours", 24], ["3 days", 72], ["7 days", 168]];
const OFTEN = 2_000; // ms between two looks at one that is not over
const SELDOM = 15_000; // ms between two looks otherwise
const FIELDS = ["startsAt", "endsAt", ...Object.keys(THRESHOLDS).map((name) => `proposal.policy.${name}`)];

export function Replay({ id, hotel, mayChange, rooms, kept: { trial } }) {
  if (id) {
    return html`<p class="back"><a href=${address("replay")}>All replays</a></p>
      <${Outcomes} key=${id} id=${id} rooms=${rooms} mayChange=${mayChange} arrived />`;
  }
  return html`<p class="lead">What would other thresholds have done? The same rules judge what is stored once more, and tell the alerts that there
      would have been, and those that there would not. Nothing changes by it.</p>
    ${mayChange && html`<${Ask} hotel=${hotel} rooms=${rooms} trial=${trial} />`}
    <${Asked} />`;
}

function Ask({ hotel, rooms, trial }) {
  const { act, clock, http } = useDesk();
  const form = useRef(null);
  const zone = hotel.timezone;
  const back = (hours) => toField(clock.now() - hours * HOUR, zone);
  const [where, setWhere] = useState(trial?.where ?? "");
  const [starts, setStarts] = useState(() => back(24));
  const [ends, setEnds] = useState("");
  const [texts, setTexts] = useState(() => Object.fromEntries(Object.entries(trial?.policy ?? {}).map(([name, value]) => [name, inField(name, value)])));
  const deed = useDeed();
  useFirstWrong(form, deed.wrong);
  useEffect(() => {
    if (trial) refocus("[id^=try-]");
  }, []);
  const names = Object.keys(texts);
  const submit = async (event) => {
    event.preventDefault();
    const all = names.map((name) => [name, read(name, texts[name])]);
    const [from, to] = [fromField(starts, zone), ends ? fromField(ends, zone) : clock.now()];
    const wrong = Object.fromEntries(all.filter(([, said]) => said.wrong || said.value === null)
      .map(([name, said]) => [`proposal.policy.${name}`, said.wrong ?? "Say what to try, or leave it out."]));
    if (Number.isNaN(from)) wrong.startsAt = "Say since when.";
    if (from >= to) wrong.endsAt = "This is before it begins.";
    if (ends && to > clock.now()) wrong.endsAt = "This is in the future: nothing is stored of that yet.";
    if (Object.keys(wrong).length) return deed.refuse(wrong);
    const policy = Object.fromEntries(all.map(([name, { value }]) => [name, value]));
    const body = { startsAt: new Date(from).toISOString(), endsAt: new Date(to).toISOString(), proposal: { policy, rooms: within(where, rooms) } };
    let made = null;
    if (!(await deed.work(async () => { made = await http.post("replay", body); }))) return undefined;
    act.keep(() => ({ trial: null }));
    return act.go("replay", made.id);
  };
  return html`<form class="sheetlike" id="ask-replay" ref=${form} onSubmit=${submit} noValidate>
    <div class="fields">
      <${Field} id="replay-starts" label="From" wrong=${deed.wrong.startsAt} control=${(props) => html`<input type="datetime-local" ...${props}
        value=${starts} onInput=${(event) => setStarts(event.target.value)} />`}>
        <p class="quick">${REACHES.map(([words, hours]) => html`<button type="button" key=${hours}
          onClick=${() => { setStarts(back(hours)); setEnds(""); }}>${words}</button>`)}</p>
      <//>
      <${Field} id="replay-ends" label="Until" hint="Empty: until now. On the hotel’s clock (${zone})." wrong=${deed.wrong.endsAt}
        control=${(props) => html`<input type="datetime-local" ...${props} value=${ends} onInput=${(event) => setEnds(event.target.value)} />`} />
      <${Field} id="replay-where" label="Tried in" hint="There it holds for every room and tablet, whatever they decide themselves."
        control=${(props) => html`<select ...${props} value=${where} onChange=${(event) => setWhere(event.target.value)}>
          <${Places} rooms=${rooms} value=${where} /></select>`} />
    </div>
    <fieldset><legend>Thresholds to try</legend>
      ${names.length === 0 && html`<p class="hint">None yet: then it judges everything again as it was, and nothing is gained or lost.</p>`}
      <div class="fields">${names.map((name) => html`<${Tried} key=${name} name=${name} text=${texts[name]} wrong=${deed.wrong[`proposal.policy.${name}`]}
        type=${(text) => setTexts({ ...texts, [name]: text })} leave=${() => setTexts(without(texts, name))} />`)}</div>
      <label class="adding">Add <select value="" onChange=${({ target }) => {
          const name = target.value;
          target.value = "";
          setTexts({ ...texts, [name]: "" });
          setTimeout(() => document.getElementById(`try-${name}`)?.focus());
        }}>
        <option value="">a threshold…</option>
        ${Object.entries(GROUPS).map(([title, group]) => html`<optgroup key=${title} label=${title}>${Object.entries(group)
          .filter(([name]) => !names.includes(name)).map(([name, { words }]) => html`<option key=${name} value=${name}>${words}</option>`)}</optgroup>`)}
      </select></label>
    </fieldset>
    <p><button class="primary" type="submit" disabled=${deed.busy}>Try it</button></p>
    <${Outcome} deed=${deed} fields=${FIELDS} />
  </form>`;
}

function Tried({ name, text, wrong, type, leave }) {
  const { words, choices, least } = THRESHOLDS[name];
  return html`<${Field} id="try-${name}" label=${words} hint=${limits(name)} wrong=${wrong} control=${(props) => html`<span class="value">
    ${choices ? html`<select ...${props} value=${text} onChange=${(event) => type(event.target.value)}><option value="">Choose…</option>
        ${choices.map(([value, said]) => html`<option key=${said} value=${String(value)} selected=${String(value) === text}>${said}</option>`)}</select>`
      : html`<input ...${props} value=${text} autocomplete="off" inputmode=${least < 0 ? "text" : "decimal"}
          onInput=${(event) => type(event.target.value)} /><span class="sign">${signOf(name)}</span>`}
    <button type="button" class="quiet" onClick=${leave} aria-label="Leave out: ${words}"><${Icon} name="cross" /></button></span>`} />`;
}

function without(texts, name) {
  const { [name]: _, ...others } = texts;
  return others;
}

// The rooms of a place; none for the whole hotel.
function within(where, rooms) {
  const { roomId, floor } = place(where);
  if (roomId) return [roomId];
  return floor == null ? [] : [...rooms.values()].filter((room) => room.floor === floor).map((room) => room.roomId);
}

/** The replays of the last 30 days. */
function Asked() {
  const { found, complaint } = useFound("replay?limit=50", { every: (told) => (told?.items.every(({ finishedAt }) => finishedAt) ? SELDOM : OFTEN) });
  return html`<p class="complaint" role="alert">${complaint}</p>
    ${found && html`<h3>Asked for lately</h3>`}
    ${found?.items.length === 0 && html`<p class="hint">None.</p>`}
    <ul id="replays">${(found?.items ?? []).map((one) => html`<li key=${one.id} class="window" data-replay=${one.id}>
      <p><a href=${address("replay", one.id)}><${Stretch} from=${one.request.startsAt} to=${one.request.endsAt} /></a></p>
      <p>${proposed(one.request.proposal)}</p>
      <p class="hint">${one.askedBy}, <${Moment} at=${one.askedAt} /></p>
      <p>${one.error ? html`<span class="complaint">Failed</span>` : one.finishedAt ? html`<${Icon} name="check" /> Done` : html`<${Progress} one=${one} />`}</p>
    </li>`)}</ul>`;
}

/** What a proposal says, in a few words. */
function proposed({ policy = {}, rooms = [], floors = {}, accessPoints = {} }) {
  const said = Object.entries(policy).map(([name, value]) => `${THRESHOLDS[name]?.words ?? name} ${inWords(name, value)}`);
  const calibrated = new Set([...Object.keys(floors), ...Object.keys(accessPoints)]).size;
  if (said.length && rooms.length) said.push(rooms.length === 1 ? `in room ${rooms[0]}` : `in ${rooms.length} rooms`);
  if (calibrated) said.push(`the calibration of ${calibrated === 1 ? "1 room" : `${calibrated} rooms`}`);
  return said.join(", ") || "as it was";
}

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
    <p>Tried: ${proposed(request.proposal)}. <span class="hint">Asked for by ${found.askedBy}, <${Moment} at=${found.askedAt} />.</span></p>
    ${!finishedAt && html`<${Progress} one=${found} />`}
    <div role="status">${error ? html`<p class="complaint">It came to nothing: ${error}</p>`
      : result && html`<p class="verdict ${result.gainedCount + result.lostCount ? "wait" : ""}" id="verdict">${verdict(result)}</p>`}</div>
    ${complaint && !finishedAt && html`<p class="complaint" role="alert">${complaint}</p>`}
    ${result && html`<${Doubts} result=${result} />
      ${mayChange && html`<${TakeOver} proposal=${request.proposal} />`}
      <${Troubles} title="Alerts gained" of=${result.gained} count=${result.gainedCount} rooms=${rooms} />
      <${Troubles} title="Alerts lost" of=${result.lost} count=${result.lostCount} rooms=${rooms} raised />`}
  </section>`;
}

/** Puts what was tried into the fields of the thresholds, where it is saved; of more rooms than one there is no such page. */
function TakeOver({ proposal: { policy = {}, rooms = [] } }) {
  const { act } = useDesk();
  if (Object.keys(policy).length === 0 || rooms.length > 1) return null;
  const level = rooms.length ? `room.${rooms[0]}` : null;
  const take = () => {
    const texts = Object.fromEntries(Object.entries(policy).map(([name, value]) => [name, inField(name, value)]));
    act.keep(({ drafts }) => ({ drafts: { ...drafts, [level ?? ""]: { ...drafts[level ?? ""], ...texts } } }));
    act.go("policy", level);
  };
  return html`<p class="tools start"><button type="button" onClick=${take}>Take it over into the thresholds</button></p>`;
}

function Progress({ one: { done, total } }) {
  if (!total) return html`<span class="hint">Waits for its turn</span>`;
  const share = Math.floor((100 * done) / total);
  return html`<progress max="100" value=${share} aria-label="How far it is">${share} %</progress> <span class="hint">${share} %</span>`;
}

function verdict({ gainedCount, lostCount, kept }) {
  if (!gainedCount && !lostCount) return `Nothing would have been different: ${alerts(kept)} as it was.`;
  return `${alerts(gainedCount)} more and ${lostCount} less; ${kept === 1 ? "1 stays as it was" : `${kept} stay as they were`}.`;
}

function alerts(count) {
  return count === 1 ? "1 alert" : `${count} alerts`;
}

// What somebody should know before they trust it.
function Doubts({ result: { whole, diverged, unreadable, strange, inputs, tookS } }) {
  const doubts = [
    [!whole, "What was before is no longer stored: trouble that had begun by then may be missing."],
    [diverged, `At ${diverged} checkpoints a tablet was not as it had been. That is a fault of Innwatch; please report it.`],
    [unreadable + strange, `${unreadable + strange} stored messages could not be judged.`],
  ];
  return html`${doubts.filter(([holds]) => holds).map(([, words]) => html`<p class="hint doubt"><${Icon} name="medium" /> ${words}</p>`)}
    <p class="hint">${inputs.toLocaleString("en-GB")} messages and deadlines judged in ${span(tookS * 1000)}.</p>`;
}

function Troubles({ title, of, count, rooms, raised = false }) {
  if (!count) return null;
  return html`<h3>${title} <span class="count">${count}</span></h3>
    ${of.length < count && html`<p class="hint">The first ${of.length} of them.</p>`}
    <div class="sheet"><table class="grid">
      <thead><tr><th scope="col">Where</th><th scope="col">What</th><th scope="col">Severity</th><th scope="col">Began</th><th scope="col">Lasted</th></tr></thead>
      <tbody>${of.map((one) => html`<tr key=${one.id + one.openedAt}>
        <th scope="row"><strong>${roomName(rooms.get(one.roomId), one.roomId)}</strong> <a class="id" href=${address("tablets", one.deviceId)}>${one.deviceId}</a></th>
        <td>${raised ? html`<a href=${address("alerts", one.id)}>${headline({ rule: one.rule, why: [] })}</a>` : headline({ rule: one.rule, why: [] })}</td>
        <td><span class="severity ${one.severity}"><${Icon} name=${one.severity} />${word(SEVERITY, one.severity)}</span></td>
        <td><${Moment} at=${one.openedAt} /></td>
        <td data-of="Lasted">${one.endedAt ? span(Date.parse(one.endedAt) - Date.parse(one.openedAt)) : "to the end"}</td>
      </tr>`)}</tbody>
    </table></div>`;
}
