"""The bridge's writing: one batch, one transaction, one hop to SQLite's thread.

This is the hot path: 24,000 messages a second pass here on one core, so rows are plain tuples, a batch is a handful of
statements, and whatever is rare (alerts, events) costs nothing when there is none.
"""

from collections.abc import Collection, Iterable, Sequence
from functools import partial
from itertools import chain

import msgspec
from msgspec import Struct

from rules.alerts import AlertSnapshot, ChangeKind, Family
from rules.ids import DeviceId, HotelId, MessageId
from rules.inputs import InputKind
from rules.outage import IncidentChange
from store import (
    at_once,
    commands,
    conditions,
    events,
    inbox,
    incident_notices,
    incidents,
    listening,
    messages,
    room_status,
    states,
    telling,
)
from store.audit import Deed
from store.batch import Batch, DeviceChange, IncidentTurn, MonitorChange, Orphan, Quarantined, StoredMessage, TokenGiven
from store.database import Database
from store.events import Entry
from store.incidents import Written
from store.known import Known
from store.records import DeviceKey, EventType, NoticeKind, Recorded
from store.times import micros
from store.transaction import Dialect, Transaction

HEAD = 1024
"""Bytes of a refused message that are kept."""

KEPT = 200
"""Refused messages of one sender that are kept, the newest: rubbish must not fill the disk."""

EVENT_OF = {
    ChangeKind.OPENED: EventType.ALERT_OPENED,
    ChangeKind.CHANGED: EventType.ALERT_CHANGED,
    ChangeKind.WORSENED: EventType.ALERT_CHANGED,
    ChangeKind.RELABELLED: EventType.ALERT_CHANGED,
    ChangeKind.REOPENED: EventType.ALERT_REOPENED,
    ChangeKind.FLAPPING: EventType.ALERT_CHANGED,
    ChangeKind.SUPPRESSED: EventType.ALERT_SUPPRESSED,
    ChangeKind.RELEASED: EventType.ALERT_CHANGED,
    ChangeKind.SUBSIDED: EventType.ALERT_CLEARED,
    ChangeKind.CLEARED: EventType.ALERT_CLEARED,
}

NOTICE_OF = {
    ChangeKind.OPENED: NoticeKind.OPENED,
    ChangeKind.WORSENED: NoticeKind.WORSENED,
    ChangeKind.REOPENED: NoticeKind.REOPENED,
    ChangeKind.FLAPPING: NoticeKind.FLAPPING,
    ChangeKind.RELEASED: NoticeKind.OPENED,
    ChangeKind.CLEARED: NoticeKind.RECOVERED,
}
"""Of what is suppressed, only that it is over: to whoever was told of it before."""


class Intake:
    _database: Database

    async def known(self, ids: Collection[tuple[DeviceKey, MessageId]]) -> set[tuple[DeviceKey, MessageId]]:
        """Return those of `ids` that are stored already. Raises StoreUnavailable."""
        return await self._database.read(lambda transaction: messages.known(transaction, ids))

    async def apply(self, batch: Batch) -> tuple[Recorded, ...]:
        """Write a batch in one transaction, all or nothing, and return its events: hotels in order of id, events in
        order of theirs.

        With each alert that opened, worsened or cleared goes one notification per channel of its hotel. Durable on
        disk when it returns. Raises Duplicate (ask `known`; whoever expects no duplicates may skip asking first and
        spare a batch its second trip to the database), DataRefused (this batch will never go in: an alert that is not
        there, a second open alert of a family, a value the database refuses), LeaseLost or StoreUnavailable (the same
        batch may be tried again).
        """
        recorded = await self._write(batch)
        self._database.ungathered.add(len(batch.messages))
        return recorded

    async def _write(self, batch: Batch) -> tuple[Recorded, ...]:
        database = self._database
        if database.dialect is Dialect.POSTGRES:
            if not database.known.suffices(batch.messages):
                await database.write_batch(lambda transaction: database.known.learn(transaction, batch.messages))
            if at_once.fits(batch):
                return await database.write_alone(
                    lambda transaction: at_once.apply(transaction, batch, database=database)
                )
        return await database.write_batch(lambda transaction: _apply(transaction, batch, database.known))

    async def was_applied(self, batch: Batch) -> bool:
        """Say, after `apply` raised OutcomeUnknown, what became of the batch; False too if it has no device's message
        and no hotel system's.

        Raises StoreUnavailable.
        """
        for one in batch.messages:
            if one.kind is InputKind.PMS:
                return one.message_id in await self._database.write(partial(_was_taken, one=one))
        ids = {(one.device_key, one.message_id) for one in batch.messages if one.device_key is not None}
        return bool(ids) and await self._database.write(lambda transaction: _was_applied(transaction, ids))


class _Notice(Struct, frozen=True):
    """That an event is to be told to the hotel's channels, or (no kind) that nobody is told of its alert any more.

    `place` is its entry's.
    """

    place: int
    kind: NoticeKind | None
    alert: AlertSnapshot
    change: DeviceChange


class _Told:
    """The events of one batch per hotel, and which of them are to be told to the hotel's channels."""

    def __init__(self) -> None:
        self.entries: dict[HotelId, list[Entry]] = {}
        self.notices: list[_Notice] = []
        self.incidents: list[tuple[HotelId, int, IncidentChange, Written]] = []  # the number is the last entry's place

    def add(self, hotel_id: HotelId, entry: Entry) -> None:
        self.entries.setdefault(hotel_id, []).append(entry)

    def add_notice(self, kind: NoticeKind | None, alert: AlertSnapshot, change: DeviceChange) -> None:
        """Tell of the entry that was added last."""
        self.notices.append(_Notice(len(self.entries[change.hotel_id]) - 1, kind, alert, change))

    def add_incident(self, turn: IncidentTurn, written: Written) -> None:
        for entry in written.entries:
            self.add(turn.hotel_id, entry)
        place = len(self.entries[turn.hotel_id]) - 1
        self.incidents.append((turn.hotel_id, place, turn.change, written))


def _apply(transaction: Transaction, batch: Batch, known: Known) -> tuple[Recorded, ...]:
    if batch.messages:
        messages.insert(transaction, batch.messages, known=known)
    states.write(transaction, batch.states)
    if batch.caught_up is not None:
        states.have_caught_up(transaction, batch.caught_up)
    _write_quarantine(transaction, batch.quarantined)
    _write_orphans(transaction, batch.orphans)
    told = _Told()
    for taken in batch.pms:
        told.add(taken.hotel_id, room_status.take(transaction, taken, known=known))
    for change in batch.changes:
        _change_alert(transaction, change, known=known, told=told)
    _turn_incidents(transaction, batch.incidents, known=known, told=told)
    for status in batch.statuses:
        told.add(status.hotel_id, events.of_status(status, at=batch.received_at))
    for monitor in batch.monitor:
        told.add(monitor.hotel_id, _of_monitor(monitor))
    for command in batch.commands:
        entry = commands.change(transaction, command)
        if entry is not None:
            told.add(command.hotel_id, entry)
    _note_tokens(transaction, batch.tokens, known=known)
    inbox.drain(transaction, batch.drained)
    if batch.listening is not None:
        listening.begin(transaction, batch.listening)
    return _record(transaction, told, known=known, batch=batch)


def _write_quarantine(transaction: Transaction, quarantined: Iterable[Quarantined]) -> None:
    rows = [
        (one.hotel_id, one.device_id, one.topic, one.reason, one.detail, one.head[:HEAD], micros(one.at))
        for one in quarantined
    ]
    if rows:
        transaction.many(
            "INSERT INTO quarantine (hotel_id, device_id, topic, reason, detail, head, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            rows,
        )
        senders = {(row[0], row[1]) for row in rows}
        for hotel_id, device_id in sorted(senders, key=str):
            _forget_all_but_the_newest(transaction, hotel_id, device_id)


def _forget_all_but_the_newest(transaction: Transaction, hotel_id: HotelId | None, device_id: DeviceId | None) -> None:
    # An index knows `=` and IS NULL, and PostgreSQL's does not know what compares with both.
    of_sender = " AND ".join(
        f"{column} IS NULL" if value is None else f"{column} = :{column}"
        for column, value in (("hotel_id", hotel_id), ("device_id", device_id))
    )
    transaction.run(
        f"DELETE FROM quarantine WHERE {of_sender} AND id <= (SELECT id FROM quarantine WHERE {of_sender}"  # noqa: S608 - ours
        " ORDER BY id DESC LIMIT 1 OFFSET :kept)",
        hotel_id=hotel_id,
        device_id=device_id,
        kept=KEPT,
    )


def _write_orphans(transaction: Transaction, orphans: Iterable[Orphan]) -> None:
    rows = [(orphan.hotel_id, orphan.device_id, micros(orphan.at)) for orphan in orphans]
    if rows:
        transaction.many(
            "INSERT INTO orphan (hotel_id, device_id, first_at, last_at, count) VALUES (?1, ?2, ?3, ?3, 1)"
            " ON CONFLICT (hotel_id, device_id) DO UPDATE SET last_at = excluded.last_at, count = orphan.count + 1",
            rows,
        )


def _change_alert(transaction: Transaction, change: DeviceChange, *, known: Known, told: _Told) -> None:
    kind, hotel_key = change.change.kind, known.hotel_key(transaction, change.hotel_id)
    write = conditions.open_alert if kind is ChangeKind.OPENED else conditions.move_alert
    written = write(transaction, change, hotel_key=hotel_key)
    if written is None:
        return
    key, alert = written
    entry = events.of_alert(EVENT_OF[kind], alert, key=key, at=change.change.at, why=change.change.why)
    told.add(change.hotel_id, entry)
    if kind in NOTICE_OF and (alert.suppressed_by is None or kind is ChangeKind.CLEARED):
        told.add_notice(NOTICE_OF[kind], alert, change)
    elif kind is ChangeKind.SUPPRESSED:
        told.add_notice(None, alert, change)


def _turn_incidents(transaction: Transaction, turns: Iterable[IncidentTurn], *, known: Known, told: _Told) -> None:
    for turn in turns:
        hotel_key = known.hotel_key(transaction, turn.hotel_id)
        told.add_incident(turn, incidents.write(transaction, hotel_key, turn.change))


def _note_tokens(transaction: Transaction, tokens: Sequence[TokenGiven], *, known: Known) -> None:
    """As `store.token_dates` notes what people mint, but for the revision: who gives it here is the one who reads that.

    All at once: after an outage every tablet of a hotel may ask in the same minute.
    """
    if not tokens:
        return
    transaction.many(
        "UPDATE device SET token_issued_at = ?4, token_expires_at = ?5"
        " WHERE hotel_key = ?1 AND key = ?2 AND gen = ?3 AND retired_at IS NULL",
        [
            (
                known.hotel_key(transaction, one.hotel_id),
                one.device_key,
                one.gen,
                micros(one.issued_at),
                micros(one.expires_at),
            )
            for one in tokens
        ],
    )
    transaction.many(
        "INSERT INTO audit (at, hotel_id, actor_kind, actor, deed, subject, detail)"
        " SELECT device.token_issued_at, hotel.id, 'device', device.id, CAST(?4 AS varchar), device.id,"
        " CAST(?5 AS text) FROM device JOIN hotel ON hotel.key = device.hotel_key"
        " WHERE hotel.id = ?1 AND device.key = ?2 AND device.gen = ?3 AND device.retired_at IS NULL",
        [
            (
                one.hotel_id,
                one.device_key,
                one.gen,
                Deed.TOKEN_MINTED.value,
                msgspec.json.encode({"expiresAt": one.expires_at.isoformat()}).decode(),
            )
            for one in tokens
        ],
    )


def _of_monitor(change: MonitorChange) -> Entry:
    data = events.encoded({"state": change.state, "why": change.why, "since": change.since or change.at})
    return Entry(at=change.at, type=EventType.MONITOR_CHANGED, subject=change.hotel_id, data=data)


def _record(transaction: Transaction, told: _Told, *, known: Known, batch: Batch) -> tuple[Recorded, ...]:
    """Take the ids of the events, last and in order of hotel; then the outbox rows, which name them."""
    recorded = {
        hotel_id: events.append(transaction, hotel_id, told.entries[hotel_id]) for hotel_id in sorted(told.entries)
    }
    for notice in told.notices:
        hotel_id, hotel_key = notice.change.hotel_id, known.hotel_key(transaction, notice.change.hotel_id)
        alert_key = told.entries[hotel_id][notice.place].alert_key
        if notice.kind is None:
            telling.withhold(transaction, hotel_key, alert_key=alert_key, now=batch.received_at)
            continue
        if notice.kind is NoticeKind.RECOVERED and notice.alert.family is Family.SILENCE:
            incident_notices.wait_no_more(transaction, hotel_key, alert_key=alert_key, now=batch.received_at)
        telling.tell(
            transaction,
            hotel_key,
            alert_key=alert_key,
            family=notice.alert.family,
            kind=notice.kind,
            revision=notice.alert.revision,
            event_id=recorded[hotel_id][notice.place].event.id,
            now=batch.received_at,
            wait=notice.change.wait,
            spoken_for=notice.change.spoken_for,
        )
    for hotel_id, place, change, written in told.incidents:
        incident_notices.tell(
            transaction,
            known.hotel_key(transaction, hotel_id),
            change,
            written,
            event_id=recorded[hotel_id][place].event.id,
            now=batch.received_at,
        )
    return tuple(chain.from_iterable(recorded.values()))


def _was_taken(transaction: Transaction, one: StoredMessage) -> set[MessageId]:
    transaction.hold_table("message")  # as below
    return room_status.stored_words(transaction, one.hotel_id, [one.message_id])


def _was_applied(transaction: Transaction, ids: Collection[tuple[DeviceKey, MessageId]]) -> bool:
    transaction.hold_table("message")  # until then it may be committing still
    return len(messages.known(transaction, ids)) == len(ids)  # one may be older than the batch, which then was refused
