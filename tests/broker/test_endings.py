"""How connections end: goodbye, silence, a dead line, an old token, our shutdown; and which publish the will."""

from datetime import timedelta

import pytest

from broker.topics import Kind
from rules.ids import DeviceId, HotelId
from tests.broker.house import House, Openings
from tests.broker.raw import Will, publish_packet
from tests.support import eventually

BEAT = "hotels/h1/devices/d1/heartbeat"
STATE = "hotels/h1/devices/d1/state"
LAST = Will(STATE, b'{"state":"lost","sid":"1-1"}')


@pytest.mark.mqtt("3.14.4-3")
async def test_a_goodbye_publishes_no_will(house: House) -> None:
    tablet = await house.connect(house.device(), will=LAST)
    await tablet.disconnect()
    await eventually(lambda: house.counts.ends["disconnect"] == 1)
    assert house.bridge.got == []


@pytest.mark.mqtt("3.1.2-8")
async def test_a_connection_that_breaks_publishes_the_will(house: House) -> None:
    tablet = await house.connect(house.device(), will=LAST)
    tablet.cut()
    await eventually(lambda: house.bridge.got)
    (will,) = house.bridge.got
    assert (will.topic.kind, will.topic.subject, will.payload) == (Kind.STATE, "d1", LAST.payload)
    will.settle()


@pytest.mark.mqtt("3.1.2-8")
async def test_closing_without_a_goodbye_publishes_the_will(house: House) -> None:
    tablet = await house.connect(house.device(), will=LAST)
    await tablet.hang_up()
    await eventually(lambda: house.bridge.payloads == [LAST.payload])


@pytest.mark.mqtt("3.1.2-8", "4.8.0-1")
async def test_breaking_the_protocol_publishes_the_will(house: House) -> None:
    tablet = await house.connect(house.device(), will=LAST)
    await tablet.send(b"\x00\x00")
    await tablet.expect_end()
    assert house.bridge.payloads == [LAST.payload]


async def test_a_will_is_not_lost_when_the_bridge_is_full(house: House) -> None:
    house.bridge.full = True
    tablet = await house.connect(house.device(), will=LAST)
    tablet.cut()
    await eventually(lambda: house.bridge.payloads == [LAST.payload])


@pytest.mark.mqtt("3.1.2-17")
async def test_a_will_with_retain_is_published_without(house: House) -> None:
    tablet = await house.connect(house.device(), will=LAST._replace(retain=True))
    tablet.cut()
    await eventually(lambda: house.bridge.got)
    assert [(one.payload, one.retain) for one in house.bridge.got] == [(LAST.payload, False)]
    late = await house.connect(house.service())
    assert await late.subscribe(STATE) == [1]
    await late.ping()  # Answered first: nothing retained was due.


async def test_a_will_comes_after_what_was_said_before_it(house: House) -> None:
    tablet = await house.connect(house.device(), will=LAST)
    await tablet.send(publish_packet(BEAT, b"1", qos=0) + b"\xf0\x00")
    await tablet.expect_end()
    assert house.bridge.payloads == [b"1", LAST.payload]


@pytest.mark.mqtt("3.1.2-17")
async def test_the_will_of_a_service_goes_to_subscribers_and_is_retained(house: House) -> None:
    console = await house.connect(house.person())
    await console.subscribe("platform/monitor")
    bridge = await house.connect(house.service(), will=Will("platform/monitor", b"blind", 1, True))
    bridge.cut()
    assert (await console.take()).payload == b"blind"
    late = await house.connect(house.person("bob"))
    await late.subscribe("platform/monitor")
    assert (await late.take()).retain


@pytest.mark.mqtt("3.1.2-24", "3.1.2-8")
async def test_silence_beyond_the_keep_alive_ends_the_connection_with_its_will(open_house: Openings) -> None:
    house = await open_house(sweep=timedelta(seconds=0.05))
    tablet = await house.connect(house.device(), will=LAST, keep_alive=1)
    await tablet.expect_end()
    assert house.counts.ends["keep-alive"] == 1
    assert house.bridge.payloads == [LAST.payload]


async def test_whether_a_connection_lives_is_told_by_its_packets(house: House) -> None:
    hotel, device = HotelId("h1"), DeviceId("d1")
    assert house.broker.alive_at(hotel, device) is None
    began = house.now
    house.pass_ticks(1)
    tablet = await house.connect(house.device("d1"), keep_alive=60)
    house.now += timedelta(seconds=20)
    house.pass_ticks(3)
    assert house.broker.alive_at(hotel, device) == began
    await tablet.ping()
    assert house.broker.alive_at(hotel, device) == house.now
    await tablet.disconnect()
    await eventually(lambda: house.broker.alive_at(hotel, device) is None)


@pytest.mark.mqtt("3.1.2-24")
async def test_any_packet_keeps_the_connection_and_half_of_one_does_not(house: House) -> None:
    patience = house.ticks_of(keep_alive=1)
    pinging = await house.connect(house.device("d1"), keep_alive=1)
    trickling = await house.connect(house.device("d2"), keep_alive=1)
    for _ in range(4):
        await pinging.ping()
        if "h1/d2" in house.broker.sessions:
            await trickling.send(b"\x32")
        house.pass_ticks(patience // 2)
    await pinging.ping()
    assert list(house.broker.sessions) == ["h1/d1"]


async def test_a_pause_of_our_own_ends_nobody(house: House) -> None:
    tablet = await house.connect(house.device(), keep_alive=1)
    house.now += timedelta(hours=1)  # Time went by, but there were no ticks: we were asleep, not the tablet.
    house.pass_ticks(1)
    await tablet.ping()


async def test_a_client_that_we_do_not_read_from_is_not_called_silent(house: House) -> None:
    house.bridge.full = True
    tablet = await house.connect(house.device(), keep_alive=1)
    await tablet.publish(BEAT, b"1", packet_id=1)
    await tablet.expect_puback(1)
    await tablet.publish(BEAT, b"2", packet_id=2)
    house.pass_ticks(10 * house.ticks_of(keep_alive=1))
    house.bridge.make_room()
    await tablet.expect_puback(2)


@pytest.mark.mqtt("3.1.2-24")
async def test_without_a_keep_alive_silence_is_fine(house: House) -> None:
    tablet = await house.connect(house.device(), keep_alive=0)
    house.pass_ticks(10_000)
    await tablet.ping()


@pytest.mark.mqtt("3.1.2-8")
async def test_a_device_whose_token_ends_is_out_and_looks_like_no_theft(house: House) -> None:
    tablet = await house.connect(house.device(ttl=timedelta(minutes=5)), will=LAST)
    stays = await house.connect(house.device("d2", ttl=timedelta(minutes=6)))
    house.now += timedelta(minutes=5)
    await tablet.expect_end()
    assert house.bridge.expirations == [("h1", "d1")]
    assert house.bridge.got == []
    await stays.ping()


async def test_a_person_whose_token_ends_is_out_too(house: House) -> None:
    console = await house.connect(house.person())
    await console.subscribe("hotels/h1/alerts/+")
    house.now += timedelta(hours=12)
    await console.expect_end()
    assert house.bridge.expirations == []
    assert house.counts.subscriptions == 0


@pytest.mark.mqtt("3.1.2-8")
async def test_a_shutdown_accuses_nobody(house: House) -> None:
    tablet = await house.connect(house.device(), will=LAST)
    await house.broker.shutdown()
    await tablet.expect_end()
    assert house.bridge.got == []


async def test_a_shutdown_waits_for_nobody(house: House) -> None:
    console = await house.connect(house.person())
    await console.subscribe("hotels/h1/events")
    console.writer.transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(500):
        await house.broker.publish("hotels/h1/events", b"x" * 10_000)
    await house.broker.shutdown()
    assert house.counts.connections["user", "h1"] == 0


async def test_a_closed_connection_that_takes_nothing_is_let_go(open_house: Openings) -> None:
    house = await open_house(linger=timedelta(seconds=0.1), queue_messages=100_000)
    console = await house.connect(house.person())
    await console.subscribe(("hotels/h1/events", 0))
    console.writer.transport.pause_reading()  # type: ignore[attr-defined]
    for _ in range(1000):
        await house.broker.publish("hotels/h1/events", b"x" * 10_000, qos=0)
    house.now += timedelta(hours=12)
    await eventually(lambda: house.open_sockets == 0)


@pytest.mark.parametrize("cause", ["cut", "disconnect"])
async def test_nothing_of_an_ended_connection_stays(house: House, cause: str) -> None:
    console = await house.connect(house.person(), will=None)
    await console.subscribe("hotels/h1/alerts/+", "hotels/h1/events")
    if cause == "cut":
        console.cut()
    else:
        await console.disconnect()
    await eventually(lambda: house.open_sockets == 0)
    assert house.broker.sessions == {}
    assert house.counts.subscriptions == 0
    await house.broker.publish("hotels/h1/events", b"to nobody")
    assert house.counts.messages_out == 0
