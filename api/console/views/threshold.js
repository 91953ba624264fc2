// One threshold of one level: what it means, what stands in its field, and what holds where nothing does.

import { inField, inForce, inWords, limits, ofProfile, signOf, THRESHOLDS } from "../thresholds.js";
import { html } from "./parts.js";

/** `told` is the level's policy, `from` where it inherits this; `text` is what stands in the field, `changed` but not saved.
 *
 * `type(name, text)` is null for who may only look. `first`: it is the hotel's own, which has the standard above it.
 */
export function Threshold({ name, told, from, text, changed, wrong, type, first }) {
  const { words, means } = THRESHOLDS[name];
  const id = `threshold-${name}`;
  const marks = [told.own[name] !== undefined && "decided", changed && "changed"].filter(Boolean).join(" ");
  return html`<div class="threshold ${marks}" data-threshold=${name}>
    <div><label for=${type ? id : null}>${words}</label><p class="hint" id="${id}-means">${means}</p></div>
    <div class="value">${type ? html`<${Input} id=${id} name=${name} inherited=${told.inherited[name] ?? ofProfile(name, told.effective.profile)} text=${text}
        wrong=${wrong} type=${type} first=${first} />` : html`<strong>${inForce(name, told.effective[name], told.effective.profile)}</strong>`}</div>
    <p class="says hint" id="${id}-says"><${Says} name=${name} told=${told} from=${from} changed=${changed} asks=${type}
      first=${first} /></p>
    ${wrong && html`<p class="complaint" id="${id}-wrong">${wrong}</p>`}
  </div>`;
}

function Input({ id, name, inherited, text, wrong, type, first }) {
  const { words, choices, least } = THRESHOLDS[name];
  const back = first ? "Standard" : "Inherit";
  const said = {
    id, value: text, "aria-describedby": `${id}-means ${id}-says${wrong ? ` ${id}-wrong` : ""}`, "aria-invalid": wrong ? "true" : null,
  };
  const leave = () => {
    type(name, "");
    document.getElementById(id)?.focus(); // The button goes, and the focus would go with it.
  };
  return html`${choices ? html`<select ...${said} onChange=${(event) => type(name, event.target.value)}>
      ${hasAbove(name, first) && html`<option value="" selected=${text === ""}>${first ? "the standard" : "as inherited"}</option>`}
      ${choices.map(([value, word]) => html`<option key=${word} value=${String(value)}
        selected=${String(value) === text}>${word}</option>`)}
    </select>` : html`<input ...${said} placeholder=${inField(name, inherited).replace("-", "−")} autocomplete="off"
      inputmode=${least < 0 ? "text" : "decimal"} onInput=${(event) => type(name, event.target.value)} />
    <span class="sign">${signOf(name)}</span>`}
    ${text !== "" && hasAbove(name, first) && html`<button type="button" class="quiet" aria-label="${back}: ${words}"
      onClick=${leave}>${back}</button>`}`;
}

function Says({ name, told: { own, inherited, effective, pushed }, from, changed, asks, first }) {
  const decided = own[name] !== undefined;
  const above = `${inForce(name, inherited[name], effective.profile)}${from && inherited[name] !== undefined ? `, ${from}` : ""}`;
  const by = !changed && THRESHOLDS[pushed[name]];
  return html`${hasAbove(name, first) && `${decided || changed ? "Otherwise" : "Inherited"}: ${above}. `}${
    asks && limits(name) && `${limits(name)}. `}${
    by && html`<strong>In force: ${inWords(name, effective[name])}</strong>, since “${by.words}” is
      ${inWords(pushed[name], effective[pushed[name]])}.`}`;
}

// A hotel always has a profile, of which there is no standard.
function hasAbove(name, first) {
  return !(first && name === "profile");
}
