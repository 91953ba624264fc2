// Asking for a replay: since when, where, and with which thresholds.

import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { GROUPS, inFields, limits, read, signOf, THRESHOLDS } from "../thresholds.js";
import { fromField, past, toField } from "../wallclock.js";
import { useDeed } from "./asking.js";
import { Field, Outcome, refocus, useFirstWrong } from "./field.js";
import { Icon } from "./icons.js";
import { html, useDesk } from "./parts.js";
import { backTo } from "./outcomes.js";
import { place, Places } from "./places.js";

const HOUR = 3_600_000; // ms
const REACHES = [["6 hours", 6], ["24 hours", 24], ["3 days", 72], ["7 days", 168]];
const TABLET = "tablet "; // and its id: what was chosen
const FIELDS = ["startsAt", "endsAt", ...Object.keys(THRESHOLDS).map((name) => `proposal.policy.${name}`)];

/** `trial` is what to begin with, as `{ policy, where }`, or null. */
export function Ask({ hotel: { timezone: zone }, rooms, devices, trial }) {
  const { act, clock, http } = useDesk();
  const form = useRef(null);
  const back = (hours) => toField(clock.now() - hours * HOUR, zone);
  const [where, setWhere] = useState(trial?.where ?? "");
  const [overrideAll, setOverrideAll] = useState(false);
  const [starts, setStarts] = useState(() => back(24));
  const [ends, setEnds] = useState("");
  const [texts, setTexts] = useState(() => inFields(trial?.policy ?? {}));
  const deed = useDeed();
  const { wrong } = deed;
  useFirstWrong(form, wrong);
  useEffect(() => {
    if (trial) refocus("[id^=try-]");
  }, []);
  const submit = async (event) => {
    event.preventDefault();
    const now = past(clock.now());
    const asked = readAll({ from: fromField(starts, zone), to: ends ? fromField(ends, zone) : now, texts, now, ofHotel: where === "" });
    if (asked.wrong) {
      deed.refuse(asked.wrong);
      return;
    }
    const proposal = { policy: asked.policy, ...within(where, rooms), overrideAll: overrideAll && !where.startsWith(TABLET) };
    let made = null;
    await deed.work(async () => {
      made = await http.post("replay", { startsAt: asked.startsAt, endsAt: asked.endsAt, proposal });
    });
    if (!made) return;
    act.keep(() => ({ trial: null }));
    act.go("replay", made.id);
  };
  return html`<form class="sheetlike" id="ask-replay" ref=${form} onSubmit=${submit} noValidate>
    <div class="fields">
      <${Field} id="replay-starts" label="From" wrong=${wrong.startsAt} control=${(props) => html`<input type="datetime-local"
        ...${props} value=${starts} onInput=${(event) => setStarts(event.target.value)} />`}>
        <p class="quick">${REACHES.map(([words, hours]) => html`<button type="button" key=${hours}
          onClick=${() => { setStarts(back(hours)); setEnds(""); }}>${words}</button>`)}</p>
      <//>
      <${Field} id="replay-ends" label="Until" hint="Empty: until now. On the hotel’s clock (${zone})." wrong=${wrong.endsAt}
        control=${(props) => html`<input type="datetime-local" ...${props} value=${ends}
          onInput=${(event) => setEnds(event.target.value)} />`} />
      <${Field} id="replay-where" label="Tried as thresholds of"
        hint="As if they were saved there: what a room or a tablet decides itself goes before."
        control=${(props) => html`<select ...${props} value=${where} onChange=${(event) => setWhere(event.target.value)}>
          <${Places} rooms=${rooms} value=${where} /><${Tablets} devices=${devices} value=${where} /></select>`} />
    </div>
    <${Thresholds} ofHotel=${where === ""} texts=${texts} setTexts=${setTexts} wrong=${wrong} />
    ${!where.startsWith(TABLET) && html`<label class="tick"><input type="checkbox" id="replay-override" checked=${overrideAll}
      onChange=${(event) => setOverrideAll(event.target.checked)} /> Override what rooms and tablets there decide themselves
      (saving does not)</label>`}
    <p><button class="primary" type="submit" disabled=${deed.busy}>Try it</button></p>
    <${Outcome} deed=${deed} fields=${FIELDS} />
  </form>`;
}

function Tablets({ devices, value }) {
  const ids = [...devices.keys()].sort();
  return ids.length > 0 && html`<optgroup label="A tablet">${ids.map((id) => html`<option key=${id} value=${TABLET + id}
    selected=${TABLET + id === value}>${id}</option>`)}</optgroup>`;
}

function Thresholds({ ofHotel, texts, setTexts, wrong }) {
  const names = Object.keys(texts);
  const add = ({ target }) => {
    const name = target.value;
    target.value = "";
    setTexts({ ...texts, [name]: "" });
    setTimeout(() => document.getElementById(`try-${name}`)?.focus()); // once it is drawn
  };
  const leave = (name) => {
    const { [name]: _, ...others } = texts;
    setTexts(others);
    document.getElementById("try-another").focus();
  };
  return html`<fieldset><legend>Thresholds to try</legend>
    ${names.length === 0 && html`<p class="hint">None yet: then it judges everything again as it was, and nothing is gained or
      lost.</p>`}
    <div class="fields">${names.map((name) => html`<${Tried} key=${name} name=${name} text=${texts[name]}
      wrong=${wrong[`proposal.policy.${name}`]} type=${(text) => setTexts({ ...texts, [name]: text })}
      leave=${() => leave(name)} back=${name === "profile" && ofHotel ? "" : backTo(ofHotel)} />`)}</div>
    <div class="adding"><label for="try-another">Add</label><select id="try-another" value="" onChange=${add}>
      <option value="">a threshold…</option>
      ${Object.entries(GROUPS).map(([title, group]) => html`<optgroup key=${title} label=${title}>
        ${Object.keys(group).filter((name) => !names.includes(name)).map((name) => html`<option key=${name}
          value=${name}>${group[name].words}</option>`)}</optgroup>`)}
    </select></div>
  </fieldset>`;
}

// `back` is what an empty field comes to, in words: none where it may not be empty.
function Tried({ name, text, wrong, type, leave, back }) {
  const { words, choices, least } = THRESHOLDS[name];
  const typed = (event) => type(event.target.value);
  const hint = [limits(name), back && `Empty: ${back}`].filter(Boolean).map((words) => `${words}.`).join(" ");
  return html`<${Field} id="try-${name}" label=${words} hint=${hint} wrong=${wrong}
    control=${(props) => html`<span class="value">
      ${choices ? html`<select ...${props} value=${text} onChange=${typed}><option value="">${back || "choose…"}</option>
          ${choices.map(([value, said]) => html`<option key=${said} value=${String(value)}
            selected=${String(value) === text}>${said}</option>`)}</select>`
        : html`<input ...${props} value=${text} autocomplete="off" inputmode=${least < 0 ? "text" : "decimal"}
            onInput=${typed} /><span class="sign">${signOf(name)}</span>`}
      <button type="button" class="quiet" onClick=${leave} aria-label="Leave out: ${words}"><${Icon} name="cross" /></button>
    </span>`} />`;
}

/** What the form says: `{ startsAt, endsAt, policy }` as the wire has it, or `{ wrong }`. Moments are ms. */
function readAll({ from, to, texts, now, ofHotel }) {
  const all = Object.entries(texts).map(([name, text]) => [name, read(name, text)]);
  const wrong = Object.fromEntries(all.filter(([, said]) => said.wrong)
    .map(([name, said]) => [`proposal.policy.${name}`, said.wrong]));
  if (ofHotel && texts.profile === "") wrong["proposal.policy.profile"] = "A hotel always has a profile.";
  if (Number.isNaN(from)) wrong.startsAt = "Say since when.";
  if (from >= to) wrong.endsAt = "This is before it begins.";
  if (to > now) wrong.endsAt = "This is in the future: nothing is stored of that yet.";
  if (Object.keys(wrong).length) return { wrong };
  const policy = Object.fromEntries(all.map(([name, { value }]) => [name, value]));
  return { startsAt: new Date(from).toISOString(), endsAt: new Date(to).toISOString(), policy };
}

// The rooms of a place, or the tablet: neither for the whole hotel.
function within(where, rooms) {
  if (where.startsWith(TABLET)) return { devices: [where.slice(TABLET.length)] };
  const { roomId, floor } = place(where);
  if (roomId) return { rooms: [roomId] };
  return floor == null ? {} : { rooms: [...rooms.values()].filter((room) => room.floor === floor).map((room) => room.roomId) };
}
