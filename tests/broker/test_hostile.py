"""Peers that mean harm or do not know better: their connection ends, and nobody else notices."""

import asyncio
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.broker.house import House, Openings
from tests.broker.raw import connect_packet, packet, publish_packet, subscribe_packet, text
from tests.support import eventually

BEAT = "hotels/h1/devices/d1/heartbeat"
CONNECT_HEAD = text("MQTT") + b"\x04"

BEFORE_CONNECT = {
    "nothing of MQTT": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "TLS hello": bytes.fromhex("160301020001000001fc0303"),
    "zeros": b"\0" * 100,
    "publish first": publish_packet(BEAT, b"x"),
    "subscribe first": subscribe_packet(("#", 1)),
    "ping first": b"\xc0\x00",
    "connack": b"\x20\x02\x00\x00",
    "connect with flags": b"\x11\x00",
    "remaining length of five bytes": b"\x10\xff\xff\xff\xff\x01",
    "unknown protocol": packet(0x10, text("HTTP") + b"\x04\x02\x00\x00" + text("x")),
    "reserved connect flag": packet(0x10, CONNECT_HEAD + b"\x03\x00\x00" + text("x")),
    "password without user": packet(0x10, CONNECT_HEAD + b"\x42\x00\x00" + text("x") + text("p")),
    "will qos without will": packet(0x10, CONNECT_HEAD + b"\x0a\x00\x00" + text("x")),
    "will retain without will": packet(0x10, CONNECT_HEAD + b"\x22\x00\x00" + text("x")),
    "will qos 3": packet(0x10, CONNECT_HEAD + b"\x1e\x00\x00" + text("x") + text("t") + text("p")),
    "will topic with wildcard": packet(0x10, CONNECT_HEAD + b"\x06\x00\x00" + text("x") + text("a/#") + text("p")),
    "client id of bad UTF-8": packet(0x10, CONNECT_HEAD + b"\x02\x00\x00" + text(b"\xc3\x28")),
    "client id with NUL": packet(0x10, CONNECT_HEAD + b"\x02\x00\x00" + text("a\0b")),
    "truncated connect": packet(0x10, CONNECT_HEAD + b"\xc2\x00"),
    "client id longer than the packet": packet(0x10, CONNECT_HEAD + b"\x02\x00\x00\xff\xffx"),
    "trailing bytes": packet(0x10, CONNECT_HEAD + b"\x02\x00\x00" + text("x") + b"!"),
    "empty connect": b"\x10\x00",
}

AFTER_CONNECT = {
    "second connect": packet(0x10, CONNECT_HEAD + b"\x02\x00\x00" + text("x")),
    "qos 3": packet(0x36, text(BEAT) + b"\x00\x01x"),
    "dup at qos 0": packet(0x38, text(BEAT) + b"x"),
    "qos 2 without packet id": publish_packet(BEAT, b"x", qos=2, packet_id=0),
    "pubrel without flags": packet(0x60, b"\x00\x01"),
    "pubrel of 0": packet(0x62, b"\x00\x00"),
    "pubrec with flags": packet(0x52, b"\x00\x01"),
    "pubcomp with more": packet(0x70, b"\x00\x01\x00"),
    "packet id 0": publish_packet(BEAT, b"x", packet_id=0),
    "no packet id": packet(0x32, text(BEAT)),
    "topic longer than the packet": packet(0x32, b"\xff\xff" + BEAT.encode()),
    "empty publish": b"\x30\x00",
    "empty topic": publish_packet("", b"x"),
    "wildcard topic": publish_packet("hotels/h1/devices/+/heartbeat", b"x"),
    "topic with #": publish_packet("hotels/h1/#", b"x", qos=0),
    "topic with NUL": publish_packet("hotels/h1\0", b"x"),
    "topic of bad UTF-8": publish_packet(b"hotels/\xff\xfe", b"x"),
    "topic with a surrogate": publish_packet(b"\xed\xa0\x80", b"x"),
    "topic of slashes": publish_packet("/" * 65_535, b"x"),
    "subscribe without filter": packet(0x82, b"\x00\x01"),
    "subscribe without flags": packet(0x80, b"\x00\x01" + text("a") + b"\x00"),
    "subscribe with packet id 0": subscribe_packet(("a", 1), packet_id=0),
    "subscribe at qos 3": subscribe_packet(("a", 3)),
    "subscribe with reserved bits": subscribe_packet(("a", 0x81)),
    "subscribe to nothing": subscribe_packet(("", 1)),
    "subscribe to a#": subscribe_packet(("a#", 1)),
    "subscribe to #/a": subscribe_packet(("#/a", 1)),
    "subscribe to bad UTF-8": packet(0x82, b"\x00\x01" + text(b"\xc0\x80") + b"\x01"),
    "subscribe without qos": packet(0x82, b"\x00\x01" + text("a")),
    "unsubscribe from nothing": packet(0xA2, b"\x00\x01"),
    "puback with more": packet(0x40, b"\x00\x01\x00"),
    "puback with less": packet(0x40, b"\x00"),
    "puback of 0": packet(0x40, b"\x00\x00"),
    "ping with a body": packet(0xC0, b"x"),
    "disconnect with a body": packet(0xE0, b"x"),
    "disconnect with flags": b"\xe1\x00",
    "packet type 0": b"\x00\x00",
    "packet type 15": b"\xf0\x00",
    "suback": packet(0x90, b"\x00\x01\x00"),
    "packet above the limit": b"\x30\xff\xff\xff\x7f",
}


@pytest.mark.parametrize("rubbish", BEFORE_CONNECT.values(), ids=BEFORE_CONNECT.keys())
@pytest.mark.mqtt("3.1.4-1", "4.8.0-1")
async def test_rubbish_instead_of_a_connect(house: House, rubbish: bytes) -> None:
    client = await house.dial()
    await client.send(rubbish)
    await client.expect_end()
    assert sum(house.counts.violations.values()) == 1
    await house.assert_alive()


@pytest.mark.parametrize("rubbish", AFTER_CONNECT.values(), ids=AFTER_CONNECT.keys())
@pytest.mark.mqtt("4.8.0-1")
async def test_rubbish_from_somebody_we_know(house: House, rubbish: bytes) -> None:
    client = await house.connect(house.device())
    await client.send(publish_packet(BEAT, b"good", packet_id=1) + rubbish + publish_packet(BEAT, b"after"))
    assert await client.rest() == b"\x40\x02\x00\x01"
    assert sum(house.counts.violations.values()) == 1
    assert house.bridge.payloads == [b"good"]
    await house.assert_alive()


ALONE = {
    "puback of 0": packet(0x40, b"\0\0"),
    "puback of another length": b"\x40\x01\x01\xc0",
    "packet id 0": publish_packet(BEAT, b"x", packet_id=0),
    "no packet id": packet(0x32, text(BEAT)),
    "half a packet id": packet(0x32, text(BEAT) + b"\x01"),
    "topic longer than the packet": packet(0x32, (len(BEAT) + 40).to_bytes(2) + BEAT.encode() + b"\0\1x"),
    "larger than may be": publish_packet(BEAT, b"x" * 3000),
    "a length of three digits that is none": b"\x32\xff\xff\xff\xff" + b"x" * 40,
}


@pytest.mark.parametrize("rubbish", ALONE.values(), ids=ALONE.keys())
async def test_a_packet_that_comes_alone_is_read_as_strictly(open_house: Openings, rubbish: bytes) -> None:
    house = await open_house(largest_packet=2048)
    client = await house.connect(house.device())
    for number in (1, 2):
        await client.publish(BEAT, b"good", packet_id=number)
        await client.expect_puback(number)
    await client.send(rubbish)
    await client.expect_end()
    assert sum(house.counts.violations.values()) == 1
    assert house.bridge.payloads == [b"good", b"good"]


@pytest.mark.parametrize("size", [0, 1, 40, 127, 128, 16_340, 16_350, 16_384, 17_000])
async def test_a_packet_that_comes_alone_is_the_same_as_among_others(house: House, size: int) -> None:
    client = await house.connect(house.device())
    payload = bytes(range(256)) * 67
    for number in range(1, 4):
        await client.publish(BEAT, payload[:size], packet_id=number)
        await client.expect_puback(number)
    await client.send(b"".join(publish_packet(BEAT, payload[:size], packet_id=number) for number in range(4, 7)))
    for number in range(4, 7):
        await client.expect_puback(number)
    assert house.bridge.payloads == [payload[:size]] * 6
    assert [(one.qos, one.retain) for one in house.bridge.got] == [(1, False)] * 6
    assert house.counts.messages_in == house.counts.acknowledged == house.counts.handed_over == 6


async def test_what_looks_like_a_packet_inside_of_one_is_none(house: House) -> None:
    client = await house.connect(house.device())
    await client.publish(BEAT, b"good", packet_id=1)
    await client.expect_puback(1)
    inner = publish_packet(BEAT, b"inner", packet_id=5)
    outer = publish_packet(BEAT, b"x" * 50 + inner + b"y", packet_id=2)
    at = outer.index(inner)
    heard = house.counts.bytes_in
    for end, piece in ((20, outer[:20]), (at, outer[20:at]), (at + len(inner), inner), (len(outer), outer[-1:])):
        await client.send(piece)
        await eventually(lambda: house.counts.bytes_in == heard + end)  # noqa: B023, asked at once
    await client.expect_puback(2)
    assert house.bridge.payloads == [b"good", b"x" * 50 + inner + b"y"]


async def test_every_packet_may_arrive_byte_by_byte(house: House) -> None:
    client = await house.dial()
    said = connect_packet(house.device()) + publish_packet(BEAT, b"x" * 200, packet_id=1) + b"\xc0\x00"
    for at in range(len(said)):
        await client.send(said[at : at + 1])
        await asyncio.sleep(0)
    assert await client.read(10) == b"\x20\x02\x00\x00\x40\x02\x00\x01\xd0\x00"
    assert house.bridge.payloads == [b"x" * 200]


async def test_a_large_packet_in_small_pieces_is_not_quadratic(house: House) -> None:
    client = await house.connect(house.device())
    said = publish_packet(BEAT, b"x" * 250_000, packet_id=1)
    for at in range(0, len(said), 50):
        client.writer.write(said[at : at + 50])
        if at % 5000 == 0:
            await client.writer.drain()
            await asyncio.sleep(0)
    await client.expect_puback(1)


async def test_who_does_not_read_is_not_listened_to(open_house: Openings) -> None:
    house = await open_house(message_rate=0)
    client = await house.connect(house.person())
    await client.subscribe(("hotels/h1/events", 0))
    client.writer.transport.pause_reading()  # type: ignore[attr-defined]
    while not house.counts.holds["unread"]:
        await house.broker.publish("hotels/h1/events", b"x" * 50_000, qos=0)
        await asyncio.sleep(0)
    heard = house.counts.bytes_in
    client.writer.write(b"\xc0\x00" * 1_000_000)
    await house.assert_alive()
    assert house.counts.bytes_in - heard < 300_000  # The canary, and what one read may hold.
    client.writer.transport.resume_reading()  # type: ignore[attr-defined]
    while house.counts.bytes_in - heard < 2_000_000:
        await client.read(100_000)


async def test_logs_name_the_fault_once_and_never_the_token(house: House, caplog: pytest.LogCaptureFixture) -> None:
    ticket = house.device()
    for _ in range(20):
        client = await house.dial()
        await client.connect(ticket._replace(client_id="somebody\nelse"[:8], username="x"))
        await client.expect_end()
    refusals = [record for record in caplog.records if "connection refused" in record.getMessage()]
    assert len(refusals) == 1
    assert ticket.token not in caplog.text


pieces = st.lists(
    st.one_of(
        st.sampled_from([*BEFORE_CONNECT.values(), *AFTER_CONNECT.values()]),
        st.binary(max_size=40),
        st.builds(packet, st.integers(0, 255), st.binary(max_size=60)),
        st.just(publish_packet(BEAT, b"x")),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(said=pieces, known=st.booleans(), seed=st.integers(0, 2**32))
async def test_no_bytes_hurt_anybody_else(house: House, said: list[bytes], known: bool, seed: int) -> None:
    client = await house.connect(house.device()) if known else await house.dial()
    chance = random.Random(seed)
    stream = b"".join(said)
    while stream and not client.writer.is_closing():
        size = chance.randint(1, len(stream))
        client.writer.write(stream[:size])
        stream = stream[size:]
        await asyncio.sleep(0)
    await client.hang_up()
    await house.assert_alive()
