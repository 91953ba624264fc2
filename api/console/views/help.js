// The keyboard help, in the browser's own dialog: it holds the focus, and Escape closes it.

import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { HELP } from "../keys.js";
import { html } from "./parts.js";

export function Help({ close }) {
  const dialog = useRef(null);
  useEffect(() => dialog.current.showModal(), []);
  return html`<dialog class="help" ref=${dialog} onClose=${close} aria-labelledby="help-title">
    <h2 id="help-title">Keyboard</h2>
    <table><tbody>${HELP.map(([keys, meaning]) => html`<tr key=${keys}>
      <th scope="row">${keys.split("  ").map((key) => html`<kbd key=${key}>${key}</kbd> `)}</th><td>${meaning}</td>
    </tr>`)}</tbody></table>
    <form method="dialog"><button class="primary">Close</button></form>
  </dialog>`;
}
