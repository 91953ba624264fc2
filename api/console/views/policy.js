// Thresholds of the hotel, of a room, of a tablet: what each level decides itself, what it inherits, and what holds.

import { useEffect, useRef } from "../vendor/preact-hooks.js";
import { byRoom } from "../fleet.js";
import { GROUPS, inField, read, THRESHOLDS } from "../thresholds.js";
import { roomName } from "../words.js";
import { useDeed, useFound } from "./asking.js";
import { Exceptions } from "./exceptions.js";
import { Outcome, useFirstWrong } from "./field.js";
import { html, useDesk } from "./parts.js";
import { inFull } from "./places.js";
import { Threshold } from "./threshold.js";

const NONE = {};

/** `id` is "room.101" or "device.tab-101"; without one it is the hotel. No id has a dot in it. */
export function Policy({ id, mayChange, rooms, devices, kept: { drafts } }) {
  const { act, clock, http, when } = useDesk();
  const form = useRef(null);
  const level = levelOf(id, devices);
  const { found, complaint, again } = useFound(level.path);
  const hotel = useFound(level.room || level.device ? "policy" : null).found;
  const exceptions = useFound(level.device ? null : "policy/exceptions");
  const room = useFound(level.device && level.room ? `rooms/${encodeURIComponent(level.room)}/policy` : null).found;
  const deed = useDeed();
  useFirstWrong(form, deed.wrong);
  useEffect(deed.hush, [id]);
  const draft = drafts[id ?? ""] ?? NONE;
  const write = (changed) => act.keep((begun) => ({ drafts: { ...begun.drafts, [id ?? ""]: changed } }));
  const type = (name, text) => {
    const { [name]: before, ...others } = draft;
    write(text === inField(name, found.own[name]) ? others : { ...others, [name]: text });
  };
  const leave = () => {
    write(NONE);
    deed.hush();
  };

  const save = async (event) => {
    event.preventDefault();
    const { changes, wrong } = readAll(draft);
    if (Object.keys(wrong).length) {
      deed.refuse(wrong);
      return;
    }
    const done = await deed.work(async () => {
      try {
        await http.patch(level.path, { ...changes, ifRevision: found.revision });
      } catch (problem) {
        if (problem.status === 409) problem.message = overtaken(problem.body, (at) => when(at, clock.now()));
        throw problem;
      }
    }, "Saved. It holds within a second or two.");
    await Promise.all([again(), !level.device && exceptions.again()]);
    if (done) write(NONE);
  };
  const tryOut = () => {
    const { changes, wrong } = readAll(draft);
    if (Object.keys(wrong).length) {
      deed.refuse(wrong);
      return;
    }
    const where = level.device ? `tablet ${level.device}` : level.room ? `room ${level.room}` : "";
    act.keep(() => ({ trial: { policy: changes, where } }));
    act.go("replay");
  };

  const count = Object.keys(draft).length;
  return html`<${Levels} level=${level} rooms=${rooms} devices=${devices} />
    <p class="lead">${about(level, rooms)}</p>
    ${!level.device && html`<${Exceptions} key=${id} told=${exceptions} rooms=${rooms} room=${level.room}
      profile=${found?.effective.profile} />`}
    <p class="complaint" role="alert">${complaint}</p>
    ${!found && !complaint && html`<p class="nothing">Loading…</p>`}
    ${found && html`<form class="thresholds" ref=${form} onSubmit=${save} noValidate aria-busy=${deed.busy}>
      ${Object.entries(GROUPS).map(([title, group]) => html`<fieldset key=${title}><legend>${title}</legend>
        ${Object.keys(group).map((name) => html`<${Threshold} key=${name} name=${name} told=${found}
          from=${source(name, { level, hotel, room })}
          text=${draft[name] ?? inField(name, found.own[name])} changed=${name in draft} wrong=${deed.wrong[name]}
          type=${mayChange ? type : null} first=${level.path === "policy"} />`)}</fieldset>`)}
      ${mayChange && html`<div class="foot ${count ? "pending" : ""}">
        <${Outcome} deed=${deed} fields=${Object.keys(THRESHOLDS)} />
        <p class="tools">
          <span class="hint">${count ? `${count === 1 ? "1 change" : `${count} changes`}, not saved` : "Nothing changed"}</span>
          ${count > 0 && html`<button type="button" onClick=${tryOut}>Try on the past</button>`}
          <button type="button" disabled=${!count || deed.busy} onClick=${leave}>Discard</button>
          <button type="submit" class="primary" disabled=${!count || deed.busy}>Save</button>
        </p>
      </div>`}
    </form>`}`;
}

function levelOf(id, devices) {
  const [kind, ...rest] = (id ?? "").split(".");
  const name = rest.join(".");
  if (kind === "room" && name) return { room: name, path: `rooms/${encodeURIComponent(name)}/policy` };
  if (kind === "device" && name) {
    return { device: name, room: devices.get(name)?.roomId, path: `devices/${encodeURIComponent(name)}/policy` };
  }
  return { path: "policy" };
}

function about({ room, device }, rooms) {
  if (device) return "What this tablet alone is held against, in whichever room it stands. An empty field inherits from its room.";
  if (room) return `What the tablets of ${roomName(rooms.get(room), room)} are held against. An empty field inherits from the hotel.`;
  return "What all tablets of the hotel are held against, where no room or tablet says otherwise. An empty field is the standard.";
}

function Levels({ level, rooms, devices }) {
  const { act } = useDesk();
  const all = [...rooms.values()].sort(byRoom);
  const within = [...devices.values()].filter(({ roomId }) => roomId === level.room).map(({ deviceId }) => deviceId).sort();
  const choice = (value, words, chosen) => html`<option key=${value} value=${value} selected=${value === chosen}>${words}</option>`;
  const toRoom = (room) => act.go("policy", room ? `room.${room}` : null);
  return html`<div class="bar levels">
    <label>For <select value=${level.room ?? ""} onChange=${(event) => toRoom(event.target.value)}>
      ${choice("", "the whole hotel", level.room ?? "")}
      ${all.map((one) => choice(one.roomId, inFull(one), level.room))}
    </select></label>
    ${level.room && html`<label>Tablet <select value=${level.device ?? ""} onChange=${({ target: { value } }) =>
        (value ? act.go("policy", `device.${value}`) : toRoom(level.room))}>
      ${choice("", within.length ? "all of the room" : "none stands here", level.device ?? "")}
      ${within.map((one) => choice(one, one, level.device))}
    </select></label>`}
  </div>`;
}

/** Which level above says it: in words, and empty while that is not known yet. */
function source(name, { level, hotel, room }) {
  if (level.path === "policy") return "standard";
  if (!hotel || (level.device && level.room && !room)) return "";
  if (level.device && room?.own[name] !== undefined) return "from its room";
  return hotel.own[name] !== undefined ? "from the hotel" : "standard";
}

function readAll(draft) {
  const all = Object.entries(draft).map(([name, text]) => [name, read(name, text)]);
  return {
    changes: Object.fromEntries(all.map(([name, { value }]) => [name, value])),
    wrong: Object.fromEntries(all.filter(([, { wrong }]) => wrong).map(([name, { wrong }]) => [name, wrong])),
  };
}

function overtaken({ by, at }, when) {
  const who = `${by ?? "Somebody"} changed these thresholds${at ? `, ${when(at)}` : ""}.`;
  return `${who} Shown is how they stand now; what you typed is still there.`;
}
