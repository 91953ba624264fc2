"""The form of packets, ours and theirs: flags, text, packet ids, and what is done about a packet that is broken.

A broken packet differs from one that is answered in the one thing that is broken, and the test says both.
"""

from collections.abc import Callable

import pytest

from tests.broker.house import House
from tests.broker.raw import Ticket, connect_packet, packet, publish_packet, subscribe_packet, text
from tests.broker.standard.talk import (
    PUBACK,
    PUBCOMP,
    PUBREC,
    PUBREL,
    SPACE,
    TOPIC,
    hear,
    listen,
    publish_as_writer,
    receive,
    tell,
)

mqtt = pytest.mark.mqtt


# Flags

RIGHT = {
    "publish": (0x30, text(TOPIC)),
    "puback": (0x40, b"\x00\x01"),
    "pubrec": (0x50, b"\x00\x01"),
    "pubrel": (0x62, b"\x00\x01"),
    "pubcomp": (0x70, b"\x00\x01"),
    "subscribe": (0x82, b"\x00\x01" + text(TOPIC) + b"\x00"),
    "unsubscribe": (0xA2, b"\x00\x01" + text(TOPIC)),
    "pingreq": (0xC0, b""),
    "disconnect": (0xE0, b""),
}


@pytest.mark.parametrize(
    "name",
    [
        "puback",
        "pubrec",
        pytest.param("pubrel", marks=mqtt("3.6.1-1")),
        "pubcomp",
        pytest.param("subscribe", marks=mqtt("3.8.1-1")),
        pytest.param("unsubscribe", marks=mqtt("3.10.1-1")),
        "pingreq",
        pytest.param("disconnect", marks=mqtt("3.14.1-1")),
    ],
)
@mqtt("2.2.2-2", "4.8.0-1")
async def test_wrong_flags_close_the_connection(house: House, name: str) -> None:
    first, body = RIGHT[name]
    for flags in set(range(16)) - {first & 15}:
        client = await house.connect(house.integrator())
        await client.send(packet(first & 0xF0 | flags, body) + b"\xc0\x00")
        await client.expect_end()
    assert house.counts.violations == {"flags": 15}
    client = await house.connect(house.integrator())
    await client.send(packet(first, body) + b"\xe0\x00")
    await client.rest()
    assert house.counts.violations == {"flags": 15}


@mqtt("2.2.2-2")
async def test_wrong_flags_of_a_connect_close_the_connection(house: House) -> None:
    right = connect_packet(house.integrator())
    for flags in range(1, 16):
        client = await house.dial()
        await client.send(bytes((0x10 | flags,)) + right[1:])
        await client.expect_end()
    assert await (await house.dial()).connect(house.integrator()) == 0


@mqtt("2.2.2-1", "3.6.1-1")
async def test_our_packets_have_the_flags_of_the_table(house: House) -> None:
    client = await house.dial()
    said = {
        0x20: connect_packet(house.integrator()),
        0x90: subscribe_packet((TOPIC, 2)),
        0xB0: packet(0xA2, b"\x00\x01" + text(f"{TOPIC}/x")),
        0xD0: b"\xc0\x00",
        0x40: publish_packet(f"{SPACE}/x", b"x", qos=1),
        0x50: publish_packet(f"{SPACE}/x", b"x", qos=2, packet_id=2),
        0x70: packet(0x62, b"\x00\x02"),
    }
    for first, question in said.items():
        await client.send(question)
        assert (await client.packet())[0] == first
    for qos, first in ((0, 0x30), (1, 0x32), (2, 0x34)):
        await publish_as_writer(house, b"x", qos=qos)
        got, body = await client.packet()
        assert got == first
        if qos == 2:
            packet_id = int.from_bytes(body[2 + len(TOPIC) :][:2])
            await tell(client, PUBREC, packet_id)
            await hear(client, 0x62, packet_id)


# Text

Say = Callable[[Ticket, bytes], bytes]


def in_connect(ticket: Ticket, *, name: bytes = b"", will_topic: bytes | None = None, client_id: bytes = b"") -> bytes:
    """A CONNECT with text in one of its places."""
    flags, payload = 0xC2, text(client_id or ticket.client_id)
    if will_topic is not None:
        flags, payload = flags | 0x04, payload + text(will_topic) + text(b"")
    payload += text(name or ticket.username) + text(ticket.token)
    return packet(0x10, text("MQTT") + bytes((4, flags, 0, 0)) + payload)


PLACES: dict[str, Say] = {
    "client id": lambda ticket, raw: in_connect(ticket, client_id=f"{ticket.username}/".encode() + raw),
    "user name": lambda ticket, raw: in_connect(ticket, name=raw),
    "will topic": lambda ticket, raw: in_connect(ticket, will_topic=f"{SPACE}/".encode() + raw),
    "topic": lambda ticket, raw: connect_packet(ticket) + publish_packet(f"{SPACE}/".encode() + raw, b"x"),
    "filter": lambda ticket, raw: (
        connect_packet(ticket) + packet(0x82, b"\x00\x01" + text(f"{SPACE}/".encode() + raw) + b"\x00")
    ),
    "filter to unsubscribe": lambda ticket, raw: connect_packet(ticket) + packet(0xA2, b"\x00\x01" + text(raw)),
}
ANSWERS = {
    "client id": b"\x20\x02\x00\x00",
    "user name": b"\x20\x02\x00\x05",  # It is no user's name, but it is read.
    "will topic": b"\x20\x02\x00\x00",
    "topic": b"\x20\x02\x00\x00\x40\x02\x00\x01",
    "filter": b"\x20\x02\x00\x00\x90\x03\x00\x01\x00",
    "filter to unsubscribe": b"\x20\x02\x00\x00\xb0\x02\x00\x01",
}


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("client id", marks=mqtt("3.1.3-4")),
        pytest.param("user name", marks=mqtt("3.1.3-11")),
        pytest.param("will topic", marks=mqtt("3.1.3-10")),
        pytest.param("topic", marks=mqtt("3.3.2-1", "4.7.3-2")),
        pytest.param("filter", marks=mqtt("3.8.3-1", "4.7.3-2")),
        pytest.param("filter to unsubscribe", marks=mqtt("3.10.3-1")),
    ],
)
@mqtt("1.5.3-1", "1.5.3-2")
async def test_what_is_no_text_closes_the_connection(house: House, place: str) -> None:
    for raw in (b"\xff", b"a\xc3", b"\xc0\x80", b"\xed\xa0\x80", b"\xed\xbf\xbf", b"\xf4\x90\x80\x80", b"a\x00b"):
        client = await house.dial()
        await client.send(PLACES[place](house.integrator(), raw))
        assert await client.rest() == ANSWERS[place][:4] * (ANSWERS[place][4:] != b"")
    assert house.counts.violations == {"bad-text": 7}
    for good in ("é€𝄞".encode(), b"plain"):
        client = await house.dial()
        await client.send(PLACES[place](house.integrator(), good))
        assert await client.read(len(ANSWERS[place])) == ANSWERS[place]


@mqtt("1.5.3-3", "4.7.3-4")
async def test_a_byte_order_mark_is_part_of_the_name(house: House) -> None:
    client = await house.connect(house.integrator())
    marked = f"{SPACE}/\ufeffx"
    assert await client.subscribe((marked, 0)) == [0]
    await client.publish(f"{SPACE}/x", b"without", qos=0)
    await client.publish(marked, b"with", qos=0)
    got = await client.take()
    assert (got.topic, got.payload) == (marked, b"with")
    await client.ping()


# Packet ids


@pytest.mark.parametrize(
    "said",
    [
        lambda packet_id: publish_packet(TOPIC, b"x", packet_id=packet_id),
        lambda packet_id: subscribe_packet((TOPIC, 1), packet_id=packet_id),
        lambda packet_id: packet(0xA2, packet_id.to_bytes(2) + text(TOPIC)),
    ],
    ids=["publish", "subscribe", "unsubscribe"],
)
@mqtt("2.3.1-1", "4.8.0-1")
async def test_packet_id_0_closes_the_connection(house: House, said: Callable[[int], bytes]) -> None:
    client = await house.connect(house.integrator())
    await client.send(said(1))
    assert (await client.packet())[1][:2] == b"\x00\x01"
    await client.send(said(0))
    await client.expect_end()
    assert house.counts.violations == {"packet-id": 1}


@pytest.mark.parametrize("packet_id", [1, 0x100, 0xFFFF])
@mqtt("2.3.1-7", "3.8.4-1", "3.8.4-2", "3.10.4-4")
async def test_a_subscribe_and_an_unsubscribe_are_answered_under_their_ids(house: House, packet_id: int) -> None:
    client = await house.connect(house.integrator())
    await client.send(subscribe_packet((TOPIC, 0), packet_id=packet_id))
    assert await client.packet() == (0x90, packet_id.to_bytes(2) + b"\x00")
    await client.send(packet(0xA2, packet_id.to_bytes(2) + text(TOPIC)))
    assert await client.packet() == (0xB0, packet_id.to_bytes(2))


@pytest.mark.parametrize("packet_id", [1, 0x100, 0xFFFF])
@mqtt("2.3.1-6")
async def test_a_publish_is_answered_under_its_id(house: House, packet_id: int) -> None:
    client = await house.connect(house.integrator())
    await client.send(publish_packet(TOPIC, b"x", qos=1, packet_id=packet_id))
    await hear(client, PUBACK, packet_id)
    await client.send(publish_packet(TOPIC, b"x", qos=2, packet_id=packet_id))
    await hear(client, PUBREC, packet_id)
    await tell(client, PUBREL, packet_id)
    await hear(client, PUBCOMP, packet_id)


@mqtt("2.3.1-5", "4.3.1-1", "3.3.1-2")
async def test_qos_0_has_no_packet_id_and_no_dup_in_either_direction(house: House) -> None:
    client = await house.connect(house.integrator())
    await client.subscribe((TOPIC, 1))
    for payload in (b"", b"\x00\x01", b"longer"):
        await client.send(packet(0x30, text(TOPIC) + payload))
        assert await client.packet() == (0x30, text(TOPIC) + payload)


@mqtt("3.3.1-2", "4.8.0-1")
async def test_dup_at_qos_0_closes_the_connection(house: House) -> None:
    client = await house.connect(house.integrator())
    await client.send(publish_packet(TOPIC, b"x", qos=0, dup=True))
    await client.expect_end()
    assert house.counts.violations == {"flags": 1}


# PUBLISH, SUBSCRIBE and UNSUBSCRIBE with a fault in them


@pytest.mark.parametrize("flags", [0x36, 0x37, 0x3E, 0x3F])
@mqtt("3.3.1-4", "4.8.0-1")
async def test_qos_3_closes_the_connection(house: House, flags: int) -> None:
    client = await house.connect(house.integrator())
    await client.send(packet(flags, text(TOPIC) + b"\x00\x01x"))
    await client.expect_end()
    assert house.counts.violations == {"qos": 1}


@pytest.mark.parametrize("name", [f"{SPACE}/+", f"{SPACE}/#", "+", "#", f"{SPACE}/a+b", f"{SPACE}/#/a"])
@pytest.mark.parametrize("qos", [0, 1])
@mqtt("3.3.2-2", "4.7.1-1", "4.8.0-1")
async def test_a_wildcard_in_a_name_closes_the_connection(house: House, name: str, qos: int) -> None:
    client = await house.connect(house.integrator())
    await client.publish(name, b"x", qos=qos)
    await client.expect_end()
    assert house.counts.violations == {"bad-topic": 1}


@mqtt("4.7.3-1", "3.3.2-1")
async def test_an_empty_name_or_filter_closes_the_connection(house: House) -> None:
    for said in (
        publish_packet("", b"x"),
        packet(0x30, b""),
        subscribe_packet(("", 1)),
        subscribe_packet((TOPIC, 1), ("", 1)),
        packet(0xA2, b"\x00\x01" + text("")),
    ):
        client = await house.connect(house.integrator())
        await client.send(said)
        await client.expect_end()
    assert house.counts.violations == {"bad-topic": 4, "truncated": 1}


@pytest.mark.parametrize(
    "wrong",
    [
        pytest.param(f"{SPACE}/x#", marks=mqtt("4.7.1-2")),
        pytest.param(f"{SPACE}/#/x", marks=mqtt("4.7.1-2")),
        pytest.param(f"{SPACE}/#/", marks=mqtt("4.7.1-2")),
        pytest.param("##", marks=mqtt("4.7.1-2")),
        pytest.param(f"{SPACE}/x+", marks=mqtt("4.7.1-3")),
        pytest.param(f"{SPACE}/+x/y", marks=mqtt("4.7.1-3")),
        pytest.param("++", marks=mqtt("4.7.1-3")),
    ],
)
@mqtt("4.8.0-1")
async def test_a_filter_with_a_misplaced_wildcard_closes_the_connection(house: House, wrong: str) -> None:
    for said in (subscribe_packet((wrong, 1)), packet(0xA2, b"\x00\x01" + text(wrong))):
        client = await house.connect(house.integrator())
        await client.send(said)
        await client.expect_end()
    assert house.counts.violations == {"bad-topic": 2}


@mqtt("3.8.3-3", "3.10.3-2", "4.8.0-1")
async def test_a_subscribe_or_an_unsubscribe_without_a_filter_closes_the_connection(house: House) -> None:
    for said in (packet(0x82, b"\x00\x01"), packet(0xA2, b"\x00\x01")):
        client = await house.connect(house.integrator())
        await client.send(said)
        await client.expect_end()
    assert house.counts.violations == {"no-filter": 2}


@mqtt("3.8.3-4", "4.8.0-1")
async def test_qos_3_or_a_reserved_bit_in_a_subscribe_closes_the_connection(house: House) -> None:
    for options in range(3, 256):
        client = await house.connect(house.integrator())
        await client.send(subscribe_packet((TOPIC, options)))
        await client.expect_end()
    assert house.counts.violations == {"qos": 253}


@mqtt("3.12.4-1")
async def test_a_ping_is_answered(house: House) -> None:
    client = await house.connect(house.integrator())
    await client.send(b"\xc0\x00" * 3)
    assert await client.read(6) == b"\xd0\x00" * 3


@mqtt("2.3.1-1", "2.3.1-4")
async def test_messages_in_flight_to_a_client_have_ids_of_their_own(house: House) -> None:
    client = await listen(house)
    await publish_as_writer(house, *(b"%d" % n for n in range(10)), qos=1)
    await publish_as_writer(house, *(b"%d" % n for n in range(10)), qos=2)
    flying = [(await client.expect_publish()).packet_id for _ in range(20)]
    assert len(set(flying)) == 20
    assert 0 not in flying
    await tell(client, PUBACK, flying.pop(0))
    await publish_as_writer(house, b"next", qos=2)
    assert (await receive(client)).packet_id not in flying


@mqtt("4.8.0-1")
async def test_a_packet_that_no_client_sends_closes_the_connection(house: House) -> None:
    for first in (0x00, 0x20, 0x90, 0xB0, 0xD0, 0xF0):
        client = await house.connect(house.integrator())
        await client.send(packet(first, b"\x00\x01"))
        await client.expect_end()
    assert house.counts.violations == {"packet-type": 6}
