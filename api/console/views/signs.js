// The small signs on an alert, each with its meaning.

import { signs } from "../signs.js";
import { html } from "./parts.js";

export function Signs({ alert, outages }) {
  const list = signs(alert, outages);
  return list.length > 0 && html`<span class="signs">${list.map(([key, words, meaning]) => html`
    <em key=${key} class="tag" data-sign=${key} title=${meaning}>${words}</em>`)}</span>`;
}
