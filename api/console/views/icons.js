// Drawn signs. Each stands beside a word, or has one: colour and shape are never alone.

import { bars } from "../words.js";
import { html } from "./parts.js";

const SHAPES = {
  critical: html`<path class="fill" d="M5 1h6l4 4v6l-4 4H5l-4-4V5z" /><path class="ink" d="M8 4v5M8 11.5v.5" />`,
  high: html`<path class="fill" d="M8 1.2 15.4 14.5H.6z" /><path class="ink" d="M8 6v4M8 12v.4" />`,
  medium: html`<path class="fill" d="M8 .8 15.2 8 8 15.2.8 8z" /><path class="ink" d="M8 4.6V8.6M8 11v.4" />`,
  low: html`<circle class="line" cx="8" cy="8" r="6.2" /><path class="line" d="M8 5v3.6M8 11v.2" />`,
  info: html`<circle class="line" cx="8" cy="8" r="6.2" /><path class="line" d="M8 7.4V11.4M8 4.8v.2" />`,
  check: html`<path class="line" d="M2.5 8.5 6.2 12.2 13.5 4.2" />`,
  online: html`<circle class="fill" cx="8" cy="8" r="4.2" />`,
  sleeping: html`<path class="fill" d="M12.8 10.2A5.6 5.6 0 0 1 6 3a5.6 5.6 0 1 0 6.8 7.2z" />`,
  away: html`<path class="line" d="M7 2.5H3v11h4M6.5 8H14M11 5l3 3-3 3" />`,
  silent: html`<circle class="line" cx="8" cy="8" r="5.6" /><path class="line" d="M4 12 12 4" />`,
  "never-seen": html`<circle class="line dashed" cx="8" cy="8" r="5.6" />`,
  "in-room": html`<path class="line" d="M2.5 7.5 8 2.5l5.5 5M4 6.5V13h8V6.5" />`,
  weak: html`<path class="line" d="M2 13h2M7 13v-3" /><path class="line faint" d="M10 13V7M13 13V4" />`,
  "out-of-zone": html`<path class="line" d="M9 13H3V3h6M6.5 8H14M11.2 5.2 14 8l-2.8 2.8" />`,
  foreign: html`<circle class="line" cx="8" cy="8" r="6" /><path class="line" d="M2 8h12M8 2c-4.5 4-4.5 8 0 12M8 2c4.5 4 4.5 8 0 12" />`,
  unknown: html`<path class="line" d="M5.2 5.6A2.8 2.8 0 1 1 8 8.6V10M8 12.4v.2" />`,
  sound: html`<path class="fill" d="M2 6h2.5L8 3v10L4.5 10H2z" /><path class="line" d="M10.3 5.5a3.5 3.5 0 0 1 0 5M12.3 3.5a6.3 6.3 0 0 1 0 9" />`,
  mute: html`<path class="fill" d="M2 6h2.5L8 3v10L4.5 10H2z" /><path class="line" d="m10.5 6 4 4M14.5 6l-4 4" />`,
  cross: html`<path class="line" d="m3.5 3.5 9 9M12.5 3.5l-9 9" />`,
  search: html`<circle class="line" cx="7" cy="7" r="4.5" /><path class="line" d="m10.5 10.5 4 4" />`,
  bolt: html`<path class="fill" d="M9 1 3.5 9H7l-.5 6L12.5 6.5H9z" />`,
  person: html`<circle class="line" cx="8" cy="5" r="3" /><path class="line" d="M2.5 14c.6-6 10.4-6 11 0" />`,
  leave: html`<path class="line" d="M9 13H3V3h6M6.5 8H14M11.2 5.2 14 8l-2.8 2.8" />`,
  eye: html`<path class="line" d="M1 8c3.5-5.5 10.5-5.5 14 0-3.5 5.5-10.5 5.5-14 0z" /><circle class="fill" cx="8" cy="8" r="2.2" />`,
};

/** One of the signs above; without one of that name, a question mark. */
export function Icon({ name }) {
  return html`<svg class="icon" viewBox="0 0 16 16" aria-hidden="true">${SHAPES[name] ?? SHAPES.unknown}</svg>`;
}

/** A battery that is as full as the tablet's, with a bolt behind it while it charges. */
export function Battery({ level, charging }) {
  const width = Math.round((11 * (level ?? 0)) / 100);
  return html`<svg class="icon battery" viewBox="0 0 20 16" aria-hidden="true">
    <rect class="line" x="1" y="3.5" width="15" height="9" rx="1.5" /><path class="line" d="M18.5 6.5v3" />
    <rect class="fill" x="3" y="5.5" width=${width} height="5" />
  </svg>${charging && html`<${Icon} name="bolt" />`}`;
}

/** Signal, as bars. */
export function Signal({ rssi }) {
  const lit = bars(rssi);
  return html`<svg class="icon signal" viewBox="0 0 16 16" aria-hidden="true">
    ${[0, 1, 2, 3].map((bar) => html`<rect class=${bar < lit ? "fill" : "fill faint"}
      x=${1.5 + bar * 3.5} y=${10 - bar * 2.7} width="2.4" height=${4 + bar * 2.7} />`)}
  </svg>`;
}
