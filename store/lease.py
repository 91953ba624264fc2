"""What only one process at a time may do: leases in the database, each with a generation.

A process takes a lease for some seconds and renews it. Another one takes it when it has run out, and the generation
goes up. Nobody can know for sure that it still has its lease: it may have been frozen since it looked. So whoever
writes under a lease lets the database look, in the same transaction (`check`): a bridge that was replaced writes
nothing.

The clock is the database's own. Processes on machines whose clocks differ would otherwise take leases too early. When
it is set back, nobody waits for it to come round again.
"""

from datetime import timedelta
from typing import Final

from msgspec import Struct

from store.database import Database
from store.errors import LeaseLost
from store.transaction import Dialect, Transaction

NOW: Final = {
    Dialect.SQLITE: "CAST((julianday('now') - 2440587.5) * 86400000000 AS INTEGER)",
    Dialect.POSTGRES: "CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)",
}
"""Microseconds since 1970."""

_HELD: Final = "SELECT 1 FROM lease WHERE name = :name AND generation = :generation"
HELD: Final = {Dialect.SQLITE: _HELD, Dialect.POSTGRES: f"{_HELD} FOR KEY SHARE"}
"""Finds nothing once somebody else has taken the lease, and keeps the row's keys as they are. `generation` stands in
one, `until` does not: who takes the lease waits for every transaction that looked at it, who renews it for none.
"""


class Lease(Struct, frozen=True):
    """A lease as it was taken. Each taking has a generation of its own."""

    name: str
    holder: str
    generation: int


class Leases:
    _database: Database

    async def take_lease(self, name: str, *, holder: str, ttl: timedelta) -> Lease | None:
        """Take the lease called `name` until it is `ttl` old; None: somebody has it, this `holder` perhaps.

        `holder` is for people who look into the table.
        """
        return await self._database.write(lambda transaction: _take(transaction, name, holder=holder, ttl=ttl))

    async def renew_lease(self, lease: Lease, *, ttl: timedelta) -> None:
        """Keep it until `ttl` from now. Raises LeaseLost when somebody else has taken it since."""
        await self._database.write(lambda transaction: _renew(transaction, lease, ttl=ttl))

    async def give_up_lease(self, lease: Lease) -> None:
        """Let anybody take it at once; nothing happens if somebody has."""
        await self._database.write(lambda transaction: _give_up(transaction, lease))

    def fence(self, lease: Lease) -> None:
        """From now on every verb of this store that writes raises LeaseLost once somebody else has taken `lease`."""
        self._database.lease = lease
        self._database.guard = lambda transaction: check(transaction, lease)


def check(transaction: Transaction, lease: Lease) -> None:
    """Make sure, until the transaction ends, that nobody takes the lease. Raises LeaseLost when somebody has.

    It is not looked at whether its time is up: as long as nobody has taken it, nobody else does its work.
    """
    row = transaction.row(
        HELD[transaction.dialect],
        name=lease.name,
        generation=lease.generation,
    )
    if row is None:
        raise LeaseLost(lease.name)


def _take(transaction: Transaction, name: str, *, holder: str, ttl: timedelta) -> Lease | None:
    now = NOW[transaction.dialect]
    # First without a lock: who stands by looks every second, and the upsert would lock the row even to find it held.
    held = transaction.row(
        f"SELECT until > {now} + :ttl FROM lease WHERE name = :name AND until > {now}",  # noqa: S608 - ours
        name=name,
        ttl=_micros(ttl),
    )
    if held is not None:
        if held[0]:
            _shorten(transaction, name, ttl=ttl)
        return None
    # In two steps: of many who come first at once, an upsert by name stumbles over the second key (PostgreSQL).
    row = transaction.row(
        "INSERT INTO lease (name, holder, generation, until)"  # noqa: S608 - our own words
        f" VALUES (:name, :holder, 1, {now} + :ttl) ON CONFLICT DO NOTHING RETURNING generation",
        name=name,
        holder=holder,
        ttl=_micros(ttl),
    ) or transaction.row(
        f"UPDATE lease SET holder = :holder, generation = generation + 1, until = {now} + :ttl"  # noqa: S608 - ours
        f" WHERE name = :name AND until <= {now} RETURNING generation",
        name=name,
        holder=holder,
        ttl=_micros(ttl),
    )
    return None if row is None else Lease(name, holder, row[0])


def _shorten(transaction: Transaction, name: str, *, ttl: timedelta) -> None:
    """Let it run out in time: the clock was set back since it was renewed. Who has it and lives renews it before."""
    now = NOW[transaction.dialect]
    transaction.run(
        f"UPDATE lease SET until = {now} + :ttl WHERE name = :name AND until > {now} + :ttl",  # noqa: S608 - ours
        name=name,
        ttl=_micros(ttl),
    )


def _renew(transaction: Transaction, lease: Lease, *, ttl: timedelta) -> None:
    renewed = transaction.run(
        f"UPDATE lease SET until = {NOW[transaction.dialect]} + :ttl WHERE name = :name AND generation = :generation",  # noqa: S608 - ours
        ttl=_micros(ttl),
        name=lease.name,
        generation=lease.generation,
    )
    if not renewed:
        raise LeaseLost(lease.name)


def _give_up(transaction: Transaction, lease: Lease) -> None:
    transaction.run(
        "UPDATE lease SET until = 0 WHERE name = :name AND generation = :generation",
        name=lease.name,
        generation=lease.generation,
    )


def _micros(duration: timedelta) -> int:
    return duration // timedelta(microseconds=1)
