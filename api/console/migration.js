// How far the hotel is on the way from HTTP to MQTT. It is asked for while somebody looks at it: nothing here is urgent.

const PAGE = 200; // items asked for at a time

export const LOOK_EVERY = 30_000; // ms between two questions while the page is open

/** Everything that `GET /api/migration` says, page by page: `{ sharedToken, counts, strangers, items }`. */
export async function learnMigration(http) {
  let cursor = "";
  let told = null;
  const items = [];
  do {
    told = await http.get(`migration?limit=${PAGE}${cursor}`);
    items.push(...told.items);
    cursor = told.next ? `&cursor=${encodeURIComponent(told.next)}` : "";
  } while (cursor);
  return { sharedToken: told.sharedToken, counts: told.counts, strangers: told.strangers, items };
}

/** Whether there is a way to go: a hotel that never had the old system need not hear of it. */
export function isUnderWay({ sharedToken, counts }) {
  return sharedToken || counts.legacyToken + counts.http > 0;
}
