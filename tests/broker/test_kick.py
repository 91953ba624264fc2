"""Throwing out: whose token is revoked or whose hotel is suspended is out at once, and nobody else notices."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta

import msgspec
import pytest

from broker.evictions import A_TURN
from broker.keys import Algorithm, hs256, new_key
from rules.ids import HotelId
from rules.messages import TokenEnd
from rules.revoked import SUSPENDED, Revoked, Subject
from tests.broker.house import SECRET, House, Openings
from tests.broker.raw import Ticket, Will, connect_packet
from tests.broker.test_websocket import closed, read, websocket
from tests.support import eventually

NOT_AUTHORIZED = 5
LAST = Will("hotels/h1/devices/d1/state", b'{"state":"lost","sid":"1-1"}')
H1 = HotelId("h1")
D1 = Revoked(kind=Subject.DEVICE, hotel_id=H1, name="d1", gen=1, revision=1)
ANN = Revoked(kind=Subject.USER, hotel_id=None, name="ann", gen=1, revision=2)
OPERA = Revoked(kind=Subject.INTEGRATOR, hotel_id=H1, name="opera", gen=1, revision=3)
CLOSED = Revoked(kind=Subject.HOTEL, hotel_id=H1, name="h1", gen=SUSPENDED, revision=4)
OPEN = Revoked(kind=Subject.HOTEL, hotel_id=H1, name="h1", gen=0, revision=5)

Ended = Callable[[], Awaitable[object]]
Door = Callable[..., AbstractAsyncContextManager[Ended]]


@asynccontextmanager
async def over_tcp(house: House, ticket: Ticket, will: Will | None = None) -> AsyncIterator[Ended]:
    """Connect, and give what waits for the end."""
    yield (await house.connect(ticket, will=will)).expect_end


@asynccontextmanager
async def over_websocket(house: House, ticket: Ticket, will: Will | None = None) -> AsyncIterator[Ended]:
    async with websocket(house) as client:
        await client.send(connect_packet(ticket, will=will))
        assert await read(client, 4) == b"\x20\x02\x00\x00"
        yield lambda: closed(client)


DOORS = pytest.mark.parametrize("door", [over_tcp, over_websocket])


async def refusal(house: House, ticket: Ticket) -> int:
    return await (await house.dial()).connect(ticket)


@DOORS
async def test_a_revoked_tablet_is_out_and_leaves_no_will_and_looks_like_no_theft(house: House, door: Door) -> None:
    stays = [await house.connect(ticket) for ticket in (house.device("d2"), house.device(hotel="h2"), house.person())]
    async with door(house, house.device(), LAST) as ended:
        house.broker.revoke([D1])
        await ended()
    assert house.bridge.ends == [("h1/d1", TokenEnd.REVOKED)]
    assert house.bridge.got == []
    assert house.counts.ends["revoked"] == 1
    for client in stays:
        await client.ping()


@DOORS
async def test_whose_token_was_signed_by_a_key_that_is_gone_is_out_and_nobody_else(house: House, door: Door) -> None:
    (leaked,), fresh = house.keys.known(house.now), new_key(Algorithm.ES256)
    async with door(house, house.device(), LAST) as ended:
        house.keys.adopt([hs256(SECRET.encode()), fresh])
        stays = await house.connect(house.device("d2"))
        house.keys.adopt([fresh])
        house.broker.keys_changed()
        await ended()
    assert not house.keys.knows(leaked, house.now)
    assert house.bridge.ends == [("h1/d1", TokenEnd.REVOKED)]
    assert house.bridge.got == []
    await stays.ping()
    await house.connect(house.device())


@DOORS
async def test_a_token_that_ends_is_out_by_every_door(house: House, door: Door) -> None:
    async with door(house, house.device(ttl=timedelta(minutes=5)), LAST) as ended:
        house.now += timedelta(minutes=5)
        await ended()
    assert house.bridge.ends == [("h1/d1", TokenEnd.EXPIRED)]
    assert house.bridge.got == []


async def test_a_revoked_token_opens_nothing_and_touches_nothing_and_a_new_one_is_let_in(house: House) -> None:
    house.broker.revoke([D1])
    stays = await house.connect(house.device(gen=1))
    assert await refusal(house, house.device()) == NOT_AUTHORIZED
    assert house.counts.refused_connects == {"revoked": 1}
    await stays.ping()
    assert house.bridge.ends == []


async def test_what_was_revoked_before_the_start_is_revoked(open_house: Openings) -> None:
    house = await open_house()
    again = house.another_broker(house.settings)
    again.revoke([D1])
    await house.broker.shutdown()
    await again.start()
    house.broker = again
    assert await refusal(house, house.device()) == NOT_AUTHORIZED


async def test_a_disabled_person_is_out_in_every_hotel_and_the_bridge_need_not_know(house: House) -> None:
    consoles = [await house.connect(house.person(hotel=hotel, app=app)) for hotel in ("h1", "h2") for app in "ab"]
    await consoles[0].subscribe("hotels/h1/alerts/+")
    stays = await house.connect(house.person("bob"))
    house.broker.revoke([ANN])
    for console in consoles:
        await console.expect_end()
    assert house.counts.subscriptions == 0
    assert house.bridge.ends == []
    assert await refusal(house, house.person(hotel="h2")) == NOT_AUTHORIZED
    await stays.ping()


async def test_a_revoked_integrator_is_out_of_its_own_hotel_only(house: House) -> None:
    opera = await house.connect(house.integrator("pms"))
    stays = [await house.connect(house.integrator("pms", hotel="h2")), await house.connect(house.integrator(name="x"))]
    house.broker.revoke([OPERA])
    await opera.expect_end()
    for client in stays:
        await client.ping()


async def test_a_suspended_hotel_is_empty_until_it_is_resumed(house: House) -> None:
    tickets = [house.device(), house.device("d2"), house.person(), house.integrator("pms")]
    inside = [await house.connect(ticket) for ticket in tickets]
    stays = [await house.connect(ticket) for ticket in (house.device(hotel="h2"), house.service())]
    house.broker.revoke([CLOSED])
    for client in inside:
        await client.expect_end()
    assert set(house.bridge.ends) == {("h1/d1", TokenEnd.REVOKED), ("h1/d2", TokenEnd.REVOKED)}
    assert {await refusal(house, ticket) for ticket in tickets} == {NOT_AUTHORIZED}
    for client in stays:
        await client.ping()

    house.broker.revoke([OPEN])
    for ticket in tickets:
        await house.connect(ticket)


async def test_a_will_that_waited_for_the_bridge_is_not_published_when_its_token_was_revoked(house: House) -> None:
    tablets = [
        await house.connect(house.device(name), will=LAST._replace(topic=f"hotels/h1/devices/{name}/state"))
        for name in ("d1", "d2", "d3")
    ]
    house.bridge.full = True
    await tablets[2].publish("hotels/h1/devices/d3/heartbeat", b"fills the bridge")
    await tablets[2].expect_puback(1)
    for tablet in tablets[:2]:
        tablet.cut()
    await eventually(lambda: set(house.broker.sessions) == {"h1/d3"})
    house.broker.revoke([D1])
    house.bridge.make_room()
    assert [one.topic.subject for one in house.bridge.got if one.payload == LAST.payload] == ["d2"]


async def test_who_came_back_by_a_new_token_already_stays(house: House) -> None:
    tablet = await house.connect(house.device(gen=1), will=LAST)
    house.broker.revoke([D1])
    await tablet.ping()
    assert house.bridge.ends == []


async def test_everybody_else_is_served_while_a_large_hotel_leaves(house: House) -> None:
    tablets = [await house.connect(house.device(f"d{number}")) for number in range(3 * A_TURN)]
    house.broker.revoke([CLOSED])
    left: list[int] = []
    while not left or left[-1] < len(tablets):
        await asyncio.sleep(0)
        left.append(house.counts.ends["revoked"])
    assert max(after - before for before, after in zip([0, *left], left, strict=False)) <= A_TURN
    for tablet in tablets:
        await tablet.expect_end()


async def test_what_was_kept_for_a_revoked_client_is_forgotten_whether_it_is_there_or_not(house: House) -> None:
    clients = [await house.connect(house.integrator("alerts", app=app), clean=False) for app in "ab"]
    for client in clients:
        await client.subscribe(("hotels/h1/alerts/+", 1))
    await clients[0].hang_up()
    await eventually(lambda: house.broker._hub.levels().sessions_kept == 1)
    house.broker.revoke([OPERA])
    await eventually(lambda: house.broker._hub.sessions == {})
    assert house.counts.subscriptions == 0


async def test_what_was_kept_on_disk_is_forgotten_by_a_start_that_learns_of_it(house: House) -> None:
    for hotel in ("h1", "h2"):
        opera = await house.connect(house.integrator("alerts", hotel=hotel), clean=False)
        await opera.subscribe((f"hotels/{hotel}/alerts/+", 1))
    await house.restart()
    assert set(house.broker._hub.sessions) == {"h1/integrator/opera/1", "h2/integrator/opera/1"}
    house.broker.revoke([CLOSED])
    await eventually(lambda: set(house.broker._hub.sessions) == {"h2/integrator/opera/1"})
    await house.restart()
    assert set(house.broker._hub.sessions) == {"h2/integrator/opera/1"}


async def test_a_broker_alone_tells_the_bridge_by_a_message_why_a_tablet_is_out(open_house: Openings) -> None:
    house = await open_house(alone=True)
    tablet = await house.connect(house.device(), will=LAST)
    expiring = await house.connect(house.device("d2", ttl=timedelta(minutes=5)))
    house.broker.revoke([D1])
    await tablet.expect_end()
    house.now += timedelta(minutes=5)
    await expiring.expect_end()
    bridge = await house.dial()
    assert await bridge.connect(house.service(app="intake"), clean=False) == 0
    words = [await bridge.take(), await bridge.take()]
    assert [(word.topic, msgspec.json.decode(word.payload)) for word in words] == [
        (f"hotels/h1/devices/{device}/ended", {"id": f"{cause}-{at}", "ts": ts, "cause": cause})
        for device, cause, at, ts in (
            ("d1", "revoked", 1795348800000, "2026-11-22T12:00:00Z"),
            ("d2", "expired", 1795349100000, "2026-11-22T12:05:00Z"),
        )
    ]
