// The small signs on an alert: what it has been through, and what holds its notices back. Pure, so that it can be tested.

const LATE = new Set(["wifi-off", "powered-off"]); // of these `since` is when the tablet said so; told at once, they have none

const HUSHED = { maintenance: ["maintenance", "In maintenance", "Nobody is told while the maintenance window lasts"] };

/** Whether a lasting outage speaks for it: who did not return with the others stands by itself. */
export function isPartOf({ status, incidentId, why }, outages) {
  return status === "open" && outages.has(incidentId) && !why.some(({ because }) => because === "did-not-return");
}

/** The signs of an alert as `[key, words, meaning]`, what matters most first. `outages`: ids of incidents that last. */
export function signs(alert, outages = new Set()) {
  const { status, condition, flapping, reopened, suppressedBy, why, acknowledged, assignee, snoozedUntil } = alert;
  const open = status === "open";
  const late = why.some(({ because, since }) => LATE.has(because) && since);
  return [
    open && condition === "cleared" && ["person", "Waits for a person", "Its cause is gone; it stays open until somebody resolves it"],
    open && flapping && ["flapping", "Comes and goes", "It began and ended too often: it is told once, and stays open until it is calm"],
    reopened > 0 && ["reopened", reopened > 1 ? `Again, ${reopened} times` : "Again", "It was over, and has begun again"],
    late && ["late", "Told late", "The tablet said why before it fell silent, and that came only later"],
    open && suppressedBy && (HUSHED[suppressedBy]
      ?? [suppressedBy, suppressedBy.replace(/-/g, " "), "Nobody is told while this lasts"]),
    isPartOf(alert, outages) && ["outage", "Part of an outage", "It is told as part of an outage, not by itself"],
    open && acknowledged && assignee && assignee !== acknowledged.by && ["assigned", `For ${assignee}`, "Whose it is to be"],
    open && acknowledged && snoozedUntil && ["snoozed", "Snoozed", "Nobody is told of what is known of it for a while"],
  ].filter(Boolean);
}
