"""A quarter of an hour at 1,000 heartbeats a second on one server: does anything grow?

Every few seconds: memory and open files of each process, how much waits in the bridge, and how long one more tablet
waits for its acknowledgment. Flat means that the last third is not above the first.
"""

import statistics
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import urlsplit

import msgspec
import paho.mqtt.client as mqtt
from msgspec import Struct
from paho.mqtt.enums import CallbackAPIVersion

from bench.credentials import Tablet, read_tablets
from bench.failure import BenchFailed
from bench.figures import BUSY, BUSY_IN_FLIGHT, Findings, Key, Measured
from bench.generator import Load
from bench.house import House
from bench.machine import open_files, resident_kib
from bench.one_server import OneServer
from bench.picture import Curve, draw

EVERY_S = 3.0
ANSWER_WITHIN_S = 10.0
PARTS = ("broker", "bridge", "api", "worker")


class Look(Struct, frozen=True):
    """`at` in seconds since the first look, memory in MB, `waiting` in messages, the acknowledgment in ms."""

    at: float
    memory: Mapping[str, float]
    files: Mapping[str, int]
    waiting: float
    acknowledged_ms: float


def measure(house: House) -> Findings:
    plan = house.plan
    with house.one_server() as server:
        tablets = server.add_tablets(plan.some + 1)
        *_, probe = read_tablets(tablets.read_text())
        load = Load(
            url=server.broker.mqtt_url,
            tablets=tablets,
            count=plan.some,
            seconds=plan.soak_s,
            warm_up=plan.some / BUSY + 2,
            rate=BUSY,
            in_flight=BUSY_IN_FLIGHT,
        )
        with _looked_at(server, probe) as looks:
            run = house.run("soak", load, server="innwatch", pid=server.parts["bridge"])
        house.settled("soak", run.acknowledged + len(looks), on=server)
    looks = [look for look in looks if look.at > load.warm_up]
    if plan.soak_picture is not None:
        plan.soak_picture.write_text(draw(_curves(looks)))
    return {
        Key.SOAK_MEMORY: Measured(max(_growth(looks, _memory_of(part)) for part in PARTS)),
        Key.SOAK_FILES: Measured(max(_growth(looks, _files_of(part)) for part in PARTS)),
        Key.SOAK_WAITING: Measured(max(look.waiting for look in looks)),
        Key.SOAK_ACK: Measured(_growth(looks, lambda look: look.acknowledged_ms)),
    }


@contextmanager
def _looked_at(server: OneServer, probe: Tablet) -> Iterator[list[Look]]:
    """Look while the block runs; all looks are there when it has ended. Raises BenchFailed when one failed."""
    looks: list[Look] = []
    failures: list[Exception] = []
    ended = threading.Event()

    def look_on() -> None:
        try:
            with _connected(server, probe) as ask:
                begun = time.monotonic()
                while not ended.wait(EVERY_S):
                    looks.append(_look(server, at=time.monotonic() - begun, acknowledged_ms=ask()))
        except Exception as failure:  # noqa: BLE001, raised below, on the thread that measures
            failures.append(failure)

    looking = threading.Thread(target=look_on)
    looking.start()
    try:
        yield looks
    finally:
        ended.set()
        looking.join()
    if failures:
        raise BenchFailed(f"one more tablet beside the soak: {failures[0]}")


def _look(server: OneServer, *, at: float, acknowledged_ms: float) -> Look:
    return Look(
        at=at,
        memory={part: resident_kib(server.parts[part]) * 1024 / 1e6 for part in PARTS},
        files={part: open_files(server.parts[part]) for part in PARTS},
        waiting=server.metric("innwatch_inputs_waiting") + server.metric("innwatch_broker_unacknowledged"),
        acknowledged_ms=acknowledged_ms,
    )


@contextmanager
def _connected(server: OneServer, probe: Tablet) -> Iterator[Callable[[], float]]:
    """One more tablet: each call sends a heartbeat and says how many ms its PUBACK took."""
    place = urlsplit(server.broker.mqtt_url)
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id=probe.client_id)
    client.username_pw_set(probe.username, probe.password)
    client.connect(place.hostname or "", place.port or 0, keepalive=30)
    client.loop_start()

    def ask() -> float:
        begun = time.perf_counter()
        said = {"id": f"soak-{time.monotonic_ns()}", "ts": datetime.now(UTC), "wifiBssid": probe.bssid, "rssi": -55}
        client.publish(probe.topic, msgspec.json.encode(said), qos=1).wait_for_publish(ANSWER_WITHIN_S)
        return (time.perf_counter() - begun) * 1000

    try:
        yield ask
    finally:
        client.disconnect()
        client.loop_stop()


def _growth(looks: Sequence[Look], of: Callable[[Look], float]) -> float:
    """The median of the last third over the median of the first, in percent more."""
    third = len(looks) // 3
    if not third:
        raise BenchFailed("too short for a soak")
    first, last = (statistics.median(map(of, part)) for part in (looks[:third], looks[-third:]))
    return (last / first - 1) * 100


def _memory_of(part: str) -> Callable[[Look], float]:
    return lambda look: look.memory[part]


def _files_of(part: str) -> Callable[[Look], float]:
    return lambda look: look.files[part]


def _curves(looks: Sequence[Look]) -> list[Curve]:
    minutes = [look.at / 60 for look in looks]
    return [
        *(Curve(f"{part}: memory, MB", minutes, [look.memory[part] for look in looks]) for part in PARTS),
        Curve("open files of all", minutes, [sum(look.files.values()) for look in looks]),
        Curve("messages that wait in the bridge", minutes, [look.waiting for look in looks]),
        Curve("acknowledgment, ms", minutes, [look.acknowledged_ms for look in looks]),
    ]
