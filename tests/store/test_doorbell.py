"""The doorbell wakes whoever waits, and is rung when there is something to see."""

import asyncio
import threading
from pathlib import Path

from rules.ids import RoomId
from store import INNWATCH, LocalDoorbell, Store
from store.records import Room
from tests.store.given import HOTEL, NOW, add_hotel, batch, heartbeat, opened, url_of
from tests.support import person

LONG = 30.0
AT_ONCE = 0.0


class Counting:
    """A doorbell that only counts."""

    def __init__(self) -> None:
        self.rings = 0
        self.listen = LocalDoorbell().listen

    def ring(self) -> None:
        self.rings += 1


async def test_a_ring_wakes_every_listener() -> None:
    doorbell = LocalDoorbell()
    with doorbell.listen() as first, doorbell.listen() as second:
        waiting = asyncio.gather(first.wait(LONG), second.wait(LONG))
        await asyncio.sleep(0)
        doorbell.ring()
        await asyncio.wait_for(waiting, 5)


async def test_a_ring_before_the_wait_is_not_lost_and_is_heard_once() -> None:
    doorbell = LocalDoorbell()
    with doorbell.listen() as bell:
        doorbell.ring()
        doorbell.ring()
        await asyncio.wait_for(bell.wait(LONG), 5)

        silent = asyncio.ensure_future(bell.wait(LONG))
        await asyncio.sleep(0.01)
        assert not silent.done()
        silent.cancel()


async def test_a_wait_ends_by_itself() -> None:
    with LocalDoorbell().listen() as bell:
        await asyncio.wait_for(bell.wait(AT_ONCE), 5)


async def test_it_may_be_rung_from_any_thread() -> None:
    doorbell = LocalDoorbell()
    with doorbell.listen() as bell:
        threading.Thread(target=doorbell.ring).start()
        await asyncio.wait_for(bell.wait(LONG), 5)


def test_a_listener_whose_loop_has_ended_does_not_disturb_the_ringer() -> None:
    doorbell = LocalDoorbell()

    async def listen_for_ever() -> None:
        doorbell.listen().__enter__()

    asyncio.run(listen_for_ever())
    doorbell.ring()


async def test_the_store_rings_for_what_others_wait_for_and_not_for_heartbeats(tmp_path: Path) -> None:
    doorbell = Counting()
    store = await Store.open(url_of(tmp_path), doorbell=doorbell)
    (device, _) = await add_hotel(store)

    def rung() -> bool:
        was, doorbell.rings = doorbell.rings, 0
        return was > 0

    assert rung()
    await store.apply(batch(heartbeat(device, "m-1")))
    assert not rung()
    await store.apply(batch(changes=[opened(device)]))
    assert rung()
    await store.acknowledge(HOTEL, (await store.open_alerts(HOTEL))[0].id, by=person("ann"), note=None, now=NOW)
    assert rung()
    await store.add_room(HOTEL, Room(id=RoomId("attic")), by=INNWATCH, now=NOW)
    assert rung()
    await store.close()
