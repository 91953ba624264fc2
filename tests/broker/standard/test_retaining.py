"""RETAIN: what is stored, what it is replaced and removed by, and what a subscriber is told of it."""

import pytest

from tests.broker.house import House, Openings
from tests.broker.raw import Published, publish_packet
from tests.broker.standard.talk import PUBACK, SPACE, TOPIC, hear, leave, receive, say, writer

mqtt = pytest.mark.mqtt

DOORS = f"{TOPIC}/#"
LAST = f"{SPACE}/last"


async def found(house: House, topic_filter: str = DOORS, *, qos: int = 1) -> list[Published]:
    """Return what somebody who subscribes now is sent, in the order of the topics."""
    last = await house.connect(house.integrator(app="last"))
    await say(last, b"the last", topic=LAST, retain=True)
    client = await house.connect(house.integrator(app="late"))
    assert await client.subscribe((topic_filter, qos)) == [qos]
    await client.send(b"\x82" + bytes((5 + len(LAST),)) + b"\x00\x01" + bytes((0, len(LAST))) + LAST.encode() + b"\x01")
    got: list[Published] = []
    while True:
        first, body = await client.packet()
        if first == 0x90:
            continue
        one = read(first, body)
        if one.topic == LAST:
            await leave(client)
            return sorted(got)
        got.append(one)


def read(first: int, body: bytes) -> Published:
    assert first >> 4 == 3
    end = 2 + int.from_bytes(body[:2])
    qos = first >> 1 & 3
    payload = body[end + 2 * (qos > 0) :]
    return Published(body[2:end].decode(), payload, qos, bool(first & 1), bool(first & 8), 0)


@pytest.mark.parametrize("qos", [0, 1, 2])
@mqtt("3.3.1-5", "3.3.1-6", "3.3.1-8", "3.8.4-6")
async def test_a_message_is_retained_with_its_qos(house: House, qos: int) -> None:
    client = await house.connect(writer(house))
    await say(client, b"open", qos=qos, retain=True)
    await say(client, b"live", topic=f"{TOPIC}/x", qos=qos)
    (got,) = await found(house, qos=max(qos, 1))
    assert (got.topic, got.payload, got.qos, got.retain, got.dup) == (TOPIC, b"open", qos, True, False)


@mqtt("3.3.1-6")
async def test_the_last_message_of_each_topic_that_matches_is_sent(house: House) -> None:
    client = await house.connect(writer(house))
    for number in range(3):
        await say(client, b"old", topic=f"{TOPIC}/{number}", retain=True)
    for number in range(3):
        await say(client, b"%d" % number, topic=f"{TOPIC}/{number}", retain=True)
    await say(client, b"other", topic=f"{SPACE}/other", retain=True)
    assert [(one.topic, one.payload) for one in await found(house)] == [(f"{TOPIC}/{n}", b"%d" % n) for n in range(3)]
    assert [one.payload for one in await found(house, f"{TOPIC}/1")] == [b"1"]
    assert [one.payload for one in await found(house, f"{SPACE}/+/2")] == [b"2"]


@pytest.mark.parametrize("qos", [0, 1, 2])
@mqtt("3.3.1-7", "3.3.1-5")
async def test_a_retained_message_takes_the_place_of_the_one_before(house: House, qos: int) -> None:
    client = await house.connect(writer(house))
    await say(client, b"before", qos=1, retain=True)
    await say(client, b"after", qos=qos, retain=True)
    (got,) = await found(house, qos=max(qos, 1))
    assert (got.payload, got.qos) == (b"after", qos)


@pytest.mark.parametrize("qos", [0, 1, 2])
@mqtt("3.3.1-9", "3.3.1-8")
async def test_who_is_subscribed_hears_without_retain_and_who_comes_hears_with_it(house: House, qos: int) -> None:
    there = await house.connect(house.integrator(app="there"))
    await there.subscribe((DOORS, max(qos, 1)))
    client = await house.connect(writer(house))
    await say(client, b"open", qos=qos, retain=True)
    assert (await receive(there)).retain is False
    (got,) = await found(house, qos=max(qos, 1))
    assert got.retain is True


@pytest.mark.parametrize("qos", [0, 1, 2])
@mqtt("3.3.1-10", "3.3.1-11")
async def test_an_empty_message_is_delivered_and_removes_what_was_retained(house: House, qos: int) -> None:
    client = await house.connect(writer(house))
    await say(client, b"open", retain=True)
    there = await house.connect(house.integrator(app="there"))
    await there.subscribe((TOPIC, max(qos, 1)))
    assert (await receive(there)).retain is True
    await say(client, b"", qos=qos, retain=True)
    got = await receive(there)
    assert (got.topic, got.payload, got.qos, got.retain) == (TOPIC, b"", qos, False)
    assert await found(house) == []
    await say(client, b"", qos=qos, retain=True)
    assert await found(house) == []


@pytest.mark.parametrize("payload", [b"live", b""], ids=["some", "empty"])
@pytest.mark.parametrize("qos", [0, 1, 2])
@mqtt("3.3.1-12")
async def test_without_retain_nothing_is_stored_replaced_or_removed(house: House, qos: int, payload: bytes) -> None:
    client = await house.connect(writer(house))
    await say(client, payload, topic=f"{TOPIC}/live", qos=qos)
    await say(client, b"kept", retain=True)
    await say(client, payload, qos=qos)
    assert [(one.topic, one.payload) for one in await found(house)] == [(TOPIC, b"kept")]


@mqtt("3.3.1-5")
async def test_what_the_bridge_consumes_is_acknowledged_and_not_retained(house: House) -> None:
    tablet = await house.connect(house.device())
    beat = "hotels/h1/devices/d1/heartbeat"
    await tablet.send(publish_packet(beat, b"{}", packet_id=5, retain=True))
    await hear(tablet, PUBACK, 5)
    service = await house.connect(house.service())
    assert await service.subscribe((beat, 1)) == [1]
    await tablet.send(publish_packet(beat, b"live", packet_id=6))
    assert (await receive(service)).payload == b"live"


@mqtt("3.3.1-5")
async def test_beyond_its_bound_a_message_is_delivered_and_not_retained(open_house: Openings) -> None:
    house = await open_house(retained_messages=2)
    there = await house.connect(house.integrator(app="there"))
    await there.subscribe((DOORS, 1))
    client = await house.connect(writer(house))
    for number in range(3):
        await say(client, b"x", topic=f"{TOPIC}/{number}", retain=True)
        assert (await receive(there)).topic == f"{TOPIC}/{number}"
    await say(client, b"", topic=f"{TOPIC}/0", retain=True)  # Makes room for the message that `found` retains.
    assert [one.topic for one in await found(house)] == [f"{TOPIC}/1"]
