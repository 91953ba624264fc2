"""Who else works on a PostgreSQL database just now: asked before what is done to it that nobody may be there for."""

import asyncio
from typing import Final

from store import postgres
from store.lease import NOW
from store.limits import WORKING, Limits
from store.postgres import Connection
from store.postgres_errors import translated
from store.transaction import Dialect

PATIENCE: Final = 2.0
"""Seconds in which a connection that was closed a moment ago may go."""

_LOOK_EVERY: Final = 0.1

_OTHERS: Final = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1"
    " AND pid <> pg_backend_pid()"
)


async def company(connection: Connection) -> str | None:
    """Who else is there, in words; None: nobody.

    That is whoever has a lease, or a connection by the same user: of another user's PostgreSQL does not tell.
    """
    found = await _company(connection)
    for _ in range(round(PATIENCE / _LOOK_EVERY)):
        if found is None:
            break
        await asyncio.sleep(_LOOK_EVERY)
        found = await _company(connection)
    return found


async def company_at(url: str, *, limits: Limits) -> str | None:
    """The same of the database at `url`. Raises ValueError (the url), StoreUnavailable."""
    connection = await postgres.connect(postgres.dsn_of(url), limits)
    with translated():
        try:
            return await company(connection)
        finally:
            await connection.close()


async def _company(connection: Connection) -> str | None:
    if await connection.fetchval("SELECT to_regclass('lease')") is not None:
        held = await connection.fetchrow(
            f"SELECT name, holder FROM lease WHERE until > {NOW[Dialect.POSTGRES]} ORDER BY name LIMIT 1"  # noqa: S608
        )
        if held is not None:
            return f"{held[1]} has the lease {held[0]}"
    others = int(await connection.fetchval(_OTHERS, WORKING))
    return f"{others} connections of processes of Innwatch are open" if others else None
