"""What somebody who looks after an installation asks of its database: what it is, and what has been waiting in it."""

from datetime import datetime, timedelta

from msgspec import Struct

from store.audit import Deed
from store.database import Database
from store.lease import NOW
from store.records import ChannelKind
from store.times import maybe_moment, moment
from store.transaction import Dialect, Transaction


class Holder(Struct, frozen=True):
    """Who has, or last had, a lease. `left` is negative when its time is up."""

    name: str
    holder: str
    left: timedelta


class Server(Struct, frozen=True, kw_only=True):
    """A database server. `settings` are those that a promise rests upon, as it spells them."""

    version: str
    clock: datetime
    settings: dict[str, str]


class Checkup(Struct, frozen=True, kw_only=True):
    """`dead` are those given up since the moment asked for. `told_by` counts the hotels that have such a channel.

    `began_at` is when the oldest message that is kept was received. `server` is None for a file.
    """

    due: int
    oldest_due_at: datetime | None
    dead: int
    told_by: dict[ChannelKind, int]
    inbox: int
    oldest_inbox_at: datetime | None
    holders: tuple[Holder, ...]
    began_at: datetime | None
    backed_up_at: datetime | None
    server: Server | None


SETTINGS = ("fsync", "synchronous_commit", "full_page_writes", "max_connections", "server_encoding")


class Checkups:
    _database: Database

    async def check_up(self, *, now: datetime, since: datetime) -> Checkup:
        return await self._database.read(lambda transaction: _check_up(transaction, now=now, since=since))

    async def backed_up_at(self) -> datetime | None:
        """When the newest backup was made; None: nobody noted one (`Deed.BACKUP_MADE`)."""
        return await self._database.read(_backed_up_at)


def _backed_up_at(transaction: Transaction) -> datetime | None:
    row = transaction.row(
        "SELECT at FROM audit WHERE hotel_id IS NULL AND deed = :deed ORDER BY id DESC LIMIT 1", deed=Deed.BACKUP_MADE
    )
    return None if row is None else moment(row[0])


def _check_up(transaction: Transaction, *, now: datetime, since: datetime) -> Checkup:
    ((due, oldest_due),) = transaction.rows(
        "SELECT count(*), min(due_at) FROM notification WHERE due_at <= :now", now=now
    )
    ((dead,),) = transaction.rows(
        "SELECT count(*) FROM notification WHERE state = 'dead' AND finished_at >= :since", since=since
    )
    told_by = transaction.rows(
        "SELECT kind, count(DISTINCT hotel_key) FROM channel WHERE removed_at IS NULL GROUP BY kind"
    )
    ((inbox, oldest_inbox),) = transaction.rows("SELECT count(*), min(received_at) FROM inbox")
    began = transaction.row("SELECT received_at FROM message ORDER BY id LIMIT 1")
    held = transaction.rows(f"SELECT name, holder, until - {NOW[transaction.dialect]} FROM lease ORDER BY name")  # noqa: S608 - ours
    return Checkup(
        due=due,
        oldest_due_at=maybe_moment(oldest_due),
        dead=dead,
        told_by={ChannelKind(kind): hotels for kind, hotels in told_by},
        inbox=inbox,
        oldest_inbox_at=maybe_moment(oldest_inbox),
        holders=tuple(Holder(name, holder, timedelta(microseconds=left)) for name, holder, left in held),
        began_at=None if began is None else moment(began[0]),
        backed_up_at=_backed_up_at(transaction),
        server=_server(transaction) if transaction.dialect is Dialect.POSTGRES else None,
    )


def _server(transaction: Transaction) -> Server:
    ((clock,),) = transaction.rows(f"SELECT {NOW[Dialect.POSTGRES]}")
    settings = {
        name: transaction.rows("SELECT current_setting(:name)", name=name)[0][0]
        for name in ("server_version", *SETTINGS)
    }
    return Server(version=settings.pop("server_version"), clock=moment(clock), settings=settings)
