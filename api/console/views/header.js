// The top of the page: whose hotel this is, whether news is coming, and the way between the two lists.

import { useLayoutEffect, useRef } from "../vendor/preact-hooks.js";
import { address } from "../route.js";
import { ROLE, word } from "../words.js";
import { Icon } from "./icons.js";
import { TITLES } from "./manage.js";
import { html, memo, useDesk } from "./parts.js";

const WAYS = {
  websocket: ["Live", "News comes at once, by websocket."],
  stream: ["Live (stream)", "The websocket does not work here. News comes by the event stream."],
};

// What is set up once and looked at by day: a row of its own, and on a phone behind one word.
const HOUSE = { people: "People", enrolments: "Enrolment", ...TITLES };
const OF_MANAGERS = new Set(["people", "enrolments"]); // the others everybody may read

const STAYING = [".untold", ".to-house"]; // at the left and at the right of a row that scrolls

export const Header = memo(({ facts, via, ever, sound, view, open, grave, tablets, outages, unclaimed, toGo, failed, untold, answers, manages, knocking }) => {
  const { act } = useDesk();
  const house = Object.keys(HOUSE).filter((to) => manages || !OF_MANAGERS.has(to));
  const top = useRef(null);
  useLayoutEffect(() => {
    for (const row of top.current.querySelectorAll("nav")) bring(row, row.querySelector("[aria-current=page]"));
  }, [view]);
  const [way, meaning] = WAYS[via] ?? [ever ? "Not connected" : "Connecting…", "No news is coming."];
  return html`<header class="top" ref=${top}>
    <div class="who">
      <h1 class="wordmark">Innwatch</h1>
      <${Hotel} ...${facts} />
      <p id="connection" class="connection ${via ?? "none"}" role="status" title=${meaning} data-via=${via ?? "none"}>
        <${Icon} name=${via ? "online" : "silent"} />${way}
      </p>
      <div class="tools">
        <button id="sound" type="button" aria-pressed=${sound} onClick=${act.toggleSound}
          title="A sound for new high and critical alerts">
          <${Icon} name=${sound ? "sound" : "mute"} /><span>Sound ${sound ? "on" : "off"}</span>
        </button>
        <button id="help" type="button" onClick=${act.help} title="Keyboard (?)"><b aria-hidden="true">?</b>
          <span class="hidden">Help</span></button>
        <button id="account" type="button" onClick=${act.choosePassword} title="${word(ROLE, facts.role)}. Change the password">
          <${Icon} name="person" /><span>${facts.user}</span></button>
        <button id="logout" type="button" onClick=${act.logOut}>
          <${Icon} name="leave" /><span>Log out</span></button>
      </div>
    </div>
    <nav aria-label="Lists" onFocusIn=${follow}>
      <${Tab} here=${view} to="alerts" words="Alerts" count=${open} grave=${grave} />
      <${Tab} here=${view} to="tablets" words="Tablets" count=${tablets} />
      <${Tab} here=${view} to="incidents" words="Outages" count=${outages || null} grave=${unclaimed} waits="waiting" />
      ${answers && html`<${Tab} here=${view} to="clearances" words="Check-outs" />`}
      <${Tab} here=${view} to="round" words="Round" />
      ${toGo != null && html`<${Tab} here=${view} to="migration" words="HTTP to MQTT" count=${toGo} />`}
      ${failed > 0 && html`<a class="untold" id="notices-failed" href=${address("alerts", untold)}
        title="Notices about open alerts that reached nobody. Go to the first of these alerts.">
        <${Icon} name="high" />Notices failed: ${failed}</a>`}
      <a class="to-house" href=${address(house[0])} aria-current=${view in HOUSE ? "true" : null}>House
        ${knocking > 0 && html`<span class="count grave">${knocking}</span>`}</a>
    </nav>
    <nav class=${view in HOUSE ? "house here" : "house"} aria-label="House" onFocusIn=${follow}>
      ${house.map((to) => html`<${Tab} key=${to} here=${view} to=${to} words=${HOUSE[to]}
        ...${to === "enrolments" && { count: knocking || null, grave: knocking, waits: "waiting for a yes" }} />`)}
    </nav>
  </header>`;
});

// On a phone a row scrolls: where one is, is in the middle of what the links that stay leave free; elsewhere it is at its
// beginning, with the alerts.
function bring(row, tab) {
  const [left, right] = STAYING.map((link) => row.querySelector(link)?.offsetWidth ?? 0);
  row.scrollLeft = tab ? tab.offsetLeft - row.offsetLeft - left - (row.clientWidth - left - right - tab.offsetWidth) / 2 : 0;
}

// Who walks by the keyboard sees where they are. A tap leaves the row: what was touched stays under the finger.
function follow({ currentTarget: row, target }) {
  if (target.matches("[id^=tab-]:focus-visible")) bring(row, target);
}

function Hotel({ hotel, hotels }) {
  const { act } = useDesk();
  if (hotels.length < 2) return html`<p class="hotel">${hotel.name || hotel.id}</p>`;
  return html`<label class="choice"><span>Hotel</span><select id="hotel" class="hotel" value=${hotel.id}
      title="You have ${hotels.length} hotels" onChange=${(event) => act.moveTo(event.target.value)}>
    ${hotels.map(({ id, name }) => html`<option key=${id} value=${id} selected=${id === hotel.id}>${name || id}</option>`)}
  </select></label>`;
}

function Tab({ here, to, words, count, grave, waits = "grave and waiting" }) {
  return html`<a href=${address(to)} aria-current=${here === to ? "page" : null} id="tab-${to}">
    ${words} ${count != null && html`<span class=${grave ? "count grave" : "count"}>${count}</span>`}
    ${grave > 0 && html`<span class="hidden">, ${grave} ${waits}</span>`}
  </a>`;
}
