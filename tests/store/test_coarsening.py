"""Minutes become five minutes: a history says the same in a fifth of the rows."""

from datetime import timedelta

import pytest

from rules.ids import DeviceId
from store import Batch, Store, coarsening
from store.coarsening import coarsen
from store.gathering import gather
from store.records import Device, HistoryPoint
from tests.store.given import HOTEL, NOW, add_hotel, batch, heartbeat

A_MINUTE = timedelta(minutes=1)
DAY_AGO = NOW - timedelta(days=1)


async def beats(store: Store, *devices: Device, minutes: int = 40) -> None:
    for device in devices:
        messages = [
            heartbeat(
                device,
                f"m-{number}",
                at=DAY_AGO + number * A_MINUTE,
                rssi=None if number % 7 == 3 else -50.0 - number,
                battery=None if number % 5 == 4 else 80.0 - number,
            )
            for number in range(minutes)
        ]
        await store.apply(batch(*messages))
    await gather(store._database)
    await store.apply(Batch(received_at=NOW, caught_up=await store.newest_message()))


async def rows(store: Store) -> int:
    return int((await store._database.ask("SELECT count(*) FROM minute"))[0][0])


async def history(store: Store, name: str = "tab-0", *, points: int = 8) -> list[HistoryPoint]:
    end = DAY_AGO + 40 * A_MINUTE
    return await store.history(HOTEL, DeviceId(name), start=DAY_AGO, end=end, points=points)


@pytest.mark.parametrize("slice_", [3, 11, 250])
async def test_a_history_says_the_same_in_a_fifth_of_the_rows(
    store: Store, monkeypatch: pytest.MonkeyPatch, slice_: int
) -> None:
    monkeypatch.setattr(coarsening, "SLICE", slice_)
    await beats(store, *(await add_hotel(store)))
    before = await history(store), await history(store, "tab-1")

    saved = await coarsen(store._database, before=NOW)

    assert (saved, await rows(store)) == (64, 16)
    assert (await history(store), await history(store, "tab-1")) == before
    assert await coarsen(store._database, before=NOW) == 0


async def test_what_is_newer_stays_by_the_minute_and_no_five_minutes_are_cut(store: Store) -> None:
    await beats(store, (await add_hotel(store))[0])

    await coarsen(store._database, before=DAY_AGO + 14 * A_MINUTE)

    assert await rows(store) == 2 + 30
    assert sum(point.count for point in await history(store, points=40)) == 40
    part = await store.history(HOTEL, DeviceId("tab-0"), start=DAY_AGO + 12 * A_MINUTE, end=NOW, points=1)
    assert [point.count for point in part] == [28]  # from there on by the minute
    part = await store.history(HOTEL, DeviceId("tab-0"), start=DAY_AGO + 7 * A_MINUTE, end=NOW, points=1)
    assert [point.count for point in part] == [35]  # the five minutes that it begins in are told whole


async def test_what_was_interrupted_is_done_again_without_harm(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    await beats(store, *(await add_hotel(store)))
    before = await history(store)
    monkeypatch.setattr(coarsening, "SLICE", 11)
    monkeypatch.setattr(coarsening, "_note", lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        await coarsen(store._database, before=NOW)
    monkeypatch.undo()

    assert await coarsen(store._database, before=NOW) == 0
    assert await history(store) == before
