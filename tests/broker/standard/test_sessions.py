"""What a session holds, and how long: while its client is there, while it is away, and when it comes back."""

from datetime import timedelta

import pytest

from tests.broker.house import House, Openings
from tests.broker.standard.talk import (
    ENDS,
    EVERYTHING,
    PUBACK,
    PUBCOMP,
    PUBREC,
    PUBREL,
    SPACE,
    TOPIC,
    come,
    hear,
    interrupt,
    leave,
    listen,
    publish_as_writer,
    reader,
    receive,
    say,
    tell,
    vanish,
    writer,
)
from tests.support import eventually

mqtt = pytest.mark.mqtt


@mqtt("3.1.2-4", "3.1.2-5", "4.1.0-1", "4.5.0-1")
async def test_what_is_published_meanwhile_waits_for_who_comes_back(house: House) -> None:
    await leave(await listen(house))
    await publish_as_writer(house, b"one", qos=1)
    await publish_as_writer(house, b"two", qos=2)
    client, present = await come(house, reader(house))
    assert present
    got = [await receive(client) for _ in range(2)]
    assert [(one.topic, one.payload, one.qos, one.dup) for one in got] == [
        (TOPIC, b"one", 1, False), (TOPIC, b"two", 2, False),
    ]  # fmt: skip
    await publish_as_writer(house, b"three")
    assert (await receive(client)).payload == b"three"  # It is still subscribed.
    await client.ping()


@mqtt("3.1.2-5")
async def test_only_what_the_client_had_subscribed_to_waits(house: House) -> None:
    client = await listen(house, f"{SPACE}/kept")
    await client.subscribe((f"{SPACE}/dropped", 1))
    await client.send(b"\xa2" + bytes((2 + 2 + len(f"{SPACE}/dropped"),)) + b"\x00\x01" + named(f"{SPACE}/dropped"))
    assert (await client.packet())[0] == 0xB0
    await leave(client)
    await publish_as_writer(house, b"no", topic=f"{SPACE}/dropped")
    await publish_as_writer(house, b"no", topic=f"{SPACE}/never")
    await publish_as_writer(house, b"yes", topic=f"{SPACE}/kept")
    client, _ = await come(house, reader(house))
    assert (await receive(client)).payload == b"yes"
    await client.ping()


def named(topic: str) -> bytes:
    return len(topic).to_bytes(2) + topic.encode()


@mqtt("3.1.2-6", "3.1.4-3", "3.2.2-1")
async def test_a_clean_session_knows_nothing_of_the_one_before_and_leaves_nothing(house: House) -> None:
    await leave(await listen(house))
    await publish_as_writer(house, b"waits")
    client, present = await come(house, reader(house), clean=True)
    assert not present
    await client.ping()  # Answered first: nothing had waited.
    await publish_as_writer(house, b"not subscribed any more")
    await client.ping()
    await client.subscribe((EVERYTHING, 1))
    await leave(client)
    await publish_as_writer(house, b"nobody subscribed")
    client, present = await come(house, reader(house))
    assert not present
    await publish_as_writer(house, b"nor now")
    await client.ping()


@mqtt("3.1.2-6")
async def test_a_clean_session_ends_with_its_connection(house: House) -> None:
    for _ in range(2):
        client, present = await come(house, reader(house), clean=True)
        assert not present
        await publish_as_writer(house, b"before it subscribes")
        await client.ping()
        assert await client.subscribe((EVERYTHING, 1)) == [1]
        await publish_as_writer(house, b"in flight")
        assert (await client.expect_publish()).payload == b"in flight"
        await vanish(house, client)


@pytest.mark.parametrize("end", ["restart", "crash"])
@mqtt("3.1.2-4", "3.1.2-5", "3.1.2-7", "3.3.1-5", "4.1.0-1", "4.5.0-1")
async def test_sessions_and_what_is_retained_survive_the_end_of_the_broker(house: House, end: str) -> None:
    await leave(await listen(house))
    client, _ = await come(house, writer(house), clean=True)
    await say(client, b"waits", qos=1)
    await say(client, b"kept", topic=f"{SPACE}/kept", qos=2, retain=True)
    await interrupt(house, client, end)
    client, present = await come(house, reader(house))
    assert present
    # That these were not sent yet is not known any more.
    got = [await receive(client) for _ in range(2)]
    assert [(one.payload, one.qos, one.retain) for one in got] == [(b"waits", 1, False), (b"kept", 2, False)]
    await publish_as_writer(house, b"live")
    assert (await receive(client)).payload == b"live"
    late = await house.connect(house.integrator(app="late"))
    await late.subscribe((f"{SPACE}/kept", 2))
    got = [await receive(late)]
    assert [(one.payload, one.qos, one.retain) for one in got] == [(b"kept", 2, True)]


@mqtt("3.3.1-3", "3.3.1-1")
async def test_after_a_restart_dup_says_that_a_message_may_have_been_sent(open_house: Openings) -> None:
    house = await open_house(in_flight=2)
    client = await listen(house)
    await publish_as_writer(house, b"0", b"1", b"2", b"3")
    assert [(await client.expect_publish()).payload for _ in range(2)] == [b"0", b"1"]
    await client.ping()
    await house.crash()
    client, _ = await come(house, reader(house))
    got = [await receive(client) for _ in range(4)]
    assert [(one.payload, one.dup) for one in got] == [(b"0", True), (b"1", True), (b"2", False), (b"3", False)]


@mqtt("4.5.0-1", "3.1.2-5")
async def test_what_finds_no_room_in_the_queue_of_who_is_away_is_refused_and_the_rest_kept(
    open_house: Openings,
) -> None:
    house = await open_house(queue_messages=3)
    await leave(await listen(house))
    await publish_as_writer(house, *(b"%d" % n for n in range(5)))
    assert house.counts.drops["queue-full"] == 2
    client, present = await come(house, reader(house))
    assert present
    assert [(await receive(client)).payload for _ in range(3)] == [b"0", b"1", b"2"]
    await client.ping()


@mqtt("3.1.2-6", "3.2.2-3")
async def test_a_clean_session_that_is_taken_over_leaves_nothing_to_resume(house: House) -> None:
    old = await listen(house, clean=True)
    await publish_as_writer(house, b"unacknowledged", qos=1)
    await old.expect_publish()
    client, present = await come(house, reader(house))
    assert not present
    await old.expect_end()
    await publish_as_writer(house, b"not subscribed")
    await client.ping()


@pytest.mark.parametrize("clean", [True, False])
@mqtt("3.1.2-7", "3.3.1-5")
async def test_what_is_retained_outlives_the_session_of_who_retained_it(house: House, clean: bool) -> None:
    client, _ = await come(house, writer(house), clean=clean)
    await say(client, b"kept", retain=True)
    await leave(client)
    client, _ = await come(house, writer(house), clean=True)
    await leave(client)
    listener = await house.connect(house.integrator(app="other"))
    await listener.subscribe((TOPIC, 1))
    assert (await receive(listener)).payload == b"kept"


@mqtt("4.1.0-2")
async def test_a_clean_session_lasts_as_long_as_its_connection(house: House) -> None:
    client = await listen(house, qos=1, clean=True)
    house.now += timedelta(days=20)
    house.pass_ticks(100_000)
    writing = await house.connect(writer(house))
    await say(writing, b"still there")
    assert (await receive(client)).payload == b"still there"


@mqtt("4.1.0-2", "4.1.0-1")
async def test_no_session_ends_while_its_client_is_there(house: House) -> None:
    await leave(await listen(house))
    client, _ = await come(house, reader(house))
    house.now += timedelta(days=20)  # More than a session lasts without its client.
    house.pass_ticks(100_000)
    await publish_as_writer(house, b"still there")
    assert (await receive(client)).payload == b"still there"
    await leave(client)
    _, present = await come(house, reader(house))
    assert present


@mqtt("4.1.0-1")
async def test_a_session_ends_some_time_after_its_client_left(open_house: Openings) -> None:
    house = await open_house(session_life=timedelta(days=1))
    await leave(await listen(house))
    for away, kept in ((timedelta(hours=23), True), (timedelta(hours=25), False)):
        house.now += away
        house.pass_ticks(100_000)
        client, present = await come(house, reader(house))
        assert present is kept
        await leave(client)


# Sending again

HOWEVER = pytest.mark.parametrize("end", ENDS)


@HOWEVER
@mqtt("4.4.0-1", "3.3.1-1", "4.3.2-1", "4.6.0-1", "4.6.0-6", "2.3.1-4")
async def test_what_was_not_acknowledged_is_sent_again_in_order_under_its_id(house: House, end: str) -> None:
    client = await listen(house)
    await publish_as_writer(house, b"0", b"1", qos=1)
    await publish_as_writer(house, b"2", b"3", qos=2)
    await publish_as_writer(house, b"4", qos=1)
    first = [await client.expect_publish() for _ in range(5)]
    assert [(one.payload, one.dup) for one in first] == [(b"%d" % n, False) for n in range(5)]
    await tell(client, PUBACK, first[1].packet_id)
    await client.ping()
    await eventually(lambda: house.shelf.unwritten == 0)  # A crash before that may send it again, as QoS 1 allows.
    await interrupt(house, client, end)
    client, present = await come(house, reader(house))
    assert present
    again = [await client.expect_publish() for _ in range(4)]
    assert again == [one._replace(dup=True) for one in (first[0], *first[2:])]
    await client.ping()


@HOWEVER
@mqtt("4.4.0-1", "4.3.3-1", "4.6.0-4")
async def test_a_release_that_was_not_completed_is_sent_again_and_its_publish_never(house: House, end: str) -> None:
    client = await listen(house)
    await publish_as_writer(house, b"0", b"1", b"2", qos=2)
    ids = [(await client.expect_publish()).packet_id for _ in range(3)]
    for packet_id in (ids[1], ids[0]):
        await tell(client, PUBREC, packet_id)
        await hear(client, PUBREL, packet_id)
    await interrupt(house, client, end)
    client, _ = await come(house, reader(house))
    got = [await client.packet() for _ in range(3)]
    released = [int.from_bytes(body) for first, body in got if first == PUBREL]
    published = [(first, body[2 + len(TOPIC) :]) for first, body in got if first != PUBREL]
    # Which PUBREC came first is not on disk: after a restart the order of the PUBLISHes is what there is.
    assert released == (sorted(ids[:2]) if end in {"restart", "crash"} else [ids[1], ids[0]])
    assert published == [(0x3C, ids[2].to_bytes(2) + b"2")]
    await client.ping()
    for packet_id in released:
        await tell(client, PUBCOMP, packet_id)
    await tell(client, PUBREC, ids[2])
    await hear(client, PUBREL, ids[2])
    await tell(client, PUBCOMP, ids[2])
    await leave(client)
    client, _ = await come(house, reader(house))
    await client.ping()  # Answered first: nothing is left.


@mqtt("4.3.2-1", "4.3.3-1")
async def test_what_was_acknowledged_is_never_sent_again(house: House) -> None:
    client = await listen(house)
    await publish_as_writer(house, b"1", qos=1)
    await publish_as_writer(house, b"2", qos=2)
    for _ in range(2):
        await receive(client)
    await client.ping()
    await vanish(house, client)
    client, present = await come(house, reader(house))
    assert present
    await client.ping()


@HOWEVER
@mqtt("4.3.3-2", "4.1.0-1")
async def test_a_message_at_qos_2_that_comes_again_to_the_session_is_delivered_once(house: House, end: str) -> None:
    await leave(await listen(house))
    client, _ = await come(house, writer(house))
    publish = b"\x34" + bytes((2 + len(TOPIC) + 2 + 4,)) + named(TOPIC) + b"\x00\x09once"
    await client.send(publish)
    await hear(client, PUBREC, 9)
    await interrupt(house, client, end)
    client, present = await come(house, writer(house))
    assert present
    await client.send(bytes((publish[0] | 0x08,)) + publish[1:])
    await hear(client, PUBREC, 9)
    await tell(client, PUBREL, 9)
    await hear(client, PUBCOMP, 9)
    listener, _ = await come(house, reader(house))
    assert (await receive(listener)).payload == b"once"
    await listener.ping()


@mqtt("4.3.3-2", "3.1.2-6")
async def test_a_clean_session_does_not_know_the_ids_of_the_one_before(house: House) -> None:
    listener = await house.connect(house.integrator(app="other"))
    await listener.subscribe((TOPIC, 2))
    for _ in range(2):
        client, _ = await come(house, writer(house), clean=True)
        await client.send(b"\x34" + bytes((2 + len(TOPIC) + 2 + 1,)) + named(TOPIC) + b"\x00\x09x")
        await hear(client, PUBREC, 9)
        await vanish(house, client)
        assert (await receive(listener)).payload == b"x"
