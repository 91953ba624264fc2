"""What the processes of one installation share: PostgreSQL and Redis, which may come later than they do."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager

from msgspec.structs import asdict

from config.errors import BadSetting, StartRefused
from config.settings import SECRET_KEY, Settings
from config.settings_store import DATABASE_URL, REDIS_URL, DatabaseUrl, RedisUrl
from config.waiting import NotYet, Waiting
from store import Doorbell, Limits, SchemaTooNew, SchemaTooOld, Store, StoreUnavailable


def shared_database(settings: Settings) -> DatabaseUrl:
    """Raises BadSetting where there is none that several processes may share."""
    if settings.database_url is None or settings.database_url.file is not None:
        raise BadSetting(f"{DATABASE_URL} must name a PostgreSQL server; without one, `innwatch up` does it all")
    if settings.secret_key is None and settings.keys_file is None:
        raise BadSetting(f"{SECRET_KEY} is missing: every process of an installation needs the same one")
    return settings.database_url


def shared_redis(settings: Settings) -> RedisUrl:
    """Raises BadSetting where there is none."""
    if settings.redis_url is None:
        raise BadSetting(f"{REDIS_URL} is missing; without Redis and PostgreSQL, `innwatch up` does it all")
    return settings.redis_url


def store_limits(settings: Settings) -> Limits:
    # Two records for one thing: the command line reads settings and must not load the store for it.
    return Limits(**asdict(settings.database))


@asynccontextmanager
async def shared_store(
    settings: Settings, *, doorbell: Doorbell, waiting: Waiting, beside: Iterable[Coroutine[None, None, None]]
) -> AsyncIterator[Store]:
    """The store, once the database is there and has its schema; closed at the end. Raises StartRefused.

    What is `beside` runs meanwhile, from before there is a database; a fault of it ends the block.
    """
    database = shared_database(settings)
    limits = store_limits(settings)

    async def attempt() -> Store:
        try:
            return await Store.open(database.url, doorbell=doorbell, migrate=False, limits=limits)
        except SchemaTooNew as error:
            raise StartRefused(f"{database}: {error}") from error
        except SchemaTooOld as error:
            raise NotYet("the database's schema is old: run `innwatch migrate`", detail=str(error)) from error
        except StoreUnavailable as error:
            raise NotYet("the database does not answer", detail=f"{database}: {error}") from error

    async with asyncio.TaskGroup() as parts:
        others = [parts.create_task(part) for part in beside]
        store = await waiting.until(attempt)
        try:
            yield store
        finally:
            await store.close()
        for other in others:
            other.cancel()
