// Why and why not: what spoke for trouble of a tablet in a stretch of time, and what came of it or what held it back.

import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { GROUPS, inWords } from "../thresholds.js";
import { unbroken } from "../time.js";
import { DECIDED_BY, dbm, lower, message, percent, reason, ruleName, word } from "../words.js";
import { Icon } from "./icons.js";
import { html, Moment, useDesk } from "./parts.js";

const MINUTE = 60_000; // ms
const REACHES = [["10 minutes", 10], ["hour", 60], ["6 hours", 360], ["24 hours", 1440]];
const MOST = 300; // messages, of which there are two to a pixel then
const WIDE = 320, HIGH = 64, WEAKEST = -100, STRONGEST = -30; // of the drawing; dBm

/** Asks the server once it is wanted; another `of` is another question. */
function useAnswer(of) {
  const { act } = useDesk();
  const [answer, setAnswer] = useState({});
  const asked = useRef(0);
  useEffect(() => {
    asked.current += 1;
    setAnswer({});
  }, [of]);
  const ask = async (path) => {
    const turn = ++asked.current;
    setAnswer({ waits: true });
    const said = await act.look(path).then((found) => ({ found }), ({ message }) => ({ complaint: message }));
    if (turn === asked.current) setAnswer(said);
  };
  return [answer, ask];
}

/** Of a tablet: why it raised an alert lately, or none. */
export function WhyTablet({ id }) {
  const { clock } = useDesk();
  const [answer, ask] = useAnswer(id);
  const [reach, setReach] = useState(null);
  const look = (minutes) => {
    setReach(minutes);
    const to = clock.now();
    const from = new Date(to - minutes * MINUTE).toISOString();
    ask(`devices/${id}/why?from=${from}&to=${new Date(to).toISOString()}&most=${MOST}`);
  };
  return html`<section id="why" aria-busy=${answer.waits}><h3>Why, and why not</h3>
    <p class="reaches">Look back over the last ${REACHES.map(([name, minutes]) => html`<button type="button" class="quiet"
      key=${minutes} aria-pressed=${reach === minutes} onClick=${() => look(minutes)}>${name}</button>`)}</p>
    <${Answer} ...${answer} device=${answer.found} />
  </section>`;
}

/** Of an alert: the tablet from some minutes before it opened. */
export function WhyAlert({ id }) {
  const [answer, ask] = useAnswer(id);
  return html`<section id="why" aria-busy=${answer.waits}><h3>What led to it</h3>
    ${!answer.found && html`<p><button type="button" class="quiet" onClick=${() => ask(`alerts/${id}/why`)}
      >Look back</button></p>`}
    <${Answer} ...${answer} device=${answer.found?.device} />
  </section>`;
}

function Answer({ waits, complaint, device }) {
  if (waits) return html`<p>Looking back…</p>`;
  if (complaint) return html`<p class="complaint" role="alert">${complaint}</p>`;
  if (!device) return null;
  const { findings, from, to, heard, heardInAll, thresholds, levels, ruleVersion, complete } = device;
  return html`<${Signals} heard=${heard} floor=${thresholds?.rssiFloor} from=${from} to=${to} />
    ${!complete && html`<p class="hint">What was stored does not reach back far enough; something may be missing.</p>`}
    ${findings.length === 0 && html`<p>Nothing spoke for trouble. It was heard ${heardInAll} times.</p>`}
    <ol class="timeline findings">${findings.map((finding, index) => html`<li key=${index}>
      <${Moment} at=${finding.since} />
      <div>${finding.alertId ? html`<${Icon} name="high" /> <a href="#alerts/${finding.alertId}">Alert</a>`
        : html`<span class="held"><${Icon} name="check" /> No alert</span>`} “${ruleName(finding.rule)}”: ${reason(finding.because)}
        ${finding.untold && html`<p>Nobody was told: ${lower(reason(finding.untold))}</p>`}
        <${Lasted} ...${finding} asked=${to} /></div>
    </li>`)}</ol>
    <${Heard} heard=${heard} inAll=${heardInAll} />
    ${thresholds && html`<${JudgedBy} thresholds=${thresholds} levels=${levels} ruleVersion=${ruleVersion} />`}`;
}

/** Until when it went on, or that it was not over at the end of what was `asked`; nothing of a single moment. */
function Lasted({ since, until, asked }) {
  if (until === since) return null;
  return html`<p class="hint">${until == null ? "Not over at" : "Until"} <${Moment} at=${until ?? asked} beside=${until && since} /></p>`;
}

/** The samples themselves, newest first. */
function Heard({ heard, inAll }) {
  if (heard.length === 0) return null;
  return html`<details class="samples"><summary>What it said (${inAll} ${inAll === 1 ? "message" : "messages"}${
    heard.length < inAll ? `, of which ${heard.length} are shown` : ""})</summary>
    <div class="scrolls" tabindex="0" role="region" aria-label="What it said"><table><thead><tr><th scope="col">When</th><th scope="col">What</th>
      <th scope="col">Signal</th><th scope="col">Access point</th><th scope="col">Battery</th></tr></thead>
    <tbody>${[...heard].reverse().map(({ at, kind, rssi, bssid, battery, charging, late }, index) => html`<tr key=${index}>
      <td><${Moment} at=${at} /></td><td>${message(kind)}${late && ", late"}</td><td>${rssi == null ? "–" : dbm(rssi)}</td>
      <td>${bssid ?? "–"}</td><td>${battery == null ? "–" : percent(battery)}${charging && ", charging"}</td></tr>`)}</tbody></table></div>
  </details>`;
}

/** All the limits that it was held against, and who decided each; what somebody decided is set apart. */
function JudgedBy({ thresholds, levels, ruleVersion }) {
  const [version, revision] = (ruleVersion ?? "").split("/");
  return html`<details class="judged"><summary>What it was held against</summary>
    ${ruleVersion && html`<p class="hint">Version ${version} of the rules, revision ${revision} of its room and thresholds.</p>`}
    ${Object.entries(GROUPS).map(([group, names]) => {
      const known = Object.keys(names).filter((name) => name in levels);
      return known.length > 0 && html`<h4>${group}</h4><dl>${known.map((name) => html`<div key=${name}
          class=${levels[name] === "default" ? null : "decided"} title=${names[name].means}>
        <dt>${names[name].words}</dt><dd>${inWords(name, thresholds[name])}<span class="by">${word(DECIDED_BY, levels[name])}</span></dd>
      </div>`)}</dl>`;
    })}
  </details>`;
}

/** The signal over all the time that was asked for, with the room's floor; where nothing was heard there is no line. */
function Signals({ heard, floor, from, to }) {
  const known = heard.filter(({ rssi }) => rssi != null);
  if (known.length < 2) return null;
  const first = Date.parse(from), last = Date.parse(to);
  const across = (at) => (WIDE * (Date.parse(at) - first)) / Math.max(last - first, 1);
  const up = (signal) => (HIGH * (STRONGEST - Math.max(WEAKEST, Math.min(STRONGEST, signal)))) / (STRONGEST - WEAKEST);
  const line = (run) => run.map(({ at, rssi }) => `${across(at).toFixed(1)},${up(rssi).toFixed(1)}`).join(" ");
  const weakest = Math.min(...known.map(({ rssi }) => rssi));
  const words = `Signal, ${dbm(weakest)} at the weakest${floor == null ? "" : `; this room needs ${dbm(floor)}`}`;
  return html`<figure class="signals"><svg viewBox="0 0 ${WIDE} ${HIGH}" role="img" aria-label=${words}
      preserveAspectRatio="none">
    ${floor != null && html`<line class="floor" x1="0" x2=${WIDE} y1=${up(floor)} y2=${up(floor)} />`}
    ${unbroken(known).map((run, index) => html`<polyline key=${index} points=${line(run)} />`)}
  </svg><p class="ends"><${Moment} at=${from} /><${Moment} at=${to} /></p><figcaption>${words}</figcaption></figure>`;
}
