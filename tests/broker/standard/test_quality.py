"""Quality of service, each level in both directions, and the order in which everything arrives and is answered."""

import pytest

from tests.broker.house import House
from tests.broker.raw import publish_packet
from tests.broker.standard.talk import (
    EVERYTHING,
    PUBACK,
    PUBCOMP,
    PUBREC,
    PUBREL,
    SPACE,
    TOPIC,
    come,
    hear,
    leave,
    listen,
    publish_as_writer,
    reader,
    receive,
    receive_many,
    tell,
    writer,
)
from tests.support import eventually

mqtt = pytest.mark.mqtt
BEAT = "hotels/h1/devices/d1/heartbeat"


@pytest.mark.parametrize(("qos", "answer"), [(0, b""), (1, b"\x40\x02\x00\x05"), (2, b"\x50\x02\x00\x05")])
@mqtt("3.3.4-1")
async def test_a_publish_is_answered_as_its_qos_wants(house: House, qos: int, answer: bytes) -> None:
    client = await house.connect(house.integrator())
    await client.send(publish_packet(TOPIC, b"x", qos=qos, packet_id=5) + b"\xe0\x00")
    assert await client.rest() == answer


@pytest.mark.parametrize("granted", [0, 1, 2])
@pytest.mark.parametrize("published", [0, 1, 2])
@mqtt("3.8.4-6", "3.3.1-3", "4.3.1-1", "4.3.2-1", "4.3.3-1", "3.3.1-2")
async def test_a_message_is_delivered_at_the_lower_qos_and_as_new(house: House, granted: int, published: int) -> None:
    listener = await listen(house, qos=granted)
    client, _ = await come(house, writer(house))
    await client.send(publish_packet(TOPIC, b"x", qos=published, packet_id=5, dup=published > 0))
    got = await receive(listener)
    assert (got.topic, got.payload, got.qos, got.dup) == (TOPIC, b"x", min(granted, published), False)
    assert (got.packet_id > 0) is (got.qos > 0)
    await listener.ping()


# QoS 1


@mqtt("4.3.2-2")
async def test_after_its_puback_a_packet_id_means_a_new_message(house: House) -> None:
    listener = await house.connect(house.integrator(app="listener"))
    await listener.subscribe((TOPIC, 1))
    client = await house.connect(house.integrator())
    for payload, dup in ((b"one", False), (b"two", True), (b"two", True)):
        await client.send(publish_packet(TOPIC, payload, packet_id=5, dup=dup))
        await hear(client, PUBACK, 5)
    assert [(await receive(listener)).payload for _ in range(3)] == [b"one", b"two", b"two"]


@mqtt("4.3.2-2", "4.6.0-2")
async def test_a_puback_leaves_when_the_message_was_taken_over_and_in_order(house: House) -> None:
    house.bridge.settling = False
    tablet = await house.connect(house.device())
    await tablet.send(b"".join(publish_packet(BEAT, b"x", packet_id=packet_id) for packet_id in (3, 1, 2)))
    await eventually(lambda: len(house.bridge.got) == 3)
    house.bridge.got[2].settle()
    house.bridge.got[1].settle()
    await tablet.ping()  # Answered first.
    house.bridge.got[0].settle()
    for packet_id in (3, 1, 2):
        await hear(tablet, PUBACK, packet_id)


@mqtt("4.3.2-2", "4.6.0-2", "2.3.1-6")
async def test_publishes_that_come_one_at_a_time_are_answered_in_order_too(house: House) -> None:
    tablet = await house.connect(house.device())
    await tablet.publish(BEAT, b"known by now", packet_id=9)
    await hear(tablet, PUBACK, 9)
    house.bridge.got.clear()
    house.bridge.settling = False
    for packet_id in (3, 2, 0x1234):
        await tablet.publish(BEAT, b"x", packet_id=packet_id)
        await tablet.ping()
    assert len(house.bridge.got) == 3
    house.bridge.got[1].settle()
    await tablet.ping()
    house.bridge.got[0].settle()
    await hear(tablet, PUBACK, 3)
    await hear(tablet, PUBACK, 2)
    await tablet.ping()
    house.bridge.got[2].settle()
    await hear(tablet, PUBACK, 0x1234)


# QoS 2, to us


@mqtt("4.3.3-2", "4.6.0-3")
async def test_a_pubrec_leaves_when_the_message_was_taken_over_and_in_order(house: House) -> None:
    house.bridge.settling = False
    tablet = await house.connect(house.device())
    await tablet.send(b"".join(publish_packet(BEAT, b"x", qos=2, packet_id=packet_id) for packet_id in (3, 1, 2)))
    await eventually(lambda: len(house.bridge.got) == 3)
    house.bridge.got[2].settle()
    house.bridge.got[1].settle()
    await tablet.ping()
    house.bridge.got[0].settle()
    for packet_id in (3, 1, 2):
        await hear(tablet, PUBREC, packet_id)


@mqtt("4.3.3-2", "2.3.1-6")
async def test_until_its_pubrel_a_message_at_qos_2_is_answered_again_and_delivered_once(house: House) -> None:
    listener = await house.connect(house.integrator(app="listener"))
    await listener.subscribe((TOPIC, 2))
    client = await house.connect(house.integrator())
    for dup in (False, True, True):
        await client.send(publish_packet(TOPIC, b"once", qos=2, packet_id=5, dup=dup))
        await hear(client, PUBREC, 5)
    await tell(client, PUBREL, 5)
    await hear(client, PUBCOMP, 5)
    assert (await receive(listener)).payload == b"once"
    await listener.ping()


@mqtt("4.3.3-2")
async def test_the_bridge_too_gets_a_message_at_qos_2_once(house: House) -> None:
    house.bridge.settling = False
    tablet = await house.connect(house.device())
    publish = publish_packet(BEAT, b"once", qos=2, packet_id=5)
    await tablet.send(publish + publish_packet(BEAT, b"once", qos=2, packet_id=5, dup=True))
    await tablet.ping()
    house.bridge.got[0].settle()
    await hear(tablet, PUBREC, 5)
    await tablet.send(publish_packet(BEAT, b"once", qos=2, packet_id=5, dup=True) + b"\xc0\x00")
    heard = [await tablet.packet() for _ in range(2)]
    if heard[-1][0] == 0xD0:
        assert heard[0] == (PUBREC, b"\x00\x05")
    else:  # The one that came before it was settled may be answered as well.
        assert heard == [(PUBREC, b"\x00\x05")] * 2
        await tablet.packet()
    await tell(tablet, PUBREL, 5)
    await hear(tablet, PUBCOMP, 5)
    assert house.bridge.payloads == [b"once"]


async def test_a_message_at_qos_2_is_not_taken_for_one_at_qos_1_that_waits_under_its_id(house: House) -> None:
    house.bridge.settling = False
    tablet = await house.connect(house.device())
    await tablet.send(
        publish_packet(BEAT, b"one", qos=1, packet_id=5) + publish_packet(BEAT, b"two", qos=2, packet_id=5)
    )
    await eventually(lambda: house.bridge.payloads == [b"one", b"two"])
    for delivery in house.bridge.got:
        delivery.settle()
    await hear(tablet, PUBACK, 5)
    await hear(tablet, PUBREC, 5)


@mqtt("4.3.3-2")
async def test_after_its_pubcomp_a_packet_id_means_a_new_message(house: House) -> None:
    listener = await house.connect(house.integrator(app="listener"))
    await listener.subscribe((TOPIC, 2))
    client = await house.connect(house.integrator())
    for payload, dup in ((b"one", False), (b"two", True)):
        await client.send(publish_packet(TOPIC, payload, qos=2, packet_id=5, dup=dup))
        await hear(client, PUBREC, 5)
        await tell(client, PUBREL, 5)
        await hear(client, PUBCOMP, 5)
        assert (await receive(listener)).payload == payload


@mqtt("4.3.3-2")
async def test_a_pubrel_is_answered_even_if_it_releases_nothing(house: House) -> None:
    client = await house.connect(house.integrator())
    await tell(client, PUBREL, 4711)
    await hear(client, PUBCOMP, 4711)


# QoS 2, from us


@mqtt("4.3.3-1", "2.3.1-6", "4.6.0-4")
async def test_pubrels_answer_pubrecs_in_their_order_under_their_ids(house: House) -> None:
    listener = await listen(house)
    await publish_as_writer(house, *(b"%d" % n for n in range(4)), qos=2)
    ids = [(await listener.expect_publish()).packet_id for _ in range(4)]
    order = [ids[2], ids[0], ids[3], ids[1]]
    for packet_id in order:
        await tell(listener, PUBREC, packet_id)
    for packet_id in order:
        await hear(listener, PUBREL, packet_id)
    for packet_id in order:
        await tell(listener, PUBCOMP, packet_id)
    await listener.ping()


@mqtt("4.3.3-1")
async def test_a_second_pubrec_is_answered_with_a_pubrel_again(house: House) -> None:
    listener = await listen(house)
    await publish_as_writer(house, b"x", qos=2)
    packet_id = (await listener.expect_publish()).packet_id
    for _ in range(2):
        await tell(listener, PUBREC, packet_id)
        await hear(listener, PUBREL, packet_id)
    await tell(listener, PUBCOMP, packet_id)
    await listener.ping()


@mqtt("2.3.1-4", "4.3.3-1")
async def test_an_id_is_in_use_until_the_pubcomp(house: House) -> None:
    listener = await listen(house)
    await publish_as_writer(house, b"held", qos=2)
    held = (await listener.expect_publish()).packet_id
    await tell(listener, PUBREC, held)
    await hear(listener, PUBREL, held)
    session = house.session(reader(house).client_id)
    session._last_id = held - 1
    await publish_as_writer(house, b"next", qos=1)
    assert (await receive(listener)).packet_id != held


# Order


@pytest.mark.parametrize("qos", [0, 1, 2])
@mqtt("4.6.0-5", "4.6.0-6")
async def test_messages_are_delivered_in_the_order_of_their_publisher(house: House, qos: int) -> None:
    listener = await house.connect(house.integrator(app="listener"))
    await listener.subscribe((EVERYTHING, qos))
    client = await house.connect(house.integrator())
    await client.send(b"".join(publish_packet(TOPIC, b"%d" % n, qos=qos, packet_id=n + 1) for n in range(200)))
    assert [int(payload) for payload in await receive_many(listener, 200)] == list(range(200))


@mqtt("4.6.0-6", "3.1.2-5", "4.6.0-1")
async def test_what_waited_and_what_comes_now_is_in_order_too(house: House) -> None:
    await leave(await listen(house))
    await publish_as_writer(house, *(b"%d" % n for n in range(100)))
    writing = await house.connect(house.integrator(app="live"))
    client, _ = await come(house, reader(house))
    await writing.send(b"".join(publish_packet(TOPIC, b"%d" % n, packet_id=n) for n in range(100, 200)))
    assert [int((await receive(client)).payload) for _ in range(200)] == list(range(200))


@mqtt("4.5.0-1")
async def test_a_message_goes_to_every_session_that_subscribed_wherever_its_client_is(house: House) -> None:
    tickets = [house.integrator(app=f"s{n}") for n in range(4)]
    clients = []
    for number, ticket in enumerate(tickets):
        client, _ = await come(house, ticket)
        await client.subscribe((TOPIC if number % 2 else EVERYTHING, 1), (f"{SPACE}/other", 0))
        clients.append(client)
    await leave(clients[0])
    await leave(clients[1])
    await publish_as_writer(house, b"to all")
    for client in clients[2:]:
        assert (await receive(client)).payload == b"to all"
    for ticket in tickets[:2]:
        client, present = await come(house, ticket)
        assert present
        assert (await receive(client)).payload == b"to all"
