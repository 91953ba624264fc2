"""Commands for tablets: asking for one, following it, and the one way that it may go.

pending → sent → received → running → done, failed or unsupported; and expired, when its time was up before it ran. A
state only ever moves onwards (compare-and-swap), so a result that comes late, twice or out of order changes nothing.
Whoever serves people adds a row; the bridge alone moves it, with its batches (`Batch.commands`). Each step is an event.
"""

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from rules.ids import CommandId, DeviceId, HotelId
from store import audit, cursors, events
from store.audit import Actor, Deed
from store.batch import CommandChange
from store.database import Database
from store.errors import NotFound, TooManyCommands
from store.events import Entry
from store.records import (
    Argument,
    Command,
    CommandName,
    CommandRef,
    CommandState,
    DeviceKey,
    EventType,
    OpenCommand,
    Page,
)
from store.times import EPOCH, moment
from store.transaction import Dialect, Row, Transaction

AT_MOST: Final = 50
"""Commands of one device that may be open at once."""

_BEFORE: Final = {
    CommandState.SENT: ("pending",),
    CommandState.RECEIVED: ("pending", "sent"),
    CommandState.RUNNING: ("pending", "sent", "received"),
    CommandState.EXPIRED: ("pending", "sent", "received"),
    CommandState.DONE: ("pending", "sent", "received", "running", "expired"),
    CommandState.FAILED: ("pending", "sent", "received", "running", "expired"),
    CommandState.UNSUPPORTED: ("pending", "sent", "received", "running", "expired"),
}
"""What each state may follow. A device may be quicker than our note that it was sent, and was perhaps just in time."""

_OPEN = "command.state IN ('pending', 'sent', 'received')"
"""That its end may still be that its time is up; in the words of the index, or SQLite does not use it."""

_COLUMNS = (
    "command.key, command.id, command.name, command.args, command.state, command.detail, command.created_by,"
    " command.created_at, command.changed_at, command.expires_at"
)
_OF_HOTEL = (
    f"SELECT {_COLUMNS}, device.id FROM command JOIN device ON device.key = command.device_key"  # noqa: S608 - ours
    " WHERE command.hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel)"
)
_OPEN_ONES = (
    f"SELECT {_COLUMNS}, device.id, hotel.id, device.key FROM command"  # noqa: S608 - ours
    " JOIN device ON device.key = command.device_key JOIN hotel ON hotel.key = command.hotel_key"
    f" WHERE {_OPEN}"
)

_args = msgspec.json.Decoder(dict[str, Argument])


class CommandTold(Struct, frozen=True, rename="camel", kw_only=True):
    """The data of command.changed. Without the arguments: who may lock may know what with, not everybody."""

    id: CommandId
    device_id: DeviceId
    name: CommandName
    state: CommandState
    by: str
    detail: str | None
    expires_at: datetime


class Commands:
    _database: Database

    async def add_command(
        self,
        hotel_id: HotelId,
        device_id: DeviceId,
        name: CommandName,
        args: dict[str, Argument],
        *,
        by: Actor,
        now: datetime,
        expires_at: datetime,
    ) -> Command:
        """Ask a device to do something; event command.changed. Raises NotFound (device; a retired one too),
        TooManyCommands.
        """
        return await self._database.write(
            lambda transaction: _add(
                transaction, hotel_id, device_id, name=name, args=args, by=by, now=now, expires_at=expires_at
            )
        )

    async def commands(
        self, hotel_id: HotelId, device_id: DeviceId | None = None, *, cursor: str | None = None, limit: int = 50
    ) -> Page[Command]:
        """Newest first, of a device or of all. Raises BadCursor."""
        before = cursors.LAST if cursor is None else cursors.decode(cursor, cursors.Place)
        return await self._database.read(
            lambda transaction: _page(transaction, hotel_id, device_id, before=before, limit=limit)
        )

    async def command(self, hotel_id: HotelId, command_id: CommandId) -> Command | None:
        rows = await self._database.ask(_OF_HOTEL + " AND command.id = :command", hotel=hotel_id, command=command_id)
        return _command(rows[0]) if rows else None

    async def pending_commands(self, now: datetime, *, limit: int) -> list[OpenCommand]:
        """Those of all hotels that are still to be sent and have not expired, oldest first."""
        return await self._open("command.state = 'pending' AND command.expires_at > :now", now, limit=limit)

    async def sent_commands(self, now: datetime, *, limit: int) -> list[OpenCommand]:
        """Those of all hotels that their devices may not have got yet and that have not expired, oldest first."""
        return await self._open("command.state = 'sent' AND command.expires_at > :now", now, limit=limit)

    async def overdue_commands(self, now: datetime, *, limit: int) -> list[OpenCommand]:
        """Those of all hotels whose time was up before they ran, oldest first."""
        return await self._open("command.expires_at <= :now", now, limit=limit)

    async def _open(self, condition: str, now: datetime, *, limit: int) -> list[OpenCommand]:
        sql = f"{_OPEN_ONES} AND {condition} ORDER BY command.key LIMIT :limit"
        rows = await self._database.ask(sql, now=now, limit=limit)
        return [
            OpenCommand(hotel_id=HotelId(row[11]), device_key=DeviceKey(row[12]), command=_command(row)) for row in rows
        ]

    async def known_commands(self, refs: Collection[CommandRef]) -> set[CommandRef]:
        """Return those of `refs` that there are, each of its own device."""
        return await self._database.read(lambda transaction: _known(transaction, refs))


def _add(
    transaction: Transaction,
    hotel_id: HotelId,
    device_id: DeviceId,
    *,
    name: CommandName,
    args: dict[str, Argument],
    by: Actor,
    now: datetime,
    expires_at: datetime,
) -> Command:
    device = transaction.row(
        "SELECT device.key, device.hotel_key FROM device JOIN hotel ON hotel.key = device.hotel_key"
        " WHERE hotel.id = :hotel AND device.id = :device AND device.retired_at IS NULL",
        hotel=hotel_id,
        device=device_id,
    )
    if device is None:
        raise NotFound("device", device_id)
    # The hotel, not the device: it is held for the event anyway, and two rows could be wanted in two orders.
    transaction.hold("SELECT 1 FROM hotel WHERE key = :hotel", hotel=device[1])
    open_ = transaction.row(
        f"SELECT count(*) FROM command WHERE {_OPEN} AND device_key = :device AND expires_at > :now",  # noqa: S608
        device=device[0],
        now=now,
    )
    if open_ is not None and open_[0] >= AT_MOST:
        raise TooManyCommands(f"{AT_MOST} commands for {device_id} are open already")
    row = transaction.row(
        "INSERT INTO command (hotel_key, device_key, id, name, args, state, detail, created_by, created_at, changed_at,"  # noqa: S608
        " expires_at) VALUES (:hotel, :device, :id, :name, :args, 'pending', NULL, :by, :now, :now, :expires_at)"
        f" RETURNING {_COLUMNS}",
        hotel=device[1],
        device=device[0],
        id=new_id(now),
        name=name.value,
        args=msgspec.json.encode(args).decode(),
        by=by.shown,
        now=now,
        expires_at=expires_at,
    )
    assert row is not None  # noqa: S101, RETURNING
    added = _command((*row, device_id))
    # Without the arguments, as in the event.
    detail = {"deviceId": device_id, "name": name.value}
    audit.note(transaction, hotel_id, Deed.COMMAND_SENT, by=by, subject=added.id, now=now, detail=detail)
    events.append(transaction, hotel_id, [_changed(added, at=now)])
    return added


def change(transaction: Transaction, to: CommandChange) -> Entry | None:
    """Move a command, and return the event of it; None when it may not move there (any more)."""
    before = ", ".join(f"'{state}'" for state in _BEFORE[to.state])
    row = transaction.row(
        "UPDATE command SET state = :state, detail = COALESCE(:detail, detail), changed_at = :at"  # noqa: S608 - ours
        " WHERE hotel_key = (SELECT hotel.key FROM hotel WHERE hotel.id = :hotel) AND id = :id"
        f" AND device_key = :device AND state IN ({before}) RETURNING {_COLUMNS},"
        " (SELECT device.id FROM device WHERE device.key = command.device_key)",
        state=to.state.value,
        detail=to.detail,
        at=to.at,
        hotel=to.hotel_id,
        device=to.device_key,
        id=to.command_id,
    )
    return None if row is None else _changed(_command(row), at=to.at)


def _page(
    transaction: Transaction, hotel_id: HotelId, device_id: DeviceId | None, *, before: int, limit: int
) -> Page[Command]:
    limit = cursors.bounded(limit)
    of_device = (
        " AND command.device_key = (SELECT tablet.key FROM device AS tablet"
        " WHERE tablet.hotel_key = command.hotel_key AND tablet.id = :device)"
    )
    chosen = {} if device_id is None else {"device": device_id}
    rows = transaction.rows(
        _OF_HOTEL + (of_device if chosen else "") + " AND command.key < :before ORDER BY command.key DESC LIMIT :limit",
        hotel=hotel_id,
        before=before,
        limit=limit + 1,
        **chosen,
    )
    return cursors.page(rows, _command, limit=limit, place=lambda row: row[0])


def _known(transaction: Transaction, refs: Collection[CommandRef]) -> set[CommandRef]:
    if transaction.dialect is Dialect.POSTGRES:
        rows = transaction.rows(
            "SELECT command.device_key, command.id"
            " FROM unnest(:devices::bigint[], :ids::varchar[]) AS asked (device, id)"
            " JOIN device ON device.key = asked.device"
            " JOIN command ON command.hotel_key = device.hotel_key AND command.id = asked.id"
            " WHERE command.device_key = asked.device",
            devices=[ref.device_key for ref in refs],
            ids=[ref.id for ref in refs],
        )
    else:
        rows = transaction.rows(
            "SELECT command.device_key, command.id FROM json_each(:asked) AS asked"
            " JOIN device ON device.key = asked.value ->> 0"
            " JOIN command ON command.hotel_key = device.hotel_key AND command.id = asked.value ->> 1"
            " WHERE command.device_key = device.key",
            asked=msgspec.json.encode([(ref.device_key, ref.id) for ref in refs]).decode(),
        )
    return {CommandRef(DeviceKey(row[0]), CommandId(row[1])) for row in rows}


def _command(row: Row) -> Command:
    return Command(
        id=CommandId(row[1]),
        name=CommandName(row[2]),
        args=_args.decode(row[3]),
        state=CommandState(row[4]),
        detail=row[5],
        by=row[6],
        created_at=moment(row[7]),
        changed_at=moment(row[8]),
        expires_at=moment(row[9]),
        device_id=DeviceId(row[10]),
    )


def _changed(command: Command, *, at: datetime) -> Entry:
    told = CommandTold(
        id=command.id,
        device_id=command.device_id,
        name=command.name,
        state=command.state,
        by=command.by,
        detail=command.detail,
        expires_at=command.expires_at,
    )
    return Entry(at=at, type=EventType.COMMAND_CHANGED, subject=command.id, data=events.encoded(told))


_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_id(now: datetime) -> CommandId:
    """48 bits of milliseconds and 80 of chance in 26 characters that sort by time (the ULID specification)."""
    number = ((now - EPOCH) // timedelta(milliseconds=1)) << 80 | secrets.randbits(80)
    return CommandId("".join(_CROCKFORD[number >> shift & 31] for shift in range(125, -1, -5)))
