"""The one door: opening the database, and all verbs on one object."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Self

from store.access_points import AccessPoints
from store.alerts import Alerts
from store.answers import Answers
from store.audit import Audit
from store.channels import Channels
from store.checkup import Checkups
from store.clearances import Clearances
from store.commands import Commands
from store.contacts import Contacts
from store.database import Database
from store.doorbell import Doorbell
from store.enrolment import Enrolments
from store.errors import StoreUnavailable
from store.events import Events
from store.fleet import Fleet
from store.gathering import gather
from store.hindsight import Hindsight
from store.history import History
from store.hotels import Hotels
from store.importing import Importing
from store.inbox import Inbox
from store.incidents import Incidents
from store.inputs import Inputs
from store.intake import Intake
from store.integrators import Integrators
from store.jobs import Jobs
from store.kept import Belief, Kept
from store.lapsing import Lapses
from store.lease import Leases
from store.ledger import Ledger
from store.legacy import Legacy
from store.limits import USUAL, Limits
from store.listening import Listening
from store.lives import Lives
from store.maintenance import Maintenance
from store.members import Members
from store.outbox import Outbox
from store.password_links import PasswordLinks
from store.people import People
from store.policies import Policies
from store.policy_exceptions import PolicyExceptions
from store.replaying import Replays
from store.retention import Retention, keep
from store.revocations import Revocations
from store.room_status import RoomStatuses
from store.rooms import Rooms
from store.rounds import Rounds
from store.schema import is_current, is_postgres, move_to
from store.sightings import Sightings
from store.sqlite import path_of
from store.sqlite_database import SqliteDatabase
from store.states import States
from store.swaps import Swaps
from store.tickets import Tickets
from store.token_dates import TokenDates
from store.ungathered import STRIDE

LOOK_EVERY: Final = timedelta(hours=1)
"""For what is too old; on PostgreSQL, for the days that are to come too."""

PRUNE: Final = "prune"

GATHER_EVERY: Final = timedelta(minutes=1)
"""What is newer is read message by message: 10 ms for the 30,000 that 2,000 tablets send in a minute."""


class Store(
    Hotels,
    Rooms,
    Fleet,
    Policies,
    PolicyExceptions,
    Maintenance,
    Retention,
    Jobs,
    Lives,
    TokenDates,
    Enrolments,
    People,
    Members,
    PasswordLinks,
    Integrators,
    Channels,
    Tickets,
    Revocations,
    Intake,
    Events,
    Hindsight,
    Alerts,
    Answers,
    Lapses,
    Incidents,
    AccessPoints,
    Outbox,
    Ledger,
    History,
    States,
    Sightings,
    Inputs,
    Replays,
    Inbox,
    Commands,
    Leases,
    Checkups,
    Audit,
    Contacts,
    Listening,
    Legacy,
    Importing,
    RoomStatuses,
    Clearances,
    Rounds,
    Swaps,
):
    """An open database. Used on the event loop that opened it.

    Every verb may raise StoreUnavailable; every writing verb may raise DataRefused. A verb that is cancelled has
    happened whole or not at all.
    """

    @classmethod
    async def open(
        cls,
        url: str,
        *,
        doorbell: Doorbell,
        migrate: bool = True,
        limits: Limits = USUAL,
    ) -> Self:
        """Open `sqlite+aiosqlite:///path`, making it where it is missing, or `postgresql+asyncpg://…`.

        `doorbell` is rung after each commit that others may wait for. A schema that is old is migrated, or with
        migrate=False refused. Raises SchemaTooNew, SchemaTooOld, StoreUnavailable, ValueError (the url).
        """
        if not await asyncio.to_thread(is_current, url, migrate=migrate, limits=limits):
            await asyncio.to_thread(move_to, url, limits=limits)
        return cls(await _open(url, doorbell=doorbell, limits=limits))

    def __init__(self, database: Database) -> None:
        self._database = database

    async def close(self) -> None:
        """Finish what is under way and close. Verbs called after this raise StoreUnavailable."""
        await self._database.close()

    async def tend(
        self,
        *,
        now: Callable[[], datetime],
        retention: Kept,
        held_back: Callable[[timedelta], None] = lambda _: None,
        every: timedelta = GATHER_EVERY,
    ) -> None:
        """Run until cancelled, beside the verbs, in the process that stores messages: keeps `history` quick, and
        forgets what is older than `retention` says; that is the job `prune`.

        Each time `held_back` is told how much of what is too old stays until the clock is believed
        (`store.retention`). Without all this everything stays right, a device's history gets slower with each message
        that is stored, and the disk fuller. Raises LeaseLost.
        """
        looked: datetime | None = None
        belief, ticks = Belief(), asyncio.get_running_loop().time
        while True:
            await self._gather_strides(until=ticks() + every.total_seconds())
            with contextlib.suppress(StoreUnavailable):  # Later, then: it goes on where it was.
                await gather(self._database)
                if looked is None or not timedelta(0) <= now() - looked < LOOK_EVERY:  # The clock may be set back.
                    at = now()
                    before = await belief.before(self._database, now=at, kept=retention, ticks=ticks())
                    async with self.job(PRUNE, now=now):
                        await keep(self._database, now=at, before=before)
                    held_back(at - retention.messages - before.messages)
                    looked = at

    async def _gather_strides(self, *, until: float) -> None:
        """Gather what is much, as it comes, until that moment of the loop's clock."""
        ticks = asyncio.get_running_loop().time
        while (left := until - ticks()) > 0:
            if await self._database.ungathered.grown(within=timedelta(seconds=left)):
                with contextlib.suppress(StoreUnavailable):
                    await gather(self._database, least=STRIDE // 2)  # some of a stride may be gathered already


async def _open(url: str, *, doorbell: Doorbell, limits: Limits) -> Database:
    if is_postgres(url):
        from store.postgres import dsn_of  # noqa: PLC0415 - asyncpg, where it is needed
        from store.postgres_database import PostgresDatabase  # noqa: PLC0415

        return PostgresDatabase(dsn_of(url), doorbell=doorbell, limits=limits)
    return await SqliteDatabase.open(path_of(url), doorbell=doorbell, lock_timeout=limits.lock_timeout)
