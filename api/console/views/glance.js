// The tablets at a glance, beside the alerts where there is room: three axes, each with its counts.

import { reached } from "../fleet.js";
import { LINK, POSTURE, POWER, word } from "../words.js";
import { Battery, Icon } from "./icons.js";
import { html } from "./parts.js";

const LOST = { lost: "Not known now" }; // the row of the tablets that are not heard: nobody knows their place and power
const LEVELS = { ok: 70, low: 20, critical: 8, charging: 50, unknown: 0 };

export function Glance({ devices, blind }) {
  return html`<aside class="glance" aria-label="Tablets at a glance">
    ${blind && html`<p class="last-known">As last known:</p>`}
    <${Axis} title="Connection" axis="link" words=${LINK} devices=${devices} />
    <${Axis} title="Place" axis="posture" words=${{ ...POSTURE, ...LOST }} devices=${devices} />
    <${Axis} title="Power" axis="power" words=${{ ...POWER, ...LOST }} devices=${devices} />
  </aside>`;
}

function Axis({ title, axis, words, devices }) {
  const counts = new Map(Object.keys(words).map((value) => [value, 0]));
  for (const device of devices) {
    const value = axis === "link" || reached(device) ? device[axis] : "lost";
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return html`<section><h2>${title}</h2><dl>
    ${[...counts].map(([value, count]) => html`<div key=${value} class=${count ? `axis ${value}` : "axis none"}>
      <dt>${sign(axis, value)} ${word(words, value)}</dt><dd>${count}</dd></div>`)}
  </dl></section>`;
}

function sign(axis, value) {
  if (value === "lost") return html`<${Icon} name="never-seen" />`;
  if (axis !== "power") return html`<${Icon} name=${value} />`;
  return html`<${Battery} level=${LEVELS[value]} charging=${value === "charging"} />`;
}
