"""Which schema a database has, and bringing it to the one this code knows.

A start with nothing to migrate reads one row: Alembic and SQLAlchemy are imported only when there is work for them.
These functions block; on an event loop, run them in a thread.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from store.errors import SchemaTooNew, SchemaTooOld, WrongEncoding
from store.limits import USUAL, Limits
from store.sqlite import SCHEME, path_of, translated

if TYPE_CHECKING:
    from sqlalchemy import Connection

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Every revision in order; a test holds them against the files in `migrations/versions`."""

HEAD: Final = REVISIONS[-1]
BASE: Final = "base"
"""No schema at all."""

MIGRATIONS: Final = Path(__file__).parent / "migrations"

Told = Callable[[str], None]

TURN: Final = 0x696E6E_77_61746368
"""The advisory lock of PostgreSQL that migrations hold, so that two take turns."""


def is_postgres(url: str) -> bool:
    return url.startswith("postgres")


def revision_of(url: str, *, limits: Limits = USUAL) -> str | None:
    """The schema's revision; None: an empty database, or no file. Raises ValueError (the url), StoreUnavailable."""
    if is_postgres(url):
        return asyncio.run(_revision_in_postgres(url, limits))
    path = path_of(url)
    if not path.exists():
        return None
    with translated(), closing(sqlite3.connect(path)) as raw:
        if raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
            return None
        row = raw.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def is_current(url: str, *, migrate: bool, limits: Limits = USUAL) -> bool:
    """Whether there is nothing to do. Raises SchemaTooNew, SchemaTooOld (without `migrate`), StoreUnavailable."""
    found = revision_of(url, limits=limits)
    if found == HEAD:
        return True
    if found is not None and found not in REVISIONS:
        raise SchemaTooNew(found=found, known=HEAD)
    if not migrate:
        raise SchemaTooOld(f"the database has schema {found or 'none'}, this Innwatch needs {HEAD}: migrate it")
    return False


def move_to(url: str, revision: str = HEAD, *, limits: Limits = USUAL, told: Told = lambda _: None) -> None:
    """Upgrade or downgrade, in one transaction, alone at it.

    `told` gets each revision that is done, "base" for none; all of them count when the last one is.

    Raises SchemaTooNew, WrongEncoding, StoreUnavailable.
    """
    if is_postgres(url):
        asyncio.run(_move_postgres(url, revision, limits, told))
    else:
        _move_sqlite(path_of(url), revision, told, lock_timeout=limits.lock_timeout)


def _move_sqlite(path: Path, revision: str, told: Told, *, lock_timeout: timedelta) -> None:
    from sqlalchemy import URL, create_engine, event  # noqa: PLC0415 - see the head
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    engine = create_engine(
        URL.create(SCHEME.partition("+")[0] + "+pysqlite", database=str(path)),
        connect_args={"isolation_level": None, "timeout": lock_timeout.total_seconds()},
    )
    # The driver's own transactions leave schema changes outside; and two processes that start together take turns.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with translated():
        try:
            with engine.begin() as connection:
                _run_alembic(connection, revision, told)
        except DBAPIError as error:
            raise error.orig or error from error
        finally:
            engine.dispose()


async def _revision_in_postgres(url: str, limits: Limits) -> str | None:
    from store import postgres, postgres_errors  # noqa: PLC0415 - asyncpg, where it is needed

    connection = await postgres.connect(postgres.dsn_of(url), limits)
    with postgres_errors.translated():
        try:
            made, copying = await connection.fetchrow("SELECT to_regclass('alembic_version'), to_regclass('copying')")
            if copying is not None:  # `store.copying`
                raise SchemaTooOld("a copy into it is not finished; run `innwatch copy` again")
            if made is None:
                return None
            found = await connection.fetchval("SELECT version_num FROM alembic_version")
            return None if found is None else str(found)
        finally:
            await connection.close()


async def _move_postgres(url: str, revision: str, limits: Limits, told: Told) -> None:
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415 - see the head
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    from store import postgres, postgres_errors  # noqa: PLC0415

    dsn = postgres.dsn_of(url)
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: postgres.connect(dsn, limits), poolclass=NullPool
    )
    with postgres_errors.translated():
        try:
            async with engine.begin() as connection:
                encoding = (await connection.exec_driver_sql("SHOW server_encoding")).scalar_one()
                if encoding != "UTF8":
                    raise WrongEncoding(encoding)
                await connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # a big table takes its time
                await connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({TURN})")
                await connection.run_sync(_run_alembic, revision, told)
        except DBAPIError as error:
            raise getattr(error.orig, "__cause__", None) or error.orig or error from error
        finally:
            await engine.dispose()


def _run_alembic(connection: "Connection", revision: str, told: Told) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import inspect  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["told"] = told
    found = None
    if inspect(connection).has_table("alembic_version"):
        found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
    if found is not None and found not in REVISIONS:
        raise SchemaTooNew(found=str(found), known=HEAD)
    if found is not None and REVISIONS.index(found) > _place(revision):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def _place(revision: str) -> int:
    return -1 if revision == BASE else REVISIONS.index(revision)
