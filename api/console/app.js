// The console's wiring: makes the parts, hands each what it needs, and draws the page when something has changed.

import { h, render } from "./vendor/preact.js";
import { learnStaff as learnNames, refusal } from "./answers.js";
import { Attention } from "./attention.js";
import { Clock } from "./clock.js";
import { Enrolments } from "./enrolments.js";
import { Feed } from "./feed.js";
import { LOOK_EVERY, learnMigration } from "./migration.js";
import { People } from "./people.js";
import { parse, secretIn, write } from "./route.js";
import { Session } from "./session.js";
import { Store } from "./store.js";
import { calendar } from "./time.js";
import { Walk } from "./walk.js";
import { shown } from "./views/alerts.js";
import { NOTHING_BEGUN } from "./views/manage.js";
import { Root } from "./views/root.js";

const TOGETHER = 16; // ms in which changes are drawn as one
const AGAIN = 5_000; // ms before a server that did not answer is asked again

const clock = new Clock();
const session = new Session({ clock, ended: (why) => leave(why) });
let store = new Store();
let feed = null;
let when = calendar("UTC");
let due = false;
let askedWay = -Infinity; // when the way from HTTP to MQTT was last asked for

const page = {
  route: parse(location.hash), notice: "", problem: "", announced: "", help: false,
  query: "", unanswered: false, unfolded: false, filter: "all",
  detail: null, // the open alert as the API tells it: { id, alert, timeline, conflict }
  migration: null, migrationProblem: "", cutOnly: false, // the way from HTTP to MQTT, as the API tells it
  writing: null, // the alert whose note is to take the focus
  staff: null, // the names of those whom an alert may be given to, once they were asked for
  link: null, // a link for a new password: { secret, username, trouble }
  password: false, // whether the form for one is open at the desk
  begun: NOTHING_BEGUN, // what somebody has begun to change of how the hotel is watched
};

const attention = new Attention({ say: (text) => change({ announced: text }), room: (id) => store.rooms.get(id) });

let people = new People({ session, changed: () => change({}) });
let enrolments = new Enrolments({ session, clock, changed: () => change({}) });

const act = {
  enter,
  moveTo,
  retry: begin,
  logOut: () => session.end(""),
  open: (id) => go("alerts", id),
  openTablet: (id) => go("tablets", id),
  openIncident: (id) => go("incidents", id),
  openRoom: (id) => go("clearances", id),
  takeOn,
  close,
  search: (query) => change({ query }),
  unanswered: (unanswered) => change({ unanswered }),
  unfold: (unfolded) => change({ unfolded }),
  filter: (filter) => change({ filter }),
  help: () => change({ help: true }),
  closeHelp: () => change({ help: false }),
  toggleSound() {
    attention.toggle();
    change({});
  },
  give,
  learnStaff,
  chooseHotel,
  useLink,
  leaveLink: () => change({ link: null }),
  choosePassword: () => change({ password: true }),
  changePassword,
  closePassword: () => change({ password: false }),
  cutOnly: (cutOnly) => change({ cutOnly }),
  letShared,
  say: (announced) => change({ announced }),
  look: (path) => session.http.get(path),
  go: (view, id) => go(view, id),
  keep: (edit) => change({ begun: { ...page.begun, ...edit(page.begun) } }),
};

const walk = new Walk({ page, session, change, go, close });

// One object for good: another one would have every view drawn again at every change.
const desk = { clock, act, walking: () => walk.isOn, get when() { return when; }, get http() { return session.http; } };

function change(fields) {
  Object.assign(page, fields);
  if (due) return;
  due = true;
  setTimeout(draw, TOGETHER);
}

function draw() {
  if (!due) return;
  due = false;
  const list = shown({ ...store, query: page.query, unanswered: page.unanswered, unfolded: page.unfolded });
  render(h(Root, { desk, page: { ...page }, session, store, list, people, enrolments, sound: attention.sound }), document.getElementById("page"));
  attention.badge([...store.alerts.values()], session.facts?.hotel?.name);
}

/** Log in; returns what to complain of, if anything. */
async function enter(credentials) {
  try {
    await session.logIn(credentials);
  } catch ({ status, message }) {
    if (!session.token) return status === 401 ? "The username or the password is wrong." : message;
  }
  begin();
  return "";
}

/** What to say of a password that was not taken. */
function unfit({ message, body }) {
  const errors = body?.errors ?? [];
  if (errors.some(({ field }) => field === "current")) return "The password you have now is another one.";
  if (errors.length) return `The new password ${errors[0].detail}.`;
  return message;
}

async function changePassword(fields) {
  try {
    await session.changePassword(fields);
  } catch (problem) {
    return unfit(problem);
  }
  change({ password: false, announced: "Your password is changed." });
  return "";
}

// The secret leaves the address at once: neither the history nor a bookmark shall keep it.
async function takeLink() {
  const secret = secretIn(location.hash);
  if (!secret) return;
  write("alerts", null, { replace: true });
  change({ route: parse(location.hash), link: { secret, username: "", trouble: "" } });
  try {
    const { username } = await session.http.post("auth/password-link", { secret });
    change({ link: { secret, username, trouble: "" } });
  } catch ({ message }) {
    change({ link: { secret, username: "", trouble: message } });
  }
}

async function useLink(password) {
  const { secret, username } = page.link;
  try {
    await session.http.post("auth/password-link/use", { secret, password });
  } catch (problem) {
    return unfit(problem);
  }
  const complaint = await enter({ username, password });
  change({ link: null, notice: complaint });
  return "";
}

async function moveTo(hotelId) {
  feed?.stop();
  try {
    await session.moveTo(hotelId);
  } catch {
    // The session says what holds; the page shows that.
  }
  go("alerts");
  begin();
}

function chooseHotel() {
  const choice = document.getElementById("hotel");
  choice.focus();
  choice.showPicker?.();
}

/** Go from the door to the desk: learn who we are, then start the feed. */
async function begin() {
  change({ notice: "", problem: "", detail: null, staff: null, begun: NOTHING_BEGUN });
  try {
    const { hotel } = await session.load();
    if (!hotel) return change({});
    when = calendar(hotel.timezone);
    store = new Store({ alarm: (alert) => attention.alarm(alert), outage: (incident) => attention.outage(incident) });
    store.watch(() => change({}));
    feed?.stop();
    feed = new Feed({ session, clock, store, touched: (id) => id === page.route.id && learn(id) });
    feed.start();
    people = new People({ session, changed: () => change({}) });
    enrolments = new Enrolments({ session, clock, changed: () => change({}) });
    visit();
    learn(page.route.id);
    learnWay();
  } catch (problem) {
    if (!session.token) return;
    change({ problem: problem.message });
    setTimeout(() => session.token && !session.facts && begin(), AGAIN);
  }
  change({});
}

function leave(why) {
  feed?.stop();
  feed = null;
  store = new Store();
  people = new People({ session, changed: () => change({}) });
  enrolments = new Enrolments({ session, clock, changed: () => change({}) });
  change({ notice: why, problem: "", query: "", detail: null, announced: "", help: false, password: false,
    migration: null, migrationProblem: "", cutOnly: false, begun: NOTHING_BEGUN });
}

/** Fetch what only one page shows, when somebody comes there. */
function visit() {
  if (page.route.view === "people" && session.isManager) people.load();
  if (page.route.view === "enrolments" && session.isManager) enrolments.load();
  if (page.route.view === "migration" && session.facts) learnWay();
}

/** Fetch an alert with its timeline, if that is what is open. */
async function learn(id) {
  if (!feed || !id || page.route.view !== "alerts") return;
  try {
    const { timeline, ...alert } = await session.http.get(`alerts/${encodeURIComponent(id)}`);
    store.alert(alert);
    for (const entry of timeline) remember(id, entry);
    if (page.route.id === id) change({ detail: { conflict: "", ...page.detail, id, alert, timeline } });
  } catch ({ status }) {
    // Otherwise the list shows what is known, and the timeline is asked for again with the next news of this alert.
    if (status === 404 && page.route.id === id) change({ detail: { id, missing: true } });
  }
}

// What the timeline tells of notices that went out or failed before this page was there.
function remember(alertId, { type, channel, notice, error }) {
  if (type === "notification.dead") store.noticeFailed({ alertId, channel, kind: notice, error });
  else if (type === "notification.sent") store.noticeSent({ alertId, channel, kind: notice });
}

/** Answer an alert; returns what to complain of, if anything. */
async function give(id, verb, body) {
  let conflict = "";
  try {
    const told = await session.http.post(`alerts/${encodeURIComponent(id)}/${verb}`, body);
    if (verb !== "fix") store.alert(told); // which is told of the tablets; the alert ends when they are heard there
  } catch (problem) {
    conflict = refusal(problem, (at) => when(at, clock.now()));
  }
  if (page.route.id === id) change({ writing: null, detail: { ...page.detail, id, conflict } });
  await learn(id);
  draw();
  // The form has gone, and the focus with it.
  if (document.activeElement === document.body) document.querySelector("#alert-panel h2")?.focus();
  return conflict;
}

/** Take an incident on; returns what to complain of, if anything. */
async function takeOn(id) {
  let complaint = "";
  try {
    store.incident(await session.http.post(`incidents/${encodeURIComponent(id)}/acknowledge`));
  } catch (problem) {
    complaint = refusal(problem, (at) => when(at, clock.now()), "outage");
  }
  draw();
  if (document.activeElement === document.body) document.querySelector("#incident-panel h2")?.focus();
  return complaint;
}

/** Ask whom an alert may be given to, once for each hotel. */
async function learnStaff() {
  if (page.staff) return;
  const { http, facts } = session;
  try {
    const staff = await learnNames(http);
    if (session.facts === facts) change({ staff });
  } catch {
    // Then it can be given to whoever has it; the next panel asks again.
  }
}

/** Ask how far the way from HTTP to MQTT is; what was known stays where no answer comes. */
async function learnWay() {
  askedWay = clock.now();
  const { http, facts } = session;
  try {
    const migration = await learnMigration(http);
    if (session.facts === facts) change({ migration, migrationProblem: "" });
  } catch (problem) {
    if (session.facts === facts) change({ migrationProblem: problem.message });
  }
}

async function letShared(deviceId, sharedToken) {
  try {
    await session.http.put(`migration/${encodeURIComponent(deviceId)}`, { sharedToken });
  } catch (problem) {
    return change({ migrationProblem: `Not changed. ${problem.message}` });
  }
  await learnWay();
}

function close() {
  const { view, id } = page.route;
  if (!id || view === "policy") return false; // a level of the policy is chosen, not opened
  go(view, null, { replace: true });
  return true;
}

// -- the address

function go(view, id = null, { replace = false } = {}) {
  if (page.route.view === view && page.route.id === id) return;
  write(view, id, { replace });
  arrive();
}

addEventListener("hashchange", arrive); // a link, Back, or somebody typed

function arrive() {
  takeLink();
  const before = page.route;
  const route = parse(location.hash);
  const moved = route.view !== before.view;
  change({ route, writing: page.writing === route.id ? page.writing : null, ...(moved && { query: "" }),
    ...(route.id !== before.id && { detail: null }) });
  draw();
  walk.isOn = false;
  if (moved) visit();
  if (route.id) learn(route.id);
  else if (before.id && !moved) refocus(before.id);
}

// After a panel has closed the focus returns to where it was opened.
function refocus(id) {
  const opener = ["alert", "device", "incident", "room"].map((kind) => `.list [data-${kind}="${CSS.escape(id)}"] button`);
  document.querySelector(opener.join())?.focus();
}

// A page that has failed must not look like a quiet night.
function confess() {
  document.getElementById("fault").hidden = false;
}
addEventListener("error", confess);
addEventListener("unhandledrejection", confess);

// A page in the background draws late, for its timers are slow; the clock's ticks are not.
clock.watch((now) => {
  if (page.route.view === "migration" && session.facts && now - askedWay >= LOOK_EVERY) learnWay();
  if (session.isManager && session.facts.hotel) enrolments.mind(now, { looking: page.route.view === "enrolments" });
  draw();
});
walk.listen();
takeLink();
if (session.token) begin();
else change({});
