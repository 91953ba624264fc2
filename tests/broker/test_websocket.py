"""MQTT over websocket: the handshake, frames that do not care for packets, and the same rules as over TCP."""

import asyncio
import contextlib
import logging
import random
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from broker.origins import read_origin
from broker.websocket import WebSocket
from tests.broker.house import House, Openings
from tests.broker.raw import (
    PATIENCE,
    RawClient,
    Will,
    connect_packet,
    packet,
    publish_packet,
    subscribe_packet,
)
from tests.support import eventually

HANDSHAKE = (
    b"GET /mqtt?x=1 HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
)
BEAT = "hotels/h1/devices/d1/heartbeat"
MQTT = [Subprotocol("mqtt")]


@asynccontextmanager
async def websocket(house: House, *, path: str = "/mqtt", **options: Any) -> AsyncIterator[ClientConnection]:  # noqa: ANN401
    options = {"subprotocols": MQTT, "compression": None, "open_timeout": PATIENCE, "close_timeout": 1, **options}
    async with connect(f"ws://127.0.0.1:{house.broker.ws_port}{path}", **options) as client:
        yield client


async def read(client: ClientConnection, size: int) -> bytes:
    """Return `size` bytes of MQTT, however they were framed."""
    got = b""
    while len(got) < size:
        frame = await client.recv()
        assert isinstance(frame, bytes)
        got += frame
    return got


async def closed(client: ClientConnection) -> int | None:
    """Read until the broker closes, and return its code."""
    with contextlib.suppress(ConnectionClosed):
        async with asyncio.timeout(PATIENCE):
            async for _ in client:
                pass
    return client.close_code


@pytest.mark.mqtt("6.0.0-1", "6.0.0-4")
async def test_a_tablet_may_come_by_websocket(house: House) -> None:
    async with websocket(house) as client:
        assert client.subprotocol == "mqtt"
        await client.send(connect_packet(house.device()))
        assert await read(client, 4) == b"\x20\x02\x00\x00"
        await client.send(publish_packet(BEAT, b"{}", packet_id=1))
        assert await read(client, 4) == b"\x40\x02\x00\x01"
    assert house.bridge.payloads == [b"{}"]


async def test_a_console_gets_messages_of_every_size(house: House) -> None:
    async with websocket(house, max_size=None) as client:
        await client.send(connect_packet(house.person()) + subscribe_packet(("hotels/h1/events", 0)))
        await read(client, 9)
        for size in (0, 50, 90, 125, 126, 5_000, 65_500, 70_000, 200_000):
            await house.broker.publish("hotels/h1/events", b"x" * size)
            expected = publish_packet("hotels/h1/events", b"x" * size, qos=0)
            assert await read(client, len(expected)) == expected


@pytest.mark.mqtt("6.0.0-2")
async def test_a_frame_may_hold_several_packets_and_a_packet_span_frames(house: House) -> None:
    said = connect_packet(house.device()) + b"".join(publish_packet(BEAT, b"x" * 20, packet_id=n) for n in (1, 2))
    async with websocket(house) as client:
        await client.send(said[:7])
        await client.send(b"")
        await client.send(said[7:60])
        await client.send(said[60:] + b"\xc0\x00")
        assert await read(client, 14) == b"\x20\x02\x00\x00\x40\x02\x00\x01\x40\x02\x00\x02\xd0\x00"


@pytest.mark.mqtt("6.0.0-2")
async def test_a_fragmented_message_is_a_stream_too(house: House) -> None:
    said = connect_packet(house.device()) + b"\xc0\x00"
    async with websocket(house) as client:
        await client.send([said[at : at + 9] for at in range(0, len(said), 9)])
        assert await read(client, 6) == b"\x20\x02\x00\x00\xd0\x00"


@pytest.mark.parametrize("size", [1, 1000])
@pytest.mark.mqtt("6.0.0-2")
async def test_frames_may_arrive_byte_by_byte_or_along_with_the_handshake(house: House, size: int) -> None:
    said = connect_packet(house.device())
    mask, head = b"\x01\x02\x03\x04", b"\x82\xfe" + len(said).to_bytes(2)
    frame = head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(said))
    client = await house.dial_websocket_port()
    stream = HANDSHAKE + frame
    for at in range(0, len(stream), size):
        await client.send(stream[at : at + size])
    assert (await client.reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    assert await client.reader.readexactly(6) == b"\x82\x04\x20\x02\x00\x00"


@pytest.mark.parametrize("path", ["/", "/mqtt/", "/MQTT", "/other"])
async def test_another_path_is_not_found(house: House, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with websocket(house, path=path):
            pass
    assert refused.value.response.status_code == 404


@pytest.mark.parametrize("offered", [None, [Subprotocol("mqttv3.1")]])
@pytest.mark.mqtt("6.0.0-3", "6.0.0-4")
async def test_without_the_subprotocol_there_is_no_connection(house: House, offered: list[Subprotocol] | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with websocket(house, subprotocols=offered):
            pass
    assert refused.value.response.status_code == 400
    await eventually(lambda: house.open_sockets == 0)
    assert house.counts.refused_handshakes == {"ws-subprotocol": 1}
    assert house.counts.ends == {"refused": 1}


@pytest.mark.mqtt("6.0.0-4")
async def test_mqtt_may_be_one_of_several_subprotocols(house: House) -> None:
    async with websocket(house, subprotocols=[Subprotocol("mqttv3.1"), Subprotocol("mqtt")]) as client:
        assert client.subprotocol == "mqtt"


async def origin_refused(house: House, *origins: str, host: str = "127.0.0.1:8083") -> bool:
    """Whether a page from there, on this host as it believes, is turned away."""
    client = await house.dial_websocket_port()
    lines = [f"Host: {host}".encode(), *(f"Origin: {origin}".encode() for origin in origins)]
    await client.send(HANDSHAKE.replace(b"Host: x", b"\r\n".join(lines)))
    answer = await client.reader.readline()
    assert answer.split()[1] in (b"101", b"403")
    return answer.split()[1] == b"403"


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8080", "https://127.0.0.1", "HTTP://127.0.0.1:9"])
async def test_a_page_of_the_same_host_may_open_one(house: House, origin: str) -> None:
    assert not await origin_refused(house, origin)


async def test_who_names_no_page_is_a_program_and_may_too(house: House) -> None:
    assert not await origin_refused(house)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "http://127.0.0.1.evil.example", "null", "", "127.0.0.1", "http://[::1", "file://"],
)
async def test_a_page_of_another_host_may_not(house: House, origin: str) -> None:
    assert await origin_refused(house, origin)
    await eventually(lambda: house.counts.refused_handshakes == {"ws-origin": 1})


async def test_two_origins_or_two_hosts_are_none(house: House) -> None:
    assert await origin_refused(house, "http://127.0.0.1", "http://127.0.0.1")
    assert await origin_refused(house, "http://127.0.0.1", host="127.0.0.1\r\nHost: evil.example")


async def test_pages_that_the_settings_name_may_open_one_too(open_house: Openings) -> None:
    house = await open_house(origins=frozenset({"https://watch.example", "app://tablet:99"}))
    assert not await origin_refused(house, "https://watch.example")
    assert not await origin_refused(house, "https://WATCH.example:443")
    assert not await origin_refused(house, "app://tablet:99")
    assert await origin_refused(house, "http://watch.example")
    assert await origin_refused(house, "https://watch.example:8443")


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [("https://[2001:db8::1]:8443/", "2001:db8::1", 8443), ("http://Watch.Example.:80", "watch.example", None)],
)
def test_an_origin_is_read_as_browsers_write_it(text: str, host: str, port: int | None) -> None:
    origin = read_origin(text)
    assert origin is not None
    assert (origin.host, origin.port) == (host, port)
    assert read_origin(str(origin)) == origin


@pytest.mark.parametrize(
    ("request_", "status", "reason"),
    [
        (b"POST /mqtt HTTP/1.1\r\nHost: x\r\n\r\n", b"400", "ws-not-http"),
        (b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04h1/d", b"400", "ws-not-http"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400", "ws-not-http"),
        (b"GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n", b"426", "ws-bad-request"),
        (b"GET /mqtt HTTP/1.0\r\nHost: x\r\n\r\n", b"400", "ws-bad-request"),
        (b"GET /mqtt\r\n\r\n", b"400", "ws-bad-request"),
        (b"GET /mqtt HTTP/1.1\r\nno colon\r\n\r\n", b"400", "ws-bad-request"),
        (b"GET /mqtt HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n", b"400", "ws-bad-request"),
        (b"GET /mqtt HTTP/1.1\r\nX: " + b"y" * 17_000, b"431", "ws-too-large"),
        (b"GET /mqtt HTTP/1.1\r\n" + (b"X: " + b"y" * 4_000 + b"\r\n") * 5 + b"\r\n", b"431", "ws-too-large"),
    ],
)
async def test_what_is_no_websocket_is_turned_away_at_once(
    house: House, request_: bytes, status: bytes, reason: str
) -> None:
    client = await house.dial_websocket_port()
    await client.send(request_)
    assert (await client.reader.readline()).split()[1] == status
    await eventually(lambda: house.open_sockets == 0)
    assert house.counts.refused_handshakes == {reason: 1}
    await house.assert_alive()


@pytest.mark.parametrize(
    "mangled",
    [
        HANDSHAKE.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"\xff\xfe"),
        HANDSHAKE.replace(b"Protocol: mqtt", b"Protocol: mq\xfft"),
        HANDSHAKE.replace(b"Upgrade: websocket", b"Upgrade: \xff"),
        HANDSHAKE.replace(b"Version: 13", b"Version: \xff"),
    ],
)
async def test_bytes_that_are_no_text_are_turned_away_like_anything_else(
    house: House, mangled: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    client = await house.dial_websocket_port()
    await client.send(mangled)
    assert (await client.reader.readline()).split()[1] in (b"400", b"426")
    await eventually(lambda: house.open_sockets == 0)
    assert {record.name for record in caplog.records if record.levelno >= logging.WARNING} == {"broker.server"}


async def test_a_cookie_may_hold_any_bytes(house: House) -> None:
    client = await house.dial_websocket_port()
    await client.send(HANDSHAKE.replace(b"Host: x", b"Host: x\r\nCookie: name=J\xc3\xb6rg\xff"))
    assert (await client.reader.readline()).split()[1] == b"101"


async def test_no_request_brings_forth_an_error_of_our_own(house: House, caplog: pytest.LogCaptureFixture) -> None:
    chance = random.Random(6455)
    for _ in range(200):
        request = bytearray(HANDSHAKE)
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(4, len(request) - 4)
            request[at : at + chance.randint(0, 3)] = chance.randbytes(chance.randint(0, 3)).replace(b"\r", b"")
        client = await RawClient.dial(house.broker.ws_port)
        await client.send(bytes(request) + b"\r\n\r\n")
        answer = await client.reader.readline()
        assert answer.split()[1] in (b"101", b"400", b"403", b"404", b"426")
        client.cut()
    await eventually(lambda: house.open_sockets == 0)
    assert {record.name for record in caplog.records if record.levelno >= logging.WARNING} == {"broker.server"}


async def test_a_request_that_never_ends_is_cut_by_the_connect_deadline(open_house: Openings) -> None:
    house = await open_house(connect_deadline=timedelta(seconds=0.1), linger=timedelta(0))
    client = await house.dial_websocket_port()
    await client.send(HANDSHAKE[:-1])
    assert await client.reader.read() == b""
    assert house.counts.ends == {"connect-deadline": 1}


@pytest.mark.parametrize("storm", [30 * b"\x89\x80\0\0\0\0", 600 * b"\x82\x80\0\0\0\0"])
async def test_pings_and_empty_frames_do_not_put_off_the_connect_deadline(house: House, storm: bytes) -> None:
    stranger = await house.dial_websocket_port()
    await stranger.send(HANDSHAKE)
    await stranger.reader.readuntil(b"\r\n\r\n")
    patience = house.settings.connect_deadline // house.settings.sweep
    for _ in range(2):
        house.counts.holds.clear()
        await stranger.send(storm)
        await eventually(lambda: house.counts.holds["turn"] > 0)
        house.pass_ticks(int(0.6 * patience))

    assert house.counts.ends["connect-deadline"] == 1


async def test_a_storm_of_pings_leaves_room_for_others(house: House) -> None:
    """The library takes twenty times as long for a ping as MQTT does for a packet: in one turn it would be a second."""
    async with websocket(house, max_queue=None) as client:
        await client.send(connect_packet(house.device()))
        await read(client, 4)
        storm = (b"\x89\x80" + b"\x01\x02\x03\x04") * 40_000
        client.transport.write(storm)
        await eventually(lambda: house.counts.holds["turn"] > 2)
        before = house.counts.holds["turn"]
        await house.assert_alive()
        assert house.counts.holds["turn"] < 40_000 * 20 / 500
        await eventually(lambda: house.counts.holds["turn"] > before)


async def test_frames_beyond_a_turn_are_neither_lost_nor_disordered(house: House) -> None:
    packets = [connect_packet(house.device())]
    packets += [publish_packet(BEAT, b"%d" % number, packet_id=number) for number in range(1, 1_500)]
    frames = b"".join(
        bytes((0x82, 0x80 | len(piece) if len(piece) < 126 else 0xFE))
        + (b"" if len(piece) < 126 else len(piece).to_bytes(2))
        + bytes(4)
        + piece
        for packet_ in packets
        for piece in (packet_[:3], packet_[3:])
    )
    client = await house.dial_websocket_port()
    await client.send(HANDSHAKE + frames)
    await eventually(lambda: len(house.bridge.got) == 1_499)
    assert house.bridge.payloads == [b"%d" % number for number in range(1, 1_500)]
    assert house.counts.holds["turn"] > 2


@pytest.mark.parametrize("known", [False, True])
async def test_more_is_read_only_when_all_that_came_is_handled(house: House, known: bool) -> None:
    client = await house.dial_websocket_port()
    await client.send(HANDSHAKE)
    await client.reader.readuntil(b"\r\n\r\n")
    if known:
        said = connect_packet(house.device())
        await client.send(b"\x82\xfe" + len(said).to_bytes(2) + bytes(4) + said)
        await client.read(6)
    (connection,) = house.broker._hub._connections
    stream = connection._transport
    assert isinstance(stream, WebSocket)
    empty_frames = (b"\x82\x80" + bytes(4)) * 40_000
    client.writer.write(empty_frames * 100)  # 24 MB, without a single packet
    tracemalloc.start()
    try:
        # Each turn could read a quarter of a megabyte; a hundred take a slow machine until the deadline of CONNECT.
        await eventually(lambda: house.counts.holds["turn"] > 30)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 3_000_000


async def test_there_is_no_compression(house: House) -> None:
    async with websocket(house, compression="deflate") as client:
        assert client.protocol.extensions == []


@pytest.mark.mqtt("6.0.0-1")
async def test_text_frames_are_refused(house: House) -> None:
    async with websocket(house) as client:
        await client.send(connect_packet(house.device()))
        await read(client, 4)
        await client.send("text")
        await client.send("and more")
        assert await closed(client) == 1003
    assert house.counts.violations == {"websocket": 1}


@pytest.mark.mqtt("4.8.0-1")
async def test_breaking_mqtt_closes_the_websocket(house: House) -> None:
    async with websocket(house) as client:
        await client.send(b"\x00\x00")
        assert await closed(client) == 1000
    assert house.counts.violations == {"packet-type": 1}


async def test_breaking_the_websocket_protocol_closes_it_with_the_will(house: House) -> None:
    will = Will("hotels/h1/devices/d1/state", b"lost")
    async with websocket(house) as client:
        await client.send(connect_packet(house.device(), will=will))
        await read(client, 4)
        client.transport.write(b"\x82\x05never masked")
        await closed(client)
    assert house.bridge.payloads == [b"lost"]


async def test_a_frame_larger_than_any_packet_is_refused(house: House) -> None:
    async with websocket(house) as client:
        await client.send(connect_packet(house.device()))
        await read(client, 4)
        await client.send(b"\x30" * 600_000)
        assert await closed(client) == 1009
    await house.assert_alive()


@pytest.mark.mqtt("3.1.2-8")
async def test_a_websocket_that_closes_without_a_disconnect_leaves_its_will(house: House) -> None:
    will = Will("hotels/h1/devices/d1/state", b"lost")
    async with websocket(house) as client:
        await client.send(connect_packet(house.device(), will=will))
        await read(client, 4)
    await eventually(lambda: house.bridge.payloads == [b"lost"])


async def test_a_disconnect_closes_the_websocket_properly(house: House) -> None:
    async with websocket(house) as client:
        await client.send(connect_packet(house.device()))
        await read(client, 4)
        await client.send(b"\xe0\x00")
        assert await closed(client) == 1000
    await eventually(lambda: house.open_sockets == 0)


async def test_a_refused_connect_says_so_before_it_closes(house: House) -> None:
    async with websocket(house) as client:
        await client.send(connect_packet(house.device()._replace(token="forged")))
        assert await read(client, 4) == b"\x20\x02\x00\x04"
        await closed(client)


async def test_an_expired_token_closes_the_websocket(house: House) -> None:
    async with websocket(house) as client:
        await client.send(connect_packet(house.person()))
        await read(client, 4)
        house.now += timedelta(hours=12)
        await closed(client)


async def test_pings_of_the_websocket_are_answered(house: House) -> None:
    async with websocket(house) as client:
        await (await client.ping())


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n", b"GET /mqtt HTTP/1.1\r\nHost: x\r\n"])
async def test_a_handshake_that_never_ends_is_ended(open_house: Openings, said: bytes) -> None:
    house = await open_house(connect_deadline=timedelta(seconds=0.1))
    client = await house.dial_websocket_port()
    await client.send(said)
    await client.expect_end()


@pytest.mark.parametrize(
    "said", [b"\x00\x01\x02\r\n\r\n", b"POST /mqtt HTTP/1.1\r\n\r\n", b"A" * 20_000, b"\r\n" * 5000]
)
async def test_what_is_no_handshake_is_ended(house: House, said: bytes) -> None:
    client = await house.dial_websocket_port()
    await client.send(said)
    await client.rest()
    await house.assert_alive()


async def test_a_slow_reader_by_websocket_is_dropped(open_house: Openings) -> None:
    house = await open_house(queue_messages=100)
    async with websocket(house) as client:
        await client.send(connect_packet(house.person()) + subscribe_packet(("hotels/h1/events", 1)))
        await read(client, 9)
        client.transport.pause_reading()
        for _ in range(500):
            await house.broker.publish("hotels/h1/events", b"x" * 10_000)
        await eventually(lambda: house.counts.ends["slow"] == 1)
        client.transport.abort()
    await eventually(lambda: house.open_sockets == 0)


@pytest.mark.mqtt("3.1.4-2")
async def test_taking_over_works_across_the_two(house: House) -> None:
    tcp = await house.connect(house.device())
    async with websocket(house) as client:
        await client.send(connect_packet(house.device()))
        assert await read(client, 4) == b"\x20\x02\x00\x00"
        await tcp.expect_end()
        await client.send(packet(0xC0))
        assert await read(client, 2) == b"\xd0\x00"


async def test_many_storms_of_frames_beside_storms_of_packets_all_come_to_their_end(house: House) -> None:
    """Websockets go on a turn of the loop later than others, and must find something left for them."""
    websockets, others = 60, 20
    for number in range(websockets):
        client = await house.dial_websocket_port()
        packets = [connect_packet(house.device(f"w{number}"))]
        packets += [publish_packet(f"hotels/h1/devices/w{number}/heartbeat", b"x", qos=0)] * 500
        frames = b"".join(bytes((0x82, 0xFE)) + len(one).to_bytes(2) + bytes(4) + one for one in packets)
        client.writer.write(HANDSHAKE + frames)
    for number in range(others):
        client = await house.connect(house.device(f"d{number}"))
        client.writer.write(publish_packet(f"hotels/h1/devices/d{number}/heartbeat", b"x", qos=0) * 3_000)
    await house.connect(house.device("canary"))
    await eventually(lambda: house.counts.messages_in == websockets * 500 + others * 3_000, within=30)
