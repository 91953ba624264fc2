"""MQTT over TLS: the same broker behind it, and strangers who get nowhere and cost little."""

import asyncio
import os
import queue
import ssl
import subprocess
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Literal

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from websockets.asyncio.client import connect as connect_websocket
from websockets.typing import Subprotocol

from broker import tls
from broker.settings import Listener, Scheme
from broker.tls import TlsStream
from tests.broker.authority import Authority
from tests.broker.house import House, Openings
from tests.broker.raw import PATIENCE, RawClient, Will, connect_packet, publish_packet, subscribe_packet
from tests.support import eventually, requires

BEAT = "hotels/h1/devices/d1/heartbeat"
LISTENERS = tuple(Listener(scheme) for scheme in (Scheme.MQTT, Scheme.MQTTS, Scheme.WSS))


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
async def house(open_house: Openings, authority: Authority) -> House:
    return await open_house(listeners=LISTENERS, tls=authority.files())


def port_of(house: House, scheme: Scheme) -> int:
    return next(one.port for one in house.broker.bound if one.scheme is scheme)


def trusting(authority: Authority) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authority.trusted)


async def secure(house: House, authority: Authority) -> RawClient:
    """A client whose TLS handshake is done, and that has said nothing else."""
    port = port_of(house, Scheme.MQTTS)
    async with asyncio.timeout(PATIENCE):
        client = RawClient(*await asyncio.open_connection("127.0.0.1", port, ssl=trusting(authority)))
    house.clients.append(client)
    return client


async def stranger(house: House, scheme: Scheme = Scheme.MQTTS) -> RawClient:
    """A socket on a TLS port that speaks no TLS yet."""
    client = await RawClient.dial(port_of(house, scheme))
    house.clients.append(client)
    return client


async def ended(client: RawClient) -> bytes:
    """Read until the broker closes, and return what it said."""
    async with asyncio.timeout(PATIENCE):
        with suppress(ConnectionResetError):
            return await client.reader.read()
    return b""


async def assert_alive(house: House, authority: Authority) -> None:
    client = await secure(house, authority)
    assert await client.connect(house.device("canary")) == 0
    await client.publish("hotels/h1/devices/canary/heartbeat", b"chirp")
    await client.expect_puback(1)
    await client.disconnect()


@contextmanager
def paho_client(
    house: House, authority: Authority, *, transport: Literal["tcp", "websockets"]
) -> Iterator[tuple[paho.Client, "queue.Queue[str]"]]:
    ticket = house.device()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id=ticket.client_id, transport=transport)
    client.username_pw_set(ticket.username, ticket.token)
    client.tls_set(str(authority.trusted))
    outcome: queue.Queue[str] = queue.Queue()
    client.on_connect = lambda *args: outcome.put(str(args[3]))
    client.connect_async("localhost", port_of(house, Scheme.MQTTS if transport == "tcp" else Scheme.WSS))
    client.loop_start()
    try:
        yield client, outcome
    finally:
        client.disconnect()
        client.loop_stop()


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
async def test_paho_publishes_over_tls(
    house: House, authority: Authority, transport: Literal["tcp", "websockets"]
) -> None:
    with paho_client(house, authority, transport=transport) as (client, outcome):
        await eventually(lambda: not outcome.empty())
        assert outcome.get_nowait() == "Success"
        messages = [client.publish(BEAT, b"%d" % number, qos=1) for number in range(50)]
        await eventually(lambda: all(message.is_published() for message in messages))
    assert house.bridge.payloads == [b"%d" % number for number in range(50)]


async def test_a_console_comes_by_websocket_over_tls(house: House, authority: Authority) -> None:
    url = f"wss://localhost:{port_of(house, Scheme.WSS)}/mqtt"
    async with connect_websocket(
        url, ssl=trusting(authority), subprotocols=[Subprotocol("mqtt")], max_size=None, open_timeout=PATIENCE
    ) as client:
        await client.send(connect_packet(house.person()) + subscribe_packet(("hotels/h1/events", 0)))
        got = b""
        while len(got) < 9:
            got += await client.recv(decode=False)
        for size in (0, 100, 16_384, 200_000):
            await house.broker.publish("hotels/h1/events", b"x" * size)
            expected, got = publish_packet("hotels/h1/events", b"x" * size, qos=0), b""
            while len(got) < len(expected):
                got += await client.recv(decode=False)
            assert got == expected


@pytest.mark.parametrize("step", [1, 7, 5_000, 200_000])
async def test_bytes_may_come_in_any_pieces(house: House, authority: Authority, step: int) -> None:
    payloads = [b"a" * 10, b"", b"b" * 40, b"c" * (100_000 if step > 7 else 300)]
    said = connect_packet(house.device()) + b"".join(
        publish_packet(BEAT, payload, packet_id=number) for number, payload in enumerate(payloads, start=1)
    )
    client = await secure(house, authority)
    for at in range(0, len(said), step):
        await client.send(said[at : at + step])
    await client.packet()
    for number in range(1, len(payloads) + 1):
        await client.expect_puback(number)
    assert house.bridge.payloads == payloads


async def test_tls_records_may_come_in_any_pieces(house: House, authority: Authority) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = trusting(authority).wrap_bio(incoming, outgoing, server_hostname="localhost")
    client = await stranger(house)

    async def until_done(step: Callable[[], object]) -> object:
        while True:
            try:
                return step()
            except ssl.SSLWantReadError:
                await dribble()
                async with asyncio.timeout(PATIENCE):
                    incoming.write(await client.reader.read(3))

    async def dribble() -> None:
        for byte in outgoing.read():
            await client.send(bytes((byte,)))

    await until_done(tls.do_handshake)
    tls.write(connect_packet(house.device()) + publish_packet(BEAT, b"slow", packet_id=1))
    await dribble()
    got = b""
    while len(got) < 8:
        piece = await until_done(lambda: tls.read(8))
        assert isinstance(piece, bytes)
        got += piece
    assert got == b"\x20\x02\x00\x00\x40\x02\x00\x01"
    assert house.bridge.payloads == [b"slow"]


async def test_what_is_held_up_is_neither_lost_nor_read_on(open_house: Openings, authority: Authority) -> None:
    house = await open_house(listeners=LISTENERS, tls=authority.files())
    house.bridge.full = True
    client = await secure(house, authority)
    assert await client.connect(house.device()) == 0
    payloads = [b"%03d" % number + b"x" * 2_000 for number in range(200)]
    client.writer.write(b"".join(publish_packet(BEAT, one, packet_id=n) for n, one in enumerate(payloads, start=1)))
    await eventually(lambda: house.bridge.got)
    while len(house.bridge.got) < len(payloads):
        await eventually(lambda: house.bridge.resumes)
        seen = len(house.bridge.got)
        house.bridge.make_room()
        house.bridge.full = True
        await eventually(partial(has_more_than, house, seen))
    assert house.bridge.payloads == payloads


def has_more_than(house: House, number: int) -> bool:
    return len(house.bridge.got) > number


async def test_more_is_read_only_when_all_that_came_is_handled(open_house: Openings, authority: Authority) -> None:
    house = await open_house(listeners=LISTENERS, tls=authority.files(), message_rate=0)
    client = await secure(house, authority)
    assert await client.connect(house.device()) == 0
    stream = house.wire("h1/d1")._transport
    assert isinstance(stream, TlsStream)
    client.writer.write(b"\xc0\x00" * 5_000_000)  # 8,000 in each record, of which 500 are handled in a turn
    waiting = []

    def look() -> bool:
        waiting.append(len(stream._later))
        return house.counts.holds["turn"] > 400

    await eventually(look, every=0.001)
    assert 0 < max(waiting) <= 2**18  # what one read may bring


async def test_a_client_that_is_cut_off_leaves_its_will(house: House, authority: Authority) -> None:
    client = await secure(house, authority)
    await client.connect(house.device(), will=Will("hotels/h1/devices/d1/state", b"lost"))
    client.writer.transport.abort()
    await eventually(lambda: house.bridge.payloads == [b"lost"])


async def test_the_end_is_told_in_tls_too(house: House, authority: Authority) -> None:
    client = await secure(house, authority)
    await client.connect(house.device())
    await client.send(b"\xe0\x00")
    assert await client.reader.read() == b""  # raises if there was no close_notify
    await eventually(lambda: house.counts.ends["disconnect"] == 1)


async def test_a_client_that_ends_tls_has_left(house: House, authority: Authority) -> None:
    client = await secure(house, authority)
    await client.connect(house.device(), will=Will("hotels/h1/devices/d1/state", b"lost"))
    client.writer.close()
    await eventually(lambda: house.open_sockets == 0)
    assert house.bridge.payloads == [b"lost"]


HELLO_BEGINS = b"\x16\x03\x01\x40\x00\x01\x01\x86\xa0\x03\x03"  # of a ClientHello of 100,000 bytes
HALF_A_HELLO = HELLO_BEGINS + bytes(500)
LONG_HELLO = HELLO_BEGINS + bytes(16_378) + b"\x16\x03\x01\x40\x00" + bytes(3_000)


@pytest.mark.parametrize("scheme", [Scheme.MQTTS, Scheme.WSS])
@pytest.mark.parametrize("said", [b"", b"\x16", HALF_A_HELLO])
async def test_a_slow_handshake_is_cut_by_the_connect_deadline(
    open_house: Openings, authority: Authority, scheme: Scheme, said: bytes
) -> None:
    house = await open_house(
        listeners=LISTENERS, tls=authority.files(), connect_deadline=timedelta(seconds=0.1), linger=timedelta(0)
    )
    client = await stranger(house, scheme)
    await client.send(said)
    assert await ended(client) == b""
    await eventually(lambda: house.open_sockets == 0)
    assert house.counts.ends == {"connect-deadline": 1}


async def test_one_deadline_holds_for_both_handshakes_and_the_connect(
    open_house: Openings, authority: Authority
) -> None:
    house = await open_house(listeners=LISTENERS, tls=authority.files(), connect_deadline=timedelta(seconds=30))
    client = await stranger(house)
    await client.send(b"\x16")
    (connection,) = house.broker._hub._connections
    due = connection.due
    assert due > 0
    client.cut()
    shaken = await secure(house, authority)
    await eventually(lambda: len(house.broker._hub._connections) == 1)
    (connection,) = house.broker._hub._connections
    before = connection.due
    await shaken.send(connect_packet(house.device())[:5])
    await eventually(lambda: connection._framer.waiting == 5)
    assert connection.due == before


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"\x10\x10\x00\x04MQTT\x04\x02\x00\x00\x00\x04h1/d", "tls-plain"),
        (b"GET /mqtt HTTP/1.1\r\nHost: x\r\n\r\n", "tls-plain-http"),
        (b"\x00" * 1_000, "tls-plain"),
        (LONG_HELLO, "tls-too-large"),
        (b"\x16\x03\x01\x00\x04\x00\x00\x00\x00", "tls"),
    ],
)
@pytest.mark.parametrize("scheme", [Scheme.MQTTS, Scheme.WSS])
async def test_who_speaks_no_tls_on_its_port_is_turned_away_at_once(
    house: House, authority: Authority, scheme: Scheme, said: bytes, reason: str
) -> None:
    client = await stranger(house, scheme)
    await client.send(said)
    answer = await ended(client)
    assert answer == b"" or answer[0] == 0x15  # an alert at most
    await eventually(lambda: house.open_sockets == 0)
    assert house.counts.refused_handshakes == {reason: 1}
    await assert_alive(house, authority)


async def test_an_old_version_of_tls_is_refused(house: House, authority: Authority) -> None:
    old = trusting(authority)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings(action="ignore"):
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        await asyncio.open_connection("127.0.0.1", port_of(house, Scheme.MQTTS), ssl=old)
    await eventually(lambda: house.counts.refused_handshakes == {"tls-too-old": 1})


async def test_a_client_that_does_not_trust_us_is_counted_as_that(house: House, tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        await asyncio.open_connection(
            "127.0.0.1", port_of(house, Scheme.MQTTS), ssl=trusting(Authority(tmp_path, "Another CA"))
        )
    await eventually(lambda: house.open_sockets == 0)


async def test_rubbish_after_the_handshake_ends_that_connection_only(house: House, authority: Authority) -> None:
    client = await secure(house, authority)
    await client.connect(house.device(), will=Will("hotels/h1/devices/d1/state", b"lost"))
    plug = client.writer.transport.get_extra_info("socket")
    os.write(plug.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
    await eventually(lambda: house.open_sockets == 0)
    assert house.counts.violations == {"tls": 1}
    assert house.bridge.payloads == [b"lost"]
    await assert_alive(house, authority)


async def test_a_connection_counts_before_its_handshake(open_house: Openings, authority: Authority) -> None:
    house = await open_house(listeners=LISTENERS, tls=authority.files(), connections=3)
    first, _, _ = [await stranger(house) for _ in range(3)]
    await eventually(lambda: house.open_sockets == 3)
    await stranger(house)
    assert await ended(first) == b""  # It was silent for the longest.
    await eventually(lambda: house.counts.ends["too-many"] == 1)


async def test_who_stands_in_line_is_not_read_and_then_let_in(open_house: Openings, authority: Authority) -> None:
    house = await open_house(listeners=LISTENERS, tls=authority.files(), connect_rate=50)

    async def visit(number: int) -> None:
        client = await secure(house, authority)
        assert await client.connect(house.device(f"d{number}")) == 0

    async with asyncio.TaskGroup() as visitors:
        for number in range(10):
            visitors.create_task(visit(number))
    assert house.counts.holds["door"] > 0
    assert house.counts.connects == 10


async def test_new_files_are_shown_to_new_connections_and_old_ones_stay(house: House, authority: Authority) -> None:
    certificate = house.broker.certificate
    assert certificate is not None
    old = await secure(house, authority)
    await old.connect(house.device("old"))
    authority.files()
    certificate.look()
    new = await secure(house, authority)
    assert shown_to(new) != shown_to(old)
    await old.publish("hotels/h1/devices/old/heartbeat", b"still here")
    await old.expect_puback(1)

    house.broker.certificate.look()  # type: ignore[union-attr]
    (authority.folder / "server.key").write_bytes(b"")
    certificate.look()
    assert shown_to(await secure(house, authority)) == shown_to(new)

    def value(name: str, **labels: str) -> float | None:
        return house.registry.get_sample_value(f"innwatch_mqtt_certificate_{name}", labels)

    assert value("renewals_total", outcome="taken") == value("renewals_total", outcome="refused") == 1
    assert (value("days_left") or 0) > 80


def shown_to(client: RawClient) -> bytes:
    tls = client.writer.transport.get_extra_info("ssl_object")
    shown = tls.getpeercert(binary_form=True)
    assert isinstance(shown, bytes)
    return shown


@pytest.mark.server
async def test_a_client_that_only_wants_new_keys_is_cut_off(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each costs more than a packet does, and says nothing that would bring its connection forward."""
    monkeypatch.setattr(tls, "EMPTY", 1_000)
    address = f"127.0.0.1:{port_of(house, Scheme.MQTTS)}"
    client = subprocess.Popen(
        [requires("openssl"), "s_client", "-connect", address, "-tls1_3", "-quiet", "-no_ign_eof"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    )
    assert client.stdin is not None
    wishes = client.stdin

    def cut_off() -> bool:
        with suppress(BrokenPipeError):
            wishes.write(b"K\n")  # s_client's word for it, one each time that it reads
        return bool(house.counts.violations)

    try:
        await eventually(cut_off)
        assert house.counts.violations == {"tls": 1}
        await eventually(lambda: house.open_sockets == 0)
    finally:
        client.kill()
        client.wait()
        wishes.close()
