// The tablets at a glance, beside the alerts where there is room: three axes, each with its counts.

import { LINK, POSTURE, POWER, word } from "../words.js";
import { Battery, Icon } from "./icons.js";
import { html } from "./parts.js";

const LEVELS = { ok: 70, low: 20, critical: 8, charging: 50, unknown: 0 };

export function Glance({ devices }) {
  return html`<aside class="glance" aria-label="Tablets at a glance">
    <${Axis} title="Connection" axis="link" words=${LINK} devices=${devices} />
    <${Axis} title="Place" axis="posture" words=${POSTURE} devices=${devices} />
    <${Axis} title="Power" axis="power" words=${POWER} devices=${devices} />
  </aside>`;
}

function Axis({ title, axis, words, devices }) {
  const sign = (value) => (axis === "power"
    ? html`<${Battery} level=${LEVELS[value]} charging=${value === "charging"} />` : html`<${Icon} name=${value} />`);
  const counts = new Map(Object.keys(words).map((value) => [value, 0]));
  for (const device of devices) counts.set(device[axis], (counts.get(device[axis]) ?? 0) + 1);
  return html`<section><h2>${title}</h2><dl>
    ${[...counts].map(([value, count]) => html`<div key=${value} class=${count ? `axis ${value}` : "axis none"}>
      <dt>${sign(value)} ${word(words, value)}</dt><dd>${count}</dd></div>`)}
  </dl></section>`;
}
