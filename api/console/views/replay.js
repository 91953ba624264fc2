// Trying other thresholds on what has been: asked for here, and what was asked for before.

import { address } from "../route.js";
import { useFound } from "./asking.js";
import { Icon } from "./icons.js";
import { Outcomes, Progress, proposed } from "./outcomes.js";
import { html, Moment, Stretch } from "./parts.js";
import { Ask } from "./trial.js";

const OFTEN = 2_000; // ms between two looks while one is not over
const SELDOM = 15_000; // ms otherwise: others may ask for one

export function Replay({ id, hotel, mayChange, rooms, devices, kept: { trial } }) {
  if (id) {
    return html`<p class="back"><a href=${address("replay")}>All replays</a></p>
      <${Outcomes} key=${id} id=${id} rooms=${rooms} mayChange=${mayChange} arrived />`;
  }
  return html`<p class="lead">What would other thresholds have done? The same rules judge what is stored once more, and tell
      the alerts that there would have been, and those that there would not. Nothing changes by it.</p>
    ${mayChange && html`<${Ask} hotel=${hotel} rooms=${rooms} devices=${devices} trial=${trial} />`}
    <${Asked} />`;
}

/** The replays of the last 30 days. */
function Asked() {
  const { found, complaint } = useFound("replay?limit=50", { every: (told) => (areOver(told) ? SELDOM : OFTEN) });
  return html`<p class="complaint" role="alert">${complaint}</p>
    ${found && html`<h3>Asked for lately</h3>`}
    ${found?.items.length === 0 && html`<p class="hint">None.</p>`}
    <ul id="replays">${(found?.items ?? []).map((one) => html`<li key=${one.id} class="window" data-replay=${one.id}>
      <p><a href=${address("replay", one.id)}><${Stretch} from=${one.request.startsAt} to=${one.request.endsAt} /></a></p>
      <p>${proposed(one.request.proposal)}</p>
      <p class="hint">${one.askedBy}, <${Moment} at=${one.askedAt} /></p>
      <p>${one.error ? html`<span class="complaint">Failed</span>` : one.finishedAt ? html`<${Icon} name="check" /> Done`
        : html`<${Progress} one=${one} />`}</p>
    </li>`)}</ul>`;
}

function areOver(told) {
  return told?.items.every(({ finishedAt }) => finishedAt);
}
