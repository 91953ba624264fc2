// The whole page, for each of its three states: at the door, on the way in, at the desk.

import { byUrgency, rank } from "../store.js";
import { judge } from "../watch.js";
import { isUnderWay } from "../migration.js";
import { Banner } from "./banner.js";
import { Knock } from "./enrolments.js";
import { Header } from "./header.js";
import { Help } from "./help.js";
import { Hotels, Login } from "./login.js";
import { pageOf } from "./pages.js";
import { Desk, html, useDesk, useNow } from "./parts.js";
import { ByLink, ChangePassword, Urge } from "./password.js";

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

function AtDesk(known) {
  const { act } = useDesk();
  const { page, session, store, enrolments, sound } = known;
  const { view, id } = page.route;
  const { list, opened, beside } = pageOf(view, session);
  const blind = useNow((now) => judge({ ...store, now })?.state === "blind", [store]);
  const told = untold(store);
  const { waiting: knocking } = enrolments;
  const all = { ...known, id, blind };
  return html`<${Header} facts=${session.facts} via=${store.link.via} ever=${store.link.ever} sound=${sound} view=${view}
      open=${store.alerts.size} grave=${waiting(store)} tablets=${store.devices.size}
      toGo=${page.migration && (isUnderWay(page.migration) || view === "migration") ? left(page.migration.counts) : null}
      outages=${store.incidents.size} unclaimed=${unclaimed(store)} failed=${told.notices} untold=${told.first} answers=${session.mayAcknowledge}
      manages=${session.isManager} knocking=${knocking.length} />
    <${Banner} link=${store.link} monitor=${store.monitor} health=${store.health} trouble=${store.trouble} />
    ${knocking.length > 0 && view !== "enrolments" && html`<${Knock} waiting=${knocking} rooms=${store.rooms} />`}
    <main class="desk ${id && opened ? "opened" : ""} ${blind ? "blind" : ""}">
      <div class="listing" key=${view}>
        ${session.facts.temporaryPassword && html`<${Urge} choose=${act.choosePassword} />`}
        ${list(all)}
      </div>
      ${id && opened ? opened(all) : beside?.(all)}
    </main>
    <p id="announcer" class="hidden" aria-live="assertive">${page.announced}</p>`;
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

// The outages that nobody has.
function unclaimed({ incidents }) {
  return [...incidents.values()].filter(({ acknowledged }) => !acknowledged).length;
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
