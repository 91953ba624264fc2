// The whole page, for each of its three states: at the door, on the way in, at the desk.

import { byUrgency, rank } from "../store.js";
import { judge } from "../watch.js";
import { isUnderWay } from "../migration.js";
import { AlertPanel } from "./alert.js";
import { Alerts } from "./alerts.js";
import { Banner } from "./banner.js";
import { Enrolments, Knock } from "./enrolments.js";
import { Glance } from "./glance.js";
import { Header } from "./header.js";
import { Help } from "./help.js";
import { Hotels, Login } from "./login.js";
import { Migration } from "./migration.js";
import { Desk, html, useDesk, useNow } from "./parts.js";
import { People } from "./people.js";
import { ByLink, ChangePassword, Urge } from "./password.js";
import { TabletPanel } from "./tablet.js";
import { Tablets } from "./tablets.js";

/** `desk` is what every view may use, `page` what the page is doing, `store` what is known. */
export function Root({ desk, page, session, store, list, people, enrolments, sound }) {
  if (page.link) return html`<${ByLink} link=${page.link} use=${desk.act.useLink} leave=${desk.act.leaveLink} />`;
  if (!session.token) return html`<${Login} notice=${page.notice} enter=${desk.act.enter} />`;
  if (!session.facts) return html`<${Starting} problem=${page.problem} act=${desk.act} />`;
  if (!session.facts.hotel) return html`<${Hotels} hotels=${session.facts.hotels} act=${desk.act} />`;
  return html`<${Desk.Provider} value=${desk}>
    <${AtDesk} page=${page} session=${session} store=${store} list=${list} people=${people} enrolments=${enrolments}
      sound=${sound} />
    ${page.help && html`<${Help} close=${desk.act.closeHelp} />`}
    ${page.password && html`<${ChangePassword} username=${session.facts.user} send=${desk.act.changePassword}
      close=${desk.act.closePassword} />`}
  <//>`;
}

function AtDesk({ page, session, store, list, people, enrolments, sound }) {
  const { act } = useDesk();
  const { view, id } = page.route;
  const blind = useNow((now) => judge({ ...store, now })?.state === "blind", [store]);
  const told = untold(store);
  const { waiting: knocking } = enrolments;
  return html`<${Header} facts=${session.facts} via=${store.link.via} ever=${store.link.ever} sound=${sound} view=${view}
      open=${store.alerts.size} grave=${waiting(store)} tablets=${store.devices.size}
      toGo=${page.migration && (isUnderWay(page.migration) || view === "migration") ? left(page.migration.counts) : null}
      failed=${told.notices} untold=${told.first} manages=${session.isManager}
      knocking=${knocking.length} />
    <${Banner} link=${store.link} monitor=${store.monitor} health=${store.health} trouble=${store.trouble} />
    ${session.facts.temporaryPassword && html`<${Urge} choose=${act.choosePassword} />`}
    ${knocking.length > 0 && view !== "enrolments" && html`<${Knock} waiting=${knocking} rooms=${store.rooms} />`}
    <main class="desk ${id && isList(view) ? "opened" : ""} ${blind ? "blind" : ""}">
      ${view === "people" && session.isManager
        ? html`<${People} people=${people} user=${session.facts.user} isAdmin=${session.facts.role === "admin"} />`
        : view === "enrolments" && session.isManager
        ? html`<${Enrolments} enrolments=${enrolments} store=${store} />`
        : view === "migration"
        ? html`<${Migration} told=${page.migration} rooms=${store.rooms} cutOnly=${page.cutOnly}
            mayChange=${session.isManager} problem=${page.migrationProblem} />`
        : view !== "tablets"
        ? html`<${Alerts} store=${store} list=${list} hotels=${session.facts.hotels} query=${page.query}
            unanswered=${page.unanswered} selected=${id} />`
        : html`<${Tablets} store=${store} blind=${blind} worst=${worst(store)} query=${page.query} filter=${page.filter}
            selected=${id} />`}
      ${id && isList(view) ? opened({ view, id, page, session, store, blind })
        : view === "alerts" && store.devices.size > 0 && html`<${Glance} devices=${[...store.devices.values()]} blind=${blind} />`}
    </main>
    <p id="announcer" class="hidden" aria-live="assertive">${page.announced}</p>`;
}

function opened({ view, id, page, session, store, blind }) {
  if (view === "tablets") {
    const device = store.devices.get(id);
    return html`<${TabletPanel} id=${id} device=${device} room=${store.rooms.get(device?.roomId)}
      alerts=${[...store.alerts.values()]} blind=${blind} />`;
  }
  const own = page.detail?.id === id ? page.detail : null;
  const alert = store.alerts.get(id) ?? store.resolved.get(id) ?? own?.alert;
  return html`<${AlertPanel} id=${id} alert=${alert} timeline=${own?.timeline} conflict=${own?.conflict} missing=${own?.missing}
    failed=${store.failed.get(id)} blind=${blind} room=${store.rooms.get(alert?.roomId)} device=${store.devices.get(alert?.deviceId)}
    writing=${page.writing === id} mayAcknowledge=${session.mayAcknowledge}
    manages=${session.isManager} staff=${page.staff} />`;
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

// Whether something can be opened beside it.
function isList(view) {
  return view === "alerts" || view === "tablets";
}

// The tablets that do not speak MQTT yet.
function left({ devices, mqtt }) {
  return devices - mqtt;
}

// The notices about open alerts that reached nobody, and the most urgent of these alerts.
function untold(store) {
  const alerts = [...store.alerts.values()].filter(({ id }) => store.failed.get(id)?.size).sort(byUrgency);
  return { notices: alerts.reduce((count, { id }) => count + store.failed.get(id).size, 0), first: alerts[0]?.id };
}

// The gravest open alert of each device.
function worst(store) {
  const found = new Map();
  for (const { deviceId, severity } of store.alerts.values()) {
    if (rank(severity) > rank(found.get(deviceId))) found.set(deviceId, severity);
  }
  return found;
}
