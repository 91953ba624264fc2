"""Who is let in, as what, and what a refusal leaves behind: nothing."""

from datetime import timedelta

import pytest

from broker.tokens import KeyRing, Role, mint_device, mint_enrol
from rules.ids import DeviceId, HotelId
from tests.broker.house import House, Openings
from tests.broker.raw import Ticket, Will, connect_packet, packet, publish_packet, subscribe_packet, text
from tests.support import eventually

BEAT = "hotels/h1/devices/d1/heartbeat"
STATE = "hotels/h1/devices/d1/state"


async def code_for(house: House, ticket: Ticket, *, will: Will | None = None) -> int:
    """Connect, make sure that a refused connection is closed, and return the code."""
    client = await house.dial()
    code = await client.connect(ticket, will=will)
    if code:
        await client.expect_end()
    return code


async def test_a_device_comes_in_with_its_own_name(house: House) -> None:
    assert await code_for(house, house.device()) == 0
    assert house.counts.connections["device", "h1"] == 1


async def test_everybody_else_adds_to_their_name(house: House) -> None:
    for ticket in (house.person(), house.integrator("pms"), house.service(), house.person(hotel=None, role=Role.ADMIN)):
        assert await code_for(house, ticket) == 0


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"client_id": "h1/d2"}, 2),
        ({"client_id": ""}, 2),  # a device has one name
        ({"username": "h1/d2"}, 5),
        ({"username": ""}, 5),
        ({"token": ""}, 4),
        ({"token": "password"}, 4),
        ({"token": "e30.e30.e30"}, 4),
    ],
)
@pytest.mark.mqtt("3.1.3-9", "3.2.2-5")
async def test_a_ticket_that_does_not_fit_is_refused(house: House, change: dict[str, str], code: int) -> None:
    assert await code_for(house, house.device()._replace(**change)) == code
    assert house.broker.sessions == {}


async def test_a_token_of_a_stranger_is_refused(house: House) -> None:
    stranger = KeyRing.of("Zw8Lq2Nf6Vb3Xc9Ty1Uj5Ik7Om4Ph0Rd")
    token = mint_device(stranger, hotel_id=HotelId("h1"), device_id=DeviceId("d1"), gen=0, now=house.now)
    assert await code_for(house, house.device()._replace(token=token)) == 5


async def test_an_expired_token_is_refused(house: House) -> None:
    ticket = house.device(ttl=timedelta(minutes=1))
    house.now += timedelta(minutes=1)
    assert await code_for(house, ticket) == 5
    assert house.counts.refused_connects == {"expired": 1}


async def test_an_enrolment_token_is_refused(house: House) -> None:
    token = mint_enrol(house.keys, hotel_id=HotelId("h1"), gen=0, now=house.now)
    assert await code_for(house, Ticket("h1/d1", "h1/d1", token)) == 5


@pytest.mark.parametrize(
    "will",
    [
        Will("hotels/h1/devices/d2/state", b"x"),
        Will("hotels/h2/devices/d1/state", b"x"),
        Will("hotels/h1/alerts/a", b"x"),
        Will("hotels/h1/devices/d1/anything", b"x"),
        Will("hotels/h1/devices/d2/state", b"x", 1, True),
    ],
)
async def test_a_will_on_a_topic_that_is_not_ones_own_is_refused(house: House, will: Will) -> None:
    assert await code_for(house, house.device(), will=will) == 5
    assert house.bridge.got == []


@pytest.mark.parametrize(
    ("name", "level", "answer"),
    [
        (b"MQTT", 5, b"\x20\x03\x00\x84\x00"),
        (b"MQIsdp", 3, b"\x20\x02\x00\x01"),
        (b"MQTT", 3, b"\x20\x02\x00\x01"),
        (b"MQTT", 6, b"\x20\x02\x00\x01"),
        (b"MQTT", 0x84, b"\x20\x02\x00\x01"),
    ],
)
@pytest.mark.mqtt("3.1.2-2", "3.2.2-5")
async def test_other_versions_get_the_refusal_that_they_understand(
    house: House, name: bytes, level: int, answer: bytes
) -> None:
    client = await house.dial()
    await client.send(packet(0x10, text(name) + bytes((level, 2)) + b"whatever that version has here"))
    assert await client.rest() == answer


async def test_a_stranger_with_somebodys_client_id_changes_nothing_for_them(house: House) -> None:
    console = await house.connect(house.person(), will=None)
    assert await console.subscribe("hotels/h1/alerts/+") == [1]
    tablet = await house.connect(house.device(), will=Will(STATE, b"lost"))
    for victim in (house.person(), house.device()):
        forged = victim._replace(token="forged")
        assert await code_for(house, forged, will=Will(STATE, b"planted")) == 4
        other = house.device("d9")._replace(client_id=victim.client_id)
        assert await code_for(house, other) == 2

    await house.broker.publish("hotels/h1/alerts/a1", b"alert", retain=True)
    assert (await console.take()).payload == b"alert"
    await tablet.publish(BEAT, b"still here")
    await tablet.expect_puback(1)
    await tablet.disconnect()
    await eventually(lambda: "h1/d1" not in house.broker.sessions)
    assert house.bridge.payloads == [b"still here"]


@pytest.mark.mqtt("3.1.4-5")
async def test_what_follows_a_refused_connect_is_not_looked_at(house: House) -> None:
    client = await house.dial()
    forged = house.device()._replace(token="forged")
    await client.send(connect_packet(forged) + publish_packet(BEAT, b"x") + subscribe_packet((BEAT, 1)))
    assert await client.rest() == b"\x20\x02\x00\x04"
    assert house.bridge.got == []


@pytest.mark.mqtt("3.2.0-1")
async def test_a_client_need_not_wait_for_the_answer(house: House) -> None:
    client = await house.dial()
    await client.send(connect_packet(house.device()) + publish_packet(BEAT, b"early", packet_id=3))
    assert await client.packet() == (0x20, b"\x00\x00")
    await client.expect_puback(3)


@pytest.mark.mqtt("3.1.4-2", "3.1.2-8")
async def test_taking_over_ends_the_old_connection_without_its_will(house: House) -> None:
    old = await house.connect(house.device(), will=Will(STATE, b"lost"))
    new = await house.connect(house.device(), will=Will(STATE, b"lost"))
    await old.expect_end()
    await new.publish(BEAT, b"new")
    await new.expect_puback(1)
    assert house.bridge.payloads == [b"new"]
    assert house.counts.ends["taken-over"] == 1


@pytest.mark.mqtt("3.1.2-6")
async def test_taking_over_drops_the_old_subscriptions(house: House) -> None:
    old = await house.connect(house.person())
    await old.subscribe("hotels/h1/alerts/+")
    new = await house.connect(house.person())
    await old.expect_end()
    await house.broker.publish("hotels/h1/alerts/a1", b"alert")
    await new.ping()
    assert house.counts.subscriptions == 0


async def test_a_message_of_the_old_connection_is_not_acknowledged_to_the_new(house: House) -> None:
    house.bridge.settling = False
    old = await house.connect(house.device())
    await old.publish(BEAT, b"1", packet_id=1)
    await eventually(lambda: house.bridge.got)
    new = await house.connect(house.device())
    house.bridge.got[0].settle()
    await new.ping()


async def test_who_says_nothing_is_sent_away(open_house: Openings) -> None:
    house = await open_house(connect_deadline=timedelta(seconds=0.1))
    silent, slow = await house.dial(), await house.dial()
    await slow.send(connect_packet(house.device())[:-1])
    await silent.expect_end()
    await slow.expect_end()
    assert house.counts.ends["connect-deadline"] == 2


@pytest.mark.mqtt("3.2.2-6")
async def test_there_is_a_bound_on_connections(open_house: Openings) -> None:
    house = await open_house(connections=2)
    first, _ = await house.connect(house.device("d1")), await house.connect(house.device("d2"))
    third = await house.dial()
    await third.expect_end()
    await first.disconnect()
    await eventually(lambda: "h1/d1" not in house.broker.sessions)
    await house.connect(house.device("d3"))


async def test_a_connect_larger_than_any_of_ours_is_refused_unread(house: House) -> None:
    client = await house.dial()
    await client.send(b"\x10\xff\xff\x03")
    await client.expect_end()
    assert house.counts.violations == {"too-large": 1}
