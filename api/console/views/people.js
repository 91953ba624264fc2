// The people of the house, for managers: who they are, what they may do, and links by which they choose a password.

import { useState } from "../vendor/preact-hooks.js";
import { ROLE, word } from "../words.js";
import { html, Moment, useDesk } from "./parts.js";

const ROLES = ["viewer", "staff", "manager"];

export function People({ people, user, isAdmin }) {
  return html`<section class="list people" aria-labelledby="people-title" aria-busy=${people.busy}>
    <h2 id="people-title" class="hidden">People</h2>
    <${Add} people=${people} />
    <p class="complaint" id="people-trouble" role="alert">${people.trouble}</p>
    ${people.made && html`<${Made} made=${people.made} done=${() => people.forgetLink()} />`}
    ${people.items == null && !people.trouble && html`<p class="nothing">Loading…</p>`}
    <ul class="persons">${(people.items ?? []).map((person) => html`
      <${Row} key=${person.name} person=${person} people=${people} isSelf=${person.name === user}
        isWithin=${isAdmin || !(person.elsewhere || person.admin)} />`)}</ul>
  </section>`;
}

function Add({ people }) {
  const submit = async (event) => {
    event.preventDefault();
    const form = event.target;
    const { name, role } = Object.fromEntries(new FormData(form));
    if (await people.add({ name: name.trim(), role })) form.reset();
  };
  return html`<form class="bar" id="add-person" onSubmit=${submit}>
    <label>Name <input name="name" autocomplete="off" autocapitalize="none" spellcheck=${false} required
      pattern="[A-Za-z0-9_\\-]{1,64}" title="Letters, digits, - and _" /></label>
    <label>May <${Roles} value="staff" name="role" /></label>
    <button class="primary" type="submit" disabled=${people.busy}>Add</button>
  </form>`;
}

function Roles({ value, ...more }) {
  return html`<select value=${value} ...${more}>
    ${ROLES.map((role) => html`<option key=${role} value=${role} selected=${role === value}>${word(ROLE, role)}</option>`)}
  </select>`;
}

function Made({ made, done }) {
  const [copied, setCopied] = useState(false);
  const copy = async () => {
    await navigator.clipboard?.writeText(made.address).catch(() => {});
    setCopied(true);
  };
  return html`<div class="made" id="link-made" role="status">
    <p><strong>For ${made.name} alone.</strong> Whoever opens this address chooses the password: once, until${" "}
      <${Moment} at=${made.expiresAt} />.</p>
    <input readonly value=${made.address} aria-label="The link" onFocus=${(event) => event.target.select()} />
    <p class="tools">${navigator.clipboard && html`<button type="button" onClick=${copy}>${copied ? "Copied" : "Copy"}</button>`}
      <button type="button" onClick=${done}>Done</button></p>
  </div>`;
}

function Row({ person, people, isSelf, isWithin }) {
  const { name, role, disabled } = person;
  const fixed = isSelf || people.busy;
  return html`<li class="person ${disabled ? "disabled" : ""}" data-person=${name}>
    <p><strong>${name}</strong> <span class="hint">${remarks(person, isSelf)}</span></p>
    <${Roles} value=${role} aria-label="What ${name} may do" disabled=${fixed}
      onChange=${(event) => people.changeRole(name, event.target.value)} />
    <p class="tools">
      ${isWithin && !isSelf && html`
        ${!disabled && html`<button type="button" disabled=${fixed} onClick=${() => people.makeLink(name)}
          title="A link by which they choose a new password">New password</button>`}
        <button type="button" disabled=${fixed} onClick=${() => people.setDisabled(name, !disabled)}>
          ${disabled ? "Let in again" : "Shut out"}</button>`}
      ${!isSelf && html`<${Twice} words="Remove" act=${() => people.remove(name)} disabled=${fixed} />`}
    </p>
  </li>`;
}

// Asks once more before it does what cannot be taken back.
function Twice({ words, act, disabled }) {
  const [asked, setAsked] = useState(false);
  return html`<button type="button" disabled=${disabled} onBlur=${() => setAsked(false)}
    onClick=${() => (asked ? act() : setAsked(true))}>${asked ? `${words}, really?` : words}</button>`;
}

function remarks({ admin, disabled, hasPassword, temporary, elsewhere }, isSelf) {
  const all = [
    [isSelf, "you"],
    [admin, "administrator"],
    [disabled, "shut out"],
    [!hasPassword, "has no password yet"],
    [temporary, "did not choose the password"],
    [elsewhere, "in other hotels too"],
  ];
  return all.filter(([holds]) => holds).map(([, words]) => words).join(", ");
}
