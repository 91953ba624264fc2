"""What outlives the broker: stopped in order, or dropped at some moment and opened again on what is on disk then."""

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest

from broker.delivery import BRIDGE_CLIENT_ID
from broker.sessions import EXPIRED_AT_ONCE
from tests.broker.house import House, Openings
from tests.broker.raw import RawClient, Ticket, packet, publish_packet, subscribe_packet
from tests.support import eventually

SPACE = "hotels/h1/ext/opera"
DOOR = f"{SPACE}/door"
PUBACK, PUBREC, PUBREL, PUBCOMP = 0x40, 0x50, 0x62, 0x70


def reader(house: House) -> Ticket:
    return house.integrator(app="reader")


def writer(house: House) -> Ticket:
    return house.integrator(app="writer")


async def listening(house: House, qos: int = 1) -> RawClient:
    client = await house.connect(reader(house), clean=False)
    if not client.present:
        assert await client.subscribe((f"{SPACE}/#", qos)) == [qos]
    return client


async def stop(house: House, how: str, **settings: int | timedelta) -> None:
    await (house.restart if how == "restart" else house.crash)(**settings)


ENDS = pytest.mark.parametrize("how", ["restart", "crash"])


@ENDS
async def test_who_is_away_finds_what_waited(open_house: Openings, how: str) -> None:
    house = await open_house()
    await (await listening(house)).disconnect()
    await eventually(lambda: house.session(reader(house).client_id).wire is None)
    writing = await house.connect(writer(house))
    for number in range(20):
        await writing.publish(DOOR, b"%d" % number, packet_id=number + 1)
        await writing.expect_puback(number + 1)
    await stop(house, how)
    client = await listening(house)
    assert client.present
    assert [int((await client.take()).payload) for _ in range(20)] == list(range(20))
    await (await house.connect(writer(house))).publish(DOOR, b"live")
    assert (await client.take()).payload == b"live"


@ENDS
@pytest.mark.parametrize("qos", [1, 2])
async def test_what_was_in_flight_comes_again_under_its_own_identifier(
    open_house: Openings, how: str, qos: int
) -> None:
    house = await open_house(in_flight=3)
    client = await listening(house, qos)
    writing = await house.connect(writer(house))
    for number in range(1, 7):
        await writing.publish(DOOR, b"%d" % number, packet_id=number, qos=qos)
        assert await writing.packet() == (PUBACK if qos == 1 else PUBREC, number.to_bytes(2))
    flying = [await client.expect_publish() for _ in range(3)]
    await stop(house, how)
    client = await listening(house, qos)
    assert [await client.expect_publish() for _ in range(3)] == [one._replace(dup=True) for one in flying]
    for answer in (PUBACK,) if qos == 1 else (PUBREC, PUBCOMP):
        for one in flying:
            await client.send(packet(answer, one.packet_id.to_bytes(2)))
            if answer == PUBREC:
                assert await client.packet() == (PUBREL, one.packet_id.to_bytes(2))
    later = [await client.expect_publish() for _ in range(3)]
    assert [one.payload for one in later] == [b"4", b"5", b"6"]
    assert not {one.packet_id for one in later} & {one.packet_id for one in flying}


async def test_a_message_that_waits_for_many_is_in_memory_once_after_a_restart_too(open_house: Openings) -> None:
    house = await open_house()
    for app in ("1", "2"):
        client = await house.connect(house.integrator(app=app), clean=False)
        await client.subscribe((DOOR, 1))
        await client.disconnect()
    await eventually(lambda: all(session.wire is None for session in house.broker._hub.sessions.values()))
    writing = await house.connect(writer(house))
    await writing.publish(DOOR, b"x" * 1000)
    await writing.expect_puback(1)
    await house.restart()
    queues = [session._queue for session in house.broker._hub.sessions.values()]
    assert len({id(out.message) for queue in queues for out in queue or ()}) == 1


@ENDS
async def test_what_was_released_is_released_again_and_never_published(open_house: Openings, how: str) -> None:
    house = await open_house()
    client = await listening(house, 2)
    writing = await house.connect(writer(house))
    await writing.send(publish_packet(DOOR, b"once", qos=2, packet_id=9))
    assert await writing.packet() == (PUBREC, b"\x00\x09")
    got = (await client.expect_publish()).packet_id.to_bytes(2)
    await client.send(packet(PUBREC, got))
    assert await client.packet() == (PUBREL, got)
    await stop(house, how)
    client = await listening(house, 2)
    assert await client.packet() == (PUBREL, got)
    await client.send(packet(PUBCOMP, got))
    await client.ping()
    await stop(house, "restart")
    await (await listening(house, 2)).ping()


@ENDS
async def test_a_message_of_qos_2_that_was_taken_is_not_taken_again(open_house: Openings, how: str) -> None:
    house = await open_house()
    client = await listening(house)
    writing = await house.connect(writer(house), clean=False)
    await writing.send(publish_packet(DOOR, b"once", qos=2, packet_id=9))
    assert await writing.packet() == (PUBREC, b"\x00\x09")
    await stop(house, how)
    client = await listening(house)
    assert (await client.take()).payload == b"once"
    writing = await house.connect(writer(house), clean=False)
    assert writing.present
    await writing.send(publish_packet(DOOR, b"once", qos=2, packet_id=9, dup=True))
    assert await writing.packet() == (PUBREC, b"\x00\x09")
    await writing.send(packet(PUBREL, b"\x00\x09"))
    assert await writing.packet() == (PUBCOMP, b"\x00\x09")
    await stop(house, how)
    writing = await house.connect(writer(house), clean=False)
    await writing.send(publish_packet(DOOR, b"another", qos=2, packet_id=9))
    assert await writing.packet() == (PUBREC, b"\x00\x09")
    client = await listening(house)
    assert (await client.take()).payload == b"another"


@ENDS
async def test_what_an_integrator_retained_is_there_and_counts_for_it(open_house: Openings, how: str) -> None:
    house = await open_house(retained_messages=2)
    writing = await house.connect(writer(house))
    for number, payload in ((1, b"kept"), (2, b"kept"), (1, b""), (3, b"new")):
        await writing.publish(f"{SPACE}/{number}", payload, packet_id=1, retain=True)
        await writing.expect_puback(1)
    await house.broker.publish("hotels/h1/alerts/a1", b"the bridge's own", retain=True)
    await stop(house, how)
    client = await listening(house)
    got = [await client.take() for _ in range(2)]
    assert {(one.topic[-1], one.payload, one.retain) for one in got} == {("2", b"kept", True), ("3", b"new", True)}
    writing = await house.connect(writer(house))
    await writing.publish(f"{SPACE}/4", b"too much", packet_id=1, retain=True)
    await writing.expect_puback(1)
    assert house.counts.drops["retained-full"] == 1
    console = await house.connect(house.person())
    await console.subscribe("hotels/h1/alerts/+")
    await console.ping()  # The bridge publishes again what it retains.


@ENDS
async def test_a_session_that_ended_does_not_come_back(open_house: Openings, how: str) -> None:
    house = await open_house()
    await listening(house)
    clean = await house.connect(reader(house), clean=True)
    await clean.subscribe((DOOR, 1))
    other = await house.connect(house.integrator(app="other"), clean=False)  # Its answer comes after what was before.
    await other.subscribe((DOOR, 1))
    await stop(house, how)
    assert list(house.broker.sessions) == [house.integrator(app="other").client_id]
    assert house.counts.subscriptions == 1


async def test_sessions_that_expire_all_at_once_take_no_long_time_in_one_go(open_house: Openings) -> None:
    house = await open_house()
    number = EXPIRED_AT_ONCE + 10
    for n in range(number):
        client = await house.connect(house.device(f"d{n}"), clean=False)
        client.cut()
    await house.restart()
    house.now += timedelta(days=8)
    house.pass_ticks(1)
    assert house.counts.sessions_expired == EXPIRED_AT_ONCE
    house.pass_ticks(1)
    assert house.counts.sessions_expired == number


async def test_a_session_expires_by_when_its_client_left(open_house: Openings) -> None:
    house = await open_house(session_life=timedelta(hours=1))
    await (await listening(house)).disconnect()
    await eventually(lambda: house.session(reader(house).client_id).wire is None)
    house.now += timedelta(minutes=59)
    await house.restart()
    assert len(house.broker.sessions) == 1
    house.now += timedelta(minutes=1)
    house.pass_ticks(1)
    assert house.broker.sessions == {}
    await house.restart()
    assert house.broker.sessions == {}


@pytest.mark.parametrize("seed", range(5))
async def test_whatever_was_acknowledged_arrives_whenever_it_crashes(open_house: Openings, seed: int) -> None:
    chance = random.Random(seed)
    house = await open_house(in_flight=4)
    client = await listening(house, 2)
    got: list[bytes] = []
    acknowledged: set[bytes] = set()
    number = 0
    for _ in range(4):
        writing = await house.connect(writer(house))
        sent: dict[int, bytes] = {}
        for packet_id in range(1, chance.randint(2, 30)):
            number += 1
            sent[packet_id] = b"%d" % number
            await writing.publish(DOOR, sent[packet_id], packet_id=packet_id)
        for _ in range(chance.randint(0, len(sent))):
            first, body = await writing.packet()
            assert first == PUBACK
            acknowledged.add(sent[int.from_bytes(body)])
        for _ in range(chance.randint(0, len(got) + 2)):
            if len(got) < len(acknowledged):
                got.append((await client.take()).payload)
        await house.crash()
        client = await listening(house, 2)
        assert client.present
    while acknowledged - set(got):
        got.append((await client.take()).payload)
    fresh = list(dict.fromkeys(got))
    assert fresh == sorted(fresh, key=int)


async def test_what_a_broker_alone_had_for_the_bridge_goes_to_the_bridge_of_this_process(open_house: Openings) -> None:
    house = await open_house(alone=True)
    tablet = await house.connect(house.device())
    for number in range(30):
        await tablet.publish("hotels/h1/devices/d1/heartbeat", b"%d" % number, packet_id=number + 1)
        await tablet.expect_puback(number + 1)
    house.alone = False
    house.bridge.full, house.bridge.settling = True, False
    await house.restart()
    await eventually(lambda: house.bridge.got)
    assert len(house.bridge.got) < 30
    house.bridge.make_room()
    await eventually(lambda: len(house.bridge.got) == 30)
    assert [int(one) for one in house.bridge.payloads] == list(range(30))
    for delivery in house.bridge.got[:10]:
        delivery.settle()
    house.bridge.got.clear()
    await house.restart()
    await eventually(lambda: len(house.bridge.got) == 20)
    for delivery in house.bridge.got:
        delivery.settle()
    await house.restart()
    assert BRIDGE_CLIENT_ID not in house.broker.sessions
    assert len(house.bridge.got) == 20


# While the disk takes its time


@contextmanager
def a_disk_that_stands_still(house: House) -> Iterator[threading.Event]:
    """Nothing is written before the event is set."""
    goes_on = threading.Event()
    house.shelf._thread.submit(goes_on.wait)
    try:
        yield goes_on
    finally:
        goes_on.set()


async def test_nothing_is_acknowledged_before_it_is_on_disk(open_house: Openings) -> None:
    house = await open_house()
    client = await listening(house, 2)
    writing = await house.connect(writer(house))
    with a_disk_that_stands_still(house) as disk:
        await writing.publish(DOOR, b"1", packet_id=1)
        assert (await client.expect_publish()).payload == b"1"  # At QoS 1 it may come twice, so it need not wait.
        await writing.publish(DOOR, b"2", packet_id=2, qos=2)
        await client.send(subscribe_packet((f"{SPACE}/x", 1), packet_id=9))
        await writing.ping()
        await client.ping()
        disk.set()
        await writing.expect_puback(1)
        assert await writing.packet() == (PUBREC, b"\x00\x02")
        got = [await client.packet() for _ in range(2)]
        assert {first for first, _ in got} == {0x90, 0x34}


async def test_who_waits_for_the_disk_is_held_before_there_are_too_many(open_house: Openings) -> None:
    house = await open_house()
    client = await house.connect(reader(house), clean=False)
    await client.ping()
    house.shelf._most = 20_000
    with a_disk_that_stands_still(house) as disk:
        await client.send(subscribe_packet((DOOR, 1), packet_id=9) + packet(PUBREL, b"\x00\x02") * 2000)
        await eventually(lambda: house.counts.holds["shelf"] == 1)
        assert house.shelf.unwritten < 25_000
        disk.set()
        assert (await client.packet())[0] == 0x90
        for _ in range(2000):
            assert await client.packet() == (PUBCOMP, b"\x00\x02")


async def test_a_message_that_nobody_keeps_waits_for_no_disk(open_house: Openings) -> None:
    house = await open_house()
    client = await house.connect(reader(house))
    await client.subscribe((DOOR, 2))
    writing = await house.connect(writer(house))
    with a_disk_that_stands_still(house):
        await writing.publish(DOOR, b"1", packet_id=1)
        await writing.expect_puback(1)
        await writing.publish(DOOR, b"2", packet_id=2, qos=2)
        assert await writing.packet() == (PUBREC, b"\x00\x02")
        await writing.send(packet(PUBREL, b"\x00\x02"))
        assert await writing.packet() == (PUBCOMP, b"\x00\x02")
        assert [(await client.expect_publish()).qos for _ in range(2)] == [1, 2]


async def test_publishers_are_held_when_too_much_is_to_be_written(open_house: Openings) -> None:
    house = await open_house()
    client = await listening(house)
    writing = await house.connect(writer(house))
    house.shelf._most = 20_000
    with a_disk_that_stands_still(house) as disk:
        await writing.send(b"".join(publish_packet(DOOR, b"x" * 1000, packet_id=n) for n in range(1, 101)))
        await eventually(lambda: house.counts.holds["shelf"] == 1)
        assert house.shelf.unwritten < 25_000
        tablet = await house.connect(house.device())
        await tablet.publish("hotels/h1/devices/d1/heartbeat", b"{}")  # The bridge stores it elsewhere.
        await tablet.expect_puback(1)
        disk.set()
        for number in range(1, 101):
            await writing.expect_puback(number)
    for _ in range(100):
        await client.take()
