// One tablet: how it is now, and its open alerts.

import { address } from "../route.js";
import { byUrgency } from "../store.js";
import { floorName, headline, roomName, SEVERITY, word } from "../words.js";
import { condition } from "./axes.js";
import { Icon } from "./icons.js";
import { Facts, Panel } from "./panel.js";
import { Ago, html, Moment } from "./parts.js";
import { WhyTablet } from "./why.js";

export function TabletPanel({ id, device, room, alerts, blind }) {
  const panel = { id: "tablet-panel", of: id, label: "Tablet", title: id };
  if (!device) return html`<${Panel} ...${panel}><p>There is no such tablet in this hotel.</p><//>`;
  const own = alerts.filter(({ deviceId }) => deviceId === id).sort(byUrgency);
  return html`<${Panel} ...${panel}>
    <${Facts} facts=${[
      ["Room", roomName(room, device.roomId)],
      ["Floor", floorName(device.floor).replace("Floor ", "")],
      ...condition(device, blind),
      ["Like this", device.since && html`since <${Moment} at=${device.since} />`],
      ["Agent", device.agent],
      ["Judged by", html`<a href=${address("policy", `device.${id}`)}>its thresholds</a>`],
    ]} />
    <section><h3>Open alerts</h3>
      ${own.length === 0 && html`<p class="hint">None.</p>`}
      <ul class="reasons plain">${own.map((alert) => html`<li key=${alert.id}>
        <a href="#alerts/${alert.id}"><${Icon} name=${alert.severity} /> ${word(SEVERITY, alert.severity)}: ${
          headline(alert)}</a>, <${Ago} at=${alert.openedAt} /></li>`)}</ul>
    </section>
    <${WhyTablet} id=${id} />
  <//>`;
}
