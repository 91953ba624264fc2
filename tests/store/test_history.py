"""A device's history: its live heartbeats in slices, the same whether they were gathered into minutes yet or not."""

import asyncio
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings_store import Retention
from rules.ids import DeviceId, HotelId
from store import NotFound, Store, StoredMessage
from store.gathering import SLICE, gather, gathered_upto
from store.postgres import dsn_of
from store.records import Device, HistoryPoint
from store.ungathered import STRIDE
from tests.store.given import HOTEL, NOW, ON_POSTGRESQL, OTHER, add_hotel, batch, heartbeat, later, open_store
from tests.support import eventually

HOUR = later(3600)

KEPT = Retention().kept()


async def history(store: Store, *, points: int = 60, device: str = "tab-0") -> list[HistoryPoint]:
    return await store.history(HOTEL, DeviceId(device), start=NOW, end=HOUR, points=points)


async def beat(store: Store, device: Device, samples: Sequence[tuple[float, float | None, float | None]]) -> None:
    """Store heartbeats: seconds since the start, signal, battery."""
    messages = [
        heartbeat(device, f"m-{second}-{number}", at=later(second), rssi=rssi, battery=battery)
        for number, (second, rssi, battery) in enumerate(samples)
    ]
    await store.apply(batch(*messages))


@pytest.mark.parametrize("gathered", [False, True])
async def test_a_slice_sums_up_its_heartbeats(store: Store, gathered: bool) -> None:
    (device, _) = await add_hotel(store)
    await beat(store, device, [(0, -60, 80), (20, -70, 79), (59.999, None, None), (180, -50, None)])
    if gathered:
        await gather(store._database)

    points = await history(store)

    assert points == [
        HistoryPoint(at=NOW, count=3, rssi_avg=-65, rssi_min=-70, battery=79, charging=False),
        HistoryPoint(at=later(180), count=1, rssi_avg=-50, rssi_min=-50, battery=None, charging=False),
    ]


async def test_a_history_is_of_one_device_and_of_its_time(store: Store) -> None:
    first, second = await add_hotel(store)
    await beat(store, first, [(-1, -90, 10), (0, -60, 80), (3600, -90, 10)])
    await beat(store, second, [(5, -90, 10)])

    (point,) = await history(store)

    assert (point.count, point.rssi_min) == (1, -60)


async def test_what_came_late_is_no_sample_of_the_time_at_which_it_came(store: Store) -> None:
    (device, _) = await add_hotel(store)

    await store.apply(batch(heartbeat(device, "m-1", late=True), heartbeat(device, "m-2", rssi=-50)))

    (point,) = await history(store)
    assert (point.count, point.rssi_avg) == (1, -50)
    await gather(store._database)
    assert await history(store) == [point]


async def test_each_heartbeat_counts_once_however_often_it_is_gathered(store: Store) -> None:
    (device, _) = await add_hotel(store)
    for second in range(0, 300, 10):
        await beat(store, device, [(second, -60, 80)])
        if second % 70 == 0:
            await gather(store._database)

    points = await history(store)

    assert [point.count for point in points] == [6, 6, 6, 6, 6]
    assert await gather(store._database) > 0
    assert await gather(store._database) == 0
    assert await history(store) == points


async def test_much_is_gathered_a_stride_at_a_time(store: Store) -> None:
    devices = await add_hotel(store, tablets=3)
    for second in range(10):
        await store.apply(batch(*(heartbeat(device, f"m-{second}", at=later(second)) for device in devices)))
    at_once = [await history(store, device=device.id) for device in devices]

    rows = await gather(store._database, stride=7)

    assert rows >= 30 / 7 * 2
    assert await gather(store._database) == 0
    assert [await history(store, device=device.id) for device in devices] == at_once


async def test_gathering_that_was_interrupted_goes_on_and_counts_nothing_twice(store: Store) -> None:
    devices = await add_hotel(store, tablets=SLICE * 2 + 10)
    await store.apply(batch(*(heartbeat(device, "m-1") for device in devices)))
    writes = 0
    write_batch = store._database.write_batch

    async def stop_after_two(work):  # type: ignore[no-untyped-def]
        nonlocal writes
        writes += 1
        if writes > 2:
            raise KeyboardInterrupt
        return await write_batch(work)

    store._database.write_batch = stop_after_two  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        await gather(store._database)
    store._database.write_batch = write_batch  # type: ignore[method-assign]
    half_way = [(await history(store, device=device.id))[0].count for device in devices[:: SLICE // 2]]
    await store.apply(batch(*(heartbeat(device, "m-2", at=later(1)) for device in devices)))
    await gather(store._database)
    await gather(store._database)

    assert set(half_way) == {1}
    assert {(await history(store, device=device.id))[0].count for device in devices[:: SLICE // 2]} == {2}


async def test_two_processes_that_gather_at_once_count_nothing_twice(store: Store, second: Store) -> None:
    (device, _) = await add_hotel(store)
    await beat(store, device, [(number, -60, 80) for number in range(50)])

    await gather(store._database)
    await beat(store, device, [(number + 0.5, -60, 80) for number in range(50)])
    made = [await gather(second._database), await gather(store._database)]

    assert sorted(made) == [0, 1]
    assert [point.count for point in await history(store)] == [100]


@ON_POSTGRESQL
async def test_a_heartbeat_that_is_committed_after_one_that_came_later_is_gathered_too(store: Store, url: str) -> None:
    (device, _) = await add_hotel(store)
    await beat(store, device, [(0, -60, 80)])
    by_side = await asyncpg.connect(dsn_of(url))
    earlier = by_side.transaction()
    await earlier.start()
    await by_side.execute(
        "INSERT INTO message (hotel_key, device_key, kind, message_id, received_at, late, body)"
        " SELECT hotel_key, device_key, kind, 'm-1', received_at + 1000000, late, body FROM message"
    )
    await beat(store, device, [(2, -60, 80)])

    gathering = asyncio.ensure_future(gather(store._database))

    async def waits_or_has_not() -> bool:
        waiting = "SELECT 1 FROM pg_locks WHERE relation = 'message'::regclass AND NOT granted"
        return gathering.done() or bool(await store._database.ask(waiting))

    await eventually(waits_or_has_not)
    await earlier.commit()
    await by_side.close()
    await gathering
    assert [point.count for point in await history(store)] == [3]


async def test_only_what_makes_sense_is_answered(store: Store) -> None:
    await add_hotel(store)
    await add_hotel(store, OTHER, tablets=0)

    with pytest.raises(NotFound):
        await store.history(OTHER, DeviceId("tab-0"), start=NOW, end=HOUR, points=10)
    with pytest.raises(NotFound):
        await store.history(HotelId("nowhere"), DeviceId("tab-0"), start=NOW, end=HOUR, points=10)
    with pytest.raises(ValueError, match="start"):
        await store.history(HOTEL, DeviceId("tab-0"), start=NOW, end=NOW, points=10)
    with pytest.raises(ValueError, match="point"):
        await store.history(HOTEL, DeviceId("tab-0"), start=NOW, end=HOUR, points=0)


SAMPLES = st.lists(
    st.tuples(
        st.integers(0, 1199).map(lambda tenths: tenths * 3.0),
        st.none() | st.integers(-126, 0).map(float),
        st.none() | st.integers(0, 100).map(float),
    ),
    min_size=1,
    max_size=60,
)


def in_slices(messages: Sequence[StoredMessage], points: int) -> dict[int, list[StoredMessage]]:
    slices: dict[int, list[StoredMessage]] = {}
    for message in messages:
        place = (message.received_at - NOW) * points // timedelta(hours=1)
        slices.setdefault(place, []).append(message)
    return dict(sorted(slices.items()))


@settings(max_examples=40, deadline=None)
@given(samples=SAMPLES, split=st.integers(0, 60), points=st.sampled_from([1, 12, 60, 1000]))
async def test_slices_are_those_that_a_person_would_count(
    samples: list[tuple[float, float | None, float | None]], split: int, points: int, migrated: Path
) -> None:
    with TemporaryDirectory() as folder:
        shutil.copy(migrated, folder)
        store = await open_store(Path(folder))
        (device, _) = await add_hotel(store)
        messages = [
            heartbeat(device, f"m-{number}", at=later(second), rssi=rssi, battery=battery)
            for number, (second, rssi, battery) in enumerate(sorted(samples, key=lambda sample: sample[0]))
        ]
        await store.apply(batch(*messages[:split]))
        if points <= 60:  # finer slices than a minute's are kept only until they are gathered
            await gather(store._database)
        await store.apply(batch(*messages[split:]))
        shown = await history(store, points=points)
        await store.close()

    wanted = in_slices(messages, points)
    assert [point.count for point in shown] == [len(slice_) for slice_ in wanted.values()]
    for point, slice_ in zip(shown, wanted.values(), strict=True):
        signals = [message.rssi for message in slice_ if message.rssi is not None]
        batteries = [message.battery for message in slice_ if message.battery is not None]
        assert point.rssi_avg == (pytest.approx(sum(signals) / len(signals)) if signals else None)
        assert point.rssi_min == (min(signals) if signals else None)
        assert point.battery == (batteries[-1] if batteries else None)


async def test_tending_gathers_beside_the_verbs_and_outlives_a_locked_database(tmp_path: Path) -> None:
    store = await open_store(tmp_path, lock_timeout=timedelta(milliseconds=1))
    (device, _) = await add_hotel(store)
    await beat(store, device, [(0, -60, 80)])

    async def is_gathered() -> bool:
        return await store._database.read(lambda transaction: gathered_upto(transaction, device.key)) > 0

    with closing(sqlite3.connect(tmp_path / "innwatch.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        tending = asyncio.ensure_future(store.tend(now=lambda: NOW, retention=KEPT, every=timedelta(milliseconds=1)))
        await asyncio.sleep(0.05)
        assert not tending.done()
        assert not await is_gathered()
        other.execute("ROLLBACK")
    await eventually(is_gathered)

    assert [point.count for point in await history(store)] == [1]
    tending.cancel()
    await asyncio.wait([tending])
    await store.close()


@pytest.mark.parametrize("already", [0, 1000])
async def test_much_is_gathered_as_it_comes_and_what_is_little_waits(tmp_path: Path, already: int) -> None:
    store = await open_store(tmp_path)
    (device, _) = await add_hotel(store)
    await beat(store, device, [(0, -60, 80)] * already)
    await gather(store._database)
    tending = asyncio.ensure_future(store.tend(now=lambda: NOW, retention=KEPT, every=timedelta(hours=1)))

    async def upto() -> int:
        return await store._database.read(lambda transaction: gathered_upto(transaction, device.key))

    async def is_gathered() -> bool:
        return await upto() > already

    batch = STRIDE // 10
    for number in range(1, 11):
        await beat(store, device, [(number, -60, 80)] * (batch - already // 10))
    await eventually(is_gathered)
    assert await upto() == STRIDE
    await beat(store, device, [(11, -60, 80)] * batch)
    await asyncio.sleep(0.1)
    assert await upto() == STRIDE
    assert sum(point.count for point in await history(store)) == 11 * batch
    tending.cancel()
    await asyncio.wait([tending])
    await store.close()
