"""The broker as a whole: it starts whole or not at all, stops, shows amqtt what is amqtt's, and counts."""

import asyncio
import contextlib
import logging
import socket

import pytest
import uvloop
from amqtt.broker import Broker, BrokerContext
from amqtt.errors import BrokerError
from msgspec.structs import replace

from broker.quiet_log import QuietLog
from broker.server import ListenFailed
from broker.settings import Listener, Scheme
from config.logs import as_text
from tests.broker.house import House
from tests.broker.raw import RawClient
from tests.support import eventually, free_port

HANDSHAKE = (
    b"GET /mqtt HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Protocol: mqtt\r\n\r\n"
)


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_it_is_amqtts_broker(house: House) -> None:
    assert isinstance(house.broker, Broker)
    assert house.broker.plugins_manager.plugins == []


@pytest.mark.parametrize("taken", [0, 1, 2])
async def test_a_taken_port_stops_the_start_with_nothing_left_open(house: House, taken: int) -> None:
    schemes = (Scheme.MQTT, Scheme.WS, Scheme.MQTT)
    ports = [free_port() for _ in schemes]
    listeners = tuple(Listener(scheme, port=port) for scheme, port in zip(schemes, ports, strict=True))
    with socket.create_server(("127.0.0.1", ports[taken])):
        second = house.another_broker(replace(house.settings, listeners=listeners))
        with pytest.raises(ListenFailed, match=rf"127\.0\.0\.1:{ports[taken]}: another program listens there"):
            await second.start()
        assert [port for port in ports if listens(port)] == [ports[taken]]


async def test_an_address_that_is_not_ours_is_named(house: House) -> None:
    host = "203.0.113.7"  # kept for documentation (RFC 5737): no machine has it
    elsewhere = (Listener(Scheme.MQTT, port=free_port()), Listener(Scheme.MQTT, host, port=free_port()))
    second = house.another_broker(replace(house.settings, listeners=elsewhere))
    with pytest.raises(ListenFailed, match=host):
        await second.start()


async def test_a_port_of_0_is_chosen_by_the_system(house: House) -> None:
    second = house.another_broker(replace(house.settings, listeners=(Listener(Scheme.MQTT), Listener(Scheme.WS))))
    with pytest.raises(BrokerError):
        assert second.tcp_port
    await second.start()
    assert second.tcp_port != second.ws_port
    assert listens(second.tcp_port)
    await second.shutdown()


async def test_it_listens_wherever_it_is_told_to(house: House) -> None:
    listeners = (
        Listener(Scheme.WS, path="/first"),
        Listener(Scheme.MQTT),
        Listener(Scheme.MQTT, "::1"),
        Listener(Scheme.WS, path="/second"),
    )
    second = house.another_broker(replace(house.settings, listeners=listeners))
    await second.start()
    try:
        assert [str(one).rpartition(":")[0] for one in second.bound] == [
            "ws://127.0.0.1", "mqtt://127.0.0.1", "mqtt://[::1]", "ws://127.0.0.1",
        ]  # fmt: skip
        assert (second.ws_port, second.tcp_port) == (second.bound[0].port, second.bound[1].port)
        for listener in second.bound:
            with socket.create_connection((listener.host, listener.port)):
                pass
        for number, status in ((0, b"404"), (3, b"101")):
            reader, writer = await asyncio.open_connection("127.0.0.1", second.bound[number].port)
            writer.write(HANDSHAKE.replace(b"/mqtt", b"/second"))
            assert (await reader.readline()).split()[1] == status
            writer.close()
    finally:
        await second.shutdown()


async def test_without_a_certificate_it_does_not_start_in_the_open_instead(house: House) -> None:
    ports = [free_port(), free_port()]
    listeners = (Listener(Scheme.MQTT, port=ports[0]), Listener(Scheme.MQTTS, port=ports[1]))
    second = house.another_broker(replace(house.settings, listeners=listeners))
    with pytest.raises(BrokerError, match="needs a certificate"):
        await second.start()
    assert not [port for port in ports if listens(port)]


@pytest.mark.parametrize("turns", range(5))
async def test_who_is_being_accepted_when_it_stops_is_not_left_behind(house: House, turns: int) -> None:
    if not isinstance(asyncio.get_running_loop(), uvloop.Loop):
        pytest.skip("asyncio's own server forgets a connection that it accepted just before its close (gh-109564)")
    with socket.create_connection(("127.0.0.1", house.broker.tcp_port)) as late:
        late.setblocking(False)
        for _ in range(turns):
            await asyncio.sleep(0)
        await house.broker.shutdown()
        with contextlib.suppress(ConnectionResetError):
            async with asyncio.timeout(2):
                assert await asyncio.get_running_loop().sock_recv(late, 1) == b""


async def test_after_a_stop_nothing_listens_and_it_can_start_again(house: House) -> None:
    port = house.broker.tcp_port
    await house.broker.shutdown()
    assert not listens(port)
    await house.broker.start()
    await house.assert_alive()


async def test_it_cannot_be_started_twice(house: House) -> None:
    with pytest.raises(BrokerError):
        await house.broker.start()


async def test_amqtts_context_sees_clients_subscriptions_and_retained_messages(house: House) -> None:
    console = await house.connect(house.person())
    await console.subscribe("hotels/h1/events")
    context = BrokerContext(house.broker)
    await context.retain_message("hotels/h1/monitor", b"watching", 1)
    await context.broadcast_message("hotels/h1/events", b"hello")
    assert (await console.take()).payload == b"hello"
    (session,) = context.sessions
    assert (session.client_id, session.username, session.password) == ("h1/user/ann/1", "h1/user/ann", None)
    assert [(name, len(who)) for name, who in context.subscriptions.items()] == [("hotels/h1/events", 1)]
    assert context.retained_messages["hotels/h1/monitor"].data == b"watching"


async def test_amqtts_own_data_path_is_shut(house: House) -> None:
    context = BrokerContext(house.broker)
    with pytest.raises(BrokerError):
        await context.add_subscription("h1/user/eve/1", "#", 1)
    with pytest.raises(BrokerError):
        await house.broker.stream_connected(None, None, "default")  # type: ignore[arg-type]


async def test_nothing_of_amqtts_runs_beside_ours(house: House) -> None:
    await house.assert_alive()
    names = {task.get_coro().__qualname__ for task in asyncio.all_tasks()}  # type: ignore[union-attr]
    assert not [name for name in names if name.startswith("Broker.")]


async def test_small_packets_leave_at_once(house: House) -> None:
    await house.connect(house.device())
    (connection,) = house.broker._hub._connections
    plug = connection._transport.get_extra_info("socket")  # type: ignore[union-attr]
    assert plug.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_what_happens_is_counted(house: House) -> None:
    console = await house.connect(house.person())
    await console.subscribe("hotels/h1/alerts/+", "#")
    tablet = await house.connect(house.device())
    await tablet.publish("hotels/h1/devices/d1/heartbeat", b"{}")
    await tablet.expect_puback(1)
    await house.broker.publish("hotels/h1/alerts/a", b"{}", retain=True)
    await console.take()
    intruder = await house.dial()
    await intruder.connect(house.device("d2")._replace(token="forged"))

    def value(name: str, **labels: str) -> float | None:
        return house.registry.get_sample_value(f"innwatch_mqtt_{name}", labels)

    assert value("connections", type="device", hotel="h1") == value("connections", type="user", hotel="h1") == 1
    assert value("sessions", state="connected") == 2
    assert value("connects_total") == 2
    assert value("connects_refused_total", reason="malformed") == 1
    assert value("filters_refused_total", reason="not-allowed") == 1
    assert value("messages_received_total") == value("messages_acknowledged_total") == 1
    assert value("messages_sent_total") == value("retained_messages") == value("subscriptions") == 1


async def test_many_come_and_go(house: House) -> None:
    tickets = [house.device(f"d{number}") for number in range(100)]

    async def visit(number: int) -> None:
        client: RawClient = await house.connect(tickets[number])
        await client.publish(f"hotels/h1/devices/d{number}/heartbeat", b"%d" % number)
        await client.expect_puback(1)
        await client.disconnect()

    async with asyncio.TaskGroup() as visitors:
        for number in range(100):
            visitors.create_task(visit(number))
    assert {int(payload) for payload in house.bridge.payloads} == set(range(100))
    await eventually(lambda: house.open_sockets == 0)


def test_a_peer_cannot_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    now = [0.0]
    log = QuietLog(logging.getLogger("broker.test"), seconds=lambda: now[0])
    for _ in range(100):
        log.say("publish refused", "not-allowed", client="h1/d1\n" + "x" * 200, address="10.0.0.1:1")
    log.say("publish refused", "retain")
    now[0] = 61.0
    log.say("publish refused", "not-allowed")
    first, second, third = (as_text(record) for record in caplog.records)
    assert first.startswith('publish refused: reason=not-allowed client="h1/d1\\nxxx')
    assert len(first) < 200
    assert second == "publish refused: reason=retain"
    assert third == "publish refused: reason=not-allowed more=99"
