"""Clients that others wrote: paho, aiomqtt, and the command line of Mosquitto, over TCP and websocket."""

import asyncio
import logging
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import aiomqtt
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from tests.broker.house import House
from tests.broker.raw import Ticket
from tests.support import eventually, requires

BEAT = "hotels/h1/devices/d1/heartbeat"
STATE = "hotels/h1/devices/d1/state"


@contextmanager
def paho_client(
    ticket: Ticket, port: int, *, transport: Literal["tcp", "websockets"] = "tcp", protocol: int = paho.MQTTv311
) -> Iterator[tuple[paho.Client, "queue.Queue[str]"]]:
    """A client on a thread of its own, and the word of how its CONNECT went."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2,
        client_id=ticket.client_id,
        transport=transport,
        protocol=protocol,  # type: ignore[arg-type]
        reconnect_on_failure=False,
    )
    client.username_pw_set(ticket.username, ticket.token)
    outcome: queue.Queue[str] = queue.Queue()
    client.on_connect = lambda *args: outcome.put(str(args[3]))
    client.connect_async("127.0.0.1", port, keepalive=30)
    client.loop_start()
    try:
        yield client, outcome
    finally:
        client.disconnect()
        client.loop_stop()


async def said(outcome: "queue.Queue[str]") -> str:
    await eventually(lambda: not outcome.empty())
    return outcome.get_nowait()


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
@pytest.mark.mqtt("7.0.0-2", "7.1.1-1")
async def test_paho_publishes_and_is_acknowledged(house: House, transport: Literal["tcp", "websockets"]) -> None:
    port = house.broker.tcp_port if transport == "tcp" else house.broker.ws_port
    with paho_client(house.device(), port, transport=transport) as (client, outcome):
        assert await said(outcome) == "Success"
        message = client.publish(BEAT, b"{}", qos=1)
        await eventually(message.is_published)
    assert house.bridge.payloads == [b"{}"]


@pytest.mark.parametrize("transport", ["tcp", "websockets"])
@pytest.mark.mqtt("7.0.0-2", "7.1.1-1")
async def test_paho_subscribes(house: House, transport: Literal["tcp", "websockets"]) -> None:
    port = house.broker.tcp_port if transport == "tcp" else house.broker.ws_port
    got: list[tuple[str, bytes | bytearray, int, bool]] = []
    codes: list[int] = []
    with paho_client(house.person(), port, transport=transport) as (client, outcome):
        client.on_message = lambda _c, _u, message: got.append(
            (message.topic, message.payload, message.qos, message.retain)
        )
        client.on_subscribe = lambda *args: codes.extend(code.value for code in args[3])
        assert await said(outcome) == "Success"
        await house.broker.publish("hotels/h1/alerts/a1", b"kept", retain=True)
        client.subscribe([("hotels/h1/alerts/+", 1), ("hotels/h1/devices/+/heartbeat", 1)])
        await eventually(lambda: got)
        await house.broker.publish("hotels/h1/alerts/a2", b"live")
        await eventually(lambda: len(got) == 2)
    assert codes == [1, 0x80]
    assert got == [("hotels/h1/alerts/a1", b"kept", 1, True), ("hotels/h1/alerts/a2", b"live", 1, False)]


async def test_paho_is_told_that_it_is_not_authorized(house: House) -> None:
    ticket = house.device("d2")._replace(username="h1/d1")
    with paho_client(ticket, house.broker.tcp_port) as (_, outcome):
        assert await said(outcome) == "Not authorized"


@pytest.mark.mqtt("3.1.2-2")
async def test_paho_speaking_mqtt_5_is_told_that_we_do_not(house: House) -> None:
    with paho_client(house.device(), house.broker.tcp_port, protocol=paho.MQTTv5) as (_, outcome):
        assert await said(outcome) == "Unsupported protocol version"


def aiomqtt_client(house: House, ticket: Ticket, **options: object) -> aiomqtt.Client:
    return aiomqtt.Client(
        "127.0.0.1",
        house.broker.tcp_port,
        username=ticket.username,
        password=ticket.token,
        identifier=ticket.client_id,
        protocol=aiomqtt.ProtocolVersion.V311,
        logger=logging.getLogger("aiomqtt.test"),
        **options,  # type: ignore[arg-type]
    )


@pytest.mark.asyncio(loop_factories=["asyncio"])
@pytest.mark.mqtt("7.0.0-2")
async def test_aiomqtt_gets_what_it_subscribed_to(house: House) -> None:
    async with aiomqtt_client(house, house.person()) as client:
        await client.subscribe("hotels/h1/events", qos=1)
        for number in range(100):
            await house.broker.publish("hotels/h1/events", b"%d" % number)
        got = []
        async with asyncio.timeout(5):
            async for message in client.messages:
                assert isinstance(message.payload, bytes)
                got.append(int(message.payload))
                if len(got) == 100:
                    break
    assert got == list(range(100))


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_aiomqtts_publish_returns_when_the_bridge_has_stored(house: House) -> None:
    house.bridge.settling = False
    async with aiomqtt_client(house, house.device()) as client, asyncio.TaskGroup() as tasks:
        publishing = tasks.create_task(client.publish(BEAT, b"{}", qos=1))
        await eventually(lambda: house.bridge.got)
        assert not publishing.done()
        house.bridge.got[0].settle()
        await publishing


@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_aiomqtts_will_is_published_when_its_line_breaks(house: House) -> None:
    will = aiomqtt.Will(STATE, b"lost", qos=1)
    async with aiomqtt_client(house, house.device(), will=will) as client:
        house.wire("h1/d1").abort()
        await eventually(lambda: house.bridge.payloads == [b"lost"])
        with pytest.raises(aiomqtt.MqttError):
            async for _ in client.messages:
                pass


async def mosquitto(program: str, house: House, ticket: Ticket, *arguments: str) -> tuple[int | None, str]:
    process = await asyncio.create_subprocess_exec(
        requires(program), "-h", "127.0.0.1", "-p", str(house.broker.tcp_port), "-i", ticket.client_id,
        "-u", ticket.username, "-P", ticket.token, *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    async with asyncio.timeout(10):
        output, _ = await process.communicate()
    return process.returncode, output.decode()


@pytest.mark.server
@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_mosquitto_pub_is_heard(house: House) -> None:
    code, output = await mosquitto("mosquitto_pub", house, house.device(), "-t", BEAT, "-q", "1", "-m", "{}")
    assert (code, output) == (0, "")
    assert house.bridge.payloads == [b"{}"]


@pytest.mark.server
@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_mosquitto_sub_hears(house: House) -> None:
    await house.broker.publish("hotels/h1/alerts/a1", b"kept", retain=True)
    ticket = house.person()
    code, output = await mosquitto(
        "mosquitto_sub", house, ticket, "-t", "hotels/h1/alerts/+", "-q", "1", "-C", "1", "-v", "-W", "5"
    )
    assert (code, output) == (0, "hotels/h1/alerts/a1 kept\n")


@pytest.mark.server
@pytest.mark.asyncio(loop_factories=["asyncio"])
async def test_mosquitto_pub_with_a_bad_token_is_told_so(house: House) -> None:
    ticket = house.device()._replace(token=house.device("d2").token)
    code, output = await mosquitto("mosquitto_pub", house, ticket, "-t", BEAT, "-q", "1", "-m", "{}")
    assert code == 5
    assert "not authorised" in output.lower()


# QoS 2 and sessions that are kept, as paho understands them


@contextmanager
def lasting(house: House, ticket: Ticket) -> Iterator[tuple[paho.Client, "queue.Queue[tuple[str, bool]]"]]:
    """A client with a session that is kept; each answer to its CONNECT says whether the session was there."""
    client = paho.Client(
        CallbackAPIVersion.VERSION2, client_id=ticket.client_id, clean_session=False, protocol=paho.MQTTv311
    )
    client.username_pw_set(ticket.username, ticket.token)
    client.reconnect_delay_set(min_delay=1, max_delay=1)
    answers: queue.Queue[tuple[str, bool]] = queue.Queue()
    client.on_connect = lambda *args: answers.put((str(args[3]), args[2].session_present))
    client.connect_async("127.0.0.1", house.broker.tcp_port, keepalive=30)
    client.loop_start()
    try:
        yield client, answers
    finally:
        client.disconnect()
        client.loop_stop()


async def answered(answers: "queue.Queue[tuple[str, bool]]") -> tuple[str, bool]:
    await eventually(lambda: not answers.empty())
    return answers.get_nowait()


@pytest.mark.parametrize("qos", [1, 2])
async def test_paho_gets_each_message_once_across_restarts(house: House, qos: int) -> None:
    got: list[int] = []
    topic = "hotels/h1/ext/opera/door"
    with (
        lasting(house, house.integrator(app="reader")) as (reader, heard),
        lasting(house, house.integrator(app="writer")) as (writer, said),
    ):
        reader.on_message = lambda _c, _u, message: got.append(int(message.payload))
        subscribed = queue.Queue[object]()
        reader.on_subscribe = lambda *args: subscribed.put(args)
        assert await answered(heard) == await answered(said) == ("Success", False)
        reader.subscribe(topic, qos)
        await eventually(lambda: not subscribed.empty())
        for part in range(3):
            sent = [writer.publish(topic, b"%d" % n, qos=qos) for n in range(part * 50, part * 50 + 50)]
            if part < 2:
                await eventually(sent[10].is_published)
                await house.restart()
                assert await answered(heard) == await answered(said) == ("Success", True)
            for one in sent:
                await eventually(one.is_published)
        await eventually(lambda: set(got) == set(range(150)))
    assert qos == 1 or got == list(range(150))
