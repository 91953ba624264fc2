// Where the page is, in the address's fragment, so that Back closes what was opened and a reload keeps the place.

const VIEWS = ["alerts", "tablets", "incidents", "clearances", "round", "people", "enrolments", "migration",
  "policy", "maintenance", "calibration", "replay", "access-points"];

/** Read "#alerts/01J…" as `{ view, id }`; anything else is the list of alerts. */
export function parse(fragment) {
  const [view, id] = fragment.replace(/^#/, "").split("/");
  return VIEWS.includes(view) ? { view, id: id || null } : { view: "alerts", id: null };
}

export function address(view, id) {
  return id ? `#${view}/${id}` : `#${view}`;
}

/** Write it into the address bar; `replace` leaves no step for Back. */
export function write(view, id, { replace }) {
  if (replace) history.replaceState(null, "", address(view, id));
  else history.pushState(null, "", address(view, id));
}

/** The secret of "#password/…", the link by which a person chooses a password; null for any other address. */
export function secretIn(fragment) {
  return fragment.match(/^#password\/([A-Za-z0-9_-]{1,128})$/)?.[1] ?? null;
}
