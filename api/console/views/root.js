// The whole page, for each of its three states: at the door, on the way in, at the desk.

import { rank } from "../store.js";
import { AlertPanel } from "./alert.js";
import { Alerts } from "./alerts.js";
import { Banner } from "./banner.js";
import { Glance } from "./glance.js";
import { Header } from "./header.js";
import { Help } from "./help.js";
import { Hotels, Login } from "./login.js";
import { Desk, html } from "./parts.js";
import { TabletPanel } from "./tablet.js";
import { Tablets } from "./tablets.js";

/** `desk` is what every view may use, `page` what the page is doing, `store` what is known. */
export function Root({ desk, page, session, store, list, sound }) {
  if (!session.token) return html`<${Login} notice=${page.notice} enter=${desk.act.enter} />`;
  if (!session.facts) return html`<${Starting} problem=${page.problem} act=${desk.act} />`;
  if (!session.facts.hotel) return html`<${Hotels} hotels=${session.facts.hotels} act=${desk.act} />`;
  const { view, id } = page.route;
  return html`<${Desk.Provider} value=${desk}>
    <${Header} facts=${session.facts} via=${store.link.via} ever=${store.link.ever} sound=${sound} view=${view}
      open=${store.alerts.size} grave=${waiting(store)} tablets=${store.devices.size} />
    <${Banner} link=${store.link} monitor=${store.monitor} health=${store.health} trouble=${store.trouble} />
    <main class=${id ? "desk opened" : "desk"}>
      ${view === "alerts"
        ? html`<${Alerts} store=${store} list=${list} query=${page.query} unanswered=${page.unanswered} selected=${id} />`
        : html`<${Tablets} store=${store} worst=${worst(store)} query=${page.query} filter=${page.filter} selected=${id} />`}
      ${id ? opened({ view, id, page, session, store })
        : view === "alerts" && html`<${Glance} devices=${[...store.devices.values()]} />`}
    </main>
    <p id="announcer" class="hidden" aria-live="assertive">${page.announced}</p>
    ${page.help && html`<${Help} close=${desk.act.closeHelp} />`}
  <//>`;
}

function opened({ view, id, page, session, store }) {
  if (view === "tablets") {
    const device = store.devices.get(id);
    return html`<${TabletPanel} id=${id} device=${device} room=${store.rooms.get(device?.roomId)}
      alerts=${[...store.alerts.values()]} />`;
  }
  const own = page.detail?.id === id ? page.detail : null;
  const alert = store.alerts.get(id) ?? store.resolved.get(id) ?? own?.alert;
  return html`<${AlertPanel} id=${id} alert=${alert} timeline=${own?.timeline} conflict=${own?.conflict} missing=${own?.missing}
    room=${store.rooms.get(alert?.roomId)} device=${store.devices.get(alert?.deviceId)}
    writing=${page.writing === id} mayAcknowledge=${session.mayAcknowledge} />`;
}

function Starting({ problem, act }) {
  return html`<main class="login"><h1 class="wordmark">Innwatch</h1>
    ${problem ? html`<p class="complaint" role="alert">${problem}</p>
      <button type="button" class="primary" onClick=${act.retry}>Try again</button>
      <button type="button" onClick=${act.logOut}>Log out</button>`
      : html`<p aria-busy="true">One moment…</p>`}
  </main>`;
}

function waiting(store) {
  return [...store.alerts.values()].filter(
    ({ severity, acknowledged }) => rank(severity) >= rank("high") && !acknowledged).length;
}

// The gravest open alert of each device.
function worst(store) {
  const found = new Map();
  for (const { deviceId, severity } of store.alerts.values()) {
    if (rank(severity) > rank(found.get(deviceId))) found.set(deviceId, severity);
  }
  return found;
}
