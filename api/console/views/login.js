// Logging in; and choosing a hotel, for those who are in none yet.

import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { html } from "./parts.js";

/** `notice` says why one has to log in again; `enter({ username, password })` answers with a complaint or nothing. */
export function Login({ notice, enter }) {
  const [busy, setBusy] = useState(false);
  const [complaint, setComplaint] = useState("");
  const name = useRef(null);
  useEffect(() => name.current.focus(), []);

  const submit = async (event) => {
    event.preventDefault();
    const fields = new FormData(event.target);
    setBusy(true);
    setComplaint("");
    setComplaint(await enter({ username: fields.get("username").trim(), password: fields.get("password") }));
    setBusy(false);
  };

  return html`<main class="login">
    <h1 class="wordmark">Innwatch</h1>
    ${notice && html`<p class="notice" role="status">${notice}</p>`}
    <form id="login" onSubmit=${submit} aria-busy=${busy}>
      <label for="username">Username</label>
      <input id="username" name="username" ref=${name} autocomplete="username" autocapitalize="none"
        spellcheck=${false} required />
      <label for="password">Password</label>
      <input id="password" name="password" type="password" autocomplete="current-password" required />
      <button class="primary" type="submit" disabled=${busy}>${busy ? "One moment…" : "Log in"}</button>
    </form>
    <p class="complaint" id="login-error" role="alert">${complaint}</p>
  </main>`;
}

export function Hotels({ hotels, act }) {
  return html`<main class="login" aria-labelledby="which">
    <h1 class="wordmark">Innwatch</h1>
    <h2 id="which">${hotels.length ? "Which hotel?" : "There is no hotel yet."}</h2>
    <ul class="choices">${hotels.map(({ id, name }) => html`<li key=${id}>
      <button type="button" data-hotel=${id} onClick=${() => act.moveTo(id)}>${name || id}</button>
    </li>`)}</ul>
    <button type="button" onClick=${act.logOut}>Log out</button>
  </main>`;
}
