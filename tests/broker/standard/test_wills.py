"""The will: when it is published, how, and that it is published once."""

import pytest

from tests.broker.house import House
from tests.broker.raw import RawClient, Will, connect_packet
from tests.broker.standard.talk import SPACE, TOPIC, come, leave, receive, say, vanish
from tests.support import eventually

mqtt = pytest.mark.mqtt

LAST = Will(f"{SPACE}/will", b"gone", 1)


async def listener(house: House, *, qos: int = 1) -> RawClient:
    client = await house.connect(house.integrator(app="listener"))
    assert await client.subscribe((f"{SPACE}/#", qos)) == [qos]
    return client


async def nothing_more(house: House, listening: RawClient) -> None:
    """Make sure that whatever is on its way to the listener comes after this."""
    marker = await house.connect(house.integrator(app="marker"))
    await say(marker, b"marker")
    assert (await receive(listening)).payload == b"marker"


@mqtt("3.1.2-8", "3.1.2-16", "3.1.2-10")
async def test_a_will_is_published_once_and_is_not_retained(house: House) -> None:
    listening = await listener(house)
    client = await house.connect(house.integrator(), will=LAST)
    await vanish(house, client)
    got = await receive(listening)
    assert (got.topic, got.payload, got.qos, got.retain) == (LAST.topic, LAST.payload, 1, False)
    again = await house.connect(house.integrator())
    await vanish(house, again)
    await nothing_more(house, listening)
    late = await house.connect(house.integrator(app="late"))
    await late.subscribe((LAST.topic, 1))
    await late.ping()


@mqtt("3.1.2-12")
async def test_without_a_will_none_is_published(house: House) -> None:
    listening = await listener(house)
    client = await house.connect(house.integrator())
    await say(client, b"the last it said", qos=0)
    await vanish(house, client)
    assert (await receive(listening)).payload == b"the last it said"
    await nothing_more(house, listening)


@pytest.mark.parametrize("qos", [0, 1, 2])
@mqtt("3.1.2-9", "3.1.2-17", "3.1.2-14")
async def test_a_will_is_published_at_its_qos_and_retained_if_it_says_so(house: House, qos: int) -> None:
    listening = await listener(house, qos=2 if qos == 2 else 1)
    client = await house.connect(house.integrator(), will=LAST._replace(qos=qos, retain=True))
    await vanish(house, client)
    got = await receive(listening)
    assert (got.topic, got.qos, got.retain) == (LAST.topic, qos, False)
    late = await house.connect(house.integrator(app="late"))
    await late.subscribe((LAST.topic, 2))
    got = await receive(late)
    assert (got.payload, got.qos, got.retain) == (LAST.payload, qos, True)


@mqtt("3.14.4-3", "3.1.2-8", "3.1.2-10")
async def test_a_goodbye_discards_the_will_for_good(house: House) -> None:
    listening = await listener(house)
    await leave(await house.connect(house.integrator(), will=LAST))
    await vanish(house, await house.connect(house.integrator()))
    await nothing_more(house, listening)


@mqtt("3.1.2-10", "3.14.4-3")
async def test_a_session_that_is_kept_keeps_no_will(house: House) -> None:
    listening = await listener(house)
    for end in ("leave", "vanish"):
        client, _ = await come(house, house.integrator(), will=LAST)
        if end == "leave":
            await leave(client)
        else:
            await vanish(house, client)
            assert (await receive(listening)).payload == LAST.payload
        client, present = await come(house, house.integrator())
        assert present
        await vanish(house, client)
    await nothing_more(house, listening)


@mqtt("3.1.2-8", "4.8.0-1")
async def test_a_violation_publishes_the_will(house: House) -> None:
    listening = await listener(house)
    client = await house.connect(house.integrator(), will=LAST)
    await client.send(connect_packet(house.integrator()))
    await client.expect_end()
    assert (await receive(listening)).payload == LAST.payload


@mqtt("3.1.2-8", "3.3.5-2")
async def test_a_publish_that_is_not_allowed_closes_the_connection_with_its_will(house: House) -> None:
    listening = await listener(house)
    client = await house.connect(house.integrator(), will=LAST)
    await client.publish("hotels/h1/events", b"x")
    await client.expect_end()
    assert (await receive(listening)).payload == LAST.payload


@mqtt("3.1.2-24", "3.1.2-23")
async def test_silence_for_one_and_a_half_keep_alives_is_a_broken_line(house: House) -> None:
    listening = await listener(house)
    client = await house.connect(house.integrator(), will=LAST, keep_alive=20)
    pings = await house.connect(house.integrator(app="pings"), keep_alive=20)
    patience = house.ticks_of(keep_alive=20)
    assert patience * house.settings.sweep.total_seconds() == pytest.approx(30, abs=1)
    house.pass_ticks(patience - 300)  # The clock of the house goes on, too.
    await pings.ping()
    await listening.ping()
    assert client.reader.at_eof() is False
    house.pass_ticks(300)
    await client.expect_end()
    assert (await receive(listening)).payload == LAST.payload
    await pings.ping()
    await eventually(lambda: house.counts.ends["keep-alive"] == 1)


@mqtt("3.1.2-8", "4.3.1-1")
async def test_a_will_at_qos_0_is_delivered_at_qos_0(house: House) -> None:
    listening = await listener(house)
    await vanish(house, await house.connect(house.integrator(), will=LAST._replace(qos=0, topic=TOPIC)))
    got = await listening.expect_publish()
    assert (got.qos, got.dup, got.packet_id) == (0, False, 0)
