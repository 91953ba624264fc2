"""For how long what is kept, and whether the clock may say that something is older than that.

What is gone is gone, and a clock that jumped years ahead would have everything go. So a clock is not believed at once
(`Belief`): until it has gone on for a day without a jump, a day's worth of messages goes, as on any other day, and what
else is too old by it has to wait.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from store import partitions, replaying, sightings
from store.database import Database
from store.sightings import DAY
from store.times import EPOCH, moment
from store.transaction import Dialect

BELIEVED_AFTER: Final = timedelta(days=1)
WORTH: Final = timedelta(days=1)
"""What may go meanwhile, beginning with the oldest."""

JUMP: Final = timedelta(hours=1)
"""What a clock may move between two looks by itself, or is put right, that does not shake our belief."""


class Kept(Struct, frozen=True, kw_only=True):
    """For how long what is kept, as far as it is for people to say.

    Histories are kept by the minute as long as messages, then by five minutes.
    """

    messages: timedelta
    history: timedelta  # and commands
    events: timedelta  # and alerts, incidents, notifications
    quarantine: timedelta  # and strangers


class Before(Struct, frozen=True, kw_only=True):
    """What is older than these moments may go."""

    messages: datetime
    history: datetime
    events: datetime
    quarantine: datetime
    replays: datetime
    sightings: datetime  # of retired tablets: those of others go when more is heard


def before_at(now: datetime, kept: Kept) -> Before:
    """By a clock that is believed."""
    return Before(
        messages=now - kept.messages,
        history=now - max(kept.history, kept.messages),
        events=now - kept.events,
        quarantine=now - kept.quarantine,
        replays=now - replaying.KEPT,
        sightings=now - sightings.KEPT,
    )


class Belief:
    """Whether the clock may say how old something is. `ticks` are seconds of a clock that nobody sets."""

    def __init__(self) -> None:
        self._ahead: timedelta | None = None
        self._since = 0.0
        self._upto: Before | None = None

    async def before(self, database: Database, *, now: datetime, kept: Kept, ticks: float) -> Before:
        """What may go. Raises StoreUnavailable."""
        wanted, ahead = before_at(now, kept), (now - EPOCH) - timedelta(seconds=ticks)
        if self._ahead is None or abs(ahead - self._ahead) > JUMP:
            self._since, self._upto = ticks, await _a_days_worth(database, now=now)
        self._ahead = ahead
        if self._upto is None or timedelta(seconds=ticks - self._since) >= BELIEVED_AFTER:
            return wanted
        return Before(
            messages=min(wanted.messages, self._upto.messages),
            history=min(wanted.history, self._upto.history),
            events=min(wanted.events, self._upto.events),
            quarantine=min(wanted.quarantine, self._upto.quarantine),
            replays=min(wanted.replays, self._upto.replays),
            sightings=min(wanted.sightings, self._upto.sightings),
        )


async def _a_days_worth(database: Database, *, now: datetime) -> Before:
    """Of each, a day's worth of what there is, beginning with the oldest."""

    async def worth(sql: str) -> datetime:
        (at,) = (await database.ask(sql))[0]
        return (now if at is None else moment(at)) + WORTH

    return Before(
        messages=(await _oldest(database) or now) + WORTH,
        history=await worth(
            "SELECT min((SELECT at FROM minute WHERE device_key = device.key ORDER BY at LIMIT 1)) FROM device"
        ),
        events=await worth(
            "SELECT min((SELECT at FROM event WHERE hotel_key = hotel.key ORDER BY id LIMIT 1)) FROM hotel"
        ),
        quarantine=await worth("SELECT (SELECT at FROM quarantine ORDER BY id LIMIT 1)"),
        replays=await worth("SELECT min(finished_at) FROM replay"),
        sightings=await worth(
            f"SELECT min((SELECT day FROM sighting WHERE device_key = device.key ORDER BY day LIMIT 1)) * {DAY}"  # noqa: S608
            " FROM device WHERE retired_at IS NOT NULL"
        ),
    )


async def _oldest(database: Database) -> datetime | None:
    if database.dialect is Dialect.POSTGRES:
        made = await database.read(partitions.days)
        return EPOCH + timedelta(days=min(made)) if made else None
    rows = await database.ask("SELECT received_at FROM message ORDER BY id LIMIT 1")
    return moment(rows[0][0]) if rows else None
