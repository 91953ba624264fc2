"""The installation that a command works on: its settings, folder, clock, keys and store, open while it works; and who
gives the command.

Another process may have the same database open (`innwatch up`); the store takes turns with it.
"""

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from config.cli.printing import warn
from config.clock import Clock
from config.database import database_of
from config.errors import BadSetting, StartRefused
from config.folder import Folder
from config.settings import Settings, read_settings
from config.surprises import surprises

if TYPE_CHECKING:
    from broker.tokens import KeyRing
    from store import Actor, Store

T = TypeVar("T")


def settings_of(**options: object) -> Settings:
    """The settings of this command; what is not given as an option comes from the environment. Raises BadSetting."""
    return read_settings(os.environ, **options)  # noqa: TID251, the command line is where the environment comes in


def warn_of_surprises() -> None:
    """Name what somebody set in the environment and nobody reads. Call it when the settings were found to be right."""
    for line in surprises(os.environ):  # noqa: TID251, as above
        warn(line)


class Installation:
    def __init__(self, settings: Settings, folder: Folder, store: "Store") -> None:
        self.settings = settings
        self.folder = folder
        self.store = store
        self._clock = Clock(settings.clock_file)

    def now(self) -> datetime:
        return self._clock.now()

    @property
    def by(self) -> "Actor":
        """Who gives the command, for the audit."""
        from store import Actor, ActorKind

        return Actor(ActorKind.COMMAND_LINE, _machine_user())

    @cached_property
    def keys(self) -> "KeyRing":
        """Raises BadSetting."""
        from config.keys import key_ring

        return key_ring(self.settings, self.folder, now=self.now())


def _machine_user() -> str:
    """Whoever is logged in to the machine, also behind sudo; the number of an account that has no name (containers)."""
    try:
        return os.environ.get("SUDO_USER") or getpass.getuser()  # noqa: TID251, the command line is its place
    except (KeyError, OSError):
        return str(os.getuid())


def with_installation(data: Path | None, work: Callable[[Installation], Awaitable[T]]) -> T:
    """Do `work` on the installation in a folder, or on the server that DATABASE_URL names.

    Raises StartRefused for whatever the person can do something about.
    """
    settings = settings_of(data=data)
    folder = Folder(settings.data) if settings.database_url is not None else Folder.find(settings.data)
    if settings.clock_file is not None and not folder.is_for_tests:
        raise BadSetting(f"INNWATCH_CLOCK moves time: refused, because {folder.path} was not made with --for-tests")
    return asyncio.run(_run(settings, folder, work))


async def _run(settings: Settings, folder: Folder, work: Callable[[Installation], Awaitable[T]]) -> T:
    from config.servers import store_limits
    from store import LocalDoorbell, SchemaTooOld, Store, StoreError, StoreUnavailable

    database = database_of(settings, folder)
    try:
        store = await Store.open(database.url, doorbell=LocalDoorbell(), migrate=False, limits=store_limits(settings))
        try:
            return await work(Installation(settings, folder, store))
        finally:
            await store.close()
    except SchemaTooOld as error:
        remedy = "run `innwatch migrate`" if database.file is None else f"start `innwatch up --data {folder.path}`"
        raise StartRefused(f"{database}: {error}; {remedy} once to bring it up to date") from error
    except StoreUnavailable as error:
        raise StartRefused(f"cannot use {database}: {error}") from error
    except StoreError as error:
        raise StartRefused(str(error)) from error
