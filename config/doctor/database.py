"""The database: is it there, is it new enough, is its clock ours, and what has been waiting in it."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from config.doctor.findings import Finding, look, well, wrong
from config.settings_legacy import LEGACY_HOTEL
from config.settings_store import DatabaseLimits, DatabaseUrl
from rules.ids import HotelId
from store import LocalDoorbell, NotFound, SchemaTooNew, SchemaTooOld, Store, StoreUnavailable
from store.checkup import Checkup, Server
from store.records import ChannelKind

OLDEST_POSTGRESQL: Final = 15
APART, FAR_APART = timedelta(seconds=2), timedelta(seconds=30)
LATE, VERY_LATE = timedelta(minutes=2), timedelta(minutes=15)
TAKE_OVER: Final = timedelta(seconds=10)
OLD_BACKUP: Final = timedelta(days=2)
LATELY: Final = timedelta(days=1)
WAL: Final = 1 << 30


async def examine_database(
    database: DatabaseUrl,
    limits: DatabaseLimits,
    *,
    clock: Callable[[], datetime],
    switched_off: Mapping[ChannelKind, str] | None = None,
    legacy_hotel: HotelId | None = None,
) -> list[Finding]:
    """`switched_off` are the channels by which nothing goes out, with the variable that would change it.

    `legacy_hotel` is where the token that old tablets share is to act.
    """
    try:
        store = await Store.open(database.url, doorbell=LocalDoorbell(), migrate=False)
    except SchemaTooNew as error:
        remedy = (
            "run the newer Innwatch that made it, or restore a backup of before; see Upgrading in docs/operations.md"
        )
        return [wrong("database", f"{database}: {error}", remedy)]
    except SchemaTooOld as error:
        remedy = "run `innwatch migrate`" if database.file is None else "start `innwatch up` once"
        return [wrong("database", f"{database}: {error}", remedy)]
    except StoreUnavailable as error:
        remedy = "is it running, is the address right, does it let this user in? See DATABASE_URL and its log"
        return [wrong("database", f"{database}: {error}", remedy)]
    try:
        await store.check_up(now=clock(), since=clock())  # connections are made now, and not while clocks are compared
        now = clock()
        found = await store.check_up(now=now, since=now - LATELY)
        legacy = [] if legacy_hotel is None else [await _shared_token(store, legacy_hotel)]
    except StoreUnavailable as error:
        return [wrong("database", f"{database}: {error}", "see the server's log; try again")]
    finally:
        await store.close()
    own = _server(database, found.server, limits, now=now) if found.server else _file(database.file)
    backups = _backups(found, now=now)
    return [*own, *backups, *legacy, *_untold(found, switched_off or {}), *_waiting(found, now=now)]


async def _shared_token(store: Store, hotel_id: HotelId) -> Finding:
    try:
        await store.hotel(hotel_id)
    except NotFound:
        remedy = f"correct {LEGACY_HOTEL}, or `innwatch hotel add {hotel_id}`"
        return wrong("shared token", f"{LEGACY_HOTEL} is {hotel_id}, and there is no such hotel", remedy)
    cut = (await store.migration_counts(hotel_id)).cut
    return well("shared token", f"acts in {hotel_id}; its end would cut {cut} tablets off")


def _file(path: Path | None) -> Iterator[Finding]:
    yield well("database", f"SQLite {sqlite3.sqlite_version}, {path}, the schema is current")
    log = None if path is None else path.with_name(path.name + "-wal")
    if log is not None and log.exists() and log.stat().st_size > WAL:
        remedy = "somebody reads without end: close whatever else has the database open"
        yield look("database", f"{log} has {log.stat().st_size / WAL:.1f} GiB", remedy)


def _server(database: DatabaseUrl, server: Server, limits: DatabaseLimits, *, now: datetime) -> Iterator[Finding]:
    says = f"PostgreSQL {server.version}, {database}, the schema is current"
    if int(server.version.partition(".")[0]) < OLDEST_POSTGRESQL:
        yield wrong("database", says, f"use PostgreSQL {OLDEST_POSTGRESQL} or newer")
    else:
        yield well("database", says)
    if (encoding := server.settings["server_encoding"]) != "UTF8":
        says = f"it is in {encoding}: a text that it cannot hold is refused"
        yield wrong("encoding", says, "back it up, and restore into one made with ENCODING 'UTF8' TEMPLATE template0")
    off = [name for name in ("fsync", "synchronous_commit", "full_page_writes") if server.settings[name] == "off"]
    for name in off:
        says = f"{name} is off: what was acknowledged can be lost with the machine's power"
        yield wrong("durability", says, f"set {name} = on in postgresql.conf")
    if not off:
        yield well("durability", "a commit is on disk before it is acknowledged")
    yield apart("the database's clock", server.clock - now)
    if int(server.settings["max_connections"]) < 2 * limits.connections:
        yield look(
            "connections",
            f"the server takes {server.settings['max_connections']}, each of our processes up to {limits.connections}",
            "raise max_connections, or lower INNWATCH_DATABASE_CONNECTIONS",
        )


def apart(whose: str, difference: timedelta) -> Finding:
    """A finding about how far another clock is ahead of ours."""
    side = "ahead of" if difference > timedelta() else "behind"
    says = f"{whose} is {abs(difference).total_seconds():.1f} s {side} ours"
    remedy = "let NTP set the clocks of all machines (timedatectl set-ntp true)"
    if abs(difference) > FAR_APART:
        return wrong("clock", says, remedy)
    return look("clock", says, remedy) if abs(difference) > APART else well("clock", says)


def _backups(found: Checkup, *, now: datetime) -> Iterator[Finding]:
    """Whoever has been at work for a shorter time than a backup may be old need not have one."""
    remedy = "`innwatch backup FILE`, every night, to another disk; is the job that does it running? See its log"
    if found.backed_up_at is not None:
        old = now - found.backed_up_at
        says = f"the newest was made {old / timedelta(hours=1):.0f} hours ago"
        yield look("backup", says, remedy) if old > OLD_BACKUP else well("backup", says)
    elif found.began_at is not None and now - found.began_at > OLD_BACKUP:
        yield look("backup", "none was ever made of this database", remedy)


def _untold(found: Checkup, switched_off: Mapping[ChannelKind, str]) -> Iterator[Finding]:
    for kind, variable in switched_off.items():
        if hotels := found.told_by.get(kind):
            says = f"{hotels} of the hotels tell people by {kind.value}, and {variable} keeps it from going out"
            yield look("notices", says, f"set {variable} where `up` or `worker` runs, or their notices are given up")


def _waiting(found: Checkup, *, now: datetime) -> Iterator[Finding]:
    yield _late(
        "notices", found.due, found.oldest_due_at, now=now, remedy="is a worker running? See its log and health"
    )
    if found.dead:
        remedy = "`GET /api/notifications?state=dead` says why; mend the channel"
        yield look("notices", f"{found.dead} were given up in the last 24 hours", remedy)
    yield _late(
        "inbox", found.inbox, found.oldest_inbox_at, now=now, remedy="is a bridge running? See its log and health"
    )
    for lease in found.holders:
        if lease.left > -TAKE_OVER:
            yield well("lease", f"{lease.name}: held by {lease.holder}")
        else:
            remedy = "start the process that does this work: bridge, or worker for dispatch"
            yield wrong("lease", f"{lease.name}: nobody has it, the last was {lease.holder}", remedy)


def _late(about: str, number: int, oldest: datetime | None, *, now: datetime, remedy: str) -> Finding:
    if oldest is None:
        return well(about, "none waits")
    waited = now - oldest
    says = f"{number} wait, the oldest for {waited.total_seconds():.0f} s"
    if waited > VERY_LATE:
        return wrong(about, says, remedy)
    return look(about, says, remedy) if waited > LATE else well(about, says)
