// How the hotel is watched: the pages on which a manager changes that, and everybody else reads it.

import { AccessPoints } from "./access_points.js";
import { Calibration } from "./calibration.js";
import { Maintenance } from "./maintenance.js";
import { html, memo } from "./parts.js";
import { Policy } from "./policy.js";
import { Replay } from "./replay.js";

const PAGES = { policy: Policy, maintenance: Maintenance, calibration: Calibration, replay: Replay, "access-points": AccessPoints };

/** What leads to each of them. */
export const TITLES = {
  policy: "Thresholds", maintenance: "Maintenance", calibration: "Calibration", replay: "Replay", "access-points": "Access points",
};

/** What was begun and is kept for who looks at an alert meanwhile: `act.keep(edit)` changes it, by what `edit(begun)` returns.
 *
 * `drafts`: level → threshold → what stands in its field; `trial`: what the next replay is to try, as `{ policy, where }`;
 * `tried`: the id of the replay of what calibration proposes.
 */
export const NOTHING_BEGUN = { drafts: {}, trial: null, tried: null };

export const Manage = memo(({ view, ...known }) => html`<section class="list manage" aria-labelledby="manage-title">
  <h2 id="manage-title" class="hidden">${TITLES[view]}</h2>
  <${PAGES[view]} ...${known} />
</section>`);
