"""Sessions that outlive their connection: what waits in them, for how long, how many, and for whom."""

from datetime import timedelta

from broker.tokens import Role
from tests.broker.house import House, Openings
from tests.broker.raw import RawClient, Ticket, Will, packet, publish_packet
from tests.support import eventually

ALERTS = "hotels/h1/alerts/+"
EVENTS = "hotels/h1/events"


async def listener(house: House, *filters: tuple[str, int] | str, ticket: Ticket | None = None) -> RawClient:
    client = await house.connect(ticket or house.person(), clean=False)
    assert 0x80 not in await client.subscribe(*filters)
    return client


async def gone(house: House, client: RawClient, client_id: str = "h1/user/ann/1") -> None:
    """Leave, and be sure that the broker knows."""
    await client.disconnect()
    await eventually(lambda: house.session(client_id).wire is None)


async def back(house: House, ticket: Ticket | None = None) -> RawClient:
    client = await house.connect(ticket or house.person(), clean=False)
    assert client.present
    return client


async def test_who_is_away_finds_what_came_meanwhile_but_not_what_was_at_qos_0(house: House) -> None:
    await gone(house, await listener(house, (EVENTS, 1), (ALERTS, 0)))
    for number in range(100):
        await house.broker.publish(EVENTS, b"%d" % number)
        await house.broker.publish(EVENTS, b"lost", qos=0)
        await house.broker.publish("hotels/h1/alerts/a", b"lost")
    client = await back(house)
    assert [int((await client.take()).payload) for _ in range(100)] == list(range(100))
    await client.ping()
    await house.broker.publish(EVENTS, b"live")
    assert (await client.take()).payload == b"live"


async def test_what_was_in_flight_comes_first_in_its_order_under_its_own_identifiers(open_house: Openings) -> None:
    house = await open_house(in_flight=3)
    first = await listener(house, EVENTS)
    for number in range(5):
        await house.broker.publish(EVENTS, b"%d" % number)
    flying = [await first.expect_publish() for _ in range(3)]
    await first.send(packet(0x40, flying[1].packet_id.to_bytes(2)))
    fourth = await first.expect_publish()
    second = await back(house)  # Takes over while the first is there.
    await first.expect_end()
    again = [await second.take() for _ in range(4)]
    assert again[:3] == [one._replace(dup=True) for one in (flying[0], flying[2], fourth)]
    assert (again[3].payload, again[3].dup) == (b"4", False)
    await second.ping()


async def test_a_clean_client_throws_away_what_was_kept(house: House) -> None:
    await gone(house, await listener(house, EVENTS))
    await house.broker.publish(EVENTS, b"waits")
    clean = await house.connect(house.person(), clean=True)
    assert not clean.present
    await clean.ping()
    assert house.counts.subscriptions == 0
    await clean.disconnect()
    await eventually(lambda: not house.broker.sessions)
    again = await house.connect(house.person(), clean=False)
    assert not again.present
    await again.ping()


async def test_a_session_is_kept_for_a_while_and_then_forgotten(open_house: Openings) -> None:
    house = await open_house(session_life=timedelta(hours=1))
    await gone(house, await listener(house, EVENTS))
    house.now += timedelta(minutes=59)
    house.pass_ticks(1)
    await gone(house, await back(house))
    house.now += timedelta(minutes=59)
    house.pass_ticks(1)
    assert len(house.broker.sessions) == 1
    house.now += timedelta(minutes=1)
    house.pass_ticks(1)
    assert house.broker.sessions == {}
    assert house.counts.subscriptions == 0
    assert (await house.connect(house.person(), clean=False)).present is False


async def test_what_waits_for_who_is_away_is_bounded_and_the_newest_is_refused(open_house: Openings) -> None:
    house = await open_house(queue_messages=10)
    await gone(house, await listener(house, EVENTS))
    for number in range(15):
        await house.broker.publish(EVENTS, b"%d" % number)
    assert house.counts.drops["queue-full"] == 5
    client = await back(house)
    assert [int((await client.take()).payload) for _ in range(10)] == list(range(10))
    await client.ping()


async def test_what_is_kept_for_all_together_is_bounded_for_who_is_away(open_house: Openings) -> None:
    house = await open_house(kept_bytes=10_000)
    bob = house.person("bob")
    await gone(house, await listener(house, EVENTS))
    for number in range(15):
        await house.broker.publish(EVENTS, b"%04d" % number + b"x" * 996)
    assert house.counts.drops["kept-full"] == 6
    there = await listener(house, EVENTS, ticket=bob)
    await house.broker.publish(EVENTS, b"live" + b"x" * 996)
    assert (await there.take()).payload[:4] == b"live"
    assert house.counts.drops["kept-full"] == 7
    await house.connect(bob)  # Clean: what it had is thrown away.
    client = await back(house)
    assert [int((await client.take()).payload[:4]) for _ in range(9)] == list(range(9))
    await client.ping()
    await gone(house, client)
    for _ in range(9):  # There is room for as many again.
        await house.broker.publish(EVENTS, b"x" * 1000)
    assert house.counts.drops["kept-full"] == 7
    await house.restart()
    await house.broker.publish(EVENTS, b"x" * 1000)
    assert house.counts.drops["kept-full"] == 1
    await house.connect(house.person())
    await gone(house, await listener(house, EVENTS, ticket=bob), bob.client_id)
    await house.broker.publish(EVENTS, b"x" * 1000)
    assert house.counts.drops["kept-full"] == 1


async def test_who_is_too_slow_loses_the_connection_and_keeps_what_waits(open_house: Openings) -> None:
    house = await open_house(in_flight=1, queue_messages=5)
    slow = await listener(house, EVENTS)
    for number in range(8):
        await house.broker.publish(EVENTS, b"%d" % number)
    await eventually(lambda: house.counts.ends["slow"] == 1)
    await slow.hang_up()
    client = await back(house)
    assert [int((await client.take()).payload) for _ in range(5)] == list(range(5))


async def test_the_session_that_is_away_longest_makes_room(open_house: Openings) -> None:
    house = await open_house(sessions_per_identity=3)
    for app in ("1", "2", "3"):
        client = await listener(house, EVENTS, ticket=house.person(app=app))
        await gone(house, client, f"h1/user/ann/{app}")
        house.now += timedelta(seconds=1)
    await gone(house, await back(house, house.person(app="1")), "h1/user/ann/1")
    await listener(house, EVENTS, ticket=house.person(app="4"))
    assert sorted(house.broker.sessions) == ["h1/user/ann/1", "h1/user/ann/3", "h1/user/ann/4"]
    assert house.counts.subscriptions == 3


async def test_who_had_more_sessions_than_may_be_can_begin_one_anew(open_house: Openings) -> None:
    house = await open_house(sessions_per_identity=3)
    for app in "123":
        await house.connect(house.person(app=app), clean=False)
    await house.restart(sessions_per_identity=1)
    for app in "123":
        assert (await house.connect(house.person(app=app), clean=False)).present
    assert not (await house.connect(house.person(app="1"), clean=True)).present
    assert len(house.broker.sessions) == 3


async def test_one_identity_cannot_have_endless_clients(open_house: Openings) -> None:
    house = await open_house(sessions_per_identity=2)
    here = [await house.connect(house.person(app=app), clean=app == "1") for app in ("1", "2")]
    for ticket in (house.person(app="3"), house.person()._replace(client_id="")):
        assert await (await house.dial()).connect(ticket) == 3
    for client in here:
        await client.ping()
    await house.connect(house.person(app="1"))  # It takes over its own.
    await house.connect(house.person("bob"))


async def test_who_comes_back_with_less_rights_gets_less(house: House) -> None:
    admin = house.person(role=Role.ADMIN)
    pms = "hotels/h1/pms/opera/in/checkin"
    client = await listener(house, EVENTS, pms, ticket=admin)
    await gone(house, client)
    await house.broker.publish(pms, b"guest")
    await house.broker.publish(EVENTS, b"event")
    staff = await back(house, house.person(role=Role.STAFF))
    assert (await staff.take()).payload == b"event"
    await house.broker.publish(pms, b"guest")
    await staff.ping()


async def test_a_stranger_touches_nobodys_session(house: House) -> None:
    await gone(house, await listener(house, EVENTS))
    await house.broker.publish(EVENTS, b"mine")
    forged = house.person()._replace(token=house.person("bob").token)
    assert await (await house.dial()).connect(forged, clean=True) == 5
    assert (await (await back(house)).take()).payload == b"mine"


async def test_unsubscribing_leaves_what_waits_and_is_kept(house: House) -> None:
    client = await listener(house, EVENTS, ALERTS)
    await client.send(packet(0xA2, b"\x00\x04" + len(EVENTS).to_bytes(2) + EVENTS.encode()))
    assert await client.packet() == (0xB0, b"\x00\x04")
    await gone(house, client)
    await house.broker.publish(EVENTS, b"not this")
    await house.broker.publish("hotels/h1/alerts/a", b"but this")
    client = await back(house)
    assert (await client.take()).payload == b"but this"
    await client.ping()


async def test_a_tablet_may_have_a_session_too(house: House) -> None:
    config = "hotels/h1/devices/d1/config"
    tablet = await listener(house, config, ticket=house.device())
    await gone(house, tablet, "h1/d1")
    await house.broker.publish(config, b"{}", retain=True)
    tablet = await back(house, house.device())
    got = await tablet.take()
    assert (got.payload, got.retain) == (b"{}", False)


async def test_retained_messages_that_were_not_sent_yet_are_sent_to_the_next_connection(open_house: Openings) -> None:
    house = await open_house(in_flight=2)
    for number in range(6):
        await house.broker.publish(f"hotels/h1/alerts/a{number}", b"%d" % number, retain=True)
    client = await listener(house, ALERTS)
    for _ in range(2):
        await client.expect_publish()
    await gone(house, client)
    await house.broker.publish("hotels/h1/alerts/a5", b"new", retain=True)
    client = await back(house)
    got = {one.topic[-2:]: one.payload for one in [await client.take() for _ in range(6)]}
    assert got == {**{f"a{number}": b"%d" % number for number in range(5)}, "a5": b"new"}
    await client.ping()


# What a full bridge must not be filled with


async def test_to_come_again_and_again_brings_nothing_to_a_full_bridge(house: House) -> None:
    house.bridge.full = True
    beat = publish_packet("hotels/h1/devices/d1/heartbeat", b"x", packet_id=1)
    for _ in range(5):
        tablet = await house.connect(house.device())
        await tablet.send(beat * 3)
        await eventually(lambda: house.wire("h1/d1")._holds)
        tablet.cut()  # Nobody reads, so nobody notices before the next one takes over.
    assert len(house.bridge.got) == 1
    tablet = await house.connect(house.device())
    await tablet.send(beat * 3)
    house.bridge.make_room()
    for _ in range(3):
        await tablet.expect_puback(1)


async def test_of_the_wills_of_one_client_a_full_bridge_gets_the_last(house: House) -> None:
    house.bridge.full = True
    filler = await house.connect(house.device("d2"))
    await filler.publish("hotels/h1/devices/d2/heartbeat", b"full")
    await filler.expect_puback(1)
    for number in range(5):
        tablet = await house.connect(house.device(), will=Will("hotels/h1/devices/d1/state", b"%d" % number))
        tablet.cut()
        await eventually(lambda: "h1/d1" not in house.broker.sessions)
    assert house.bridge.payloads == [b"full"]
    house.bridge.make_room()
    assert house.bridge.payloads == [b"full", b"4"]


async def test_room_for_one_is_not_room_for_all(house: House) -> None:
    house.bridge.full = True
    tablets = [await house.connect(house.device(f"d{n}")) for n in range(20)]
    for number, tablet in enumerate(tablets):
        await tablet.publish(f"hotels/h1/devices/d{number}/heartbeat", b"x")
    await eventually(lambda: house.counts.holds["intake"] == 20)
    assert len(house.bridge.got) == 1
    resume = house.bridge.resumes.pop()
    resume()  # The bridge says that it has room, and is full with the next one.
    assert len(house.bridge.got) == 2
    house.bridge.make_room()
    for tablet in tablets:
        await tablet.expect_puback(1)


async def test_what_is_not_kept_for_who_is_away_is_counted(house: House) -> None:
    await gone(house, await listener(house, EVENTS))
    await house.broker.publish(EVENTS, b"gone", qos=0)
    assert house.counts.drops["away"] == 1
