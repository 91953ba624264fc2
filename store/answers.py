"""What people answer to an alert: the response side of its row. First wins, and whoever comes second learns of whom.

Each answer is one transaction: the row, the event (`AnsweredAlert`), the audit, and what follows from it for the
alert's notices. Whoever answers may say by `if_revision` which alert they saw: a newer one is not answered.

To acknowledge and to snooze is to *answer for* the alert: notices of what was known then are not sent any more
(`store.outbox`). Take that back and they are due again, so that whoever was not told because of it is told after all.
"""

# ruff: noqa: S608 - only words of ours are put together here; what comes from others goes in as values.

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct

from rules.alerts import AlertSnapshot, AlertStatus, Condition, Severity
from rules.ids import AlertId, HotelId, IncidentId, UserName
from rules.response import Resolved, lapse_of, needs_manager, wrong_with_snooze
from store import audit, events, inbox, outbox, people
from store.audit import Actor, Deed
from store.database import Database
from store.errors import AlertGone, AlreadyAcknowledged, AnswerRefused, NeedsManager, NotFound, Overtaken
from store.records import AnsweredAlert, EventType, MemberRole, NoticeKind
from store.snapshots import COLUMNS, snapshot
from store.times import maybe_moment, moment
from store.transaction import Transaction, Value

_HOTEL: Final = "hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)"

LATELY: Final = 500
"""Lines of a hotel's audit among which an answer is looked for that may have been given before."""


class Overdue(Struct, frozen=True):
    """An alert for which somebody's answer has come to its end."""

    hotel_id: HotelId
    alert_id: AlertId


class Answers:
    """Every verb raises NotFound (alert), AlertGone (resolved), Overtaken, DataRefused, StoreUnavailable."""

    _database: Database

    async def acknowledge(
        self,
        hotel_id: HotelId,
        alert_id: AlertId,
        *,
        by: Actor,
        note: str | None,
        now: datetime,
        if_revision: int | None = None,
    ) -> AlertSnapshot:
        """Take the alert on; raises AlreadyAcknowledged too. While it is critical that lapses after an hour."""
        return await self._database.write(
            lambda transaction: _acknowledge(
                transaction, hotel_id, alert_id, by=by, note=note, now=now, if_revision=if_revision
            )
        )

    async def unacknowledge(
        self, hotel_id: HotelId, alert_id: AlertId, *, by: Actor, now: datetime, if_revision: int | None = None
    ) -> AlertSnapshot:
        """Give the alert back, whoever has it; nothing happens when nobody has."""
        return await self._database.write(
            lambda transaction: _unacknowledge(transaction, hotel_id, alert_id, by=by, now=now, if_revision=if_revision)
        )

    async def assign_alert(
        self,
        hotel_id: HotelId,
        alert_id: AlertId,
        assignee: UserName | None,
        *,
        by: Actor,
        now: datetime,
        if_revision: int | None = None,
    ) -> AlertSnapshot:
        """Say whose the alert is to be, or nobody's; it is not acknowledged by that. Raises AnswerRefused too: for who
        may not answer alerts in this hotel.
        """
        return await self._database.write(
            lambda transaction: _assign(
                transaction, hotel_id, alert_id, assignee, by=by, now=now, if_revision=if_revision
            )
        )

    async def note_alert(
        self,
        hotel_id: HotelId,
        alert_id: AlertId,
        note: str,
        *,
        by: Actor,
        now: datetime,
        if_revision: int | None = None,
    ) -> AlertSnapshot:
        """Add to what is known of the alert: a line of its timeline."""
        return await self._database.write(
            lambda transaction: _note(transaction, hotel_id, alert_id, note, by=by, now=now, if_revision=if_revision)
        )

    async def snooze_alert(
        self,
        hotel_id: HotelId,
        alert_id: AlertId,
        until: datetime | None,
        *,
        by: Actor,
        now: datetime,
        if_revision: int | None = None,
    ) -> AlertSnapshot:
        """Tell nobody of what is known of the alert until then; None ends it. Raises AnswerRefused too."""
        return await self._database.write(
            lambda transaction: _snooze(transaction, hotel_id, alert_id, until, by=by, now=now, if_revision=if_revision)
        )

    async def resolve_alert(
        self,
        hotel_id: HotelId,
        alert_id: AlertId,
        *,
        by: Actor,
        role: MemberRole,
        note: str | None,
        now: datetime,
        if_revision: int | None = None,
    ) -> AlertSnapshot:
        """End the alert by hand, whether or not its condition lasts; the rules hear of it by the inbox.

        Whoever was told of the trouble is told that it is over. Raises NeedsManager too.
        """
        return await self._database.write(
            lambda transaction: _resolve(
                transaction, hotel_id, alert_id, by=by, role=role, note=note, now=now, if_revision=if_revision
            )
        )

    async def overdue_answers(self, now: datetime, *, limit: int) -> list[Overdue]:
        """Acknowledgments that have lapsed and snoozes that are over, of all hotels, longest first."""
        return await self._database.read(lambda transaction: _overdue(transaction, now, limit=limit))

    async def end_answers(self, hotel_id: HotelId, alert_id: AlertId, *, now: datetime) -> bool:
        """End of an alert's answers what is over, dated at its end, and tell the hotel's channels where nobody answers
        for it now, unless it is suppressed or an incident speaks for it. False: nothing was over.
        """
        return await self._database.write(lambda transaction: _end(transaction, hotel_id, alert_id, now=now))

    async def answered_before(self, hotel_id: HotelId, alert_id: AlertId, deed: Deed, *, by: Actor) -> bool:
        """Whether the same person gave this very answer to this alert by this very request, not long ago: by one of the
        same id and digest.
        """
        return await self._database.read(
            lambda transaction: _answered_before(transaction, hotel_id, alert_id, deed, by=by)
        )


class _Open(Struct, frozen=True):
    """An open alert that is held until the transaction ends."""

    hotel_id: HotelId
    key: int
    hotel_key: int
    alert: AlertSnapshot
    lapses_at: datetime | None


def hold(transaction: Transaction, hotel_id: HotelId, alert_id: AlertId) -> _Open:
    """Keep an alert as it is. Raises NotFound, AlertGone."""
    transaction.hold(f"SELECT 1 FROM alert WHERE {_HOTEL} AND id = :alert", hotel=hotel_id, alert=alert_id)
    row = transaction.row(
        f"SELECT {COLUMNS}, hotel_key, lapses_at FROM alert WHERE {_HOTEL} AND id = :alert",
        hotel=hotel_id,
        alert=alert_id,
    )
    if row is None:
        raise NotFound("alert", alert_id)
    held = _Open(hotel_id, row[0], row[-2], snapshot(row), maybe_moment(row[-1]))
    if held.alert.status is AlertStatus.RESOLVED:
        raise AlertGone(f"alert {alert_id} is resolved")
    return held


def be_as_seen(transaction: Transaction, held: _Open, revision: int | None) -> None:
    """Raises Overtaken, with who changed the alert last, where it is not the one that somebody saw."""
    if revision is not None and revision != held.alert.revision:
        raise overtaken(transaction, held)


def overtaken(transaction: Transaction, held: _Open) -> Overtaken:
    """What to raise: who changed the alert last, and when."""
    row = transaction.row(
        "SELECT at, data FROM event WHERE hotel_key = :hotel AND alert_key = :alert AND type LIKE 'alert.%'"
        " ORDER BY id DESC LIMIT 1",
        hotel=held.hotel_key,
        alert=held.key,
    )
    if row is None:
        return Overtaken(by=None, at=held.alert.last_at, revision=held.alert.revision)
    return Overtaken(by=_answered.decode(row[1]).by, at=moment(row[0]), revision=held.alert.revision)


_answered = msgspec.json.Decoder(AnsweredAlert)


def _answer(
    transaction: Transaction,
    held: _Open,
    type_: EventType,
    change: str,
    *,
    at: datetime,
    by: str | None,
    note: str | None = None,
    **values: Value,
) -> tuple[AlertSnapshot, int]:
    """Write `change` into the row, and the event that says so; its id too."""
    (row,) = transaction.rows(
        f"UPDATE alert SET {change}, revision = revision + 1 WHERE key = :key AND {_HOTEL} RETURNING {COLUMNS}",
        key=held.key,
        hotel=held.hotel_id,
        **values,
    )
    alert = snapshot(row)
    whole = AnsweredAlert(**msgspec.structs.asdict(alert), by=by, note=note)
    (recorded,) = events.append(transaction, held.hotel_id, [events.of_alert(type_, whole, key=held.key, at=at)])
    return alert, recorded.event.id


def _acknowledge(
    transaction: Transaction,
    hotel_id: HotelId,
    alert_id: AlertId,
    *,
    by: Actor,
    note: str | None,
    now: datetime,
    if_revision: int | None,
) -> AlertSnapshot:
    held = hold(transaction, hotel_id, alert_id)
    if (first := held.alert.acknowledged) is not None:
        raise AlreadyAcknowledged(by=first.by, at=first.at, revision=held.alert.revision)
    be_as_seen(transaction, held, if_revision)
    audit.note(transaction, hotel_id, Deed.ALERT_ACKNOWLEDGED, by=by, subject=alert_id, now=now)
    alert, _ = _answer(
        transaction,
        held,
        EventType.ALERT_ACKNOWLEDGED,
        "acknowledged_by = :who, acknowledged_at = :since, acknowledged_note = :words, lapses_at = :lapses_at",
        at=now,
        by=by.shown,
        note=note,
        who=by.shown,
        since=now,
        words=note,
        lapses_at=lapse_of(held.alert.severity, at=now),
    )
    return alert


def _unacknowledge(
    transaction: Transaction,
    hotel_id: HotelId,
    alert_id: AlertId,
    *,
    by: Actor,
    now: datetime,
    if_revision: int | None,
) -> AlertSnapshot:
    held = hold(transaction, hotel_id, alert_id)
    be_as_seen(transaction, held, if_revision)
    if held.alert.acknowledged is None:
        return held.alert
    _tell_after_all(transaction, held, now=now)
    audit.note(transaction, hotel_id, Deed.ALERT_UNACKNOWLEDGED, by=by, subject=alert_id, now=now)
    alert, _ = _answer(transaction, held, EventType.ALERT_UNACKNOWLEDGED, _NOT_ACKNOWLEDGED, at=now, by=by.shown)
    return alert


_NOT_ACKNOWLEDGED: Final = "acknowledged_by = NULL, acknowledged_at = NULL, acknowledged_note = NULL, lapses_at = NULL"


def _assign(
    transaction: Transaction,
    hotel_id: HotelId,
    alert_id: AlertId,
    assignee: UserName | None,
    *,
    by: Actor,
    now: datetime,
    if_revision: int | None,
) -> AlertSnapshot:
    held = hold(transaction, hotel_id, alert_id)
    be_as_seen(transaction, held, if_revision)
    if assignee == held.alert.assignee:
        return held.alert
    if assignee is not None and not _may_answer(transaction, hotel_id, assignee):
        raise AnswerRefused("assignee", "is nobody of this hotel who answers alerts")
    detail = {"assignee": assignee}
    audit.note(transaction, hotel_id, Deed.ALERT_ASSIGNED, by=by, subject=alert_id, now=now, detail=detail)
    change = "assignee = :assignee"
    alert, _ = _answer(transaction, held, EventType.ALERT_ASSIGNED, change, at=now, by=by.shown, assignee=assignee)
    return alert


def _may_answer(transaction: Transaction, hotel_id: HotelId, name: UserName) -> bool:
    account = people.account(transaction, name)
    if account is None or account.disabled:
        return False
    roles = (one.role for one in account.memberships if one.hotel_id == hotel_id)
    return account.admin or any(role is not MemberRole.VIEWER for role in roles)


def _note(
    transaction: Transaction,
    hotel_id: HotelId,
    alert_id: AlertId,
    note: str,
    *,
    by: Actor,
    now: datetime,
    if_revision: int | None,
) -> AlertSnapshot:
    held = hold(transaction, hotel_id, alert_id)
    be_as_seen(transaction, held, if_revision)
    return add_note(transaction, held, note, by=by, now=now)


def add_note(transaction: Transaction, held: _Open, note: str, *, by: Actor, now: datetime) -> AlertSnapshot:
    """Add a line to the timeline of an alert that is held; its revision rises."""
    audit.note(transaction, held.hotel_id, Deed.ALERT_NOTED, by=by, subject=held.alert.id, now=now)
    alert, _ = _answer(transaction, held, EventType.ALERT_NOTED, "assignee = assignee", at=now, by=by.shown, note=note)
    return alert


def _snooze(
    transaction: Transaction,
    hotel_id: HotelId,
    alert_id: AlertId,
    until: datetime | None,
    *,
    by: Actor,
    now: datetime,
    if_revision: int | None,
) -> AlertSnapshot:
    held = hold(transaction, hotel_id, alert_id)
    be_as_seen(transaction, held, if_revision)
    if until is None and held.alert.snoozed_until is None:
        return held.alert
    wrong = None if until is None else wrong_with_snooze(until, severity=held.alert.severity, now=now)
    if wrong is not None:
        raise AnswerRefused("until", wrong)
    if until is None:
        _tell_after_all(transaction, held, now=now)
    detail = {"until": None if until is None else until.isoformat()}
    audit.note(transaction, hotel_id, Deed.ALERT_SNOOZED, by=by, subject=alert_id, now=now, detail=detail)
    alert, _ = _answer(
        transaction, held, EventType.ALERT_SNOOZED, "snoozed_until = :until", at=now, by=by.shown, until=until
    )
    return alert


def _resolve(
    transaction: Transaction,
    hotel_id: HotelId,
    alert_id: AlertId,
    *,
    by: Actor,
    role: MemberRole,
    note: str | None,
    now: datetime,
    if_revision: int | None,
) -> AlertSnapshot:
    held = hold(transaction, hotel_id, alert_id)
    be_as_seen(transaction, held, if_revision)
    if role is not MemberRole.MANAGER and (role is MemberRole.VIEWER or needs_manager(held.alert)):
        raise NeedsManager(f"only a manager ends alert {alert_id}")
    deed = Resolved(alert_id=alert_id, family=held.alert.family, severity=held.alert.severity, by=by.shown, at=now)
    inbox.leave_deed(transaction, held.hotel_key, alert_key=held.key, payload=msgspec.json.encode(deed), now=now)
    audit.note(transaction, hotel_id, Deed.ALERT_RESOLVED, by=by, subject=alert_id, now=now)
    alert, event_id = _answer(
        transaction,
        held,
        EventType.ALERT_RESOLVED,
        "status = 'resolved', resolved_at = :resolved_at, resolved_by = :who",
        at=now,
        by=by.shown,
        note=note,
        resolved_at=now,
        who=by.shown,
    )
    _tell(transaction, held, alert, NoticeKind.RECOVERED, event_id=event_id, now=now)
    return alert


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


_STILL_CRITICAL: Final = (
    "alert.severity = 'critical' AND alert.condition = 'active' AND alert.acknowledged_by IS NOT NULL"
)


def _end(transaction: Transaction, hotel_id: HotelId, alert_id: AlertId, *, now: datetime) -> bool:
    try:
        held = hold(transaction, hotel_id, alert_id)
    except (NotFound, AlertGone):
        return False
    ended = None
    if (until := held.alert.snoozed_until) is not None and until <= now:
        ended = _answer(transaction, held, EventType.ALERT_SNOOZED, "snoozed_until = NULL", at=until, by=None)
    if (had := held.alert.acknowledged) is not None and (lapsed_at := _lapsed_at(held, now)) is not None:
        ended = _answer(transaction, held, EventType.ALERT_LAPSED, _NOT_ACKNOWLEDGED, at=lapsed_at, by=had.by)
    if ended is None:
        return False
    alert, event_id = ended
    if alert.acknowledged is None and alert.snoozed_until is None:
        _tell(transaction, held, alert, NoticeKind.LAPSED, event_id=event_id, now=now)
    return True


def _tell(
    transaction: Transaction, held: _Open, alert: AlertSnapshot, kind: NoticeKind, *, event_id: int, now: datetime
) -> None:
    """Nobody is told of what is suppressed, nor of what an incident speaks for, but of the end of it."""
    if alert.suppressed_by is not None and kind is not NoticeKind.RECOVERED:
        return
    outbox.tell(
        transaction,
        held.hotel_key,
        alert_key=held.key,
        family=alert.family,
        kind=kind,
        revision=alert.revision,
        event_id=event_id,
        now=now,
        spoken_for=_speaker(transaction, held),
    )


def _tell_after_all(transaction: Transaction, held: _Open, *, now: datetime) -> None:
    """Nobody answers for the alert any more: whoever was not told because of that is, if anybody is to be told."""
    if held.alert.suppressed_by is None and _speaker(transaction, held) is None:
        outbox.tell_after_all(transaction, held.hotel_key, alert_key=held.key, now=now)


def _speaker(transaction: Transaction, held: _Open) -> IncidentId | None:
    """The incident that lasts and is told instead of the alert."""
    incident_id = held.alert.incident_id
    if incident_id is None:
        return None
    lasting = transaction.row(
        "SELECT 1 FROM incident WHERE hotel_key = :hotel AND id = :incident AND closed_at IS NULL",
        hotel=held.hotel_key,
        incident=incident_id,
    )
    return None if lasting is None else incident_id


def _lapsed_at(held: _Open, now: datetime) -> datetime | None:
    """When the alert's acknowledgment came to its end; as `_STILL_CRITICAL`."""
    alert, at = held.alert, held.lapses_at
    is_critical = alert.severity is Severity.CRITICAL and alert.condition is Condition.ACTIVE
    return at if is_critical and at is not None and at <= now else None


def _answered_before(transaction: Transaction, hotel_id: HotelId, alert_id: AlertId, deed: Deed, *, by: Actor) -> bool:
    """Of the newest lines alone: no index knows requests, and what comes twice comes twice within seconds."""
    rows = transaction.rows(
        "SELECT detail FROM (SELECT actor_kind, actor, request_id, deed, subject, detail FROM audit"
        " WHERE hotel_id = :hotel ORDER BY id DESC LIMIT :lately) AS late"
        " WHERE actor_kind = :kind AND actor = :actor AND request_id = :request AND subject = :alert"
        " AND deed = :deed",
        hotel=hotel_id,
        lately=LATELY,
        kind=by.kind,
        actor=by.name,
        request=by.request_id,
        alert=alert_id,
        deed=deed,
    )
    return any(audit.digest_of(detail) == by.digest for (detail,) in rows)
