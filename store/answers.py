"""What people answer to an alert: the response side of its row. First wins, and whoever comes second learns of whom.

Whoever answers may say by `if_revision` which alert they saw: a newer one is not answered.

To acknowledge and to snooze is to *answer for* the alert: notices of what was known then are not sent any more
(`store.claiming`). Take that back and they are due again, so that whoever was not told because of it is told after all.
What ends by itself is in `store.lapsing`.
"""

from datetime import datetime
from typing import Final

import msgspec

from rules.alerts import AlertSnapshot
from rules.ids import AlertId, HotelId, UserName
from rules.response import Resolved, lapse_of, needs_manager, wrong_with_snooze
from store import answering, audit, inbox, people
from store.answering import Asked, hold, hold_as_seen, write
from store.audit import Actor, Deed
from store.database import Database
from store.errors import AlreadyAcknowledged, AnswerRefused, NeedsManager
from store.records import EventType, MemberRole, NoticeKind
from store.transaction import Transaction

LATELY: Final = 500
"""Lines of a hotel's audit among which an answer is looked for that may have been given before."""


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
        asked = Asked(hotel_id, alert_id, by, now, if_revision)
        return await self._database.write(lambda transaction: _acknowledge(transaction, asked, note))

    async def unacknowledge(
        self, hotel_id: HotelId, alert_id: AlertId, *, by: Actor, now: datetime, if_revision: int | None = None
    ) -> AlertSnapshot:
        """Give the alert back, whoever has it; nothing happens when nobody has."""
        asked = Asked(hotel_id, alert_id, by, now, if_revision)
        return await self._database.write(lambda transaction: _unacknowledge(transaction, asked))

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
        asked = Asked(hotel_id, alert_id, by, now, if_revision)
        return await self._database.write(lambda transaction: _assign(transaction, asked, assignee))

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
        asked = Asked(hotel_id, alert_id, by, now, if_revision)
        return await self._database.write(lambda transaction: _note(transaction, asked, note))

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
        asked = Asked(hotel_id, alert_id, by, now, if_revision)
        return await self._database.write(lambda transaction: _snooze(transaction, asked, until))

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
        asked = Asked(hotel_id, alert_id, by, now, if_revision)
        return await self._database.write(lambda transaction: _resolve(transaction, asked, note, role=role))

    async def answered_before(self, hotel_id: HotelId, alert_id: AlertId, deed: Deed, *, by: Actor) -> bool:
        """Whether the same person gave this very answer to this alert by this very request, not long ago: by one of the
        same id and digest.
        """
        return await self._database.read(
            lambda transaction: _answered_before(transaction, hotel_id, alert_id, deed, by=by)
        )


def _acknowledge(transaction: Transaction, asked: Asked, note: str | None) -> AlertSnapshot:
    held = hold(transaction, asked.hotel_id, asked.alert_id)
    if (first := held.alert.acknowledged) is not None:
        raise AlreadyAcknowledged(by=first.by, at=first.at, revision=held.alert.revision)
    answering.be_as_seen(transaction, held, asked)
    answering.note(transaction, asked, Deed.ALERT_ACKNOWLEDGED)
    alert, _ = write(
        transaction,
        held,
        EventType.ALERT_ACKNOWLEDGED,
        "acknowledged_by = :who, acknowledged_at = :since, acknowledged_note = :note, lapses_at = :lapses_at",
        at=asked.now,
        by=asked.by.shown,
        words=note,
        who=asked.by.shown,
        since=asked.now,
        note=note,
        lapses_at=lapse_of(held.alert.severity, at=asked.now),
    )
    return alert


def _unacknowledge(transaction: Transaction, asked: Asked) -> AlertSnapshot:
    held = hold_as_seen(transaction, asked)
    if held.alert.acknowledged is None:
        return held.alert
    answering.tell_after_all(transaction, held, now=asked.now)
    answering.note(transaction, asked, Deed.ALERT_UNACKNOWLEDGED)
    type_, change = EventType.ALERT_UNACKNOWLEDGED, answering.NOT_ACKNOWLEDGED
    alert, _ = write(transaction, held, type_, change, at=asked.now, by=asked.by.shown)
    return alert


def _assign(transaction: Transaction, asked: Asked, assignee: UserName | None) -> AlertSnapshot:
    held = hold_as_seen(transaction, asked)
    if assignee == held.alert.assignee:
        return held.alert
    if assignee is not None and not _may_answer(transaction, asked.hotel_id, assignee):
        raise AnswerRefused("assignee", "is nobody of this hotel who answers alerts")
    answering.note(transaction, asked, Deed.ALERT_ASSIGNED, {"assignee": assignee})
    type_, change = EventType.ALERT_ASSIGNED, "assignee = :assignee"
    alert, _ = write(transaction, held, type_, change, at=asked.now, by=asked.by.shown, assignee=assignee)
    return alert


def _may_answer(transaction: Transaction, hotel_id: HotelId, name: UserName) -> bool:
    account = people.account(transaction, name)
    if account is None or account.disabled:
        return False
    roles = (one.role for one in account.memberships if one.hotel_id == hotel_id)
    return account.admin or any(role is not MemberRole.VIEWER for role in roles)


def _note(transaction: Transaction, asked: Asked, note: str) -> AlertSnapshot:
    return answering.add_note(transaction, hold_as_seen(transaction, asked), asked, note)


def _snooze(transaction: Transaction, asked: Asked, until: datetime | None) -> AlertSnapshot:
    held = hold_as_seen(transaction, asked)
    if until is None and held.alert.snoozed_until is None:
        return held.alert
    wrong = None if until is None else wrong_with_snooze(until, severity=held.alert.severity, now=asked.now)
    if wrong is not None:
        raise AnswerRefused("until", wrong)
    if until is None:
        answering.tell_after_all(transaction, held, now=asked.now)
    answering.note(transaction, asked, Deed.ALERT_SNOOZED, {"until": None if until is None else until.isoformat()})
    type_, change = EventType.ALERT_SNOOZED, "snoozed_until = :until"
    alert, _ = write(transaction, held, type_, change, at=asked.now, by=asked.by.shown, until=until)
    return alert


def _resolve(transaction: Transaction, asked: Asked, note: str | None, *, role: MemberRole) -> AlertSnapshot:
    held, now, who = hold_as_seen(transaction, asked), asked.now, asked.by.shown
    if role is not MemberRole.MANAGER and (role is MemberRole.VIEWER or needs_manager(held.alert)):
        raise NeedsManager(f"only a manager ends alert {asked.alert_id}")
    deed = Resolved(alert_id=asked.alert_id, family=held.alert.family, severity=held.alert.severity, by=who, at=now)
    inbox.leave_deed(transaction, held.hotel_key, alert_key=held.key, payload=msgspec.json.encode(deed), now=now)
    answering.note(transaction, asked, Deed.ALERT_RESOLVED)
    alert, event_id = write(
        transaction,
        held,
        EventType.ALERT_RESOLVED,
        "status = 'resolved', resolved_at = :resolved_at, resolved_by = :who",
        at=now,
        by=who,
        words=note,
        resolved_at=now,
        who=who,
    )
    answering.tell(transaction, held, alert, NoticeKind.RECOVERED, event_id=event_id, now=now)
    return alert


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
