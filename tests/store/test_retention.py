"""Messages go when they are old enough, what was made of them goes with them, and nothing else does."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from rules.ids import DeviceId
from store import Store, kept, partitions, retention, slices
from store.batch import Batch
from store.gathering import gather
from store.kept import Kept
from store.records import CommandName, Device, HistoryPoint
from tests.store.given import (
    HOTEL,
    NOW,
    ON_POSTGRESQL,
    ON_SQLITE,
    add_hotel,
    batch,
    heartbeat,
    online,
    open_at,
    opened,
)
from tests.support import eventually, person

A_DAY = timedelta(days=1)
KEPT = timedelta(days=7)
HOUR = 3600.0
ALL_ALIKE = Kept(messages=KEPT, history=KEPT, events=KEPT, quarantine=KEPT)


async def stored(store: Store) -> list[str]:
    return [row.id async for row in store.messages(HOTEL)]


async def beat(store: Store, device: Device, *days_ago: int) -> None:
    """Store a heartbeat of each of these days."""
    for days in days_ago:
        await store.apply(batch(heartbeat(device, f"m-{days}", at=NOW - days * A_DAY, rssi=-60 - days)))


async def caught_up(store: Store) -> None:
    """As the bridge does every ten seconds, and the store every minute."""
    await gather(store._database)
    await store.apply(Batch(received_at=NOW, caught_up=await store.newest_message()))


async def keep(store: Store, *, now: datetime = NOW) -> None:
    await retention.keep(store._database, now=now, before=kept.before_at(now, ALL_ALIKE))


async def ask(store: Store, *days_ago: int) -> None:
    """Ask the first tablet for something on each of these days."""
    for days in days_ago:
        at = NOW - days * A_DAY
        await store.add_command(
            HOTEL, DeviceId("tab-0"), CommandName.RING, {"days": days}, by=person("ann"), now=at, expires_at=at
        )


async def test_commands_whose_time_was_up_long_ago_go_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 2)
    await add_hotel(store)
    await ask(store, 30, 20, 9, 8, 6, 0)

    await keep(store)

    assert [one.args["days"] for one in (await store.commands(HOTEL)).items] == [0, 6]


async def history(store: Store) -> list[HistoryPoint]:
    return await store.history(HOTEL, DeviceId("tab-0"), start=NOW - 40 * A_DAY, end=NOW + A_DAY, points=41)


async def test_what_is_old_goes_and_the_rest_stays_as_it_was(store: Store) -> None:
    device, other = await add_hotel(store)
    await store.apply(batch(states={device.key: online()}, changes=[opened(device)]))
    await beat(store, device, 30, 20, 9, 6, 1, 0)
    await beat(store, other, 25)
    before = await store.device(HOTEL, device.id)
    await caught_up(store)

    await keep(store)

    assert (await stored(store))[:3] == ["m-6", "m-1", "m-0"]
    assert set(await stored(store)) <= {"m-6", "m-1", "m-0", "m-25"}  # on SQLite the last one that came stays
    assert [point.rssi_avg for point in await history(store)] == [-66, -61, -60]
    after = await store.device(HOTEL, device.id)
    assert before is not None
    assert after is not None
    assert after.state == before.state
    assert len(await store.open_alerts(HOTEL)) == 1
    await keep(store)  # nothing is left to do
    assert len(await history(store)) == 3


async def test_what_is_not_in_the_minutes_yet_stays(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await beat(store, device, 30, 20)
    await caught_up(store)
    await beat(store, device, 19)

    await keep(store)

    assert "m-19" in await stored(store)
    await caught_up(store)
    assert sum(point.count for point in await history(store)) == 1


async def test_what_is_not_in_the_states_yet_stays(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await store.apply(batch(states={device.key: replace(online(battery=90), last_heard=NOW - 31 * A_DAY)}))
    await beat(store, device, 30)
    await gather(store._database)

    await keep(store)

    row = await store.device(HOTEL, device.id)
    assert row is not None
    assert row.state.battery == 80  # which only the heartbeat says
    assert await stored(store) == ["m-30"]


@ON_SQLITE
async def test_the_newest_message_stays_because_the_ids_go_on_after_it(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await beat(store, device, 30, 29)
    await caught_up(store)

    await keep(store)
    await beat(store, device, 0)

    assert await stored(store) == ["m-29", "m-0"]
    assert [point.count for point in await history(store)] == [1]
    await caught_up(store)
    assert [point.count for point in await history(store)] == [1]


async def test_many_go_a_few_at_a_time(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slices, "SLICE", 3)
    monkeypatch.setattr(retention, "DEVICES", 1)
    device, other = await add_hotel(store)
    for one in (device, other):
        for number in range(20):
            at = NOW - 30 * A_DAY + number * timedelta(minutes=1)
            await store.apply(batch(heartbeat(one, f"old-{number}", at=at)))
    await beat(store, device, 0)
    await caught_up(store)

    await keep(store)

    assert await stored(store) == ["m-0"]
    assert [point.count for point in await history(store)] == [1]


@ON_POSTGRESQL
async def test_days_are_made_ahead_and_dropped(store: Store, by_hand: Callable[[str], str]) -> None:
    (device, _) = await add_hotel(store)
    await beat(store, device, 30, 8, 7)
    await caught_up(store)
    today = partitions.day_of(NOW)

    await keep(store)

    tables = by_hand(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(message|minute)_[0-9]' ORDER BY 1"
    )
    days = [today - 7, *range(today, today + partitions.AHEAD + 1)]
    assert tables.splitlines() == sorted(f"{table}_{day}" for table in ("message", "minute") for day in days)
    await beat(store, device, 30)  # the clock jumps back: its day is made again
    assert await stored(store) == ["m-7", "m-30"]


@ON_POSTGRESQL
async def test_two_that_make_the_same_days_do_not_disturb_each_other(store: Store, second: Store) -> None:
    (device, _) = await add_hotel(store)

    await asyncio.gather(
        keep(store), keep(second), *(store.apply(batch(heartbeat(device, f"m-{n}"))) for n in range(5))
    )

    assert len(await stored(store)) == 5


async def test_a_clock_that_jumps_ahead_is_believed_when_it_has_gone_on_for_a_day(store: Store) -> None:
    (device, _) = await add_hotel(store)
    await beat(store, device, *range(9, -1, -1))
    await caught_up(store)
    belief = kept.Belief()

    async def goes(*, ticks: float, ahead: timedelta = timedelta()) -> list[str]:
        now = NOW + ahead + timedelta(seconds=ticks)
        before = await belief.before(store._database, now=now, kept=ALL_ALIKE, ticks=ticks)
        await retention.keep(store._database, now=now, before=before)
        return await stored(store)

    # A start after some days off, or with another setting: a day's worth now, the rest in a day.
    held = {ticks: (await goes(ticks=ticks))[0] for ticks in (0.0, HOUR, 23 * HOUR)}
    assert held == {0.0: "m-8", HOUR: "m-8", 23 * HOUR: "m-8"}
    as_it_should_be = await goes(ticks=24 * HOUR)
    assert as_it_should_be[0] in {"m-7", "m-6"}  # on PostgreSQL whole days go

    years = timedelta(days=3650)
    jumped = await goes(ticks=25 * HOUR, ahead=years)
    assert len(as_it_should_be) - len(jumped) <= 1
    assert await goes(ticks=48 * HOUR, ahead=years) == jumped
    assert await goes(ticks=49 * HOUR, ahead=-years) == jumped  # put right before anything else was lost
    assert len(jumped) - len(await goes(ticks=73 * HOUR, ahead=years)) <= 1
    assert len(await goes(ticks=97 * HOUR, ahead=years)) <= 1


async def test_what_is_held_back_is_told(url: str) -> None:
    store = await open_at(url)
    (device, _) = await add_hotel(store)
    await beat(store, device, 30, 29, 0)
    await caught_up(store)
    told: list[timedelta] = []
    tending = asyncio.ensure_future(
        store.tend(now=lambda: NOW, retention=ALL_ALIKE, held_back=told.append, every=timedelta(milliseconds=1))
    )

    await eventually(lambda: told)

    assert timedelta(days=21) <= told[0] <= timedelta(days=23)
    assert await stored(store) == ["m-29", "m-0"]
    tending.cancel()
    await asyncio.wait([tending])
    await store.close()


async def test_whoever_stores_messages_looks_by_itself(url: str) -> None:
    store = await open_at(url)
    (device, _) = await add_hotel(store)
    await beat(store, device, 30, 0)
    await caught_up(store)
    tending = asyncio.ensure_future(store.tend(now=lambda: NOW, retention=ALL_ALIKE, every=timedelta(milliseconds=1)))

    async def is_gone() -> bool:
        return await stored(store) == ["m-0"]

    await eventually(is_gone)
    tending.cancel()
    await asyncio.wait([tending])
    await store.close()
