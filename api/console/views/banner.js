// Says in large letters when what the page shows may not be the truth.

import { span } from "../time.js";
import { judge } from "../watch.js";
import { html, useNow } from "./parts.js";
import { Icon } from "./icons.js";

export function Banner({ link, monitor, health, trouble }) {
  // Compared as text, so that the banner is drawn again when its words change and not every second.
  const verdict = JSON.parse(useNow((now) => JSON.stringify(judge({ link, monitor, health, now })),
    [link, monitor, health]));
  const said = verdict ?? (trouble && { state: "degraded", title: "The lists could not be loaded.", detail: trouble });
  // The place is there from the start: a screen reader announces what changes in it.
  return html`<div id="banner" class=${said ? `banner ${said.state}` : "banner"} data-state=${said?.state ?? "watching"}>
    <div role="alert">
      ${said && html`<${Icon} name=${said.state === "blind" ? "critical" : "high"} />
        <p><strong>${said.title}</strong> <span>${said.detail}</span></p>`}
    </div>
    ${said?.aged != null && html`<${Age} since=${said.aged} />`}
  </div>`;
}

function Age({ since }) {
  const old = useNow((now) => span(now - since), [since]);
  return html`<p class="age">What you see is ${old} old.</p>`;
}
