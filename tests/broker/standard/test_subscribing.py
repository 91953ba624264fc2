"""SUBSCRIBE and UNSUBSCRIBE: what is granted, what matches, what is sent twice and what stops."""

import pytest

from broker.tokens import Role
from tests.broker.house import House, Openings
from tests.broker.raw import RawClient, Will, connect_packet, packet, publish_packet, subscribe_packet, text
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
    say,
    tell,
    writer,
)

mqtt = pytest.mark.mqtt


async def unsubscribe(client: RawClient, *filters: str, packet_id: int = 3) -> None:
    await client.send(packet(0xA2, packet_id.to_bytes(2) + b"".join(text(one) for one in filters)))
    assert await client.packet() == (0xB0, packet_id.to_bytes(2))


# What matches


@pytest.mark.parametrize(
    ("topic_filter", "matching", "other"),
    [
        (EVERYTHING, [SPACE, f"{SPACE}/", f"{SPACE}/a", f"{SPACE}/a/b"], []),
        (f"{SPACE}/a/#", [f"{SPACE}/a", f"{SPACE}/a/b", f"{SPACE}/a//c"], [f"{SPACE}/ab", f"{SPACE}/b/a"]),
        (f"{SPACE}/+", [f"{SPACE}/", f"{SPACE}/a"], [SPACE, f"{SPACE}/a/b", f"{SPACE}/a/"]),
        (f"{SPACE}/+/b", [f"{SPACE}/a/b", f"{SPACE}//b"], [f"{SPACE}/b", f"{SPACE}/a/b/c", f"{SPACE}/a/x/b"]),
        (f"{SPACE}/+/+", [f"{SPACE}/a/b", f"{SPACE}//"], [f"{SPACE}/a"]),
        (f"{SPACE}/+/#", [f"{SPACE}/a", f"{SPACE}/a/b/c"], [SPACE]),
        (f"{SPACE}/a", [f"{SPACE}/a"], [f"{SPACE}/A", f"{SPACE}/a/", f"{SPACE}//a", f"{SPACE}/a "]),
        (f"{SPACE}/a b", [f"{SPACE}/a b"], [f"{SPACE}/ab", f"{SPACE}/a%20b", f"{SPACE}/a+b".replace("+", "_")]),
        (f"{SPACE}/\u00e9", [f"{SPACE}/\u00e9"], [f"{SPACE}/e\u0301", f"{SPACE}/\u00c9", f"{SPACE}/e"]),
        (f"{SPACE}/\ufb01", [f"{SPACE}/\ufb01"], [f"{SPACE}/fi"]),
        (f"{SPACE}/..", [f"{SPACE}/.."], ["hotels/h1/ext", f"{SPACE}/.", SPACE]),
    ],
)
@mqtt("3.8.3-2", "3.3.2-3", "4.7.3-4", "3.3.1-6")
async def test_what_matches_is_delivered_under_its_own_name(
    house: House, topic_filter: str, matching: list[str], other: list[str]
) -> None:
    client = await house.connect(house.integrator())
    await client.subscribe((topic_filter, 0))
    others = [name for name in other if name.startswith(SPACE)]
    for name in [*others, *matching]:
        await client.publish(name, name.encode(), qos=0, retain=True)
    for name in matching:
        got = await client.take()
        assert (got.topic, got.payload) == (name, name.encode())
    await client.ping()
    late = await house.connect(house.integrator(app="late"))
    await late.subscribe((topic_filter, 0))
    assert sorted([(await late.take()).topic for _ in matching]) == sorted(matching)
    await late.ping()


@pytest.mark.parametrize("wide", ["#", "+/#", "+", "$SYS/#", "+/ext/opera/x"])
@mqtt("4.7.2-1")
async def test_no_filter_leads_to_the_topics_of_somebody_else_or_the_broker(house: House, wide: str) -> None:
    client = await house.connect(house.integrator())
    assert await client.subscribe((wide, 1), (EVERYTHING, 0)) == [0x80, 0]
    await house.broker.publish("$SYS/x", b"ours", retain=True)
    await house.broker.publish("$SYS/ext/opera/x", b"ours", retain=True)
    await client.publish(TOPIC, b"x", qos=0)
    assert (await client.take()).topic == TOPIC


# SUBACK


@pytest.mark.parametrize("wanted", [0, 1, 2])
@mqtt("3.8.4-5", "3.9.3-2")
async def test_the_qos_that_is_asked_for_is_granted(house: House, wanted: int) -> None:
    client = await house.connect(house.integrator())
    assert await client.subscribe((TOPIC, wanted)) == [wanted]


@mqtt("3.8.4-1", "3.8.4-4", "3.8.4-5", "3.9.3-1", "3.9.3-2")
async def test_one_suback_has_a_code_for_each_filter_in_their_order(house: House) -> None:
    client = await house.connect(house.person(role=Role.STAFF))
    asked = [
        ("hotels/h1/events", 2), ("#", 1), ("hotels/h1/alerts/+", 0), ("hotels/h2/events", 2), ("hotels/h1/events", 1),
        ("hotels/h1/monitor", 1), ("$SYS/#", 0),
    ]  # fmt: skip
    assert await client.subscribe(*asked) == [2, 0x80, 0, 0x80, 1, 1, 0x80]
    await client.ping()  # There is one SUBACK and no more.
    await house.broker.publish("hotels/h1/events", b"x", qos=2)
    assert (await receive(client)).qos == 1  # The later one of the two that are the same.


# The same filter again, several filters that match


@mqtt("3.8.4-3")
async def test_the_same_filter_again_replaces_the_subscription(house: House) -> None:
    client = await house.connect(house.integrator())
    writing = await house.connect(writer(house))
    await say(writing, b"kept", retain=True)
    for qos in (1, 0, 1):
        assert await client.subscribe((EVERYTHING, qos)) == [qos]
        got = await receive(client)
        assert (got.payload, got.qos, got.retain) == (b"kept", qos, True)
        await say(writing, b"live")
        got = await receive(client)
        assert (got.payload, got.qos, got.retain) == (b"live", qos, False)
        await client.ping()


@mqtt("3.8.4-3")
async def test_subscribing_again_loses_nothing_of_what_comes_meanwhile(house: House) -> None:
    client = await house.connect(house.integrator())
    await client.subscribe((EVERYTHING, 1))
    writing = await house.connect(writer(house))
    for number in range(100):
        await writing.send(publish_packet(TOPIC, b"%d" % number, packet_id=number + 1))
        if number % 10 == 0:
            await client.send(subscribe_packet((EVERYTHING, 1)))
    got: list[int] = []
    while len(got) < 100:
        first, body = await client.packet()
        if first == 0x90:
            continue
        end = 2 + len(TOPIC)
        await tell(client, PUBACK, int.from_bytes(body[end : end + 2]))
        got.append(int(body[end + 2 :]))
    assert got == list(range(100))


@pytest.mark.parametrize(
    ("granted", "published", "delivered"),
    [([0, 1], 1, 1), ([1, 0], 1, 1), ([0, 0], 1, 0),
     ([0, 2, 1], 2, 2), ([1, 0, 1], 2, 1)],
)  # fmt: skip
@mqtt("3.3.5-1")
async def test_the_highest_qos_of_all_subscriptions_that_match_counts(
    house: House, granted: list[int], published: int, delivered: int
) -> None:
    filters = [EVERYTHING, TOPIC, f"{SPACE}/+"]
    client = await house.connect(house.integrator())
    assert await client.subscribe(*zip(filters, granted, strict=False)) == granted
    await publish_as_writer(house, b"x", qos=published)
    got = await receive(client)
    assert (got.payload, got.qos) == (b"x", delivered)
    await client.ping()


@pytest.mark.parametrize("clean", [True, False])
@mqtt("3.3.5-1", "3.10.4-1")
async def test_when_one_of_several_goes_the_others_count(house: House, clean: bool) -> None:
    client, _ = await come(house, reader(house), clean=clean)
    await client.subscribe((EVERYTHING, 1), (TOPIC, 0))
    await unsubscribe(client, EVERYTHING)
    await publish_as_writer(house, b"x")
    assert (await receive(client)).qos == 0
    await unsubscribe(client, TOPIC)
    await publish_as_writer(house, b"y")
    await client.ping()


# UNSUBSCRIBE


@mqtt("3.10.4-1", "3.10.4-5")
async def test_only_the_very_same_filter_is_unsubscribed(house: House) -> None:
    client = await house.connect(house.integrator())
    await client.subscribe((f"{SPACE}/+/a", 0))
    await unsubscribe(
        client, EVERYTHING, f"{SPACE}/x/a", f"{SPACE}/+/A", f"{SPACE}/+/+", f"{SPACE}/+/a/", f"{SPACE}/+", "never"
    )
    await client.publish(f"{SPACE}/x/a", b"x", qos=0)
    assert (await client.take()).payload == b"x"
    await unsubscribe(client, f"{SPACE}/+/a")
    await client.publish(f"{SPACE}/x/a", b"x", qos=0)
    await client.ping()


@mqtt("3.10.4-4", "3.10.4-5", "3.10.4-6", "3.10.4-2")
async def test_several_filters_are_unsubscribed_with_one_answer(house: House) -> None:
    client = await house.connect(house.integrator())
    await client.subscribe((f"{SPACE}/a", 0), (f"{SPACE}/b", 0), (f"{SPACE}/c", 0))
    await unsubscribe(client, f"{SPACE}/a", f"{SPACE}/never", f"{SPACE}/c", packet_id=0xABCD)
    for name in "abc":
        await client.publish(f"{SPACE}/{name}", name.encode(), qos=0)
    assert (await client.take()).payload == b"b"
    await client.ping()


@mqtt("3.10.4-3", "3.10.4-2")
async def test_what_was_on_its_way_is_completed_after_unsubscribing(house: House) -> None:
    client = await listen(house)
    await publish_as_writer(house, b"1", qos=1)
    await publish_as_writer(house, b"2", qos=2)
    one, two = [await client.expect_publish() for _ in range(2)]
    await unsubscribe(client, EVERYTHING)
    await publish_as_writer(house, b"3", qos=2)
    await tell(client, PUBREC, two.packet_id)
    await hear(client, PUBREL, two.packet_id)
    await leave(client)
    client, _ = await come(house, reader(house))
    got = [await client.packet() for _ in range(2)]
    assert (PUBREL, two.packet_id.to_bytes(2)) in got
    assert (0x3A, text(TOPIC) + one.packet_id.to_bytes(2) + b"1") in got
    await tell(client, PUBACK, one.packet_id)
    await tell(client, PUBCOMP, two.packet_id)
    await client.ping()


# Bounds of ours


@mqtt("4.7.3-3")
async def test_a_name_or_filter_beyond_our_bounds_is_refused(open_house: Openings) -> None:
    house = await open_house(longest_topic=200, deepest_topic=10)
    client = await house.connect(house.integrator())
    long, deep = f"{SPACE}/{'x' * 200}", f"{SPACE}{'/x' * 10}"
    assert await client.subscribe((long, 1), (deep, 1), (TOPIC, 1)) == [0x80, 0x80, 1]
    for name in (long, deep):
        client = await house.connect(house.integrator())
        await client.publish(f"{SPACE}/fine", b"x")
        await client.expect_puback(1)
        await client.publish(name, b"x")
        await client.expect_end()
        client = await house.dial()
        await client.send(connect_packet(house.integrator(), will=Will(name, b"x", 0, retain=True)))
        await client.expect_end()
    assert house.counts.violations == {"topic-too-long": 4}
