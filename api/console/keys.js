// The keyboard: single keys for the whole page, which keep quiet while somebody writes.

export const HELP = [
  ["j  ↓", "next alert"],
  ["k  ↑", "previous alert"],
  ["Enter", "open it"],
  ["a", "acknowledge it"],
  ["/", "search"],
  ["1  2", "alerts, tablets"],
  ["o", "outages"],
  ["c", "check-outs (staff)"],
  ["r", "tonight’s round"],
  ["3  4", "people, enrolment (managers)"],
  ["5", "how the hotel is watched"],
  ["Esc", "close"],
  ["?", "this help"],
];

/** Listen; `verbs` maps a key to what it does, which returns false when it does not apply now. */
export function listenToKeys(verbs) {
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (writing(event.target) && event.key !== "Escape") return;
    if (document.querySelector("dialog[open]")) return; // Modal: it closes itself at Escape.
    if (event.key in verbs && verbs[event.key](event) !== false) event.preventDefault();
  });
}

function writing(target) {
  return target.matches?.("input, textarea, select, [contenteditable]");
}
