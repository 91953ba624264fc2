"""The end of answers that end by themselves: an acknowledgment lapses while the alert is critical, a snooze is over.

Each is dated at its end, however late it is found. If then nobody answers for the alert, its hotel is told again.
"""

# ruff: noqa: S608 - only words of ours are put together here; what comes from others goes in as values.

from datetime import datetime
from typing import Final

from msgspec import Struct

from rules.alerts import Condition, Severity
from rules.ids import AlertId, HotelId
from store import answering
from store.answering import Held
from store.database import Database
from store.errors import AlertGone, NotFound
from store.records import EventType, NoticeKind
from store.transaction import Transaction

_STILL_CRITICAL: Final = (
    "alert.severity = 'critical' AND alert.condition = 'active' AND alert.acknowledged_by IS NOT NULL"
)


class Overdue(Struct, frozen=True):
    """An alert for which somebody's answer has come to its end."""

    hotel_id: HotelId
    alert_id: AlertId


class Lapses:
    _database: Database

    async def overdue_answers(self, now: datetime, *, limit: int) -> list[Overdue]:
        """Acknowledgments that have lapsed and snoozes that are over, of all hotels, longest first."""
        return await self._database.read(lambda transaction: _overdue(transaction, now, limit=limit))

    async def end_answers(self, hotel_id: HotelId, alert_id: AlertId, *, now: datetime) -> bool:
        """End of an alert's answers what is over, dated at its end, and tell the hotel's channels where nobody answers
        for it now, unless it is suppressed or an incident speaks for it. False: nothing was over.
        """
        return await self._database.write(lambda transaction: _end(transaction, hotel_id, alert_id, now=now))


def _overdue(transaction: Transaction, now: datetime, *, limit: int) -> list[Overdue]:
    # Two questions, for each has an index of its own.
    lapsed = transaction.rows(
        "SELECT hotel.id, alert.id, alert.lapses_at FROM alert JOIN hotel ON hotel.key = alert.hotel_key"
        f" WHERE alert.status = 'open' AND alert.lapses_at <= :now AND {_STILL_CRITICAL}"
        " ORDER BY alert.lapses_at LIMIT :limit",
        now=now,
        limit=limit,
    )
    snoozed = transaction.rows(
        "SELECT hotel.id, alert.id, alert.snoozed_until FROM alert JOIN hotel ON hotel.key = alert.hotel_key"
        " WHERE alert.status = 'open' AND alert.snoozed_until <= :now ORDER BY alert.snoozed_until LIMIT :limit",
        now=now,
        limit=limit,
    )
    rows = sorted([*lapsed, *snoozed], key=lambda row: int(row[2]))[:limit]
    return list(dict.fromkeys(Overdue(HotelId(row[0]), AlertId(row[1])) for row in rows))


def _end(transaction: Transaction, hotel_id: HotelId, alert_id: AlertId, *, now: datetime) -> bool:
    try:
        held = answering.hold(transaction, hotel_id, alert_id)
    except (NotFound, AlertGone):
        return False
    ended = None
    if (until := held.alert.snoozed_until) is not None and until <= now:
        ended = answering.write(transaction, held, EventType.ALERT_SNOOZED, "snoozed_until = NULL", at=until, by=None)
    if (had := held.alert.acknowledged) is not None and (lapsed_at := _lapsed_at(held, now)) is not None:
        change = answering.NOT_ACKNOWLEDGED
        ended = answering.write(transaction, held, EventType.ALERT_LAPSED, change, at=lapsed_at, by=had.by)
    if ended is None:
        return False
    alert, event_id = ended
    if alert.acknowledged is None and alert.snoozed_until is None:
        answering.tell(transaction, held, alert, NoticeKind.LAPSED, event_id=event_id, now=now)
    return True


def _lapsed_at(held: Held, now: datetime) -> datetime | None:
    """When the alert's acknowledgment came to its end; as `_STILL_CRITICAL`."""
    alert, at = held.alert, held.lapses_at
    is_critical = alert.severity is Severity.CRITICAL and alert.condition is Condition.ACTIVE
    return at if is_critical and at is not None and at <= now else None
