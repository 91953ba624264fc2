"""The outbox: one row per alert change and channel, from its making to delivered, dead or cancelled.

A worker claims a row for the length of a lease and records what became of it. Both are compare-and-swap: of two
workers one gets the row, and one whose lease ran out and was taken over records nothing.

A silence waits a little for others with the same cause; where an incident explains them, its one row stands for theirs
(`store.incident_notices`).

What one channel is told of one alert, it is told in order: a row waits, due or not, until the earlier ones of its alert
and channel are finished. A recovery is told to those who were told of the trouble, however late; where nothing of it
got through, the recovery is cancelled. What somebody has answered for is not sent: that is asked when it is claimed, so
at the last moment, and for each attempt anew.

No channel can keep the others waiting, were there a thousand notices to a server that never answers: few are under way
to one channel at a time, fewer while it fails, and those to all failing channels together are no more than a worker can
spare.
"""

from datetime import datetime, timedelta
from operator import attrgetter
from typing import Final, NamedTuple

import msgspec

from rules.alerts import AlertSnapshot, Family
from rules.ids import HotelId, IncidentId
from rules.mail import without_addresses
from store import events, incidents
from store.database import Database
from store.events import Entry, NoticeOutcome
from store.records import (
    Channel,
    ChannelKind,
    Claimed,
    EventType,
    NoticeKind,
    NotificationId,
    NotificationRef,
    NotificationState,
)
from store.times import moment
from store.transaction import Transaction

AT_ONCE: Final = 2
"""Notices that may be under way to one channel."""

AT_ONCE_TO_FAILING: Final = 1
"""The same for a channel in which a notice waits that was tried in vain."""

AT_ONCE_TO_ALL_FAILING: Final = 4
"""Half of a worker's threads (`worker.settings`): the other half is for channels that answer."""

_EACH = "LIMIT 1 OFFSET 0"
"""Has PostgreSQL ask a subquery for each row, and only for rows that are wanted. It knows the outbox as it was when it
last took stock, with next to nothing due, and would else compare every notice of a storm with every other.
"""

_IS_DUE = "CASE WHEN due_at <= :now THEN 1 END = 1"
"""Of one row that is known by its id. Said plainly, PostgreSQL would rather look for it among all that are due."""

_LANES = (
    "SELECT channel.key, hotel.id,"  # noqa: S608 - ours
    " (SELECT count(*) FROM notification AS sent WHERE sent.channel_key = channel.key"
    " AND sent.due_at > :now AND sent.state = 'sending'),"
    " EXISTS (SELECT 1 FROM notification AS tried WHERE tried.channel_key = channel.key"
    f" AND tried.due_at IS NOT NULL AND tried.last_error IS NOT NULL {_EACH})"
    " FROM channel JOIN hotel ON hotel.key = channel.hotel_key WHERE EXISTS (SELECT 1 FROM notification"
    f" WHERE notification.channel_key = channel.key AND notification.due_at IS NOT NULL {_EACH})"
)
"""Every channel with unfinished notices: how many are under way, and whether it fails."""

_BEFORE = " AND +earlier.channel_key = notification.channel_key AND earlier.id < notification.id"
_IN_ORDER = (
    " NOT EXISTS (SELECT 1 FROM notification AS earlier WHERE earlier.alert_key = notification.alert_key"  # noqa: S608
    f"{_BEFORE} AND earlier.state IN ('pending', 'sending') {_EACH})"
    " AND NOT EXISTS (SELECT 1 FROM notification AS earlier WHERE earlier.incident_key = notification.incident_key"
    f"{_BEFORE} AND earlier.state IN ('pending', 'sending') {_EACH})"
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

HEARS = (
    " channel.removed_at IS NULL AND ((channel.settings LIKE :of_it) = CAST(:is_of_it AS boolean) OR NOT EXISTS"
    " (SELECT 1 FROM channel AS fit WHERE fit.hotel_key = channel.hotel_key AND fit.removed_at IS NULL"
    " AND (fit.settings LIKE :of_it) = CAST(:is_of_it AS boolean)))"
)
"""That a channel is told of an alert: it is for the sort that the alert is of, or its hotel has none for that.

One that was removed is as if it were not there.
"""

OF_IT = '%"it":true%'
"""Settings are JSON of ours, in which a quotation mark that somebody gave us stands behind a backslash."""

_TAKEN_ON = (
    " notification.kind = 'incident' AND EXISTS (SELECT 1 FROM incident WHERE incident.key = notification.incident_key"
    " AND incident.acknowledged_at >= notification.created_at)"
)
"""That somebody has taken an incident on since the row was made."""

_NOT_AGAIN = " notification.not_again IS NOT NULL"
"""That its alert was withheld while it was under way, and whoever sent it never said what became of it."""

_NOT_TOLD = "nobody was told of the trouble by this channel, so nobody is told that it is over"

_ANSWERED_FOR = "somebody answered for the alert before this was sent"
_SUPPRESSED = "something suppressed the alert before this was sent"
_TAKEN = "somebody took the incident on before this was sent"
PART_OF = "told as part of incident {}"

_alerts = msgspec.json.Decoder(AlertSnapshot)
_channels = msgspec.json.Decoder(Channel)


class _Waiting(NamedTuple):
    due_at: int
    ref: NotificationRef


class Outbox:
    _database: Database

    async def due_notifications(self, now: datetime, *, limit: int) -> list[NotificationRef]:
        """Those that may be claimed now: pending ones, and ones whose lease ran out.

        Longest due first, those of failing channels after all others. One that has to wait, for an earlier one of its
        alert and channel or for those under way to its channel, is not among them.
        """
        return await self._database.read(lambda transaction: _due(transaction, now, limit=limit))

    async def claim_notification(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime, lease: timedelta
    ) -> Claimed | None:
        """Take a due notification until now + lease; None if it may not be claimed (any more).

        That is: somebody has it, it is finished, its turn has not come, enough are under way to its channel, or it is
        the recovery of what was never told and was cancelled here. Counts an attempt. `worker` names the claim: give
        each claim a name of its own, and after OutcomeUnknown ask again by the same one. A claim of that name which
        holds is given as it is.
        """
        return await self._database.write(
            lambda transaction: _claim(
                transaction, hotel_id, notification_id, worker=worker, now=now, lease_until=now + lease
            )
        )

    async def take_back_notifications(self, *, worker: str, now: datetime) -> int:
        """Make due at once what was claimed by names that begin with `worker`, who is known to be dead; how many.

        Only what was tried once: a notice that kills who sends it may do so again, but not again and again at once.
        """
        return await self._database.write(lambda transaction: _take_back(transaction, worker=worker, now=now))

    async def record_delivered(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime
    ) -> bool:
        """Finish it, with the event notification.sent. False: the claim was lost, nothing is recorded."""
        return await self._database.write(
            lambda transaction: _finish(
                transaction,
                hotel_id,
                notification_id,
                worker=worker,
                now=now,
                state=NotificationState.DELIVERED,
                error=None,
            )
        )

    async def record_retry(
        self,
        hotel_id: HotelId,
        notification_id: NotificationId,
        *,
        worker: str,
        now: datetime,
        error: str,
        next_at: datetime,
    ) -> bool:
        """Give it back until `next_at`, or cancel it where it is not to be tried again. False: the claim was lost,
        nothing is recorded.
        """
        return await self._database.write(
            lambda transaction: _give_back(
                transaction, hotel_id, notification_id, worker=worker, now=now, error=error, next_at=next_at
            )
        )

    async def record_dead(
        self, hotel_id: HotelId, notification_id: NotificationId, *, worker: str, now: datetime, error: str
    ) -> bool:
        """Give it up, with the event notification.dead. False: the claim was lost, nothing is recorded."""
        return await self._database.write(
            lambda transaction: _finish(
                transaction,
                hotel_id,
                notification_id,
                worker=worker,
                now=now,
                state=NotificationState.DEAD,
                error=error,
            )
        )


def tell(  # noqa: PLR0913, what a row is made of
    transaction: Transaction,
    hotel_key: int,
    *,
    alert_key: int | None,
    family: Family,
    kind: NoticeKind,
    revision: int,
    event_id: int,
    now: datetime,
    wait: timedelta = timedelta(0),
    spoken_for: IncidentId | None = None,
) -> None:
    """Write one notification per channel that hears of it, in the transaction of what it tells: an alert's event.

    Of tokens the hotel's IT hears, of all else everybody but them; where there is no channel of one sort, the other.
    It is due after `wait`; what an incident speaks for is cancelled from the first, but for the end of it, which is
    told to whoever heard of the beginning.
    """
    cancelled = spoken_for is not None and kind is not NoticeKind.RECOVERED
    transaction.run(
        "INSERT INTO notification (hotel_key, alert_key, channel_key, kind, alert_revision, event_id, state,"  # noqa: S608
        " attempts, due_at, created_at, finished_at, last_error)"
        " SELECT channel.hotel_key, :alert, channel.key, :kind, :revision, :event, :state, 0, CAST(:due AS bigint),"
        " :now, CAST(:finished AS bigint), CAST(:why AS text)"
        f" FROM channel WHERE channel.hotel_key = :hotel AND{HEARS} ORDER BY channel.key",
        alert=alert_key,
        of_it=OF_IT,
        is_of_it=family is Family.TOKEN,
        kind=kind,
        revision=revision,
        event=event_id,
        state=NotificationState.CANCELLED if cancelled else NotificationState.PENDING,
        due=None if cancelled else now + wait,
        finished=now if cancelled else None,
        why=PART_OF.format(spoken_for) if cancelled else None,
        now=now,
        hotel=hotel_key,
    )


def _due(transaction: Transaction, now: datetime, *, limit: int) -> list[NotificationRef]:
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


def _claim(
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
    if _cancel(transaction, hotel_id, notification_id, _ANSWERED, why=_ANSWERED_FOR, now=now):
        return None
    if _cancel(transaction, hotel_id, notification_id, _TAKEN_ON, why=_TAKEN, now=now):
        return None
    if _cancel(transaction, hotel_id, notification_id, _NOT_AGAIN, why=_SUPPRESSED, now=now):
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
        _finish(
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


def tell_after_all(transaction: Transaction, hotel_key: int, *, alert_key: int, now: datetime) -> None:
    """Nobody answers for the alert any more: make due again what was cancelled for that, but not for whoever has been
    told something since.
    """
    transaction.run(
        "UPDATE notification SET state = 'pending', due_at = :now, finished_at = NULL, last_error = NULL"  # noqa: S608
        " WHERE hotel_key = :hotel AND alert_key = :alert AND state = 'cancelled' AND last_error = :why"
        " AND NOT EXISTS (SELECT 1 FROM notification AS later WHERE later.alert_key = notification.alert_key"
        " AND +later.channel_key = notification.channel_key AND later.id > notification.id"
        f" AND later.state = 'delivered' {_EACH})",
        now=now,
        hotel=hotel_key,
        alert=alert_key,
        why=_ANSWERED_FOR,
    )


def withhold(transaction: Transaction, hotel_key: int, *, alert_key: int | None, now: datetime) -> None:
    """From now on something suppresses the alert: nobody is told of it but of the end of it."""
    stop(transaction, hotel_key, alert_key=alert_key, why=_SUPPRESSED, now=now)


def stop(transaction: Transaction, hotel_key: int, *, alert_key: int | None, why: str, now: datetime) -> None:
    """Cancel what is pending of an alert, and have what is under way not tried again; but for the end of it.

    What is under way may arrive, and then its recovery is to be told: so whoever sends it says what became of it.
    """
    transaction.run(
        "UPDATE notification SET state = 'cancelled', due_at = NULL, finished_at = :now, last_error = :why"
        " WHERE hotel_key = :hotel AND alert_key = :alert AND state = 'pending' AND kind <> 'recovered'",
        now=now,
        why=why,
        hotel=hotel_key,
        alert=alert_key,
    )
    transaction.run(
        "UPDATE notification SET not_again = :why"
        " WHERE hotel_key = :hotel AND alert_key = :alert AND state = 'sending' AND kind <> 'recovered'",
        why=why,
        hotel=hotel_key,
        alert=alert_key,
    )


def _give_back(
    transaction: Transaction,
    hotel_id: HotelId,
    notification_id: NotificationId,
    *,
    worker: str,
    now: datetime,
    error: str,
    next_at: datetime,
) -> bool:
    changed = transaction.run(
        "UPDATE notification SET leased_by = NULL,"
        " state = CASE WHEN not_again IS NULL THEN 'pending' ELSE 'cancelled' END,"
        " due_at = CASE WHEN not_again IS NULL THEN CAST(:next_at AS bigint) END,"
        " finished_at = CASE WHEN not_again IS NOT NULL THEN CAST(:now AS bigint) END,"
        " last_error = coalesce(not_again, :error)"
        " WHERE id = :id AND hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)"
        " AND state = 'sending' AND leased_by = :worker",
        next_at=next_at,
        now=now,
        error=error,
        id=notification_id,
        hotel=hotel_id,
        worker=worker,
    )
    transaction.news = True  # There is room for another one of its channel.
    return changed == 1


def _take_back(transaction: Transaction, *, worker: str, now: datetime) -> int:
    changed = transaction.run(
        "UPDATE notification SET state = 'pending', due_at = :now, leased_by = NULL"
        " WHERE state = 'sending' AND due_at IS NOT NULL AND attempts = 1"
        " AND substr(leased_by, 1, :length) = :worker",
        now=now,
        length=len(worker),
        worker=worker,
    )
    transaction.news = transaction.news or changed > 0
    return changed


def _finish(
    transaction: Transaction,
    hotel_id: HotelId,
    notification_id: NotificationId,
    *,
    worker: str,
    now: datetime,
    state: NotificationState,
    error: str | None,
) -> bool:
    row = transaction.row(
        "UPDATE notification SET state = :state, due_at = NULL, leased_by = NULL, finished_at = :now,"
        " last_error = coalesce(:error, last_error)"
        " WHERE id = :id AND hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)"
        " AND state = 'sending' AND leased_by = :worker"
        " RETURNING kind, alert_key, (SELECT alert.id FROM alert WHERE alert.key = notification.alert_key),"
        " (SELECT channel.kind FROM channel WHERE channel.key = notification.channel_key),"
        " (SELECT incident.id FROM incident WHERE incident.key = notification.incident_key)",
        state=state,
        now=now,
        error=error,
        id=notification_id,
        hotel=hotel_id,
        worker=worker,
    )
    if row is None:
        return False
    kind, alert_key, alert_id, channel, incident_id = row
    outcome = NoticeOutcome(ChannelKind(channel), NoticeKind(kind), alert_id, incident_id, _told(error))
    sent = state is NotificationState.DELIVERED
    entry = Entry(
        at=now,
        type=EventType.NOTIFICATION_SENT if sent else EventType.NOTIFICATION_DEAD,
        subject=alert_id or incident_id,
        data=events.encoded(outcome),
        alert_key=alert_key,
    )
    events.append(transaction, hotel_id, [entry])
    return True


def _told(error: str | None) -> str | None:
    """As an event says it, which integrators read too; the ledger has it whole, for the hotel's people."""
    return None if error is None else without_addresses(error)
