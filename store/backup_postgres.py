"""Copying a database that is on a PostgreSQL server, by PostgreSQL's own tools, and putting a copy back.

`pg_dump` sees what one transaction of ours sees, which counts meanwhile what there is: so a copy can be checked by its
counts although others write.
"""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec.structs import replace

from store.errors import StoreError, WrongEncoding
from store.limits import USUAL
from store.postgres import Connection, connect, dsn_of
from store.postgres_errors import translated

_PATIENT: Final = replace(USUAL, statement_timeout=timedelta(days=1), idle_timeout=timedelta(0))
_LAST_WORDS: Final = 400
_PLAIN: Final = ("--no-password", "--no-owner", "--no-privileges")

_TABLES: Final = (
    "SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')"
    " AND NOT relispartition ORDER BY relname"
)


class ToolFailed(StoreError):
    """PostgreSQL's own tool is missing, or would not; in words that say what to do."""


async def dump(url: str, target: Path) -> dict[str, int]:
    """Copy the database to `target`, in pg_dump's custom format; return how many rows each table had in it.

    Raises ToolFailed, StoreUnavailable.
    """
    async with _connected(url) as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        moment = await connection.fetchval("SELECT pg_export_snapshot()")
        await _run(url, "pg_dump", *_PLAIN, "--format=custom", f"--snapshot={moment}", f"--file={target}")
        return await _counts(connection)


async def restore(url: str, source: Path) -> None:
    """Put a copy into the empty database at `url`: all of it, or nothing.

    Raises ToolFailed, WrongEncoding, StoreUnavailable.
    """
    async with _connected(url) as connection:
        encoding = await connection.fetchval("SHOW server_encoding")
    if encoding != "UTF8":
        raise WrongEncoding(encoding)
    name = unquote(urlsplit(dsn_of(url)).path.strip("/"))
    words = ("--exit-on-error", "--single-transaction", f"--dbname={name}")
    await _run(url, "pg_restore", *_PLAIN, *words, str(source))


async def counts(url: str) -> dict[str, int]:
    """How many rows each table has. Raises StoreUnavailable."""
    async with _connected(url) as connection:
        return await _counts(connection)


async def _counts(connection: Connection) -> dict[str, int]:
    names = [row[0] for row in await connection.fetch(_TABLES)]
    return {name: await connection.fetchval(f'SELECT count(*) FROM "{name}"') for name in names}  # noqa: S608 - its own


@asynccontextmanager
async def _connected(url: str) -> AsyncIterator[Connection]:
    connection = await connect(dsn_of(url), _PATIENT)
    with translated():
        try:
            yield connection
        finally:
            await connection.close()


async def _run(url: str, tool: str, *words: str) -> None:
    program = shutil.which(tool)
    if program is None:
        raise ToolFailed(f"there is no {tool} here; install PostgreSQL's client programs (Debian: postgresql-client)")
    nothing, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
    running = await asyncio.create_subprocess_exec(
        program, *words, env=_environment(url), stdin=nothing, stdout=nothing, stderr=pipe
    )
    try:
        _, said = await running.communicate()
    except asyncio.CancelledError:
        running.kill()
        await running.wait()
        raise
    if running.returncode:
        told = " ".join(said.decode(errors="replace").split())[:_LAST_WORDS]
        if "server version mismatch" in told:
            raise ToolFailed(f"{tool} is older than the server; install the server's version of it: {told}")
        raise ToolFailed(told or f"{tool} ended with {running.returncode}")


def _environment(url: str) -> Mapping[str, str]:
    """Where the tool finds the server. By the environment, since others can read a command line."""
    parts = urlsplit(dsn_of(url))
    named = {
        "PGDATABASE": unquote(parts.path.strip("/")),
        "PGHOST": parts.hostname or "",
        "PGPORT": str(parts.port or ""),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        **_of_query(parts.query),
    }
    inherited = os.environ  # noqa: TID251, what every program is started with
    return {**inherited, **{name: value for name, value in named.items() if value}}


def _of_query(query: str) -> dict[str, str]:
    """What the address says after its `?`, as libpq's variables spell it."""
    known = {"host", "port", "user", "sslmode", "sslrootcert", "sslcert", "sslkey", "options"}
    return {f"PG{name.upper()}": value for name, value in parse_qsl(query) if name in known}
