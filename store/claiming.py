"""Whose turn it is in the outbox, and taking a notice in hand, with a last look at whether it need be sent at all.

What one channel is told of one alert, it is told in order: a row waits, due or not, until the earlier ones of its alert
and channel are finished. A recovery is told to those who were told of the trouble, however late; where nothing of it
got through, the recovery is cancelled. What somebody has answered for is not sent: that is asked when it is claimed, so
at the last moment, and for each attempt anew.

No channel can keep the others waiting, were there a thousand notices to a server that never answers: few are under way
to one channel at a time, fewer while it fails, and those to all failing channels together are no more than a worker can
spare.
"""

from datetime import datetime
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from rules.alerts import AlertSnapshot
from rules.ids import HotelId
from store import incidents
from store.outcomes import finish
from store.records import Channel, Claimed, EventType, NoticeKind, NotificationId, NotificationRef, NotificationState
from store.telling import ANSWERED_FOR, EACH, SUPPRESSED
from store.times import moment
from store.transaction import Transaction

AT_ONCE: Final = 2
"""Notices that may be under way to one channel."""

AT_ONCE_TO_FAILING: Final = 1
"""The same for a channel in which a notice waits that was tried in vain."""

AT_ONCE_TO_ALL_FAILING: Final = 4
"""Half of a worker's threads (`worker.settings`): the other half is for channels that answer."""

_IS_DUE = "CASE WHEN due_at <= :now THEN 1 END = 1"
"""Of one row that is known by its id. Said plainly, PostgreSQL would rather look for it among all that are due."""

_LANES = (
    "SELECT channel.key, hotel.id,"  # noqa: S608 - ours
    " (SELECT count(*) FROM notification AS sent WHERE sent.channel_key = channel.key"
    " AND sent.due_at > :now AND sent.state = 'sending'),"
    " EXISTS (SELECT 1 FROM notification AS tried WHERE tried.channel_key = channel.key"
    f" AND tried.due_at IS NOT NULL AND tried.last_error IS NOT NULL {EACH})"
    " FROM channel JOIN hotel ON hotel.key = channel.hotel_key WHERE EXISTS (SELECT 1 FROM notification"
    f" WHERE notification.channel_key = channel.key AND notification.due_at IS NOT NULL {EACH})"
)
"""Every channel with unfinished notices: how many are under way, and whether it fails."""

_BEFORE = " AND +earlier.channel_key = notification.channel_key AND earlier.id < notification.id"
_IN_ORDER = (
    " NOT EXISTS (SELECT 1 FROM notification AS earlier WHERE earlier.alert_key = notification.alert_key"  # noqa: S608
    f"{_BEFORE} AND earlier.state IN ('pending', 'sending') {EACH})"
    " AND NOT EXISTS (SELECT 1 FROM notification AS earlier WHERE earlier.incident_key = notification.incident_key"
    f"{_BEFORE} AND earlier.state IN ('pending', 'sending') {EACH})"
)
"""That a row's turn has come. `+` keeps SQLite to the alert's few rows: it would walk all that the channel ever had.

By its state, which says the same as `due_at`: of that there is an index, which PostgreSQL would walk for each row.
"""

_UNHEARD = (
    " ((notification.kind = 'recovered' AND NOT EXISTS (SELECT 1 FROM notification AS earlier"  # noqa: S608
    f" WHERE earlier.alert_key = notification.alert_key{_BEFORE} AND earlier.state = 'delivered'))"
    " OR (notification.kind = 'incident-over' AND NOT EXISTS (SELECT 1 FROM notification AS earlier"
    f" WHERE earlier.incident_key = notification.incident_key{_BEFORE} AND earlier.state = 'delivered')))"
)
"""That a row, when its turn has come, tells of the end of what nobody there has heard of."""

_ANSWERED = (
    " notification.kind NOT IN ('recovered', 'incident', 'incident-over') AND EXISTS (SELECT 1 FROM alert"  # noqa: S608
    " WHERE alert.key = notification.alert_key AND (alert.resolved_by IS NOT NULL"
    " OR (alert.acknowledged_by IS NOT NULL AND notification.event_id < (SELECT max(event.id) FROM event"
    " WHERE event.hotel_key = alert.hotel_key AND event.alert_key = alert.key"
    f" AND event.type = '{EventType.ALERT_ACKNOWLEDGED.value}'))"
    " OR (alert.snoozed_until > :now AND notification.event_id < (SELECT max(event.id) FROM event"
    " WHERE event.hotel_key = alert.hotel_key AND event.alert_key = alert.key"
    f" AND event.type = '{EventType.ALERT_SNOOZED.value}'))))"
)
"""That somebody has answered, since the row was made, for what it tells of. What came later is news to them too."""

_TAKEN_ON = (
    " notification.kind = 'incident' AND EXISTS (SELECT 1 FROM incident WHERE incident.key = notification.incident_key"
    " AND incident.acknowledged_at >= notification.created_at)"
)
"""That somebody has taken an incident on since the row was made."""

_NOT_AGAIN = " notification.not_again IS NOT NULL"
"""That its alert was withheld while it was under way, and whoever sent it never said what became of it."""

_NOT_TOLD = "nobody was told of the trouble by this channel, so nobody is told that it is over"
_TAKEN = "somebody took the incident on before this was sent"
_alerts = msgspec.json.Decoder(AlertSnapshot)
_channels = msgspec.json.Decoder(Channel)


class _Waiting(NamedTuple):
    due_at: int
    ref: NotificationRef


def due(transaction: Transaction, now: datetime, *, limit: int) -> list[NotificationRef]:
    well: list[_Waiting] = []
    failing: list[_Waiting] = []
    to_failing = AT_ONCE_TO_ALL_FAILING
    for key, hotel_id, under_way, fails in transaction.rows(_LANES, now=now):
        at_once = AT_ONCE_TO_FAILING if fails else AT_ONCE
        to_failing -= under_way if fails else 0
        if under_way < at_once:
            lane = failing if fails else well
            lane += _first(transaction, key, hotel_id, now=now, limit=at_once - under_way)
    longest = attrgetter("due_at", "ref.id")
    ordered = sorted(well, key=longest) + sorted(failing, key=longest)[: max(to_failing, 0)]
    return [waiting.ref for waiting in ordered[:limit]]


def _first(transaction: Transaction, channel: int, hotel_id: str, *, now: datetime, limit: int) -> list[_Waiting]:
    """The first of one channel whose turn has come."""
    rows = transaction.rows(
        "SELECT due_at, id FROM notification"  # noqa: S608 - ours
        # Not by id too: the index is in this order, and only the first rows are looked at.
        f" WHERE channel_key = :channel AND due_at <= :now AND {_IN_ORDER} ORDER BY due_at LIMIT :limit",
        channel=channel,
        now=now,
        limit=limit,
    )
    return [_Waiting(row[0], NotificationRef(HotelId(hotel_id), NotificationId(row[1]))) for row in rows]


def claim(
    transaction: Transaction,
    hotel_id: HotelId,
    notification_id: NotificationId,
    *,
    worker: str,
    now: datetime,
    lease_until: datetime,
) -> Claimed | None:
    # Claims of one channel go one after the other: each counts those that are under way.
    transaction.hold(
        "SELECT 1 FROM channel WHERE key = (SELECT channel_key FROM notification WHERE id = :id"
        " AND hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel))",
        id=notification_id,
        hotel=hotel_id,
    )
    if _cancel(transaction, hotel_id, notification_id, _UNHEARD, why=_NOT_TOLD, now=now):
        return None
    if _cancel(transaction, hotel_id, notification_id, _ANSWERED, why=ANSWERED_FOR, now=now):
        return None
    if _cancel(transaction, hotel_id, notification_id, _TAKEN_ON, why=_TAKEN, now=now):
        return None
    if _cancel(transaction, hotel_id, notification_id, _NOT_AGAIN, why=SUPPRESSED, now=now):
        return None
    taken = transaction.run(
        "UPDATE notification SET state = 'sending', leased_by = :worker, due_at = :lease_until,"  # noqa: S608 - ours
        " attempts = attempts + 1"
        " WHERE id = :id AND hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)"
        f" AND {_IS_DUE} AND {_IN_ORDER} AND NOT ({_ANSWERED})"
        " AND :at_once > (SELECT count(*) FROM notification AS sent"
        " WHERE sent.channel_key = notification.channel_key AND sent.due_at > :now AND sent.state = 'sending')",
        at_once=AT_ONCE,
        worker=worker,
        lease_until=lease_until,
        id=notification_id,
        hotel=hotel_id,
        now=now,
    )
    if not taken:
        held = _held_until(transaction, hotel_id, notification_id, worker=worker, now=now)
        return None if held is None else _claimed(transaction, hotel_id, notification_id, lease_until=held)
    try:
        return _claimed(transaction, hotel_id, notification_id, lease_until=lease_until)
    except msgspec.DecodeError:
        # Not an error of the caller's, who could do nothing about it: it would be due for ever.
        finish(
            transaction,
            hotel_id,
            notification_id,
            worker=worker,
            now=now,
            state=NotificationState.DEAD,
            error="internal error: what it should tell cannot be read",
        )
        return None


def _held_until(
    transaction: Transaction, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime
) -> datetime | None:
    """Until when this very claim holds, which was made before and whose answer was lost."""
    row = transaction.row(
        "SELECT due_at FROM notification"
        " WHERE id = :id AND hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)"
        " AND state = 'sending' AND leased_by = :worker AND due_at > :now",
        id=notification_id,
        hotel=hotel_id,
        worker=worker,
        now=now,
    )
    return None if row is None else moment(row[0])


def _claimed(
    transaction: Transaction, hotel_id: HotelId, notification_id: NotificationId, *, lease_until: datetime
) -> Claimed:
    row = transaction.row(
        "SELECT notification.kind, notification.attempts, notification.alert_revision, channel.key, channel.settings,"
        " event.data, hotel.name, hotel.timezone, notification.incident_key FROM notification"
        " JOIN hotel ON hotel.key = notification.hotel_key"
        " JOIN channel ON channel.key = notification.channel_key"
        " JOIN event ON event.hotel_key = notification.hotel_key AND event.id = notification.event_id"
        " WHERE notification.id = :id AND hotel.id = :hotel",
        id=notification_id,
        hotel=hotel_id,
    )
    assert row is not None  # noqa: S101 - foreign keys, and the event that made it
    about = _alerts.decode(row[5]) if row[8] is None else incidents.by_key(transaction, hotel_id, row[8])
    return Claimed(
        hotel_id=hotel_id,
        id=notification_id,
        kind=NoticeKind(row[0]),
        channel=_channels.decode(row[4]),
        about=about,
        attempt=row[1],
        idempotency_id=f"{about.id}-{row[2]}-{row[3]}",
        lease_until=lease_until,
        hotel_name=row[6],
        timezone=row[7],
    )


def _cancel(
    transaction: Transaction,
    hotel_id: HotelId,
    notification_id: NotificationId,
    condition: str,
    *,
    why: str,
    now: datetime,
) -> bool:
    """Cancel a due notice that need not be sent any more. Here, because only now that is known for sure."""
    changed = transaction.run(
        "UPDATE notification SET state = 'cancelled', due_at = NULL, leased_by = NULL, finished_at = :now,"  # noqa: S608
        " last_error = coalesce(not_again, :why)"
        " WHERE id = :id AND hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)"
        f" AND {_IS_DUE} AND {_IN_ORDER} AND {condition}",
        now=now,
        why=why,
        id=notification_id,
        hotel=hotel_id,
    )
    transaction.news = transaction.news or changed == 1  # It may be the turn of the next one.
    return changed == 1
