"""Two tablets that are in each other's room: let the books say so, both at once."""

from datetime import datetime

from rules.alerts import AlertSnapshot, Because, Rule
from rules.ids import AlertId, DeviceId, HotelId
from store import answering, audit, events, lives
from store.answering import Asked
from store.audit import Actor, Deed
from store.database import Database
from store.errors import AnswerRefused
from store.records import Device
from store.revisions import changed_hotel
from store.transaction import Transaction


class Swaps:
    _database: Database

    async def fix_swap(
        self, hotel_id: HotelId, alert_id: AlertId, *, by: Actor, now: datetime, if_revision: int | None = None
    ) -> tuple[Device, Device]:
        """Give each of the two tablets of a `room.swapped` alert the other's room; events device.moved, of both.

        The alert has a note of it, and ends by itself, when the tablets are heard in what is now their room. Raises
        NotFound (alert, device), AlertGone, Overtaken (also where the books have them elsewhere by now: it was done
        before), and AnswerRefused for an alert of anything else.
        """
        asked = Asked(hotel_id, alert_id, by, now, if_revision)
        return await self._database.write(lambda transaction: _fix(transaction, asked))


def _fix(transaction: Transaction, asked: Asked) -> tuple[Device, Device]:
    held, hotel_id, now = answering.hold_as_seen(transaction, asked), asked.hotel_id, asked.now
    changed_hotel(transaction, hotel_id)  # after the alert: docs/adr/0019
    one = lives.known(transaction, hotel_id, held.alert.device_id)
    other = lives.known(transaction, hotel_id, _partner(held.alert))
    if one.room_id != held.alert.room_id or other.room_id not in _rooms_of_partner(held.alert):
        raise answering.overtaken(transaction, held)
    answering.add_note(transaction, held, asked, f"{one.id} and {other.id} have each other's room now")
    first = lives.put(transaction, hotel_id, one, room_id=other.room_id)
    second = lives.put(transaction, hotel_id, other, room_id=one.room_id)
    entries = []
    for before, after in ((one, first), (other, second)):
        detail = {"fromRoomId": before.room_id, "roomId": after.room_id}
        audit.note(transaction, hotel_id, Deed.DEVICE_MOVED, by=asked.by, subject=after.id, now=now, detail=detail)
        entries.append(lives.moved(after, from_room=before.room_id, now=now))
    events.append(transaction, hotel_id, entries)
    return first, second


def _partner(alert: AlertSnapshot) -> DeviceId:
    for reason in alert.why:
        if alert.rule is Rule.ROOM_SWAPPED and reason.because is Because.SWAPPED and isinstance(reason.observed, str):
            return DeviceId(reason.observed)
    raise AnswerRefused("alertId", "is no alert of two swapped tablets: there is nothing to fix")


def _rooms_of_partner(alert: AlertSnapshot) -> list[str]:
    """Where the alert has the other one, going by the room that the tablet says or by its access point."""
    return [
        room
        for reason in alert.why
        if reason.because in {Because.SAYS_ANOTHER_ROOM, Because.LIVES_ELSEWHERE} and isinstance(reason.observed, str)
        for room in reason.observed.split()
    ]
