"""A broker whose bridge is elsewhere: what that consumes waits for it, on disk before it is acknowledged."""

from datetime import timedelta

import msgspec
import pytest

from broker.delivery import BRIDGE_CLIENT_ID
from broker.settings import MIB
from broker.topics import BRIDGE_FILTERS
from broker.turns import ROUND
from tests.broker.house import House, Openings
from tests.broker.raw import RawClient, Ticket, Will, packet, publish_packet
from tests.support import eventually

BEAT = "hotels/h1/devices/d1/heartbeat"
STATE = "hotels/h1/devices/d1/state"


def intake(house: House) -> Ticket:
    return house.service()._replace(client_id=BRIDGE_CLIENT_ID)


async def the_bridge(house: House) -> RawClient:
    """Come as the bridge does, to the session that waits for it."""
    client = await house.connect(intake(house), clean=False)
    assert client.present
    return client


async def beat(client: RawClient, *payloads: bytes) -> None:
    for number, payload in enumerate(payloads, 1):
        await client.publish(BEAT, payload, packet_id=number)
        await client.expect_puback(number)


async def test_what_the_bridge_consumes_waits_for_it_before_it_ever_came(open_house: Openings) -> None:
    house = await open_house(alone=True)
    tablet = await house.connect(house.device())
    await beat(tablet, b"1", b"2")
    bridge = await the_bridge(house)
    got = [await bridge.take() for _ in range(2)]
    assert [(one.topic, one.payload, one.qos, one.dup) for one in got] == [
        (BEAT, b"1", 1, False), (BEAT, b"2", 1, False),
    ]  # fmt: skip
    assert await bridge.subscribe(*((one, 1) for one in BRIDGE_FILTERS)) == [1] * len(BRIDGE_FILTERS)
    await beat(tablet, b"3")
    assert (await bridge.take()).payload == b"3"


@pytest.mark.mqtt("4.3.2-2", "4.1.0-1")
async def test_what_was_acknowledged_survives_the_end_of_the_broker(open_house: Openings) -> None:
    house = await open_house(alone=True)
    tablet = await house.connect(house.device())
    await beat(tablet, *(b"%d" % n for n in range(20)))
    await house.crash()
    bridge = await the_bridge(house)
    assert [int((await bridge.take()).payload) for _ in range(20)] == list(range(20))


async def test_what_the_bridge_did_not_acknowledge_comes_again(open_house: Openings) -> None:
    house = await open_house(alone=True)
    bridge = await the_bridge(house)
    await beat(await house.connect(house.device()), b"1", b"2")
    got = [await bridge.expect_publish() for _ in range(2)]
    bridge.cut()
    await eventually(lambda: house.session(BRIDGE_CLIENT_ID).wire is None)
    again = await the_bridge(house)
    assert [await again.take() for _ in range(2)] == [one._replace(dup=True) for one in got]


@pytest.mark.mqtt("3.3.1-1")
async def test_after_a_restart_dup_goes_by_what_the_bridge_may_have_had(open_house: Openings) -> None:
    house = await open_house(alone=True, in_flight=1, bridge_in_flight=3)
    bridge = await the_bridge(house)
    await beat(await house.connect(house.device()), *(b"%d" % n for n in range(4)))
    had = [(await bridge.expect_publish()).payload for _ in range(3)]
    await house.restart()
    bridge = await the_bridge(house)
    got = [await bridge.take() for _ in range(4)]
    assert [(one.payload, one.dup) for one in got] == [*((payload, True) for payload in had), (b"3", False)]


@pytest.mark.mqtt("4.3.3-2")
async def test_a_message_at_qos_2_is_taken_once(open_house: Openings) -> None:
    house = await open_house(alone=True)
    tablet = await house.connect(house.device(), clean=False)
    for _ in range(2):
        await tablet.send(publish_packet(BEAT, b"once", qos=2, packet_id=5))
        assert await tablet.packet() == (0x50, b"\x00\x05")
    await house.crash()
    tablet = await house.connect(house.device(), clean=False)
    await tablet.send(publish_packet(BEAT, b"once", qos=2, packet_id=5, dup=True))
    assert await tablet.packet() == (0x50, b"\x00\x05")
    bridge = await the_bridge(house)
    assert (await bridge.take()).payload == b"once"
    await bridge.ping()


async def test_a_bridge_that_is_away_too_long_holds_publishers_and_loses_nothing(open_house: Openings) -> None:
    house = await open_house(alone=True, bridge_queue_messages=10)
    tablet = await house.connect(house.device(), keep_alive=1)
    await tablet.send(b"".join(publish_packet(BEAT, b"%d" % n, packet_id=n + 1) for n in range(30)))
    for number in range(10):
        await tablet.expect_puback(number + 1)
    await eventually(lambda: house.counts.holds["intake"] == 1)
    house.pass_ticks(10 * house.ticks_of(keep_alive=1))  # It is we who do not listen.
    other = await house.connect(house.device("d2"))
    await other.publish("hotels/h1/devices/d2/heartbeat", b"held", packet_id=1)
    await eventually(lambda: house.counts.holds["intake"] == 2)
    assert house.session(BRIDGE_CLIENT_ID).waiting == 10
    bridge = await the_bridge(house)
    got = [(await bridge.take()).payload for _ in range(31)]
    assert [one for one in got if one != b"held"] == [b"%d" % n for n in range(30)]
    await other.expect_puback(1)


async def test_the_bound_is_in_bytes_too(open_house: Openings) -> None:
    house = await open_house(alone=True, bridge_queue_bytes=10_000, unsettled_bytes=MIB)
    tablet = await house.connect(house.device())
    await tablet.send(b"".join(publish_packet(BEAT, b"x" * 1000, packet_id=n + 1) for n in range(30)))
    await eventually(lambda: house.counts.holds["intake"] == 1)
    assert house.session(BRIDGE_CLIENT_ID).waiting == 10


async def test_the_bridge_is_let_to_acknowledge_however_much_others_send(open_house: Openings) -> None:
    house = await open_house(alone=True, message_rate=0)
    bridge = await the_bridge(house)
    await beat(await house.connect(house.device()), *(b"%d" % n for n in range(1000)))
    ids = [(await bridge.expect_publish()).packet_id for _ in range(1000)]
    crowd = [await house.connect(house.integrator(app=str(n))) for n in range(40)]
    for client in crowd:
        client.writer.write(publish_packet("hotels/h1/ext/opera/x", b"", qos=0) * 10_000)
    before = house.counts.messages_in
    await eventually(lambda: house.counts.messages_in > before + ROUND, every=0)

    bridge.writer.write(b"".join(packet(0x40, one.to_bytes(2)) for one in ids))
    before = house.counts.messages_in
    await eventually(lambda: house.session(BRIDGE_CLIENT_ID).waiting == 0, every=0)
    assert house.counts.messages_in - before < 10 * ROUND


@pytest.mark.mqtt("3.1.2-6")
async def test_the_bridges_session_cannot_be_thrown_away(open_house: Openings) -> None:
    house = await open_house(alone=True)
    await beat(await house.connect(house.device()), b"1")
    careless = await house.dial()
    assert await careless.connect(intake(house), clean=True) == 2
    house.now += timedelta(days=400)
    house.pass_ticks(1)
    assert (await (await the_bridge(house)).take()).payload == b"1"


async def test_a_will_waits_for_the_bridge_too_and_never_with_retain(open_house: Openings) -> None:
    house = await open_house(alone=True)
    for qos in (1, 2):
        tablet = await house.connect(house.device(), will=Will(STATE, b"lost", qos, True))
        tablet.cut()
        await eventually(lambda: "h1/d1" not in house.broker.sessions)
    bridge = await the_bridge(house)
    got = [await bridge.take() for _ in range(2)]
    assert [(one.topic, one.payload, one.qos, one.retain) for one in got] == [(STATE, b"lost", 1, False)] * 2
    late = await house.connect(house.service(app="2"))
    await late.subscribe(STATE)
    await late.ping()


async def test_the_bridge_is_told_that_a_token_ended(open_house: Openings) -> None:
    house = await open_house(alone=True)
    tablet = await house.connect(house.device(ttl=timedelta(minutes=5)))
    house.now += timedelta(minutes=5)
    await tablet.expect_end()
    bridge = await the_bridge(house)
    got = await bridge.take()
    assert got.topic == "hotels/h1/devices/d1/ended"
    assert msgspec.json.decode(got.payload) == {
        "id": "expired-1795349100000", "ts": "2026-11-22T12:05:00Z", "cause": "expired",
    }  # fmt: skip


async def test_what_a_bridge_retains_survives_the_end_of_the_broker(open_house: Openings) -> None:
    house = await open_house(alone=True)
    bridge = await the_bridge(house)
    for number in (1, 2):
        await bridge.publish(f"hotels/h1/alerts/a{number}", b"open", packet_id=number, retain=True)
        await bridge.expect_puback(number)
    await bridge.publish("hotels/h1/alerts/a2", b"", packet_id=3, retain=True)
    await bridge.expect_puback(3)
    await house.crash()
    console = await house.connect(house.person())
    await console.subscribe("hotels/h1/alerts/+")
    assert ((await console.take()).topic) == "hotels/h1/alerts/a1"
    await console.ping()
