// Asking the server from within a view: what a page shows, kept fresh while it is looked at, and deeds that may be refused.

import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { useDesk } from "./parts.js";

/** What is at a path: `{ found, complaint, again }`. What was found stays where a later question is not answered.
 *
 * `every(found)` (ms): so often it is asked for anew while the view is open; 0: only by `again()`. No path: nothing is asked.
 */
export function useFound(path, { every = () => 0 } = {}) {
  const { clock, http } = useDesk();
  const [answer, setAnswer] = useState({ path });
  const last = useRef({ turn: 0, at: 0, waits: false });
  const again = async () => {
    const turn = (last.current.turn += 1);
    Object.assign(last.current, { at: clock.now(), waits: true });
    const said = await http.get(path).then((found) => ({ found, complaint: "" }), ({ message }) => ({ complaint: message }));
    if (turn !== last.current.turn) return;
    last.current.waits = false;
    setAnswer((before) => ({ ...(before.path === path && before), ...said, path }));
  };
  useEffect(() => {
    if (path) again();
    return () => (last.current.turn += 1);
  }, [path]);
  const told = answer.path === path ? answer : {};
  const often = path ? every(told.found) : 0;
  useEffect(() => {
    if (!often) return undefined;
    return clock.watch((now) => !last.current.waits && now - last.current.at >= often && again());
  }, [path, often]);
  return { ...told, again };
}

const CALM = { busy: false, trouble: "", wrong: {}, done: "" };

/** Deeds that the server may refuse: `{ busy, trouble, wrong, done, work, refuse }`.
 *
 * `work(deed, done)` returns whether it was done, which `done` then tells in words. `wrong` is what is said of fields, by their
 * name on the wire, `trouble` all else. `refuse(wrong)` complains of fields without asking the server.
 */
export function useDeed() {
  const [told, setTold] = useState(CALM);
  const work = async (deed, done = "") => {
    setTold({ ...CALM, busy: true });
    try {
      await deed();
    } catch (problem) {
      if (problem.status === undefined) throw problem; // no Problem: a fault of this page
      setTold({ ...CALM, ...complaints(problem) });
      return false;
    }
    setTold({ ...CALM, done });
    return true;
  };
  return { ...told, work, refuse: (wrong) => setTold({ ...CALM, wrong }), hush: () => setTold(CALM) };
}

// What the server says of fields stands beside them; where it names none, or the whole body, it stands by itself.
function complaints({ message, body }) {
  const errors = (body?.errors ?? []).filter(({ field }) => field !== "body");
  if (!errors.length) return { trouble: message };
  return { wrong: Object.fromEntries(errors.map(({ field, detail }) => [field, sentence(detail)])) };
}

// "is in the future" as "This is in the future."
function sentence(detail) {
  const said = /^(is|must|may|names|needs|has|begins|ends|holds)\b/.test(detail) ? `This ${detail}` : detail;
  return `${said.charAt(0).toUpperCase()}${said.slice(1).replace(/\.?$/, ".")}`;
}
