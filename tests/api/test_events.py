"""The event stream, read from a real server."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import msgspec
import pytest
from prometheus_client import CollectorRegistry

from api import ApiSettings, build_app
from broker.keys import Algorithm, new_key
from broker.tokens import Role
from rules.alerts import ChangeKind
from rules.ids import HotelId, UserName
from store import INNWATCH, LocalDoorbell
from tests.api.support import INN, LODGE, Furnished, Parts, Reader, Served, World, bearer, serving
from tests.support import eventually
from tests.support.http import TRUSTS_NOBODY


@pytest.fixture
async def served(world: World) -> AsyncIterator[Served]:
    async with serving(world.app) as server:
        yield server


def viewer(world: World, hotel_id: HotelId = INN, *, ttl: timedelta = timedelta(hours=1)) -> str:
    return world.user(hotel_id, f"{hotel_id}-viewer", role=Role.VIEWER, ttl=ttl)


async def newest(world: World, hotel_id: HotelId = INN) -> int:
    return (await world.store.event_bounds(hotel_id)).newest


async def several(world: World, count: int, hotel_id: HotelId = INN) -> None:
    """Open and clear alerts until `count` events have been made."""
    for _ in range(count):
        if world.alerts.get(hotel_id):
            await world.clear_alert(hotel_id, world.alerts.pop(hotel_id))
        else:
            world.alerts[hotel_id] = await world.open_alert(hotel_id)


async def test_an_event_arrives_whole_under_its_id_and_type(world: World, served: Served) -> None:
    async with served.reader(viewer(world)) as reader:
        async with world.client(world.user(INN, "inn-staff", role=Role.STAFF)) as client:
            await client.post(f"/api/alerts/{world.alerts[INN]}/acknowledge", json={"note": "on my way"})
        await eventually(lambda: reader.heard)

    [stored] = await world.store.events_after(INN, await newest(world) - 1, limit=10)
    [event] = reader.heard
    assert (event.id, event.type) == (str(stored.id), "alert.acknowledged")
    assert event.data == msgspec.json.decode(msgspec.json.encode(stored))
    assert event.data["data"]["acknowledged"]["by"] == "inn-staff"


async def test_a_stream_without_an_id_starts_now(world: World, served: Served) -> None:
    await several(world, 3)
    async with served.reader(viewer(world)) as reader:
        await several(world, 2)
        await eventually(lambda: len(reader.heard) == 2)

    last = await newest(world)
    assert reader.ids == [last - 1, last]


async def test_a_stream_resumes_after_the_last_id(world: World, served: Served) -> None:
    await several(world, 5)
    last = await newest(world)
    async with served.reader(viewer(world), after=last - 3) as reader:
        await eventually(lambda: len(reader.heard) == 3)

    assert reader.ids == [last - 2, last - 1, last]


async def test_the_last_id_may_stand_in_the_query(world: World, served: Served) -> None:
    await several(world, 2)
    last = await newest(world)
    async with served.reader(viewer(world), query=f"?lastEventId={last - 1}") as reader:
        await eventually(lambda: reader.heard)

    assert reader.ids == [last]


async def test_a_reader_that_reconnects_again_and_again_misses_nothing_and_sees_nothing_twice(
    world: World, served: Served
) -> None:
    first = await newest(world)
    seen: list[int] = [first]
    async with asyncio.TaskGroup() as group:
        making = group.create_task(several(world, 60))
        while not making.done() or seen[-1] < first + 60:
            async with served.reader(viewer(world), after=seen[-1]) as reader:
                await eventually(lambda: len(reader.heard) >= 3 or seen[-1] + len(reader.heard) >= first + 60)  # noqa: B023
            seen += reader.ids

    assert seen == list(range(first, first + 61))


async def test_many_readers_see_the_same(world: World, served: Served) -> None:
    first = await newest(world)
    async with contextlib.AsyncExitStack() as readers:
        following = [await readers.enter_async_context(served.reader(viewer(world))) for _ in range(10)]
        await several(world, 20)
        await eventually(lambda: all(len(reader.heard) == 20 for reader in following))

    assert {tuple(reader.ids) for reader in following} == {tuple(range(first + 1, first + 21))}


@pytest.mark.parametrize(("after", "why"), [("99999", "future"), ("rubbish", "unreadable"), ("-1", "unreadable")])
async def test_an_id_that_cannot_be_followed_resets_the_reader_and_the_stream_goes_on(
    world: World, served: Served, after: str, why: str
) -> None:
    current = await newest(world)
    async with served.reader(viewer(world), after=after) as reader:
        await several(world, 1)
        await eventually(lambda: len(reader.heard) == 2)

    assert reader.types[0] == "reset"
    assert reader.ids == [current, current + 1]
    assert reader.heard[0].data["data"] == {"why": why}


async def test_a_stream_has_the_events_of_its_own_hotel_only(world: World, served: Served) -> None:
    async with served.reader(viewer(world, LODGE)) as reader:
        await several(world, 3, INN)
        await several(world, 1, LODGE)
        await eventually(lambda: reader.heard)

    assert reader.ids == [await newest(world, LODGE)]
    assert reader.heard[0].data["data"]["id"].startswith("01JLODGE")


async def test_a_quiet_stream_says_that_it_is_still_there(world: World, served: Served) -> None:
    async with served.reader(viewer(world)) as reader:
        await eventually(lambda: reader.comments.count("still here") >= 2)

    assert reader.heard == []


async def test_a_stream_ends_when_its_token_does(world: World, served: Served) -> None:
    async with served.reader(viewer(world, ttl=timedelta(minutes=1))) as reader:
        world.clock.pass_(minutes=1)
        await eventually(lambda: reader.ended)

    assert reader.comments[-1] == "token-expired"


async def disable(world: World) -> None:
    assert await world.store.disable_user(UserName("inn-viewer"), by=INNWATCH, now=world.clock())


async def suspend(world: World) -> None:
    assert await world.store.suspend_hotel(INN, by=INNWATCH, now=world.clock())


@pytest.mark.parametrize("deed", [disable, suspend])
async def test_a_person_who_is_disabled_or_whose_hotel_is_suspended_is_out_within_seconds(
    world: World, served: Served, deed: Callable[[World], Awaitable[None]]
) -> None:
    token = viewer(world)
    async with served.reader(token) as reader:
        await deed(world)
        await eventually(lambda: reader.ended)
    async with world.client(token) as client:
        answer = await client.get("/api/alerts")

    assert reader.comments[-1] == "token-revoked"
    assert answer.json()["type"] == "urn:innwatch:problem:token-revoked"


async def test_a_stream_ends_when_the_key_that_signed_its_token_is_taken_out(world: World, served: Served) -> None:
    async with served.reader(viewer(world)) as reader:
        world.keys.adopt([new_key(Algorithm.ES256)])
        await eventually(lambda: reader.ended)

    assert reader.comments[-1] == "token-revoked"


async def test_a_stranger_gets_no_stream(world: World, served: Served) -> None:
    async with httpx.AsyncClient(verify=TRUSTS_NOBODY) as client:
        answer = await client.get(f"{served.url}/api/events")

    assert answer.status_code == 401


async def test_an_integrator_follows_by_scope(world: World, served: Served) -> None:
    async with served.reader(world.integrator(INN, "pms", "events")) as allowed:
        pass
    async with served.reader(world.integrator(INN, "pms", "rooms")) as refused:
        pass

    assert (allowed.status, refused.status) == (200, 403)


async def test_open_streams_do_not_keep_the_server_from_stopping(world: World) -> None:
    async with contextlib.AsyncExitStack() as readers:
        async with serving(world.app) as served:  # Fails unless it stops before they lose patience.
            following = [await readers.enter_async_context(served.reader(viewer(world))) for _ in range(5)]
        await eventually(lambda: all(reader.ended for reader in following))

    assert {reader.comments[-1] for reader in following} == {"closing"}


async def test_a_reader_that_does_not_read_holds_up_nobody_and_not_the_stop(world: World) -> None:
    more_than_the_system_buffers = "x" * 100_000
    async with serving(world.app) as served, served.reader(viewer(world)) as reader:
        with stuck(served, viewer(world)):
            for _ in range(150):
                await world.change(
                    INN, world.alerts[INN], kind=ChangeKind.CHANGED, observed=more_than_the_system_buffers
                )
            await eventually(lambda: len(reader.heard) == 150)
            served.stop()
            await eventually(lambda: reader.ended)
    async with world.client(address="127.0.0.1") as client:
        metrics = (await client.get("/metrics")).text

    assert 'innwatch_event_streams_ended_total{why="slow"} 1.0' in metrics
    assert 'innwatch_event_streams_ended_total{why="closing"} 1.0' in metrics


@contextmanager
def stuck(served: Served, token: str) -> Iterator[None]:
    """Open a stream whose reader never takes a byte, with a receive buffer as small as it gets."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        connection.connect(("127.0.0.1", served.port))
        request = f"GET /api/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nLast-Event-ID: 0\r\n\r\n"
        connection.sendall(request.encode())
        yield


async def test_the_connection_of_a_reader_that_does_not_read_is_closed_when_its_token_ends(
    world: World, served: Served
) -> None:
    for _ in range(60):
        await world.change(INN, world.alerts[INN], kind=ChangeKind.CHANGED, observed="x" * 100_000)
    with stuck(served, viewer(world, ttl=timedelta(seconds=1))):
        await eventually(lambda: served.connections)
        await eventually(lambda: not served.connections)
    async with world.client(address="127.0.0.1") as client:
        metrics = (await client.get("/metrics")).text

    assert "innwatch_event_streams 0.0" in metrics


async def test_one_person_may_not_open_streams_without_end(world: World) -> None:
    app = build_app(
        store=world.store, keys=world.keys, doorbell=world.doorbell, clock=world.clock, registry=CollectorRegistry(),
        health=Parts(), settings=ApiSettings(mqtt_port=1884, streams_of_one=2),
    )  # fmt: skip
    async with serving(app) as served:
        async with contextlib.AsyncExitStack() as open_ones:
            mine = [await open_ones.enter_async_context(served.reader(viewer(world))) for _ in range(3)]
            async with served.reader(viewer(world, LODGE)) as somebody_elses:
                pass
        await eventually(lambda: not served.connections)
        async with served.reader(viewer(world)) as later:
            pass

    assert [reader.status for reader in mine] == [200, 200, 429]
    assert (somebody_elses.status, later.status) == (200, 200)


async def test_streams_that_are_asked_for_at_the_same_moment_are_counted_too(world: World) -> None:
    app = build_app(
        store=world.store, keys=world.keys, doorbell=world.doorbell, clock=world.clock, registry=CollectorRegistry(),
        health=Parts(), settings=ApiSettings(mqtt_port=1884, streams_of_one=2),
    )  # fmt: skip
    async with serving(app) as served, asyncio.TaskGroup() as group:
        readers = [Reader() for _ in range(10)]
        headers = bearer(viewer(world))
        reading = [group.create_task(reader.read(f"{served.url}/api/events", headers)) for reader in readers]
        await eventually(lambda: all(reader.status for reader in readers))
        for task in reading:
            task.cancel()

    assert sorted(reader.status for reader in readers) == [200, 200] + [429] * 8


async def test_events_come_though_the_doorbell_is_lost(
    tmp_path: Path, hotels: Furnished, settings: ApiSettings
) -> None:
    async with (
        hotels.world(tmp_path, doorbell=DeafDoorbell(), settings=settings) as world,
        serving(world.app) as served,
        served.reader(viewer(world)) as reader,
    ):
        await several(world, 1)
        await eventually(lambda: reader.heard)


class DeafDoorbell(LocalDoorbell):
    def ring(self) -> None:
        pass


async def test_there_is_an_end_to_how_many_streams_are_open(world: World) -> None:
    app = build_app(
        store=world.store, keys=world.keys, doorbell=world.doorbell, clock=world.clock, registry=CollectorRegistry(),
        health=Parts(), settings=ApiSettings(mqtt_port=1884, streams_at_most=1),
    )  # fmt: skip
    async with serving(app) as served:
        async with served.reader(viewer(world)), served.reader(viewer(world)) as second:
            pass
        assert second.status == 503

        async with served.reader(viewer(world)) as third:
            pass
    assert third.status == 200
