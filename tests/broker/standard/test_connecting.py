"""CONNECT and CONNACK: what is let in, what is refused with a code, and what ends without one."""

import pytest

from tests.broker.house import House
from tests.broker.raw import Ticket, Will, connect_packet, packet, publish_packet, subscribe_packet, text
from tests.broker.standard.talk import SPACE, TOPIC, come, leave, listen, publish_as_writer, reader, vanish

mqtt = pytest.mark.mqtt

HEAD = text("MQTT") + b"\x04"
ID, NAME, WORD, WHERE = b"h1/integrator/opera/1", b"h1/integrator/opera", b"a token", TOPIC.encode()


def connect(flags: int, *fields: bytes, head: bytes = HEAD) -> bytes:
    """A CONNECT with these flags and, whatever they say, these fields."""
    return packet(0x10, head + bytes((flags, 0, 0)) + b"".join(text(field) for field in fields))


@pytest.mark.parametrize(
    "first",
    [
        publish_packet(TOPIC, b"x", qos=0),
        publish_packet(TOPIC, b"x"),
        subscribe_packet((TOPIC, 1)),
        packet(0xA2, b"\x00\x01" + text(TOPIC)),
        packet(0x40, b"\x00\x01"),
        packet(0x62, b"\x00\x01"),
        b"\xc0\x00",
        b"\xe0\x00",
    ],
    ids=["publish at 0", "publish at 1", "subscribe", "unsubscribe", "puback", "pubrel", "pingreq", "disconnect"],
)
@mqtt("3.1.0-1", "3.2.0-1", "4.8.0-1")
async def test_a_first_packet_that_is_no_connect_ends_it_unanswered(house: House, first: bytes) -> None:
    client = await house.dial()
    await client.send(first + connect_packet(house.integrator()))
    await client.expect_end()
    assert house.counts.violations == {"not-connected": 1}


@mqtt("3.1.0-2", "4.8.0-1")
async def test_a_second_connect_ends_the_connection(house: House) -> None:
    client = await house.connect(house.integrator())
    await client.send(connect_packet(house.integrator()) + b"\xc0\x00")
    await client.expect_end()
    assert house.counts.violations == {"connected-twice": 1}
    await house.connect(house.integrator())


# The CONNECT that each of these is one fault away from is in `test_each_form_of_a_connect_is_read` below.
@pytest.mark.parametrize(
    "broken",
    [
        pytest.param(connect(0xC2, ID, NAME, WORD, head=text("MQTTX") + b"\x04"), id="name", marks=mqtt("3.1.2-1")),
        pytest.param(connect(0xC2, ID, NAME, WORD, head=text("mqtt") + b"\x04"), id="case", marks=mqtt("3.1.2-1")),
        pytest.param(connect(0xC3, ID, NAME, WORD), id="reserved flag", marks=mqtt("3.1.2-3")),
        pytest.param(connect(0xC6, ID, NAME, WORD), id="no will topic and message", marks=mqtt("3.1.2-9")),
        pytest.param(connect(0xC2, ID, WHERE, b"will", NAME, WORD), id="a will too many", marks=mqtt("3.1.2-11")),
        pytest.param(connect(0xCA, ID, NAME, WORD), id="will qos 1 of no will", marks=mqtt("3.1.2-11", "3.1.2-13")),
        pytest.param(connect(0xD2, ID, NAME, WORD), id="will qos 2 of no will", marks=mqtt("3.1.2-11", "3.1.2-13")),
        pytest.param(connect(0xDE, ID, WHERE, b"will", NAME, WORD), id="will qos 3", marks=mqtt("3.1.2-14")),
        pytest.param(connect(0xE2, ID, NAME, WORD), id="will retain of no will", marks=mqtt("3.1.2-11", "3.1.2-15")),
        pytest.param(connect(0x02, ID, NAME), id="a user name too many", marks=mqtt("3.1.2-18")),
        pytest.param(connect(0x82, ID), id="no user name", marks=mqtt("3.1.2-19")),
        pytest.param(connect(0x82, ID, NAME, WORD), id="a password too many", marks=mqtt("3.1.2-20")),
        pytest.param(connect(0xC2, ID, NAME), id="no password", marks=mqtt("3.1.2-21")),
        pytest.param(connect(0x42, ID, WORD), id="a password without a user name", marks=mqtt("3.1.2-22")),
        pytest.param(connect(0x02), id="no client id", marks=mqtt("3.1.3-3")),
    ],
)  # fmt: skip
@mqtt("3.1.4-1", "3.2.2-6", "4.8.0-1")
async def test_a_connect_that_is_broken_ends_without_an_answer(house: House, broken: bytes) -> None:
    client = await house.dial()
    await client.send(broken)
    await client.expect_end()
    assert house.counts.violations.total() == 1
    assert house.counts.refused_connects == {}


@pytest.mark.parametrize(
    "whole",
    [
        connect(0x02, ID),
        connect(0x82, ID, NAME),
        connect(0xC2, ID, NAME, WORD),
        connect(0xC6, ID, WHERE, b"will", NAME, WORD),
        connect(0xCE, ID, WHERE, b"will", NAME, WORD),
        connect(0xD6, ID, WHERE, b"will", NAME, WORD),
        connect(0xE6, ID, WHERE, b"", NAME, WORD),
    ],
    ids=["bare", "user name", "password", "will", "will at qos 1", "will at qos 2", "will to retain"],
)
@mqtt("3.1.3-1", "3.1.2-9", "3.2.2-4", "3.2.2-5")
async def test_each_form_of_a_connect_is_read(house: House, whole: bytes) -> None:
    client = await house.dial()
    await client.send(whole)
    assert await client.rest() == b"\x20\x02\x00\x04"  # It is read: what is wrong is that the password is no token.
    assert house.counts.violations == {}


@pytest.mark.parametrize("clean", [True, False])
@mqtt("3.1.4-4", "3.2.0-1", "3.2.2-3")
async def test_who_is_let_in_hears_code_0_first(house: House, clean: bool) -> None:
    client = await house.dial()
    await client.send(connect_packet(house.integrator(), clean=clean) + subscribe_packet((TOPIC, 1)) + b"\xc0\x00")
    assert await client.read(4) == b"\x20\x02\x00\x00"
    # What a kept session has is told when it is on disk; a ping waits for no disk.
    assert await client.read(7) in (b"\x90\x03\x00\x01\x01\xd0\x00", b"\xd0\x00\x90\x03\x00\x01\x01")


@pytest.mark.parametrize(
    "client_id",
    [
        pytest.param("a", marks=mqtt("3.1.3-5")),
        pytest.param("0123456789abcdefghijklm", marks=mqtt("3.1.3-5")),
        pytest.param("ABCDEFGHIJKLMNOPQRSTUVW", marks=mqtt("3.1.3-5")),
        pytest.param("h1/integrator/fidelio/1"),
    ],
)
@pytest.mark.parametrize("clean", [True, False])
@mqtt("3.1.3-9", "3.2.2-4", "3.2.2-5")
async def test_a_client_id_that_is_not_the_tokens_own_is_refused_with_code_2(
    house: House, client_id: str, clean: bool
) -> None:
    client = await house.dial()
    await client.send(connect_packet(house.integrator()._replace(client_id=client_id), clean=clean) + b"\xc0\x00")
    assert await client.rest() == b"\x20\x02\x00\x02"
    assert house.broker.sessions == {}


@mqtt("3.1.3-6")
async def test_who_has_no_client_id_gets_one_of_its_own(house: House) -> None:
    nameless = house.integrator()._replace(client_id="")
    clients = [await house.connect(nameless) for _ in range(2)]
    for client in clients:
        await client.ping()
    assert len(house.broker.sessions) == 2


@mqtt("3.1.3-7", "3.1.3-8")
async def test_who_has_no_client_id_cannot_have_a_session_that_is_kept(house: House) -> None:
    client = await house.dial()
    await client.send(connect_packet(house.integrator()._replace(client_id=""), clean=False) + b"\xc0\x00")
    assert await client.rest() == b"\x20\x02\x00\x02"
    assert house.broker.sessions == {}


@pytest.mark.parametrize("clean", [True, False])
@pytest.mark.mqtt("3.1.3-6", "3.1.3-9", "3.1.3-8")
async def test_a_device_has_no_other_client_id_than_its_name(house: House, clean: bool) -> None:
    client = await house.dial()
    await client.send(connect_packet(house.device()._replace(client_id=""), clean=clean) + b"\xc0\x00")
    assert await client.rest() == b"\x20\x02\x00\x02"


@pytest.mark.parametrize(
    ("change", "code"), [({"token": "forged"}, 4), ({"username": "h1/integrator/fidelio"}, 5), ({"client_id": "x"}, 2)]
)
@mqtt("3.1.4-5", "3.2.2-5")
async def test_what_follows_a_connect_that_is_refused_does_nothing(
    house: House, change: dict[str, str], code: int
) -> None:
    listener = await house.connect(house.integrator(app="other"))
    await listener.subscribe((TOPIC, 0))
    client = await house.dial()
    refused = connect_packet(house.integrator()._replace(**change))
    again = connect_packet(house.integrator(app="again"))
    await client.send(refused + again + publish_packet(TOPIC, b"x", retain=True) + b"\xc0\x00")
    assert await client.rest() == bytes((0x20, 2, 0, code))
    await listener.ping()  # Answered first: nothing was delivered.
    assert list(house.broker.sessions) == [house.integrator(app="other").client_id]


@pytest.mark.parametrize(
    "wrong", [{"token": "forged"}, {"username": "h1/integrator/fidelio"}], ids=["no token", "not authorized"]
)
@mqtt("3.2.2-4")
async def test_a_refusal_says_nothing_of_the_session_that_is_there(house: House, wrong: dict[str, str]) -> None:
    await leave(await listen(house))
    client = await house.dial()
    await client.send(connect_packet(reader(house)._replace(**wrong), clean=False))
    first, body = await client.packet()
    assert (first, body[0]) == (0x20, 0)
    assert body[1] in {4, 5}
    _, present = await come(house, reader(house))
    assert present


@mqtt("3.2.2-1", "3.2.2-2", "3.2.2-3", "3.1.4-3", "3.1.2-4", "3.1.2-6")
async def test_session_present_is_said_when_there_is_one_and_it_is_wanted(house: House) -> None:
    client, present = await come(house, reader(house))
    assert not present
    await leave(client)
    client, present = await come(house, reader(house))
    assert present
    await vanish(house, client)
    client, present = await come(house, reader(house), clean=True)
    assert not present
    await leave(client)
    client, present = await come(house, reader(house))
    assert not present


@mqtt("3.1.4-2", "3.1.2-4", "3.2.2-2")
async def test_who_takes_a_session_over_finds_it_as_it_was(house: House) -> None:
    old = await listen(house)
    new, present = await come(house, reader(house))
    assert present
    await old.expect_end()
    await publish_as_writer(house, b"for the new one")
    assert (await new.take()).payload == b"for the new one"


@mqtt("3.1.3-2")
async def test_every_client_id_has_a_session_of_its_own(house: House) -> None:
    await leave(await listen(house, f"{SPACE}/of-one"))
    other, present = await come(house, house.integrator(app="other"))
    assert not present
    await other.subscribe((f"{SPACE}/of-other", 1))
    await leave(other)
    await publish_as_writer(house, b"1", topic=f"{SPACE}/of-one")
    await publish_as_writer(house, b"2", topic=f"{SPACE}/of-other")
    for ticket, payload in ((reader(house), b"1"), (house.integrator(app="other"), b"2")):
        client, present = await come(house, ticket)
        assert present
        assert (await client.take()).payload == payload
        await client.ping()


@mqtt("3.2.0-1", "3.1.2-5")
async def test_what_waited_comes_after_the_connack(house: House) -> None:
    await leave(await listen(house))
    await publish_as_writer(house, b"waited")
    client = await house.dial()
    await client.send(connect_packet(reader(house), clean=False))
    assert await client.packet() == (0x20, b"\x01\x00")
    assert (await client.take()).payload == b"waited"


@mqtt("3.14.4-1", "3.14.4-2", "3.14.4-3")
async def test_nothing_after_a_disconnect_is_heard_and_the_broker_closes_too(house: House) -> None:
    listener = await house.connect(house.integrator(app="listener"))
    await listener.subscribe((f"{SPACE}/#", 0))
    will = Will(f"{SPACE}/will", b"gone", 0)
    client = await house.dial()
    await client.send(
        connect_packet(house.integrator(), will=will)
        + publish_packet(TOPIC, b"before", qos=0)
        + b"\xe0\x00"
        + publish_packet(TOPIC, b"after", qos=0)
        + b"\xc0\x00"
    )
    assert await client.rest() == b"\x20\x02\x00\x00"
    assert (await listener.take()).payload == b"before"
    await listener.ping()


def test_the_tickets_here_are_as_the_house_makes_them() -> None:
    ticket = Ticket(ID.decode(), NAME.decode(), WORD.decode())
    assert connect(0xC2, ID, NAME, WORD) == connect_packet(ticket)
