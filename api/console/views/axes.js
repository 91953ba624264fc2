// How a tablet is: its connection, its place, its power. What was last heard of one that is not heard any more is said
// as just that, for the tablet may be anywhere.

import { reached } from "../fleet.js";
import { dbm, LINK, lower, percent, POSTURE, POWER, TOKEN_ENDED, word } from "../words.js";
import { Battery, Icon, Signal } from "./icons.js";
import { Ago, html } from "./parts.js";

/** The facts about a tablet; `blind`: no news of any tablet comes. */
export function condition(device, blind) {
  const { link, posture, power, battery, charging, rssi, lastHeard } = device;
  const now = reached(device) && !blind;
  const fact = (sign, words, known) => (now || !known ? html`${sign} ${words}`
    : html`<${LastKnown} sign=${sign} words=${words} at=${lastHeard} />`);
  const charge = [word(POWER, power), battery != null && percent(battery)].filter(Boolean).join(", ");
  return [
    ["Connection", html`<${Icon} name=${link} /> ${linked(device, blind)}`],
    ["Place", fact(html`<${Icon} name=${posture} />`, word(POSTURE, posture), posture !== "unknown")],
    ["Power", fact(html`<${Battery} level=${battery} charging=${charging} />`, charge, battery != null || power !== "unknown")],
    ["Signal", rssi != null && fact(html`<${Signal} rssi=${rssi} />`, dbm(rssi), true)],
    ["Last heard", lastHeard && html`<${Ago} at=${lastHeard} /> ago`],
  ];
}

/** Whether a tablet is connected; while we are `blind`, whether it was. */
export function linked({ link, tokenEnded }, blind) {
  const words = link === "away" && tokenEnded ? word(TOKEN_ENDED, tokenEnded) : word(LINK, link);
  return blind ? `Was ${lower(words)}` : words;
}

/** Something that was so when a tablet was last heard. */
export function LastKnown({ sign, words, at }) {
  return html`<span class="last-known">${sign}Last known: ${lower(words)}${
    at && html`, <span class="whole"><${Ago} at=${at} /> ago</span>`}</span>`;
}
