"""From a client to the bridge, or to whoever subscribed; and when a PUBACK leaves."""

import pytest

from broker.tokens import Role
from broker.topics import Kind, Topic
from rules.ids import HotelId
from tests.broker.house import House, Openings
from tests.broker.raw import packet, publish_packet
from tests.support import eventually

BEAT = "hotels/h1/devices/d1/heartbeat"


async def test_a_tablets_message_reaches_the_bridge_with_its_topic(house: House) -> None:
    tablet = await house.connect(house.device())
    await tablet.publish(BEAT, b"{}", packet_id=5)
    await tablet.expect_puback(5)
    (delivery,) = house.bridge.got
    assert (delivery.topic, delivery.payload, delivery.qos, delivery.retain) == (
        Topic(Kind.HEARTBEAT, HotelId("h1"), "d1"), b"{}", 1, False,
    )  # fmt: skip


@pytest.mark.mqtt("4.3.2-2")
async def test_no_acknowledgment_before_the_bridge_has_stored(house: House) -> None:
    house.bridge.settling = False
    tablet = await house.connect(house.device())
    await tablet.publish(BEAT, b"1", packet_id=1)
    await tablet.ping()  # Answered first: nothing was acknowledged.
    house.bridge.got[0].settle()
    await tablet.expect_puback(1)


@pytest.mark.mqtt("2.3.1-6", "4.6.0-2")
async def test_acknowledgments_leave_in_the_order_of_the_publishes(house: House) -> None:
    house.bridge.settling = False
    tablet = await house.connect(house.device())
    await tablet.send(b"".join(publish_packet(BEAT, b"%d" % n, packet_id=n) for n in (3, 1, 2)))
    await eventually(lambda: len(house.bridge.got) == 3)
    first, second, third = house.bridge.got
    third.settle()
    second.settle()
    await tablet.ping()
    first.settle()
    for packet_id in (3, 1, 2):
        await tablet.expect_puback(packet_id)


async def test_settling_twice_acknowledges_once(house: House) -> None:
    house.bridge.settling = False
    tablet = await house.connect(house.device())
    await tablet.send(publish_packet(BEAT, b"1", packet_id=1) + publish_packet(BEAT, b"2", packet_id=2))
    await eventually(lambda: len(house.bridge.got) == 2)
    house.bridge.got[0].settle()
    house.bridge.got[0].settle()
    await tablet.expect_puback(1)
    await tablet.ping()


@pytest.mark.mqtt("4.6.0-2")
async def test_what_is_only_routed_waits_its_turn_behind_what_is_stored(house: House) -> None:
    house.bridge.settling = False
    opera = await house.connect(house.integrator("pms"))
    await opera.publish("hotels/h1/pms/opera/in/checkin", b"{}", packet_id=1)
    await opera.publish("hotels/h1/ext/opera/x", b"x", packet_id=2)
    await opera.ping()
    house.bridge.got[0].settle()
    await opera.expect_puback(1)
    await opera.expect_puback(2)


@pytest.mark.mqtt("3.3.4-1")
async def test_qos_0_is_handed_over_and_never_acknowledged(house: House) -> None:
    tablet = await house.connect(house.device())
    await tablet.publish(BEAT, b"0", qos=0)
    await tablet.ping()
    assert house.bridge.payloads == [b"0"]


async def test_settling_after_the_connection_ended_does_nothing(house: House) -> None:
    house.bridge.settling = False
    tablet = await house.connect(house.device())
    await tablet.publish(BEAT, b"1", packet_id=1)
    await eventually(lambda: house.bridge.got)
    await tablet.disconnect()
    await eventually(lambda: not house.broker.sessions)
    again = await house.connect(house.device())
    house.bridge.got[0].settle()
    await again.ping()
    assert house.counts.acknowledged == 0


async def test_a_full_bridge_stops_the_reading_and_room_resumes_it(house: House) -> None:
    house.bridge.full = True
    tablet = await house.connect(house.device())
    await tablet.send(b"".join(publish_packet(BEAT, b"%d" % n, packet_id=n) for n in (1, 2, 3)))
    await tablet.expect_puback(1)
    await (await house.connect(house.device("d2"))).ping()  # Nobody else is held up.
    assert house.bridge.payloads == [b"1"]
    house.bridge.make_room()
    await tablet.expect_puback(2)
    await tablet.expect_puback(3)
    assert house.bridge.payloads == [b"1", b"2", b"3"]


async def test_room_that_is_there_at_once_does_not_pile_up_calls(house: House) -> None:
    house.bridge.full = True
    house.bridge.on_room = lambda resume: resume()  # type: ignore[method-assign]
    tablet = await house.connect(house.device())
    await tablet.send(b"".join(publish_packet(BEAT, b"x", packet_id=n) for n in range(1, 5001)))
    for n in range(1, 5001):
        await tablet.expect_puback(n)


async def test_one_client_cannot_fill_the_memory_with_unstored_messages(open_house: Openings) -> None:
    house = await open_house(unsettled=10)
    house.bridge.settling = False
    tablet = await house.connect(house.device())
    await tablet.send(b"".join(publish_packet(BEAT, b"x" * 100, packet_id=n) for n in range(1, 101)))
    await eventually(lambda: house.counts.holds["unsettled"] == 1)
    assert len(house.bridge.got) == 10
    for _ in range(100):
        settled = list(house.bridge.got)
        house.bridge.got.clear()
        for delivery in settled:
            delivery.settle()
        if house.counts.acknowledged == 100:
            break
        await eventually(lambda: house.bridge.got)
    assert house.counts.acknowledged == 100


@pytest.mark.parametrize(
    ("limits", "size"), [({"unsettled": 10}, 100), ({"unsettled_bytes": 10_000}, 1000)], ids=["messages", "bytes"]
)
@pytest.mark.parametrize("qos", [0, 1])
async def test_a_flood_waits_at_either_qos_until_the_bridge_has_stored(
    open_house: Openings, limits: dict[str, int], size: int, qos: int
) -> None:
    house = await open_house(**limits)
    house.bridge.settling = False
    tablet = await house.connect(house.device())
    await tablet.send(b"".join(publish_packet(BEAT, b"x" * size, qos=qos, packet_id=n) for n in range(1, 31)))
    await eventually(lambda: house.counts.holds["unsettled"] == 1)
    assert len(house.bridge.got) == 10
    for delivery in house.bridge.got[:5]:
        delivery.settle()
    assert len(house.bridge.got) == 15
    house.bridge.settling = True
    for delivery in list(house.bridge.got):
        delivery.settle()
    assert len(house.bridge.got) == 30
    await house.assert_alive()


async def test_what_is_only_routed_uses_no_allowance(open_house: Openings) -> None:
    house = await open_house(unsettled=2)
    opera = await house.connect(house.integrator())
    for _ in range(10):
        await opera.publish("hotels/h1/ext/opera/x", b"x", qos=0)
    await opera.ping()
    assert house.counts.holds["unsettled"] == 0


async def test_the_smallest_allowance_lets_one_message_through_at_a_time(open_house: Openings) -> None:
    house = await open_house(unsettled=1)
    house.bridge.settling = False
    tablet = await house.connect(house.device())
    await tablet.send(b"".join(publish_packet(BEAT, b"%d" % n, packet_id=n) for n in (1, 2)))
    await eventually(lambda: house.bridge.payloads == [b"1"])
    house.bridge.got[0].settle()
    await tablet.expect_puback(1)
    assert house.bridge.payloads == [b"1", b"2"]


@pytest.mark.mqtt("3.3.5-2")
async def test_a_foreign_topic_at_qos_0_is_dropped_and_counted(house: House) -> None:
    tablet = await house.connect(house.device())
    await tablet.publish("hotels/h1/devices/d2/heartbeat", b"x", qos=0)
    await tablet.publish("hotels/h1/devices/d1/photo", b"x", qos=0)
    await tablet.ping()
    assert house.bridge.got == []
    assert house.counts.refused_publishes == {"not-allowed": 1, "no-such-topic": 1}


@pytest.mark.mqtt("3.3.5-2")
async def test_a_foreign_topic_at_qos_1_closes_unacknowledged(house: House) -> None:
    tablet = await house.connect(house.device())
    await tablet.publish("hotels/h1/devices/d2/heartbeat", b"x")
    await tablet.expect_end()
    assert house.bridge.got == []
    assert house.counts.ends["not-allowed"] == 1


@pytest.mark.mqtt("3.3.1-5")
async def test_the_bridge_is_told_that_a_message_came_with_retain_and_nothing_is_retained(house: House) -> None:
    tablet = await house.connect(house.device())
    await tablet.publish(BEAT, b"fine", packet_id=1)
    await tablet.publish(BEAT, b"x", packet_id=2, retain=True)
    await tablet.publish(BEAT, b"good", packet_id=3)
    for packet_id in (1, 2, 3):
        await tablet.expect_puback(packet_id)
    assert [(one.payload, one.retain) for one in house.bridge.got] == [(b"fine", False), (b"x", True), (b"good", False)]
    late = await house.connect(house.service())
    assert await late.subscribe(BEAT) == [1]
    await late.ping()  # Answered first: nothing retained was due.


async def test_an_integrator_talks_to_itself_in_its_private_space(house: House) -> None:
    one, two = await house.connect(house.integrator()), await house.connect(house.integrator(app="2"))
    assert await two.subscribe("hotels/h1/ext/opera/#") == [1]
    await one.publish("hotels/h1/ext/opera/door/7", b"open", packet_id=4)
    await one.expect_puback(4)
    got = await two.take()
    assert (got.topic, got.payload, got.qos, got.retain) == ("hotels/h1/ext/opera/door/7", b"open", 1, False)
    assert house.bridge.got == []


async def test_telemetry_is_copied_to_a_service_that_subscribed_and_to_nobody_else(house: House) -> None:
    listener = await house.connect(house.service())
    console = await house.connect(house.person(role=Role.ADMIN))
    assert await listener.subscribe("hotels/+/devices/+/heartbeat") == [1]
    assert await console.subscribe("hotels/h1/devices/+/heartbeat") == [0x80]
    tablet = await house.connect(house.device())
    await tablet.publish(BEAT, b"1", packet_id=1)
    await tablet.expect_puback(1)
    assert (await listener.take()).payload == b"1"
    await console.ping()


async def test_the_same_topic_in_many_hotels_stays_apart(house: House) -> None:
    tablets = [await house.connect(house.device(hotel=hotel)) for hotel in ("h1", "h2")]
    for tablet, hotel in zip(tablets, ("h1", "h2"), strict=True):
        await tablet.publish(f"hotels/{hotel}/devices/d1/alert", hotel.encode())
        await tablet.expect_puback(1)
    assert [(delivery.topic.hotel_id, delivery.payload) for delivery in house.bridge.got] == [
        ("h1", b"h1"),
        ("h2", b"h2"),
    ]


# QoS 2: what the standard says of it is in tests/broker/standard; here is what the bridge has to do with it


async def test_a_message_at_qos_2_is_received_when_the_bridge_has_stored_it_and_in_its_turn(house: House) -> None:
    house.bridge.settling = False
    tablet = await house.connect(house.device())
    await tablet.send(b"".join(publish_packet(BEAT, b"%d" % n, packet_id=n, qos=1 + n % 2) for n in (1, 2, 3)))
    await eventually(lambda: len(house.bridge.got) == 3)
    assert [one.qos for one in house.bridge.got] == [2, 1, 2]
    for delivery in reversed(house.bridge.got):
        await tablet.ping()
        delivery.settle()
    assert [await tablet.packet() for _ in range(3)] == [(0x50, b"\0\1"), (0x40, b"\0\2"), (0x50, b"\0\3")]


async def test_a_message_at_qos_2_is_handed_over_once_however_often_it_is_sent(house: House) -> None:
    house.bridge.settling = False
    tablet = await house.connect(house.device())
    await tablet.publish(BEAT, b"1", packet_id=7, qos=2)
    await tablet.send(publish_packet(BEAT, b"1", packet_id=7, qos=2, dup=True))
    await tablet.ping()
    house.bridge.got[0].settle()
    assert await tablet.packet() == (0x50, b"\0\7")
    await tablet.send(publish_packet(BEAT, b"1", packet_id=7, qos=2, dup=True))
    assert await tablet.packet() == (0x50, b"\0\7")
    assert house.bridge.payloads == [b"1"]
    await tablet.send(packet(0x62, b"\0\7"))
    assert await tablet.packet() == (0x70, b"\0\7")
    await tablet.publish(BEAT, b"2", packet_id=7, qos=2)
    await tablet.ping()
    assert house.bridge.payloads == [b"1", b"2"]


async def test_what_was_not_stored_when_the_line_broke_is_handed_over_again_and_received(house: House) -> None:
    house.bridge.settling = False
    first = await house.connect(house.device(), clean=False)
    await first.publish(BEAT, b"1", packet_id=7, qos=2)
    await eventually(lambda: house.bridge.got)
    second = await house.connect(house.device(), clean=False)
    house.bridge.got[0].settle()  # Too late for the first connection, and nothing to the second.
    await second.send(publish_packet(BEAT, b"1", packet_id=7, qos=2, dup=True))
    await second.ping()
    house.bridge.got[1].settle()  # The bridge knows its id: it is stored once.
    assert await second.packet() == (0x50, b"\0\7")
