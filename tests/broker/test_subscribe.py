"""From the bridge, or a client, to whoever subscribed: QoS, order, windows, retained messages, slow readers."""

import pytest

from broker.message import Message
from broker.outgoing import SENDING, SHARE
from broker.tokens import Role
from tests.broker.house import House, Openings
from tests.broker.raw import RawClient, packet, subscribe_packet, text
from tests.support import eventually

ALERTS = "hotels/h1/alerts/+"


def alert(number: int) -> str:
    return f"hotels/h1/alerts/a{number}"


async def console(house: House, *filters: tuple[str, int] | str, name: str = "ann") -> RawClient:
    client = await house.connect(house.person(name))
    assert 0x80 not in await client.subscribe(*filters)
    return client


async def acknowledge(client: RawClient, packet_id: int) -> None:
    await client.send(packet(0x40, packet_id.to_bytes(2)))


@pytest.mark.parametrize(
    ("published", "wanted", "got"),
    [(1, 1, 1), (1, 0, 0), (0, 1, 0), (0, 0, 0), (2, 1, 1), (2, 2, 2), (1, 2, 1), (2, 0, 0)],
)
@pytest.mark.mqtt("3.8.4-6")
async def test_the_lower_qos_counts(house: House, published: int, wanted: int, got: int) -> None:
    client = await console(house, (ALERTS, wanted))
    await house.broker.publish(alert(1), b"x", qos=published)
    assert (await client.take()).qos == got


async def test_every_qos_is_granted(house: House) -> None:
    client = await house.connect(house.person())
    assert await client.subscribe((ALERTS, 2), ("hotels/h1/events", 0), ("hotels/h2/events", 1)) == [2, 0, 0x80]


@pytest.mark.mqtt("3.8.4-5", "3.9.3-1")
async def test_a_refused_filter_does_not_spoil_the_others(house: House) -> None:
    client = await house.connect(house.person(role=Role.VIEWER))
    assert await client.subscribe("#", ALERTS, "hotels/+/events", "hotels/h1/devices/+/heartbeat") == [
        0x80, 1, 0x80, 0x80,
    ]  # fmt: skip
    await house.broker.publish("hotels/h1/events", b"not for this one")
    await house.broker.publish(alert(1), b"x")
    assert (await client.take()).topic == alert(1)


@pytest.mark.mqtt("3.3.1-9")
async def test_a_live_message_never_carries_retain(house: House) -> None:
    client = await console(house, ALERTS)
    await house.broker.publish(alert(1), b"x", retain=True)
    assert (await client.take()).retain is False


@pytest.mark.mqtt("3.3.1-6", "3.3.1-8")
async def test_what_is_retained_comes_first_thing_with_retain_set(house: House) -> None:
    for number in range(3):
        await house.broker.publish(alert(number), b"%d" % number, retain=True)
    await house.broker.publish("hotels/h2/alerts/a9", b"other hotel", retain=True)
    client = await console(house, ALERTS)
    got = [await client.take() for _ in range(3)]
    assert {(one.topic, one.payload, one.qos, one.retain) for one in got} == {
        (alert(number), b"%d" % number, 1, True) for number in range(3)
    }
    await client.ping()


@pytest.mark.mqtt("3.3.1-6", "3.3.1-10")
async def test_only_the_last_retained_message_counts_and_an_empty_one_removes_it(house: House) -> None:
    await house.broker.publish(alert(1), b"old", retain=True)
    await house.broker.publish(alert(1), b"new", retain=True)
    await house.broker.publish(alert(2), b"gone", retain=True)
    await house.broker.publish(alert(2), b"", retain=True)
    client = await console(house, ALERTS)
    assert (await client.take()).payload == b"new"
    await client.ping()


@pytest.mark.mqtt("3.3.1-10")
async def test_removing_a_retained_message_tells_those_who_are_there(house: House) -> None:
    client = await console(house, ALERTS)
    await house.broker.publish(alert(1), b"", retain=True)
    assert (await client.take()).payload == b""


async def test_a_connecting_client_gets_nothing_that_it_did_not_ask_for(house: House) -> None:
    await house.broker.publish(alert(1), b"x", retain=True)
    client = await house.connect(house.person())
    await client.ping()


@pytest.mark.mqtt("3.8.4-3")
async def test_subscribing_again_sends_again_and_changes_the_qos(house: House) -> None:
    await house.broker.publish(alert(1), b"x", retain=True)
    client = await console(house, (ALERTS, 1))
    assert (await client.take()).qos == 1
    assert await client.subscribe((ALERTS, 0)) == [0]
    assert (await client.take()).qos == 0
    await house.broker.publish(alert(2), b"y")
    assert (await client.take()).qos == 0
    assert house.counts.subscriptions == 1


@pytest.mark.mqtt("3.3.5-1")
async def test_overlapping_filters_deliver_once_at_the_highest_qos(house: House) -> None:
    client = await console(house, (ALERTS, 0), (alert(1), 1))
    await house.broker.publish(alert(1), b"once")
    assert (await client.take()).qos == 1
    await client.ping()


@pytest.mark.mqtt("3.10.4-2", "3.10.4-4")
async def test_unsubscribing_ends_it(house: House) -> None:
    client = await console(house, ALERTS, "hotels/h1/events")
    await client.send(packet(0xA2, b"\x00\x04" + text(ALERTS) + text("hotels/h1/monitor")))
    assert await client.packet() == (0xB0, b"\x00\x04")
    await house.broker.publish(alert(1), b"x")
    await house.broker.publish("hotels/h1/events", b"y")
    assert (await client.take()).payload == b"y"


@pytest.mark.mqtt("4.6.0-6")
async def test_messages_arrive_in_order(house: House) -> None:
    client = await console(house, "hotels/h1/events")
    for number in range(300):
        await house.broker.publish("hotels/h1/events", b"%d" % number)
    assert [int((await client.take()).payload) for _ in range(300)] == list(range(300))


async def test_no_more_than_a_window_is_in_flight(open_house: Openings) -> None:
    house = await open_house(in_flight=3)
    client = await console(house, "hotels/h1/events")
    for number in range(5):
        await house.broker.publish("hotels/h1/events", b"%d" % number)
    flying = [await client.expect_publish() for _ in range(3)]
    await client.ping()
    await acknowledge(client, flying[1].packet_id)
    assert (await client.expect_publish()).payload == b"3"
    await acknowledge(client, flying[0].packet_id)
    assert (await client.expect_publish()).payload == b"4"
    assert len({one.packet_id for one in flying}) == 3


async def test_a_late_acknowledgment_loses_nothing(open_house: Openings) -> None:
    house = await open_house(in_flight=1)
    client = await console(house, "hotels/h1/events")
    for number in range(50):
        await house.broker.publish("hotels/h1/events", b"%d" % number)
    got = []
    for _ in range(50):
        got.append(await client.expect_publish())
        await client.ping()
        await acknowledge(client, got[-1].packet_id)
    assert [int(one.payload) for one in got] == list(range(50))


async def test_an_acknowledgment_of_nothing_means_nothing(house: House) -> None:
    client = await console(house, "hotels/h1/events")
    await acknowledge(client, 4711)
    await house.broker.publish("hotels/h1/events", b"x")
    assert (await client.take()).payload == b"x"


@pytest.mark.mqtt("2.3.1-4", "4.3.2-1")
async def test_packet_ids_go_round_without_meeting_one_in_flight(open_house: Openings) -> None:
    house = await open_house(in_flight=2)
    client = await console(house, "hotels/h1/events")
    session = house.session("h1/user/ann/1")
    session._last_id = 65_534
    await house.broker.publish("hotels/h1/events", b"held")
    held = await client.expect_publish()
    session._last_id = 65_534
    await house.broker.publish("hotels/h1/events", b"next")
    assert (held.packet_id, (await client.take()).packet_id) == (65_535, 1)


async def test_a_puback_does_not_do_for_qos_2(house: House) -> None:
    client = await console(house, ("hotels/h1/events", 2))
    await house.broker.publish("hotels/h1/events", b"x", qos=2)
    await acknowledge(client, (await client.expect_publish()).packet_id)
    await client.expect_end()
    assert house.counts.violations == {"packet-id": 1}


async def test_many_retained_messages_come_as_the_client_takes_them(open_house: Openings) -> None:
    house = await open_house(in_flight=5, queue_messages=10)
    for number in range(200):
        await house.broker.publish(alert(number), b"%d" % number, retain=True)
    client = await console(house, ALERTS)
    got = {int((await client.take()).payload) for _ in range(200)}
    assert got == set(range(200))


async def test_a_newer_message_overtakes_the_retained_one_for_good(open_house: Openings) -> None:
    house = await open_house(in_flight=1)
    for number in range(3):
        await house.broker.publish(alert(number), b"old", retain=True)
    client = await console(house, ALERTS)
    first = await client.expect_publish()
    for number in range(3):
        await house.broker.publish(alert(number), b"new", retain=True)
    await acknowledge(client, first.packet_id)
    rest = [await client.take() for _ in range(3)]
    assert [(one.topic, one.payload) for one in rest] == [(alert(number), b"new") for number in range(3)]
    await client.ping()


async def test_a_slow_reader_is_dropped_and_holds_up_nobody(open_house: Openings) -> None:
    house = await open_house(queue_messages=200)
    slow, quick = await console(house, "hotels/h1/events", name="slow"), await console(house, "hotels/h1/events")
    slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
    for number in range(1000):
        await house.broker.publish("hotels/h1/events", b"%04d" % number + b"x" * 10_000)
        assert int((await quick.take()).payload[:4]) == number
    await eventually(lambda: house.counts.ends["slow"] == 1)
    assert "h1/user/slow/1" not in house.broker.sessions
    await house.assert_alive()


async def test_a_slow_reader_loses_qos_0_and_keeps_its_connection(open_house: Openings) -> None:
    house = await open_house(queue_messages=100)
    slow = await console(house, ("hotels/h1/events", 0), ALERTS)
    slow.writer.transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(2000):
        await house.broker.publish("hotels/h1/events", b"x" * 10_000, qos=0)
    await house.broker.publish(alert(1), b"important")
    await eventually(lambda: house.counts.drops["queue-full"] > 0)
    slow.writer.transport.resume_reading()  # type: ignore[attr-defined]
    while (got := await slow.take()).topic != alert(1):
        pass
    assert got.payload == b"important"
    assert house.counts.ends["slow"] == 0


async def test_what_waits_for_a_client_is_bounded_in_bytes_too(open_house: Openings) -> None:
    house = await open_house(in_flight=1, queue_bytes=100_000)
    await console(house, "hotels/h1/events")
    for _ in range(12):
        await house.broker.publish("hotels/h1/events", b"x" * 10_000)
    await eventually(lambda: house.counts.ends["slow"] == 1)


async def test_what_is_in_flight_counts_among_the_bytes_that_wait(open_house: Openings) -> None:
    house = await open_house(queue_bytes=100_000)
    await console(house, "hotels/h1/events")
    for _ in range(12):
        await house.broker.publish("hotels/h1/events", b"x" * 10_000)
    await eventually(lambda: house.counts.ends["slow"] == 1)


async def test_retained_messages_wait_for_what_is_in_flight_to_have_room(open_house: Openings) -> None:
    house = await open_house(queue_bytes=25_000)
    for number in range(6):
        await house.broker.publish(alert(number), b"x" * 10_000, retain=True)
    client = await console(house, ALERTS)
    first = [await client.expect_publish() for _ in range(2)]
    await client.ping()
    for one in first:
        await client.send(packet(0x40, one.packet_id.to_bytes(2)))
    assert len({(await client.take()).topic for _ in range(4)} | {one.topic for one in first}) == 6
    assert house.counts.ends["slow"] == 0


@pytest.mark.mqtt("3.8.4-5")
async def test_subscriptions_are_bounded(open_house: Openings) -> None:
    house = await open_house(subscriptions=2)
    client = await house.connect(house.person())
    assert await client.subscribe(alert(1), alert(2), alert(3)) == [1, 1, 0x80]
    assert await client.subscribe(alert(1)) == [1]
    assert await client.subscribe(alert(3)) == [0x80]


async def test_endless_filters_in_one_packet_are_not_endless_work(house: House) -> None:
    client = await house.connect(house.person())
    await client.send(subscribe_packet(*[("x", 1)] * 1000))
    first, body = await client.packet()
    assert (first, body[2:]) == (0x90, b"\x80" * 1000)
    assert house.counts.refused_filters == {"not-allowed": 1}
    await client.send(subscribe_packet(*[("x", 1)] * 50_000))
    await client.expect_end()
    assert house.counts.violations == {"too-many-filters": 1}


@pytest.mark.mqtt("3.8.4-4")
async def test_a_filter_that_stands_in_a_packet_twice_sends_once(house: House) -> None:
    for number in range(3):
        await house.broker.publish(alert(number), b"x", retain=True)
    client = await house.connect(house.person())
    assert await client.subscribe(*[(ALERTS, 1), (ALERTS, 0)] * 50, (alert(1), 1)) == [1, 0] * 50 + [1]
    assert {(one.topic, one.qos) for one in [await client.take() for _ in range(3)]} == {
        (alert(0), 0), (alert(1), 1), (alert(2), 0),
    }  # fmt: skip
    await client.ping()


async def test_who_asks_for_everything_again_and_again_holds_up_nobody(house: House) -> None:
    for number in range(2000):
        await house.broker.publish(alert(number), b"x", retain=True)
    greedy = await house.connect(house.person())
    walks = house.count_walks()
    await greedy.send(subscribe_packet(*[(ALERTS, 1)] * 200) * 100)
    for _ in range(3):
        await house.assert_alive()
    for _ in range(100):
        while (await greedy.packet())[0] != 0x90:
            pass
    assert walks() == 1  # It has not taken what that one found.


async def test_no_share_of_a_long_search_is_long_and_all_of_them_find_everything(open_house: Openings) -> None:
    house = await open_house(in_flight=60_000)
    clients = [await console(house, ALERTS, name=f"u{n}") for n in range(3)]
    for number in range(5000):
        house.broker._hub.retained.put(Message(alert(number), b"%d" % number, 1))
    session = house.session("h1/user/u0/1")
    session.owe({ALERTS: 1})
    costs = [session.work() for _ in range(20)]
    assert SHARE / 2 < max(costs) <= SHARE + SENDING
    for client in clients[1:]:
        await client.send(subscribe_packet((ALERTS, 1)))
        assert await client.packet() == (0x90, b"\x00\x01\x01")
    for client in clients:
        assert [int((await client.take()).payload) for _ in range(5000)] == list(range(5000))
        await client.ping()


@pytest.mark.mqtt("3.8.4-3")
async def test_asking_again_while_it_is_being_sent_sends_everything_again(open_house: Openings) -> None:
    house = await open_house(in_flight=2)
    for number in range(5):
        await house.broker.publish(alert(number), b"x", retain=True)
    client = await console(house, ALERTS)
    first = [await client.expect_publish() for _ in range(2)]
    await client.send(subscribe_packet((ALERTS, 1)))
    assert await client.packet() == (0x90, b"\x00\x01\x01")
    for one in first:
        await acknowledge(client, one.packet_id)
    rest = [(await client.take()).topic for _ in range(8)]
    assert sorted(rest[:3] + [one.topic for one in first]) == [alert(number) for number in range(5)]
    assert sorted(rest[3:]) == [alert(number) for number in range(5)]
    await client.ping()


async def test_a_newer_message_during_the_search_is_not_followed_by_the_retained_one(house: House) -> None:
    for number in range(1000):
        await house.broker.publish(alert(number), b"old", retain=True)
    client = await console(house, (ALERTS, 0))  # Longer than one share: it is not found yet.
    await house.broker.publish(alert(999), b"new", retain=True)
    await house.broker.publish(alert(998), b"", retain=True)
    got = [await client.take() for _ in range(1000)]
    assert {one.topic: one.payload for one in got} == {
        **{alert(number): b"old" for number in range(998)}, alert(998): b"", alert(999): b"new",
    }  # fmt: skip
    await client.ping()


async def test_unsubscribing_ends_the_search(house: House) -> None:
    for number in range(3000):
        await house.broker.publish(alert(number), b"x", retain=True)
    client = await house.connect(house.person())
    await client.send(subscribe_packet((ALERTS, 0)) + packet(0xA2, b"\x00\x04" + text(ALERTS)))
    assert await client.packet() == (0x90, b"\x00\x01\x00")
    assert await client.packet() == (0xB0, b"\x00\x04")
    await client.send(subscribe_packet(("hotels/h1/monitor", 1)))
    await house.broker.publish("hotels/h1/monitor", b"the last", retain=True)
    found = 0  # What was found before that may still come (3.1.1 §3.10.4).
    while (await client.packet())[1][-8:] != b"the last":
        found += 1
    assert found < 600


async def test_a_live_message_that_is_lost_leaves_the_retained_one_owed(open_house: Openings) -> None:
    house = await open_house(in_flight=1, queue_messages=1)
    for number in range(2):
        await house.broker.publish(alert(number), b"kept", retain=True)
    client = await console(house, ALERTS)
    first = await client.expect_publish()
    wire = house.wire("h1/user/ann/1")
    wire.writable = False
    await house.broker.publish(alert(1), b"lost", qos=0)
    wire.writable = True
    assert house.counts.drops["queue-full"] == 1
    await acknowledge(client, first.packet_id)
    assert ((await client.take()).topic, first.topic) == (alert(1), alert(0))


async def test_a_packet_that_is_much_work_ends_the_turn(house: House) -> None:
    client = await house.connect(house.person())
    await client.send(subscribe_packet(*[("x", 1)] * 500) * 10)
    for _ in range(10):
        assert (await client.packet())[0] == 0x90
    assert house.counts.holds["turn"] == 10


async def test_a_filter_beyond_every_topic_of_ours_is_refused(house: House) -> None:
    client = await house.connect(house.integrator())
    deep, long = "hotels/h1/ext/opera/" + "/" * 40, "hotels/h1/ext/opera/" + "x" * 2000
    assert await client.subscribe(deep, long) == [0x80, 0x80]


@pytest.mark.mqtt("3.3.1-5")
async def test_an_integrator_retains_in_its_space_within_bounds(open_house: Openings) -> None:
    house = await open_house(retained_messages=2)
    opera = await house.connect(house.integrator())
    for number in range(3):
        await opera.publish(f"hotels/h1/ext/opera/{number}", b"kept", retain=True)
        await opera.expect_puback(1)
    again = await house.connect(house.integrator(app="2"))
    await again.subscribe("hotels/h1/ext/opera/#")
    assert {(await again.take()).topic for _ in range(2)} == {"hotels/h1/ext/opera/0", "hotels/h1/ext/opera/1"}
    await again.ping()
    assert house.counts.drops["retained-full"] == 1


async def test_a_message_to_many_is_encoded_for_each_qos_once(house: House) -> None:
    clients = [await console(house, ("hotels/h1/events", n % 2), name=f"u{n}") for n in range(10)]
    await house.broker.publish("hotels/h1/events", b"x" * 70_000)
    for number, client in enumerate(clients):
        got = await client.take()
        assert (got.qos, len(got.payload)) == (number % 2, 70_000)
