// What is opened beside a list: a heading that takes the focus, a way to close, and facts.

import { useLayoutEffect, useRef } from "../vendor/preact-hooks.js";
import { Icon } from "./icons.js";
import { html, useDesk } from "./parts.js";

/** `of` is the id of what is shown: a new one takes the focus, unless the keyboard is walking along the list. */
export function Panel({ id, of, label, title, mark, children }) {
  const { act, walking } = useDesk();
  const heading = useRef(null);
  useLayoutEffect(() => {
    if (!walking()) heading.current.focus();
  }, [of]);
  return html`<aside class="panel" id=${id} aria-label=${label}>
    <div class="panel-top">
      <div>${mark}<h2 tabindex="-1" ref=${heading}>${title}</h2></div>
      <button type="button" class="close" onClick=${act.close} aria-label="Close" title="Close (Esc)">
        <${Icon} name="cross" /></button>
    </div>
    ${children}
  </aside>`;
}

/** Terms and what is known of them; a fact that is null is left out. */
export function Facts({ facts }) {
  return html`<dl class="facts">${facts.filter(([, fact]) => fact).map(([term, fact]) => html`
    <div key=${term}><dt>${term}</dt><dd>${fact}</dd></div>`)}</dl>`;
}
