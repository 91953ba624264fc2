// What stands in the middle of the desk at each address: a list, what is opened beside it, and what else is there while
// nothing is.

import { rank } from "../store.js";
import { AlertPanel } from "./alert.js";
import { Alerts } from "./alerts.js";
import { Clearances, RoomPanel } from "./clearances.js";
import { Enrolments } from "./enrolments.js";
import { Glance } from "./glance.js";
import { IncidentPanel, Incidents } from "./incidents.js";
import { Migration } from "./migration.js";
import { Manage, TITLES } from "./manage.js";
import { html } from "./parts.js";
import { People } from "./people.js";
import { Round } from "./round.js";
import { TabletPanel } from "./tablet.js";
import { Tablets } from "./tablets.js";

// Each is a function of all that is known; `may(session)` says who sees the page.
const PAGES = {
  alerts: {
    list: ({ store, list, session, page, id }) => html`<${Alerts} store=${store} list=${list}
      hotels=${session.facts.hotels} query=${page.query} unanswered=${page.unanswered}
      unfolded=${page.unfolded} selected=${id} />`,
    opened: openedAlert,
    beside: ({ store, blind }) => store.devices.size > 0
      && html`<${Glance} devices=${[...store.devices.values()]} blind=${blind} />`,
  },
  tablets: {
    list: ({ store, blind, page, id }) => html`<${Tablets} store=${store} blind=${blind} worst=${worst(store)}
      query=${page.query} filter=${page.filter} selected=${id} />`,
    opened: ({ store, blind, id }) => {
      const device = store.devices.get(id);
      return html`<${TabletPanel} id=${id} device=${device} room=${store.rooms.get(device?.roomId)}
        alerts=${[...store.alerts.values()]} blind=${blind} />`;
    },
  },
  incidents: {
    list: ({ store, id }) => html`<${Incidents} store=${store} selected=${id} />`,
    opened: ({ store, session, id }) => html`<${IncidentPanel} id=${id} key=${id} store=${store}
      mayAcknowledge=${session.mayAcknowledge} />`,
  },
  clearances: {
    may: (session) => session.mayAcknowledge,
    list: ({ store, id }) => html`<${Clearances} store=${store} selected=${id} />`,
    opened: ({ store, id }) => html`<${RoomPanel} id=${id} key=${id} store=${store} />`,
  },
  round: {
    list: ({ store, session }) => html`<${Round} hotel=${session.facts.hotel} rooms=${store.rooms} devices=${store.devices} />`,
  },
  people: {
    may: (session) => session.isManager,
    list: ({ people, session }) => html`<${People} people=${people} user=${session.facts.user}
      isAdmin=${session.facts.role === "admin"} />`,
  },
  enrolments: {
    may: (session) => session.isManager,
    list: ({ enrolments, store }) => html`<${Enrolments} enrolments=${enrolments} store=${store} />`,
  },
  ...Object.fromEntries(Object.keys(TITLES).map((view) => [view, {
    list: ({ id, page, session, store }) => html`<${Manage} key=${`${view} ${session.facts.hotel.id}`} view=${view} id=${id}
      hotel=${session.facts.hotel} mayChange=${session.isManager} rooms=${store.rooms} devices=${store.devices} kept=${page.begun} />`,
  }])),
  migration: {
    list: ({ page, store, session }) => html`<${Migration} told=${page.migration} rooms=${store.rooms}
      cutOnly=${page.cutOnly} mayChange=${session.isManager} problem=${page.migrationProblem} />`,
  },
};

/** What an address shows to whoever is here: `{ list, opened?, beside? }`; the alerts where it is not for them. */
export function pageOf(view, session) {
  const page = PAGES[view];
  return page && (page.may?.(session) ?? true) ? page : PAGES.alerts;
}

function openedAlert({ id, page, session, store, blind }) {
  const own = page.detail?.id === id ? page.detail : null;
  const alert = store.alerts.get(id) ?? store.resolved.get(id) ?? own?.alert;
  return html`<${AlertPanel} id=${id} alert=${alert} timeline=${own?.timeline} conflict=${own?.conflict}
    missing=${own?.missing} failed=${store.failed.get(id)} blind=${blind} room=${store.rooms.get(alert?.roomId)}
    device=${store.devices.get(alert?.deviceId)} writing=${page.writing === id} mayAcknowledge=${session.mayAcknowledge}
    manages=${session.isManager} staff=${page.staff} outages=${store.outages} />`;
}

// The gravest open alert of each device.
function worst(store) {
  const found = new Map();
  for (const { deviceId, severity } of store.alerts.values()) {
    if (rank(severity) > rank(found.get(deviceId))) found.set(deviceId, severity);
  }
  return found;
}
