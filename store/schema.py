"""Which schema a database has, and bringing it to the one this code knows.

A start with nothing to migrate reads one row: Alembic and SQLAlchemy are imported only when there is work for them.
"""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from store.errors import SchemaTooNew, SchemaTooOld
from store.sqlite import LOCK_TIMEOUT, translated

if TYPE_CHECKING:
    from sqlalchemy import Connection

REVISIONS: Final = ("0001", "0002", "0003")
"""Every revision in order; a test holds them against the files in `migrations/versions`."""

HEAD: Final = REVISIONS[-1]
MIGRATIONS: Final = Path(__file__).parent / "migrations"


def revision_of(raw: sqlite3.Connection) -> str | None:
    """The schema's revision; None: an empty database."""
    if raw.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone() is None:
        return None
    row = raw.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if row is None else str(row[0])


def is_current(path: Path, *, migrate: bool) -> bool:
    """Whether there is nothing to do. Raises SchemaTooNew, SchemaTooOld (without `migrate`), StoreUnavailable."""
    if not migrate and not path.exists():
        raise SchemaTooOld(f"there is no database at {path}")
    with translated(), closing(sqlite3.connect(path)) as raw:
        found = revision_of(raw)
    if found == HEAD:
        return True
    if found is not None and found not in REVISIONS:
        raise SchemaTooNew(found=found, known=HEAD)
    if not migrate:
        raise SchemaTooOld(f"the database has schema {found or 'none'}, this Innwatch needs {HEAD}: migrate it")
    return False


def move_to(path: Path, revision: str = HEAD, *, lock_timeout: timedelta = LOCK_TIMEOUT) -> None:
    """Upgrade or downgrade, in one transaction. Blocks: run it in a thread. Raises StoreUnavailable."""
    from sqlalchemy import URL, create_engine, event  # noqa: PLC0415 - see the head
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    engine = create_engine(
        URL.create("sqlite+pysqlite", database=str(path)),
        connect_args={"isolation_level": None, "timeout": lock_timeout.total_seconds()},
    )
    # The driver's own transactions leave schema changes outside; and two processes that start together take turns.
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    with translated():
        try:
            with engine.begin() as connection:
                _run_alembic(connection, revision)
        except DBAPIError as error:
            raise error.orig or error from error
        finally:
            engine.dispose()


def _run_alembic(connection: "Connection", revision: str) -> None:
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    found = revision_of(connection.connection.driver_connection)  # type: ignore[arg-type]
    if found is not None and REVISIONS.index(found) > _place(revision):
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def _place(revision: str) -> int:
    return -1 if revision == "base" else REVISIONS.index(revision)
