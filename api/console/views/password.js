// Choosing a password: by a link that somebody was given, at the door; or by the one that holds now, at the desk.

import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { html } from "./parts.js";

const SHORTEST = 8; // what the API takes

/** `link` is { username, trouble }, both empty until the server has said whose it is; `use(password)` answers with a
    complaint or nothing. */
export function ByLink({ link, use, leave }) {
  const { username, trouble } = link;
  return html`<main class="login">
    <h1 class="wordmark">Innwatch</h1>
    <h2>${username ? `A password for ${username}` : trouble ? "This link opens nothing." : "One moment…"}</h2>
    ${trouble && html`<p class="complaint" id="link-trouble" role="alert">${trouble}</p>`}
    ${username && html`
      <p class="hint">Choose one that nobody else knows. The link works once; whoever was logged in by an older password
        is logged out.</p>
      <${Form} id="by-link" username=${username} words="Log in with it" send=${({ password }) => use(password)} />`}
    <button type="button" onClick=${leave}>${username ? "Not now" : "To the log-in"}</button>
  </main>`;
}

/** In the browser's own dialog, as the help is. `send({ current, password })` answers with a complaint or nothing. */
export function ChangePassword({ username, send, close }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  return html`<dialog class="help password" ref=${dialog} onClose=${close} aria-labelledby="password-title">
    <h2 id="password-title">Your password</h2>
    <p class="hint">Choose one that nobody else knows. Wherever else you are logged in, you are logged out.</p>
    <${Form} id="change-password" username=${username} asksCurrent words="Change it" send=${send} />
    <form method="dialog"><button>Cancel</button></form>
  </dialog>`;
}

/** Says that the password is not one's own yet, for as long as that is so. */
export function Urge({ choose }) {
  return html`<div class="urge" id="urge" role="status">
    <p>Somebody else chose your password, and may know it.</p>
    <button type="button" onClick=${choose}>Choose your own</button>
  </div>`;
}

function Form({ id, username, asksCurrent = false, words, send }) {
  const [busy, setBusy] = useState(false);
  const [complaint, setComplaint] = useState("");
  const first = useRef(null);
  useEffect(() => first.current.focus(), []);

  const submit = async (event) => {
    event.preventDefault();
    const { current, password, again } = Object.fromEntries(new FormData(event.target));
    if (password !== again) return setComplaint("The two new passwords are not the same.");
    setBusy(true);
    setComplaint("");
    setComplaint(await send({ current, password }));
    setBusy(false);
  };

  // The name is there for the browser's own store of passwords.
  return html`<form id=${id} onSubmit=${submit} aria-busy=${busy}>
    <input class="hidden" name="username" autocomplete="username" value=${username} readonly tabindex="-1"
      aria-hidden="true" />
    ${asksCurrent && html`<label for="current">The password you have now</label>
      <input id="current" name="current" type="password" ref=${first} autofocus
        autocomplete="current-password" required />`}
    <label for="new-password">New password</label>
    <input id="new-password" name="password" type="password" ref=${asksCurrent ? null : first}
      autocomplete="new-password" minlength=${SHORTEST} maxlength="1024" aria-describedby="password-rule" required />
    <p class="hint rule" id="password-rule">${SHORTEST} characters or more; three or four words make a good one.</p>
    <label for="again">The new one once more</label>
    <input id="again" name="again" type="password" autocomplete="new-password" required />
    <button class="primary" type="submit" disabled=${busy}>${busy ? "One moment…" : words}</button>
    <p class="complaint" role="alert">${complaint}</p>
  </form>`;
}
