// What one page alone shows is asked for when it is looked at, and again when there is reason to.

import { useEffect, useRef, useState } from "../vendor/preact-hooks.js";
import { useDesk } from "./parts.js";

const APART = 1_000; // ms between two questions, however often there is reason to ask

/**
 * Ask `path` (null: nothing), again when `again` is another value and every so many ms. Returns `{ found, missing,
 * complaint }`: what was found stays where a later answer does not come.
 */
export function useLook(path, { again = null, every = null } = {}) {
  const { http, clock } = useDesk();
  const [answer, setAnswer] = useState({ path: null });
  const [turn, setTurn] = useState(0);
  const asking = useRef(null);
  // One question at a time, and whoever has reason meanwhile is answered by the next.
  useEffect(() => {
    if (!path) return;
    if (asking.current?.path === path) asking.current.more = true;
    else keepAsking({ path, more: true });
  }, [path, again, turn]);
  useEffect(() => () => (asking.current = null), []);
  useEffect(() => {
    let last = clock.now();
    return clock.watch((now) => {
      if (!every || now - last < every) return;
      last = now;
      setTurn((before) => before + 1);
    });
  }, [clock, every]);

  async function keepAsking(mine) {
    asking.current = mine;
    while (asking.current === mine && mine.more) {
      mine.more = false;
      const said = await http.get(path).then((found) => ({ found }), ({ status, message }) => (
        { complaint: message, missing: status === 404 }));
      if (asking.current !== mine) return;
      setAnswer((before) => ({ ...(before.path === path && !said.missing && before), complaint: "", missing: false, path, ...said }));
      await new Promise((resolve) => setTimeout(resolve, APART));
    }
    if (asking.current === mine) asking.current = null;
  }

  return answer.path === path ? answer : {};
}
