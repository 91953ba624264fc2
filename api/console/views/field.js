// One field of a form: its label, its hint, and what is wrong with it, said beside it and to a screen reader alike.

import { useLayoutEffect } from "../vendor/preact-hooks.js";
import { html } from "./parts.js";

/** `control(props)` draws the input, with the properties that tie the words to it. */
export function Field({ id, label, hint, wrong, control, children }) {
  const said = [hint && `${id}-hint`, wrong && `${id}-wrong`].filter(Boolean).join(" ");
  return html`<div class="field ${wrong ? "refused" : ""}">
    <label for=${id}>${label}</label>
    ${control({ id, "aria-describedby": said || null, "aria-invalid": wrong ? "true" : null })}
    ${children}
    ${hint && html`<p class="hint" id="${id}-hint">${hint}</p>`}
    ${wrong && html`<p class="complaint" id="${id}-wrong">${wrong}</p>`}
  </div>`;
}

/** What became of the last deed, and of a field that the form does not have. */
export function Outcome({ deed, fields = [] }) {
  const other = Object.entries(deed.wrong).filter(([name]) => !fields.includes(name)).map(([name, words]) => `${name}: ${words}`);
  return html`<p class="complaint" role="alert">${[deed.trouble, ...other].filter(Boolean).join(" ")}</p>
    <p class="done" role="status">${deed.done}</p>`;
}

/** Where the focus is to be, if what had it has gone. */
export function refocus(selector) {
  if (document.activeElement === document.body) document.querySelector(selector)?.focus();
}

/** After a refusal the focus goes to the first field that is wrong. */
export function useFirstWrong(form, wrong) {
  useLayoutEffect(() => {
    if (Object.keys(wrong).length) form.current?.querySelector("[aria-invalid]")?.focus();
  }, [wrong]);
}
