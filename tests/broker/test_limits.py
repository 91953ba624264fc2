"""What the limits on newcomers and on packets do to real clients, and what they leave alone."""

import asyncio
import logging
import socket
import time
from datetime import timedelta
from pathlib import Path

import pytest

from broker.listen import BACKLOG
from tests.broker.house import House, Openings
from tests.broker.raw import RawClient, Ticket, connect_packet, publish_packet, subscribe_packet
from tests.support import eventually


def wrong(house: House, device: str = "d1") -> Ticket:
    """A ticket with a token that nobody signed."""
    ticket = house.device(device)
    return ticket._replace(token=ticket.token[:-4] + ("aaaa" if ticket.token[-4:] != "aaaa" else "bbbb"))


async def codes(*clients: RawClient) -> list[int | None]:
    """What each is told within its patience: the code of its CONNACK, None for an end without one."""

    async def code(client: RawClient) -> int | None:
        try:
            return (await client.packet())[1][1]
        except (asyncio.IncompleteReadError, ConnectionResetError):
            return None

    return list(await asyncio.gather(*map(code, clients)))


# Connections


async def test_an_address_has_so_many_connections(open_house: Openings, caplog: pytest.LogCaptureFixture) -> None:
    house = await open_house(connections_per_address=2)
    first, _ = await house.connect(house.device("d1")), await house.connect(house.device("d2"))
    third = await house.dial()
    await third.expect_end()
    assert house.counts.ends["too-many"] == 1
    assert "connection closed: reason=too-many" in caplog.text
    await first.disconnect()
    await eventually(lambda: house.open_sockets == 1)
    await house.connect(house.device("d3"))


@pytest.mark.parametrize("limit", ["connections", "connections_per_address"])
async def test_silent_sockets_keep_no_tablet_out(open_house: Openings, limit: str) -> None:
    house = await open_house(**{limit: 20}, connect_deadline=timedelta(minutes=5))
    known = await house.connect(house.device("d1"))
    silent = [await house.dial() for _ in range(100)]
    await house.assert_alive()

    await known.ping()
    for client in silent[:70]:
        await client.expect_end()
    assert house.open_sockets <= 21


async def test_newcomers_beyond_the_pace_are_let_in_in_turn(open_house: Openings) -> None:
    house = await open_house(connect_rate=50)
    began = time.monotonic()
    clients = [await house.dial() for _ in range(30)]
    for number, client in enumerate(clients):
        await client.send(connect_packet(house.device(f"d{number}")))
    assert await codes(*clients) == [0] * 30
    assert time.monotonic() - began > 0.5  # 30 at 50 a second, of which two may come at once
    assert house.counts.holds["door"] >= 20


async def test_a_websocket_waits_for_its_turn_too(open_house: Openings) -> None:
    house = await open_house(connect_rate=10)
    await house.connect(house.device())
    client = await house.dial_websocket_port()
    await client.send(
        b"GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
        b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
    )
    await eventually(lambda: house.counts.holds["door"])
    async with asyncio.timeout(5):
        assert (await client.reader.readline()).startswith(b"HTTP/1.1 101")


async def test_whose_turn_never_comes_is_closed_at_the_deadline(open_house: Openings) -> None:
    house = await open_house(connect_rate=1, connect_deadline=timedelta(seconds=0.2))
    clients = [await house.dial() for _ in range(20)]
    for number, client in enumerate(clients):
        await client.send(connect_packet(house.device(f"d{number}")))
    let_in = [code for code in await codes(*clients) if code == 0]
    assert 1 <= len(let_in) <= 4
    assert house.counts.ends["connect-deadline"] >= 16
    assert not house.broker._hub.doorman._line


def backlog(port: int, plugs: list[socket.socket]) -> int:
    """How many connections may wait to be accepted (Linux tells it of a listening socket as `tcpi_sacked`)."""
    (plug,) = [plug for plug in plugs if plug.getsockname()[1] == port]
    return int.from_bytes(plug.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)[28:32], "little")


async def test_a_storm_of_connections_finds_room_to_wait(house: House) -> None:
    plugs = [plug for server in house.broker._listening for plug in server.sockets]
    most = int(Path("/proc/sys/net/core/somaxconn").read_text())

    assert backlog(house.broker.tcp_port, plugs) == min(BACKLOG, most)


# Failed logins


async def test_a_storm_of_bad_passwords_is_answered_late_and_the_good_one_at_once(open_house: Openings) -> None:
    house = await open_house(failed_logins=5, late_refusal=timedelta(seconds=0.5), late_refusals=10)
    strangers = [await house.dial() for _ in range(30)]
    began = time.monotonic()
    for client in strangers:
        await client.send(connect_packet(wrong(house)))
    await eventually(lambda: house.counts.holds["late"] == 10)
    await house.assert_alive()  # from the same address
    good = time.monotonic() - began
    told = await codes(*strangers)

    assert sorted(told, key=str) == [5] * 15 + [None] * 15
    assert time.monotonic() - began >= 0.5
    assert good < 0.5
    assert house.counts.refused_connects["signature"] == 30
    assert house.broker._hub.doorman._kept_waiting == 0


async def test_who_waits_for_its_refusal_is_not_read(open_house: Openings) -> None:
    house = await open_house(failed_logins=1, late_refusal=timedelta(seconds=10))
    await (await house.dial()).send(connect_packet(wrong(house)))
    client = await house.dial()
    await client.send(connect_packet(wrong(house)))
    await eventually(lambda: house.counts.holds["late"] == 1)
    before = house.counts.bytes_in
    client.writer.write(b"\xc0\x00" * 1_000_000)
    await house.assert_alive()
    assert house.counts.bytes_in - before < 500_000
    house.pass_ticks(house.broker._hub.ticks(timedelta(seconds=10)) + 1)
    assert await codes(client) == [5]
    assert house.broker._hub.doorman._kept_waiting == 0


async def test_another_protocol_is_refused_at_once_however_often(open_house: Openings) -> None:
    house = await open_house(failed_logins=1, late_refusal=timedelta(minutes=5))
    for _ in range(5):
        client = await house.dial()
        await client.send(connect_packet(house.device(), level=5))
        assert (await client.packet())[1][1] == 0x84


# Packets of a client


async def test_a_client_that_sends_too_much_is_read_later_and_loses_nothing(open_house: Openings) -> None:
    house = await open_house(message_rate=100, sweep=timedelta(seconds=0.02))
    client = await house.connect(house.device())
    began = time.monotonic()
    beats = [publish_packet("hotels/h1/devices/d1/heartbeat", b"%d" % number, qos=0) for number in range(600)]
    await client.send(b"".join(beats))
    await house.assert_alive()
    assert time.monotonic() - began < 0.5
    await eventually(lambda: len(house.bridge.got) == 601)
    assert time.monotonic() - began > 0.8  # 500 at once, 100 at their rate
    assert [int(payload) for payload in house.bridge.payloads if payload != b"chirp"] == list(range(600))
    assert house.counts.holds["rate"] > 0


async def test_another_client_id_is_no_way_to_send_more(open_house: Openings) -> None:
    house = await open_house(message_rate=100, sweep=timedelta(minutes=1))
    first = await house.connect(house.person(app="1"))
    await first.send(b"\xc0\x00" * 450)
    assert await first.read(900) == b"\xd0\x00" * 450
    await first.disconnect()
    await eventually(lambda: not house.open_sockets)
    second = await house.connect(house.person(app="2"))
    await second.send(b"\xc0\x00" * 100)
    await eventually(lambda: house.counts.holds["rate"])


@pytest.mark.parametrize("packet", [b"\xc0\x00", subscribe_packet(("hotels/h1/events", 0))], ids=["ping", "subscribe"])
async def test_packets_of_every_kind_count(open_house: Openings, packet: bytes) -> None:
    house = await open_house(message_rate=1)
    client = await house.connect(house.person())
    await client.send(packet * 20)
    await eventually(lambda: house.counts.holds["rate"])


async def test_acknowledging_what_we_send_costs_a_client_nothing(open_house: Openings) -> None:
    house = await open_house(message_rate=1)
    client = await house.connect(house.person())
    await client.subscribe(("hotels/h1/events", 1))
    for number in range(50):
        await house.broker.publish("hotels/h1/events", b"%d" % number)
        published = await client.expect_publish()
        await client.send(b"\x40\x02" + published.packet_id.to_bytes(2))
    assert house.counts.holds["rate"] == 0


async def test_taking_a_message_at_qos_2_costs_a_client_nothing_either(open_house: Openings) -> None:
    house = await open_house(message_rate=1)
    client = await house.connect(house.person())
    await client.subscribe(("hotels/h1/events", 2))
    for number in range(50):
        await house.broker.publish("hotels/h1/events", b"%d" % number, qos=2)
        published = await client.expect_publish()
        await client.send(b"\x50\x02" + published.packet_id.to_bytes(2))
        assert await client.packet() == (0x62, published.packet_id.to_bytes(2))
        await client.send(b"\x70\x02" + published.packet_id.to_bytes(2))
    assert house.counts.holds["rate"] == 0


@pytest.mark.parametrize("first", [0x40, 0x50, 0x62, 0x70], ids=["puback", "pubrec", "pubrel", "pubcomp"])
async def test_acknowledging_what_nobody_sent_counts(open_house: Openings, first: int) -> None:
    house = await open_house(message_rate=1)
    client = await house.connect(house.person())
    await client.send(20 * bytes((first, 2, 0, 7)))
    await eventually(lambda: house.counts.holds["rate"])


async def test_a_service_has_no_limit(open_house: Openings) -> None:
    house = await open_house(message_rate=1)
    client = await house.connect(house.service())
    await client.send(b"\xc0\x00" * 1000)
    await client.read(2000)
    assert house.counts.holds["rate"] == 0


async def test_a_client_that_is_held_is_not_taken_for_silent(open_house: Openings) -> None:
    house = await open_house(message_rate=1, sweep=timedelta(seconds=60))
    client = await house.connect(house.device(), keep_alive=1)
    await client.send(b"\xc0\x00" * 20)
    await eventually(lambda: house.counts.holds["rate"])
    for _ in range(10):
        house.broker._hub.deadlines.pass_tick(house.now)
    assert house.counts.ends["keep-alive"] == 0


# What an operator hears of it


async def test_crossed_limits_are_told_once_a_minute_with_how_often(
    open_house: Openings, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    house = await open_house(message_rate=1, queue_messages=1, subscriptions=1)
    client = await house.connect(house.person())
    await client.subscribe(("hotels/h1/events", 0))
    await client.send(subscribe_packet(("hotels/h1/monitor", 0)) * 30)
    await eventually(lambda: "limit crossed: reason=held-rate" in caplog.text)
    await eventually(lambda: "limit crossed: reason=filter-too-many" in caplog.text)
    said, tick = caplog.text.count("limit crossed"), house.broker._hub.deadlines.tick
    await eventually(lambda: house.broker._hub.deadlines.tick > tick + 10)
    assert caplog.text.count("limit crossed") == said
