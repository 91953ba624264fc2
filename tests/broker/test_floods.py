"""Clients that do too much of something, for as long as they can: it stays bounded, and a canary is heard meanwhile."""

import asyncio
import random
from datetime import timedelta
from pathlib import Path

import pytest

from broker.settings import Listener, Scheme
from broker.websocket import WebSocket
from tests.broker.authority import Authority
from tests.broker.cage import Cage, OpenCage
from tests.broker.house import House
from tests.broker.raw import RawClient, Ticket, Will, connect_packet, packet, publish_packet, subscribe_packet, text
from tests.fuzz.frames import HANDSHAKE, frame
from tests.fuzz.pipe import Pipe
from tests.support import eventually

BEAT = "hotels/h1/devices/d1/heartbeat"
EVENTS = "hotels/h1/events"
SPACE = "hotels/h1/ext/opera"
PUBREC, PUBREL, PUBCOMP = 0x50, 0x62, 0x70
SLASHES = "/" * 65_535


def deaf(client: RawClient) -> None:
    """Have it read nothing any more."""
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]


async def come(house: House, ticket: Ticket, *, websocket: bool, clean: bool = True, then: bytes = b"") -> RawClient:
    """Connect over either listener and say something; the answers are still to be read."""
    client = await (house.dial_websocket_port() if websocket else house.dial())
    said = connect_packet(ticket, clean=clean)
    await client.send(HANDSHAKE + frame(said) + frame(then) if websocket else said + then)
    await eventually(lambda: ticket.client_id in house.broker._hub.sessions)
    return client


# Who does not read


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.parametrize("websocket", [False, True])
@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_a_subscriber_that_never_reads(open_cage: OpenCage, qos: int, websocket: bool, clean: bool) -> None:
    cage = await open_cage(queue_messages=1000, queue_bytes=2**20)
    house, ticket = cage.house, cage.house.person()
    client = await come(house, ticket, websocket=websocket, clean=clean, then=subscribe_packet((EVENTS, qos)))
    await eventually(lambda: house.session(ticket.client_id).subscriptions)
    deaf(client)
    most = 0
    for number in range(3000):
        await house.broker.publish(EVENTS, b"x" * 10_000, qos=qos)
        if number % 100 == 0:
            await asyncio.sleep(0)
            most = max(most, house.broker._hub.levels().queued_bytes)
        if number % 1000 == 0:
            await cage.sings()
    assert most <= 2**20
    if qos:
        assert house.counts.ends["slow"] == 1
    else:
        assert house.counts.drops["queue-full"] > 1000


@pytest.mark.parametrize("clean", [True, False])
async def test_answers_to_nothing(open_cage: OpenCage, clean: bool) -> None:
    cage = await open_cage(message_rate=0)
    house = cage.house
    client = await house.connect(house.person(), clean=clean)
    for first, answer in ((PUBREC, PUBREL), (PUBREL, PUBCOMP)):
        client.writer.write(packet(first, b"\0\1") * 50_000)
        for _ in range(5):
            await cage.sings()
            for _ in range(10_000):
                assert await client.packet() == (answer, b"\0\1")


# Who says nothing, or half of something


async def test_a_thousand_silent_sockets(cage: Cage) -> None:
    for _ in range(500):
        await cage.house.dial()
        await cage.house.dial_websocket_port()
    assert cage.house.open_sockets >= 900
    await cage.sings()


async def test_half_a_packet_for_ever(open_cage: OpenCage) -> None:
    cage = await open_cage(connect_deadline=timedelta(seconds=0.4))
    house = cage.house
    strangers = [await house.dial() for _ in range(20)]
    known = await house.connect(house.device(), keep_alive=1)
    never = publish_packet(BEAT, b"x" * 100_000)
    at = 0
    while house.open_sockets > 1:  # The canary stays.
        for client in strangers:
            if not client.writer.is_closing():
                client.writer.write(b"\x10\xff\xff\x00"[at : at + 1] or b"x")
        if not known.writer.is_closing():
            known.writer.write(never[at : at + 1])
        at += 1
        await cage.sings()
    assert house.counts.ends["connect-deadline"] == 20
    assert house.counts.ends["keep-alive"] == 1
    assert house.counts.messages_in < 2 * at + 10


@pytest.mark.parametrize("at", range(0, 900, 25))
async def test_websocket_frames_split_at_every_byte(cage: Cage, at: int) -> None:
    """A stretch of 25 places each, so that a place that is wrong can be told."""
    house = cage.house
    beats = [publish_packet(BEAT, b"x" * size, packet_id=size + 1) for size in (0, 1, 90)]
    frames = [
        frame(beats[0]),
        frame(b"?", first=0x89),
        frame(beats[1][:9], first=0x02),
        frame(beats[1][9:], first=0x80),
    ]
    stream = HANDSHAKE + frame(connect_packet(house.device())) + b"".join(frames) + frame(beats[2] + packet(0xC0))
    assert len(stream) < 925
    loop = asyncio.get_running_loop()
    for place in range(at, min(at + 25, len(stream))):
        house.bridge.got.clear()
        pipe = Pipe(WebSocket(house.broker._hub, path="/mqtt"), loop)
        pipe.say(stream[:place])
        pipe.say(stream[place:])
        await eventually(lambda pipe=pipe: pipe.said.endswith(b"\xd0\0"))  # type: ignore[misc]
        assert house.bridge.payloads == [b"", b"x", b"x" * 90]
        pipe.cut()
    await cage.sings()


# Who comes again and again


@pytest.mark.parametrize("clean", [True, False])
async def test_two_clients_fight_for_one_client_id(cage: Cage, clean: bool) -> None:
    house, ticket = cage.house, cage.house.person()
    clients: list[RawClient] = []
    for number in range(300):
        client = await house.dial()
        await client.send(connect_packet(ticket, clean=clean) + subscribe_packet((EVENTS, 1)))
        clients.append(client)
        if number % 50 == 0:
            await house.broker.publish(EVENTS, b"x")
            await cage.sings()
    for former in clients[:-1]:
        await former.rest()
    assert house.counts.ends["taken-over"] == 299
    assert len(house.broker.sessions) == 2
    assert house.session(ticket.client_id).subscriptions == {EVENTS: 1}
    await cage.sings()


async def test_thousands_of_kept_sessions(open_cage: OpenCage) -> None:
    cage = await open_cage(sessions_per_identity=20, connect_rate=0)
    house = cage.house
    for name in range(20):
        for app in range(60):
            client = await house.dial()
            ticket = house.person(f"p{name}", app=str(app))
            client.writer.write(connect_packet(ticket, clean=False) + subscribe_packet((EVENTS, 1)) + packet(0xE0))
        await eventually(lambda: house.open_sockets == 1)
        await cage.sings()
    assert len(house.broker.sessions) == 401
    for _ in range(20):
        await house.broker.publish(EVENTS, b"x")
    await cage.sings()
    queued = house.broker._hub.levels().queued_messages - house.session("h1/canary").waiting
    assert queued == 20 * 400


# Who keeps the disk busy


async def test_subscribing_and_unsubscribing_without_end(open_cage: OpenCage) -> None:
    cage = await open_cage(message_rate=0)
    house = cage.house
    client = await house.connect(house.person(), clean=False)
    there, back = subscribe_packet((EVENTS, 1), packet_id=1), packet(0xA2, b"\0\1" + text(EVENTS))
    client.writer.write((there + back) * 20_000)
    for _ in range(10):
        await cage.sings()
    answers = [await client.packet() for _ in range(40_000)]
    assert {first for first, _ in answers[::2]} == {0x90}
    assert {first for first, _ in answers[1::2]} == {0xB0}
    assert house.session("h1/user/ann/1").subscriptions == {}


async def test_packet_ids_that_are_never_released(open_cage: OpenCage) -> None:
    cage = await open_cage(message_rate=0)
    house = cage.house
    client = await house.connect(house.device(), clean=False)
    for begin in range(1, 65_536, 5000):
        numbers = range(begin, min(begin + 5000, 65_536))
        client.writer.write(b"".join(publish_packet(BEAT, b"x", qos=2, packet_id=number) for number in numbers))
        for number in numbers:
            assert await client.packet() == (PUBREC, number.to_bytes(2))
        assert len(house.bridge.got) == len(numbers)
        house.bridge.got.clear()
        await cage.sings()
    await client.send(publish_packet(BEAT, b"again", qos=2, packet_id=7))
    assert await client.packet() == (PUBREC, b"\0\7")
    assert house.bridge.got == []
    assert len(house.session("h1/d1").received or ()) == 65_535


async def test_a_session_is_filled_while_its_owner_is_away(open_cage: OpenCage) -> None:
    cage = await open_cage(message_rate=0, queue_messages=500, queue_bytes=100_000)
    house = cage.house
    owner = await house.connect(house.integrator(), clean=False)
    await owner.subscribe((f"{SPACE}/#", 2))
    await owner.disconnect()
    other = await house.connect(house.integrator(app="2"))
    said = [publish_packet(f"{SPACE}/door", b"%099d" % at, qos=1 + at % 2, packet_id=1 + at) for at in range(3000)]
    other.writer.write(b"".join(said))
    for at in range(3000):
        assert (await other.packet())[1] == (1 + at).to_bytes(2)
        if at % 1000 == 0:
            await cage.sings()
    messages, size = house.session("h1/integrator/opera/1").depth
    assert 300 < messages <= 500
    assert size <= 100_000
    assert house.counts.drops["queue-full"] == 3000 - messages
    owner = await house.connect(house.integrator(), clean=False)
    kept = []
    for _ in range(messages):
        published = await owner.expect_publish()
        kept.append(int(published.payload))
        number = published.packet_id.to_bytes(2)
        await owner.send(packet(0x40, number) if published.qos == 1 else packet(PUBREC, number))
        if published.qos == 2:
            await owner.send(packet(PUBCOMP, number))
    assert sorted(kept) == list(range(messages))


async def test_an_integrator_retains_all_that_it_can(open_cage: OpenCage) -> None:
    cage = await open_cage(message_rate=0, retained_messages=100, retained_bytes=50_000)
    house = cage.house
    client = await house.connect(house.integrator())
    for begin in range(0, 20_000, 2000):
        numbers = range(begin, begin + 2000)
        client.writer.write(
            b"".join(publish_packet(f"{SPACE}/{at}", b"x" * (at % 900), qos=1, retain=True) for at in numbers)
        )
        for _ in numbers:
            await client.expect_puback(1)
        await cage.sings()
    retained = house.broker._hub.retained
    assert 50 <= retained.messages <= 100
    assert retained.bytes <= 50_000
    assert house.counts.drops["retained-full"] > 15_000
    assert len(house.broker._hub.router._remembered) <= 8192


# Who has odd words


async def test_topics_of_nothing_but_slashes(open_cage: OpenCage) -> None:
    cage = await open_cage(largest_connect=2**20)
    house = cage.house
    ticket = house.device()
    stranger = await house.dial()
    await stranger.send(connect_packet(ticket, will=Will(SLASHES, b"x")))
    await stranger.expect_end()
    assert house.counts.violations["topic-too-long"] == 1
    for said in (
        publish_packet(SLASHES, b"x", qos=0),
        publish_packet("hotels/h1/ext/opera" + SLASHES[19:], b"x", retain=True),
        *(subscribe_packet((one, 1)) for one in (SLASHES, SLASHES[1:] + "#", "+/" * 32_767)),
        packet(0xA2, b"\0\1" + text(SLASHES)),
    ):
        client = await house.connect(house.integrator())
        await client.send(said * 3)
        await cage.sings()
        client.cut()
        await eventually(lambda: house.open_sockets == 1)
    assert house.counts.subscriptions == 1  # the canary's


async def test_junk_on_the_port_for_tls(open_cage: OpenCage, tmp_path: Path) -> None:
    listeners = (Listener(Scheme.MQTT), Listener(Scheme.MQTTS), Listener(Scheme.WSS))
    cage = await open_cage(
        listeners=listeners, tls=Authority(tmp_path).files(), connect_deadline=timedelta(seconds=0.5)
    )
    house, chance = cage.house, random.Random(7)
    ports = [one.port for one in house.broker.bound[1:]]
    for number in range(100):
        client = await RawClient.dial(ports[number % 2])
        house.clients.append(client)
        hello = bytes.fromhex("160301020001000001fc0303")[: chance.randrange(13)]
        client.writer.write(hello + chance.randbytes(chance.randrange(40_000)))
    await cage.sings()
    await eventually(lambda: house.open_sockets == 1)
    assert sum(house.counts.refused_handshakes.values()) + house.counts.ends["connect-deadline"] >= 90
