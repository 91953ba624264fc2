"""Heartbeats leave behind how strongly each access point was heard: each once, in the room where the tablet is."""

from datetime import timedelta

from msgspec.structs import replace

from config.settings_store import Retention
from rules.calibration import Sighting
from rules.ids import RoomId
from store import INNWATCH, Store
from store.gathering import gather
from store.sightings import KEPT
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, batch, heartbeat, later

TODAY = int(NOW.timestamp()) // 86_400
AP = "aa:bb:cc:00:00:01"


async def test_signals_are_counted_once_by_day_room_and_access_point(store: Store) -> None:
    one, two = await add_hotel(store)
    beats = [heartbeat(one, f"a{number}", at=later(number), rssi=-60 - number % 2) for number in range(5)]
    await store.apply(batch(*beats, replace(heartbeat(two, "b"), bssid="rubbish"), heartbeat(two, "c", late=True)))
    await gather(store._database)
    await gather(store._database)
    await store.apply(batch(heartbeat(one, "d", at=later(9), rssi=-70), heartbeat(two, "e", rssi=None)))
    await gather(store._database, stride=1)

    assert await store.sightings(HOTEL, since=NOW) == [Sighting(RoomId("100"), TODAY, AP, {-60: 3, -61: 2, -70: 1})]


async def test_what_is_too_old_goes_when_more_is_heard(store: Store) -> None:
    one, _ = await add_hotel(store)
    await add_hotel(store, OTHER)
    await store.apply(batch(heartbeat(one, "old")))
    await gather(store._database)
    at = NOW + KEPT + timedelta(days=1)
    await store.apply(batch(heartbeat(one, "new", at=at), at=at))
    await gather(store._database)

    assert [found.day for found in await store.sightings(HOTEL, since=NOW)] == [TODAY + KEPT.days + 1]
    assert await store.sightings(OTHER, since=NOW) == []
    (learned,) = await store.calibrations(HOTEL, now=at)
    assert (learned.room_id, learned.samples, learned.ready) == ("100", 1, False)


async def test_what_a_retired_tablet_heard_goes_by_itself_as_early(store: Store) -> None:
    one, two = await add_hotel(store)
    await store.apply(batch(heartbeat(one, "a"), heartbeat(two, "b")))
    await store.retire_device(HOTEL, one.id, by=INNWATCH, now=later(60))
    gone = []
    for days in (KEPT.days, KEPT.days + 1):
        at = NOW + timedelta(days=days)
        pruned = await store.prune(Retention().kept(), believing=True, by=INNWATCH, now=at)
        gone.append(pruned.gone["sighting"])

    assert gone == [0, 1]
    assert [found.room_id for found in await store.sightings(HOTEL, since=NOW)] == [two.room_id]
