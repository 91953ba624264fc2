"""What we rely on of aiomqtt and paho, private names included, against a real broker: it fails when they change."""

import asyncio
import inspect
import socket
from contextlib import suppress
from pathlib import Path

import aiomqtt
import pytest
from paho.mqtt.client import Client as Paho

from device_bridge import mqtt_wire
from device_bridge.mqtt_wire import BrokerAddress, Greeting, LogIn, WireLost, WireRefused, connected
from tests.support import Processes, eventually, free_port
from tests.support.mosquitto import Mosquitto

pytestmark = pytest.mark.server


class Ear:
    """A Receiver that remembers."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, bytes, int]] = []
        self.went_out: list[int] = []

    def arrived(self, name: str, payload: bytes, *, qos: int, retain: bool, packet_id: int) -> None:
        self.heard.append((name, payload, packet_id))

    def published(self, packet_id: int) -> None:
        self.went_out.append(packet_id)

    @property
    def payloads(self) -> list[bytes]:
        return [payload for _, payload, _ in self.heard]


def greeting(client_id: str = "bridge", *, password: str | None = None, is_clean: bool = False) -> Greeting:
    return Greeting(client_id=client_id, log_in=LogIn("bridge", password), is_clean=is_clean)


def at(port: int) -> BrokerAddress:
    return BrokerAddress("127.0.0.1", port)


@pytest.fixture
def mosquitto(processes: Processes, tmp_path: Path) -> Mosquitto:
    broker = Mosquitto(processes, tmp_path)
    broker.start()
    return broker


async def say(port: int, *payloads: bytes, qos: int = 1) -> None:
    async with aiomqtt.Client("127.0.0.1", port) as client:
        for payload in payloads:
            await client.publish("t", payload, qos=qos)


def test_the_private_names_are_there_and_take_what_they_are_given() -> None:
    assert list(inspect.signature(Paho._packet_queue).parameters)[:5] == ["self", "command", "packet", "mid", "qos"]
    assert list(inspect.signature(Paho._sock_close).parameters) == ["self"]
    assert "_client: mqtt.Client" in inspect.getsource(aiomqtt.Client.__init__)
    assert "_disconnected: asyncio.Future" in inspect.getsource(aiomqtt.Client.__init__)


async def test_nothing_is_acknowledged_before_we_say_so(mosquitto: Mosquitto) -> None:
    first, second, third = Ear(), Ear(), Ear()
    async with connected(at(mosquitto.port), greeting(), first) as wire:
        await wire.subscribe(["t"])
        await say(mosquitto.port, b"1", b"2", b"3")
        await eventually(lambda: len(first.heard) == 3)
    async with connected(at(mosquitto.port), greeting(), second) as wire:
        await eventually(lambda: second.payloads == [b"1", b"2", b"3"])
        wire.acknowledge([packet_id for _, _, packet_id in second.heard[:2]])
        await wire.subscribe(["other"])  # answered after the acknowledgments were taken
    async with connected(at(mosquitto.port), greeting(), third) as wire:
        await eventually(lambda: third.payloads == [b"3"])


async def test_a_wire_that_is_held_takes_nothing_in_and_loses_nothing(mosquitto: Mosquitto) -> None:
    ear = Ear()
    async with connected(at(mosquitto.port), greeting(is_clean=True), ear) as wire:
        await wire.subscribe(["t"])
        wire.hold()
        payloads = [str(number).encode() for number in range(500)]
        await say(mosquitto.port, *payloads, qos=0)
        await say(mosquitto.port, b"end")
        assert ear.heard == []
        wire.go_on()
        await eventually(lambda: len(ear.payloads) == len(payloads) + 1)
        # The end has a connection of its own, and may overtake what the broker has not read from the first.
        assert [one for one in ear.payloads if one != b"end"] == payloads


async def test_what_is_published_is_acknowledged_by_its_packet_id(mosquitto: Mosquitto) -> None:
    ear = Ear()
    async with connected(at(mosquitto.port), greeting(), ear) as wire:
        await wire.subscribe(["t"])
        sent = [wire.publish("t", str(number).encode(), retain=False) for number in range(50)]
        await eventually(lambda: ear.went_out == sent and len(ear.heard) == 50)


async def test_it_does_not_wait_for_more_to_send(mosquitto: Mosquitto) -> None:
    async with connected(at(mosquitto.port), greeting(), Ear()) as wire:
        assert wire._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


async def test_a_broker_that_dies_is_noticed(mosquitto: Mosquitto) -> None:
    async with connected(at(mosquitto.port), greeting(), Ear()) as wire:
        mosquitto.kill()
        assert await wire.lost() == "the connection was closed"
        assert not wire.is_open
        with pytest.raises(WireLost):
            wire.publish("t", b"", retain=False)


async def test_a_will_is_said_when_the_wire_is_dropped_and_not_after_a_goodbye(mosquitto: Mosquitto) -> None:
    will = Greeting(client_id="b", log_in=LogIn(None, None), is_clean=True, will=("w", b"gone"))
    ear = Ear()
    async with connected(at(mosquitto.port), greeting("ear"), ear) as listening:
        await listening.subscribe(["w"])
        async with connected(at(mosquitto.port), will, Ear()):
            pass
        async with connected(at(mosquitto.port), will, Ear()) as wire:
            wire.publish("w", b"still here", retain=False)
            await eventually(lambda: ear.heard)
            wire.drop()
            await eventually(lambda: ear.payloads == [b"still here", b"gone"])


async def test_a_broker_that_falls_silent_is_given_up_before_a_tablet_would_be(mosquitto: Mosquitto) -> None:
    async with connected(at(mosquitto.port), greeting(), Ear()) as wire:
        mosquitto.freeze()
        async with asyncio.timeout(2 * mqtt_wire.KEEP_ALIVE + 3):
            assert "keep alive" in await wire.lost()
    mosquitto.kill()  # one that is stopped does not end politely


async def test_a_wrong_password_is_a_refusal(processes: Processes, tmp_path: Path) -> None:
    (tmp_path / "passwords").write_text("")
    (tmp_path / "passwords").chmod(0o600)
    broker = Mosquitto(processes, tmp_path, f"password_file {tmp_path}/passwords")
    broker.start()
    with pytest.raises(WireRefused, match="not authorized"):
        async with connected(at(broker.port), greeting(password="wrong"), Ear()):
            pass


async def test_who_is_not_there_or_is_no_broker_is_told_apart_and_leaves_nothing_open() -> None:
    with pytest.raises(WireLost, match="connection refused"):
        async with connected(at(free_port()), greeting(), Ear()):
            pass
    closed = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1024):
            pass
        closed.set()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    async with server:
        with pytest.raises(WireLost, match="no answer as a broker would give it"):
            async with connected(at(server.sockets[0].getsockname()[1]), greeting(), Ear()):
                pass
        async with asyncio.timeout(1):
            await closed.wait()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            "[SSL: WRONG_VERSION_NUMBER] wrong version number (_ssl.c:1006)",
            "no TLS that we could speak (wrong version number)",
        ),
        (
            "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate has expired (_ssl.c:1006)",
            "certificate verify failed: certificate has expired",
        ),
        ("[Errno -2] Name or service not known", "name or service not known"),
    ],
)
def test_why_there_is_no_connection_is_told_in_words(error: str, words: str) -> None:
    assert mqtt_wire._why_not(error) == words


def test_a_log_in_shows_no_password() -> None:
    assert "s3cret" not in repr(LogIn("bridge", "s3cret"))


async def test_what_is_written_as_the_connection_ends_leaves_nothing_behind(mosquitto: Mosquitto) -> None:
    faults: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    async with connected(at(mosquitto.port), greeting(), Ear()) as wire:
        mosquitto.freeze()
        with suppress(WireLost):
            while not wire._paho.want_write():  # until the kernel takes no more
                wire.publish("t", bytes(200_000), retain=False)
        wire.drop()
        await asyncio.sleep(0.05)
    assert faults == []
