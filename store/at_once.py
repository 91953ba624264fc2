"""A batch in one statement: on PostgreSQL, what the bridge writes all day and what opens an alert.

Each trip to the database costs as much as the rows of a small batch, and a console hears of a breach after the last of
them. As a transaction an alert that opens takes nine; this takes one (docs/adr/0020). The parts are those of
`store.intake`, held together by `fresh`: where the lease is lost, or a message is stored already, none of them writes.
"""

# ruff: noqa: S608 - only words of ours are put together here; what comes from others goes in as values.

from collections.abc import Iterable
from typing import Any, Final

from rules.alerts import ChangeKind, Family
from rules.ids import HotelId
from store import conditions, events, messages, states, telling
from store.batch import Batch
from store.database import Database
from store.events import Entry
from store.lease import HELD, check
from store.records import EventType, NoticeKind, Recorded
from store.times import micros
from store.transaction import Dialect, Transaction

_FITS: Final = frozenset({"received_at", "messages", "states", "changes", "statuses"})
_BESIDES: Final = tuple(name for name in Batch.__struct_fields__ if name not in _FITS)

_FRESH: Final = "(SELECT yes FROM fresh)"
"""A question of its own, asked once: a row that had to be waited for is looked at again, and this is not."""


def _lists(columns: dict[str, str], *, prefix: str = "") -> str:
    return ", ".join(f":{prefix}{name}::{type_}[]" for name, type_ in columns.items())


_STATES: Final = (
    "written AS (INSERT INTO device_state (device_key, state)"
    f" SELECT * FROM unnest(:state_of::bigint[], :state::bytea[]) WHERE {_FRESH}"
    " ON CONFLICT (device_key) DO UPDATE SET state = excluded.state)"
)
_NUMBERED: Final = (
    "numbered AS (UPDATE hotel SET last_event_id = last_event_id + :events"
    f" WHERE key = :hotel AND {_FRESH} RETURNING key, last_event_id - :events AS before)"
)
# Alerts come first among the events, in their own order: an alert's place is that of its event.
_OPENED: Final = (
    f"opened AS ({conditions.INSERT} SELECT *, {conditions.OPEN}"
    f" FROM unnest({_lists(conditions.OPENED_COLUMNS, prefix='alert_')}) WHERE {_FRESH}"
    " RETURNING key, array_position(:alert_id::varchar[], id) AS place)"
)
_TOLD: Final = (
    "told AS (INSERT INTO event (hotel_key, id, at, type, subject, alert_key, why, data)"
    " SELECT numbered.key, numbered.before + one.place, one.at, one.type, one.subject, {alert}, one.why, one.data"
    f" FROM numbered CROSS JOIN unnest({_lists(events.COLUMNS, prefix='event_')})"
    " WITH ORDINALITY AS one (at, type, subject, why, data, place){opened})"
)
_TOLD_OF_ALERTS: Final = _TOLD.format(alert="opened.key", opened=" LEFT JOIN opened ON opened.place = one.place")
_TOLD_OF_NONE: Final = _TOLD.format(alert="NULL::bigint", opened="")
_NOTIFIED: Final = (
    "notified AS (INSERT INTO notification (hotel_key, alert_key, channel_key, kind, alert_revision, event_id, state,"
    " attempts, due_at, created_at)"
    f" SELECT channel.hotel_key, opened.key, channel.key, '{NoticeKind.OPENED.value}', 1,"
    " numbered.before + opened.place, 'pending', 0, :now::bigint, :now::bigint"
    f" FROM numbered CROSS JOIN opened JOIN channel ON channel.hotel_key = numbered.key AND{telling.HEARS}"
    " ORDER BY opened.place, channel.key)"
)


def fits(batch: Batch) -> bool:
    """Whether one statement can be all of it: messages with their states, and alerts that open in one hotel.

    Not those for the hotel's IT, of whom other channels hear, nor those whose notices wait or that nobody is told of.
    With two hotels nobody could say whose row is locked first, and another writer might lock them the other way round.
    """
    if not batch.messages or any(getattr(batch, name) for name in _BESIDES):
        return False
    return len(_hotels(batch)) < 2 and all(
        change.change.kind is ChangeKind.OPENED
        and change.change.alert.family is not Family.TOKEN
        and not change.wait
        and change.spoken_for is None
        and change.change.alert.suppressed_by is None
        for change in batch.changes
    )


def apply(transaction: Transaction, batch: Batch, *, database: Database) -> tuple[Recorded, ...]:
    """Write a batch that `fits`, on PostgreSQL and outside any transaction. Raises as `Intake.apply`."""
    known, lease = database.known, database.lease
    held = "SELECT 1" if lease is None else HELD[Dialect.POSTGRES]
    parts = [
        f"held AS ({held})",
        f"fresh AS (SELECT TRUE AS yes FROM held WHERE NOT EXISTS ({messages.stored(batch.messages, known)}))",
    ]
    values: dict[str, Any] = messages.columns(batch.messages, known)
    if lease is not None:
        values |= {"name": lease.name, "generation": lease.generation}
    if batch.states:
        parts.append(_STATES)
        values |= _by_column(("state_of", "state"), states.rows(batch.states))
    entries, told_to = _entries(batch), _hotels(batch)
    for hotel_id in told_to:
        parts += (_NUMBERED, _OPENED, _TOLD_OF_ALERTS, _NOTIFIED) if batch.changes else (_NUMBERED, _TOLD_OF_NONE)
        values |= _told(batch, entries, hotel_key=known.hotel_key(transaction, hotel_id))
    sql = f"WITH {', '.join(parts)} {messages.INSERT} SELECT * FROM unnest({messages.LISTS}) WHERE {_FRESH}"
    if told_to:
        rows = transaction.rows(f"{sql} RETURNING (SELECT before FROM numbered)", **values)
        inserted = len(rows)
    else:
        rows, inserted = [], transaction.run(sql, **values)
    if inserted < len(batch.messages) and lease is not None:
        check(transaction, lease)
    messages.refuse_unless(inserted == len(batch.messages))
    return tuple(
        one for hotel_id in told_to for one in events.recorded(transaction, hotel_id, entries, before=rows[0][0])
    )


def _hotels(batch: Batch) -> set[HotelId]:
    """Those that something is told of."""
    return {change.hotel_id for change in batch.changes} | {status.hotel_id for status in batch.statuses}


def _told(batch: Batch, entries: list[Entry], *, hotel_key: int) -> dict[str, Any]:
    """The values of what opens and is told."""
    values: dict[str, Any] = {"hotel": hotel_key, "events": len(entries)}
    values |= _by_column([f"event_{name}" for name in events.COLUMNS], map(events.row_of, entries))
    if batch.changes:
        alerts = (conditions.opened_row(change, hotel_key=hotel_key).values() for change in batch.changes)
        values |= _by_column([f"alert_{name}" for name in conditions.OPENED_COLUMNS], alerts)
        values |= {"now": micros(batch.received_at), "of_it": telling.OF_IT, "is_of_it": False}
    return values


def _entries(batch: Batch) -> list[Entry]:
    opened = [
        events.of_alert(
            EventType.ALERT_OPENED,
            conditions.opened_snapshot(change),
            at=change.change.at,
            why=change.change.why,
        )
        for change in batch.changes
    ]
    return opened + [events.of_status(status, at=batch.received_at) for status in batch.statuses]


def _by_column(names: Iterable[str], rows: Iterable[Iterable[Any]]) -> dict[str, list[Any]]:
    return {name: list(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)}
