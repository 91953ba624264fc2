"""What simulated tablets are tested against: a plain broker, and somebody who answers them as the bridge would."""

import contextlib
import getpass
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
from msgspec import Struct
from paho.mqtt import client as paho
from paho.mqtt.enums import CallbackAPIVersion

from broker.settings import TlsFiles
from broker.topics import Kind, Topic, parse
from config.simulate.identity import TabletIdentity
from device_bridge.decode import Decoded, Rejected, decode
from rules.ids import DeviceId, HotelId, RoomId
from rules.messages import Heartbeat, Report, Result, State
from tests.support import Process, Processes, eventually_sync, free_port, requires


def identities(count: int, *, interval: float = 10.0) -> tuple[TabletIdentity, ...]:
    """Return tablets of one floor, each with an access point of its own."""
    return tuple(
        TabletIdentity(
            hotel_id=HotelId("h"),
            device_id=DeviceId(f"t{number}"),
            room_id=RoomId(f"r{number}"),
            floor="1",
            bssid=f"02:aa:00:00:00:{number:02x}",
            token="t",
            interval=interval,
        )
        for number in range(1, count + 1)
    )


class PlainBroker:
    """Mosquitto on a port of its own, with `tls` on a second one too."""

    def __init__(
        self, processes: Processes, folder: Path, *, strangers: bool = True, tls: TlsFiles | None = None
    ) -> None:
        self.port, self.tls_port = free_port(), free_port()
        self._processes = processes
        self._program = requires("mosquitto")
        self._config = folder / "mosquitto.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous {str(strangers).lower()}\n")
        if tls is not None:
            self._config.write_text(
                f"user {getpass.getuser()}\n{self._config.read_text()}listener {self.tls_port} 127.0.0.1\n"
                f"certfile {tls.certificate}\nkeyfile {tls.key}\n"
            )
        self._process: Process | None = None

    def start(self) -> None:
        self._process = self._processes.start([self._program, "-c", self._config])
        eventually_sync(self._answers)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()

    def _answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False


_HEARD = ("heartbeat", "alert", "state", "backlog", "result")


class Heard(Struct, frozen=True):
    topic: Topic
    message: Heartbeat | Report | State | Result
    late: bool


class Desk:
    """Decodes what tablets say with the bridge's own decoder, and answers `stored`."""

    def __init__(self, port: int) -> None:
        self.heard: list[Heard] = []
        self.refused: list[Rejected] = []
        self._client = paho.Client(CallbackAPIVersion.VERSION2, "desk")
        self._client.on_connect = self._subscribe
        self._client.on_message = self._hear
        self._client.reconnect_delay_set(1, 1)
        self._port = port
        self._subscribed = False

    @contextlib.contextmanager
    def listening(self) -> Iterator["Desk"]:
        self._client.on_subscribe = lambda *_: setattr(self, "_subscribed", True)
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        try:
            eventually_sync(lambda: self._subscribed)
            yield self
        finally:
            self._client.disconnect()
            self._client.loop_stop()

    def states(self, device: str = "t1") -> list[State]:
        return [one.message for one in self.of(device) if isinstance(one.message, State)]

    def reports(self, device: str = "t1") -> list[Report]:
        return [one.message for one in self.of(device) if isinstance(one.message, Report)]

    def beats(self, device: str = "t1") -> list[Heartbeat]:
        return [one.message for one in self.of(device) if isinstance(one.message, Heartbeat)]

    def results(self, device: str = "t1") -> list[Result]:
        return [one.message for one in self.of(device) if isinstance(one.message, Result)]

    def command(self, name: str, command_id: str, *, device: str = "t1") -> None:
        """Ask a tablet to do something."""
        body = {"id": command_id, "name": name, "args": {}, "expiresAt": datetime.now(UTC) + timedelta(minutes=1)}
        self._client.publish(f"hotels/h/devices/{device}/command", msgspec.json.encode(body), qos=1)

    def of(self, device: str) -> list[Heard]:
        return [one for one in self.heard if one.topic.subject == device]

    def _subscribe(self, client: paho.Client, *_: object) -> None:
        client.subscribe([(f"hotels/+/devices/+/{kind}", 1) for kind in _HEARD])

    def _hear(self, client: paho.Client, _userdata: object, message: paho.MQTTMessage) -> None:
        topic = parse(message.topic)
        assert topic is not None
        results = decode(topic, bytes(message.payload), retain=False, received_at=datetime.now(UTC))
        self.refused += [one for one in results if isinstance(one, Rejected)]
        taken = [one for one in results if isinstance(one, Decoded)]
        for one in taken:
            assert isinstance(one.message, Heartbeat | Report | State | Result)
            self.heard.append(Heard(topic, one.message, one.late))
        judged = [one.message.id for one in taken if topic.kind is not Kind.HEARTBEAT]
        if judged:
            answer = {"for": [{"id": message_id, "verdict": "stored"} for message_id in judged]}
            client.publish(message.topic.rpartition("/")[0] + "/receipt", msgspec.json.encode(answer), qos=1)


def until(done: Callable[[], bool], stop: Callable[[], None]) -> Callable[[float], None]:
    """Return what a fleet should ask at every tick in order to stop when something is true."""

    def look(_at: float) -> None:
        if done():
            stop()

    return look
