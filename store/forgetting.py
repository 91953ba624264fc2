"""Forgetting what became of alerts years ago, and what was refused weeks ago: the oldest first, a slice at a time.

Events go from a hotel's first on and never out of the middle, so that a reader who is too far behind is told so; what
a notice tells of that is still to be sent stays, and so does all that came after it. An
alert goes when it is over, its events are gone and nothing that was sent of it is left; the audit stays.
"""

from functools import partial
from typing import Final

from store import cursors, sightings, slices
from store.database import Database
from store.kept import Before
from store.slices import delete_all, last_before
from store.times import micros
from store.transaction import Transaction

Forgotten = dict[str, int]
"""How many rows of each table are gone."""


async def forget(database: Database, *, before: Before) -> Forgotten:
    """Forget what was over, or was refused, before these moments. May be stopped at any moment.

    Raises StoreUnavailable.
    """
    hotels = [int(row[0]) for row in await database.ask("SELECT key FROM hotel ORDER BY key")]
    of_events = micros(before.events)
    gone: Forgotten = {}
    for hotel in hotels:
        for table, some in _OF_HOTELS.items():
            gone[table] = gone.get(table, 0) + await delete_all(database, partial(some, hotel=hotel, before=of_events))
        heard = await delete_all(database, partial(_sightings, hotel=hotel, before=micros(before.sightings)))
        gone["sighting"] = gone.get("sighting", 0) + heard
        replayed = await delete_all(database, partial(_replays, hotel=hotel, before=micros(before.replays)))
        gone["replay"] = gone.get("replay", 0) + replayed
    gone["clearance"] = await delete_all(database, partial(_clearances, before=of_events))
    gone["quarantine"] = await delete_all(database, partial(_quarantined, before=micros(before.quarantine)))
    gone["orphan"] = await delete_all(database, partial(_orphans, before=micros(before.quarantine)))
    return gone


def _notifications(transaction: Transaction, *, hotel: int, before: int) -> int:
    rows = transaction.rows(
        "SELECT id, created_at FROM notification WHERE hotel_key = :hotel ORDER BY id LIMIT :slice",
        hotel=hotel,
        slice=slices.SLICE,
    )
    last = last_before(rows, before)
    if last is None:
        return 0
    return transaction.run(
        "DELETE FROM notification WHERE hotel_key = :hotel AND id <= :last AND due_at IS NULL", hotel=hotel, last=last
    )


def _events(transaction: Transaction, *, hotel: int, before: int) -> int:
    rows = transaction.rows(
        "SELECT id, at FROM event WHERE hotel_key = :hotel AND id < coalesce((SELECT min(notification.event_id)"
        " FROM notification WHERE notification.hotel_key = :hotel AND notification.state IN ('pending', 'sending')),"
        " :none) ORDER BY id LIMIT :slice",
        hotel=hotel,
        none=cursors.LAST,
        slice=slices.SLICE,
    )
    last = last_before(rows, before)
    if last is None:
        return 0
    return transaction.run("DELETE FROM event WHERE hotel_key = :hotel AND id <= :last", hotel=hotel, last=last)


def _alerts(transaction: Transaction, *, hotel: int, before: int) -> int:
    rows = transaction.rows(
        "SELECT key FROM alert WHERE hotel_key = :hotel AND opened_at < :before AND status = 'resolved'"
        " AND coalesce(resolved_at, last_at) < :before"
        " AND NOT EXISTS (SELECT 1 FROM event WHERE event.alert_key = alert.key)"
        " AND NOT EXISTS (SELECT 1 FROM notification WHERE notification.alert_key = alert.key)"
        " ORDER BY opened_at, key LIMIT :slice",
        hotel=hotel,
        before=before,
        slice=slices.SLICE,
    )
    for (key,) in rows:
        transaction.run("DELETE FROM alert WHERE hotel_key = :hotel AND key = :key", hotel=hotel, key=key)
    return len(rows)


def _incidents(transaction: Transaction, *, hotel: int, before: int) -> int:
    rows = transaction.rows(
        "SELECT key FROM incident WHERE hotel_key = :hotel AND opened_at < :before AND closed_at < :before"
        " AND NOT EXISTS (SELECT 1 FROM alert WHERE alert.hotel_key = :hotel AND alert.incident_key = incident.key)"
        " AND NOT EXISTS (SELECT 1 FROM notification WHERE notification.hotel_key = :hotel"
        " AND notification.incident_key = incident.key)"
        " ORDER BY opened_at, key LIMIT :slice",
        hotel=hotel,
        before=before,
        slice=slices.SLICE,
    )
    for (key,) in rows:
        transaction.run("DELETE FROM incident WHERE hotel_key = :hotel AND key = :key", hotel=hotel, key=key)
    return len(rows)


def _windows(transaction: Transaction, *, hotel: int, before: int) -> int:
    return transaction.run(
        "DELETE FROM maintenance WHERE hotel_key = :hotel AND key IN (SELECT key FROM maintenance"
        " WHERE hotel_key = :hotel AND coalesce(ended_at, ends_at) < :before ORDER BY key LIMIT :slice)",
        hotel=hotel,
        before=before,
        slice=slices.SLICE,
    )


_OF_HOTELS: Final = {
    "notification": _notifications,
    "event": _events,
    "alert": _alerts,
    "incident": _incidents,
    "maintenance": _windows,
}
"""In this order: an alert goes after what tells of it."""


def _sightings(transaction: Transaction, *, hotel: int, before: int) -> int:
    """Of retired tablets: those of a tablet that is heard go when it is heard (`store.sightings`)."""
    rows = transaction.rows(
        "SELECT sighting.device_key, sighting.day, sighting.bssid, sighting.room_key FROM device"
        " JOIN sighting ON sighting.device_key = device.key"
        " WHERE device.hotel_key = :hotel AND device.retired_at IS NOT NULL AND sighting.day < :first LIMIT :slice",
        hotel=hotel,
        first=before // sightings.DAY,
        slice=slices.SLICE,
    )
    for device, day, bssid, room in rows:
        transaction.run(
            "DELETE FROM sighting WHERE device_key = :device AND day = :day AND bssid = :bssid AND room_key = :room",
            device=device,
            day=day,
            bssid=bssid,
            room=room,
        )
    return len(rows)


def _clearances(transaction: Transaction, *, before: int) -> int:
    rows = transaction.rows("SELECT key, at FROM clearance ORDER BY key LIMIT :slice", slice=slices.SLICE)
    last = last_before(rows, before)
    return 0 if last is None else transaction.run("DELETE FROM clearance WHERE key <= :last", last=last)


def _quarantined(transaction: Transaction, *, before: int) -> int:
    rows = transaction.rows("SELECT id, at FROM quarantine ORDER BY id LIMIT :slice", slice=slices.SLICE)
    last = last_before(rows, before)
    return 0 if last is None else transaction.run("DELETE FROM quarantine WHERE id <= :last", last=last)


def _replays(transaction: Transaction, *, hotel: int, before: int) -> int:
    """Of a hotel where nobody asks for another: else they go then (`store.replaying`)."""
    return transaction.run(
        "DELETE FROM replay WHERE hotel_key = :hotel AND key IN (SELECT key FROM replay"
        " WHERE hotel_key = :hotel AND finished_at < :before ORDER BY key LIMIT :slice)",
        hotel=hotel,
        before=before,
        slice=slices.SLICE,
    )


def _orphans(transaction: Transaction, *, before: int) -> int:
    rows = transaction.rows(
        "SELECT hotel_id, device_id FROM orphan WHERE last_at < :before LIMIT :slice", before=before, slice=slices.SLICE
    )
    for hotel_id, device_id in rows:
        transaction.run(
            "DELETE FROM orphan WHERE hotel_id = :hotel AND device_id = :device AND last_at < :before",
            hotel=hotel_id,
            device=device_id,
            before=before,
        )
    return len(rows)
