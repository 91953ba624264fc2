// The small pieces that every view is made of.

import { Component, createContext, h } from "../vendor/preact.js";
import { useCallback, useContext, useEffect, useState } from "../vendor/preact-hooks.js";
import htm from "../vendor/htm.js";
import { span } from "../time.js";

export const html = htm.bind(h);

/** What views may use without being handed it through every level: `{ clock, when, act, http }`. */
export const Desk = createContext(null);

export const useDesk = () => useContext(Desk);

/** A value computed from the time, fresh every second; the view is drawn again only when the value changes. */
export function useNow(compute, inputs) {
  const { clock } = useDesk();
  const value = useCallback(compute, inputs);
  const [, draw] = useState(null);
  const now = value(clock.now());
  useEffect(() => clock.watch((later) => draw(value(later))), [clock, value]);
  return now;
}

/** How long ago something was, ticking; the moment itself is its title. */
export function Ago({ at }) {
  const { clock, when } = useDesk();
  const text = useNow((now) => span(now - Date.parse(at)), [at]);
  return html`<time datetime=${at} title=${when(at, clock.now())}>${text}</time>`;
}

/** A moment on the hotel's clock, with its day where that is not today, nor that of the moment it stands `beside`. */
export function Moment({ at, beside }) {
  const { clock, when } = useDesk();
  return html`<time datetime=${at}>${when(at, beside ? Date.parse(beside) : clock.now())}</time>`;
}

/** From a moment to another on the hotel's clock, with the day of the first, and of the second where it is another one. */
export function Stretch({ from, to }) {
  const { when } = useDesk();
  return html`<time datetime=${from}>${when(from, 0)}</time> to <time datetime=${to}>${when(to, Date.parse(from))}</time>`;
}

/** A view that is drawn again only when one of its properties is another object or value. */
export function memo(view) {
  return class extends Component {
    shouldComponentUpdate(next) {
      return Object.keys(next).some((key) => next[key] !== this.props[key]);
    }

    render(props) {
      return view(props);
    }
  };
}
