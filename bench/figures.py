"""What is measured: every line of the table, and what is asked of it. The one place where a target stands."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import Literal

from msgspec import Struct


class Key(StrEnum):
    """The figures' names in the code and in the JSON."""

    STORED = "stored"
    CPU_FEW = "cpu-few"
    CPU_SATURATED = "cpu-saturated"
    CPU_PACED = "cpu-paced"
    ACK_P50 = "ack-p50"
    ACK_P99 = "ack-p99"
    WEBSOCKET_P50 = "websocket-p50"
    WEBSOCKET_P99 = "websocket-p99"
    STREAM_P50 = "stream-p50"
    STREAM_P99 = "stream-p99"
    STREAM_MORE = "stream-more"
    STORM_WEBSOCKET_P50 = "storm-websocket-p50"
    STORM_WEBSOCKET_P99 = "storm-websocket-p99"
    STORM_STREAM_P50 = "storm-stream-p50"
    STORM_STREAM_P99 = "storm-stream-p99"
    MEMORY_ALONE = "memory-alone"
    MEMORY_SOME = "memory-some"
    MEMORY_MANY = "memory-many"
    MEMORY_TABLET = "memory-tablet"
    LOGINS = "logins"
    HEARTBEAT_GROWTH = "heartbeat-growth"
    IDLE = "idle"
    ALERT = "alert"
    IDLE_CONSOLES = "idle-consoles"
    OVERLOAD_STORED = "overload-stored"
    OVERLOAD_ACK_P99 = "overload-ack-p99"
    OVERLOAD_MEMORY = "overload-memory"
    OVERLOAD_GROWTH = "overload-growth"
    OVERLOAD_RECOVERY = "overload-recovery"
    SERVER_STORED = "server-stored"
    SERVER_CPU = "server-cpu"
    SERVER_CPU_BRIDGE = "server-cpu-bridge"
    SERVER_CPU_BROKER = "server-cpu-broker"
    SERVER_CPU_DATABASE = "server-cpu-database"
    SERVER_P50 = "server-p50"
    SERVER_P99 = "server-p99"
    FOREIGN_STORED = "foreign-stored"
    FOREIGN_CPU = "foreign-cpu"
    FOREIGN_CPU_BRIDGE = "foreign-cpu-bridge"
    FOREIGN_P50 = "foreign-p50"
    FOREIGN_P99 = "foreign-p99"
    SOAK_MEMORY = "soak-memory"
    SOAK_FILES = "soak-files"
    SOAK_WAITING = "soak-waiting"
    SOAK_ACK = "soak-ack"
    QUERIES = "queries"
    QUERIES_SLOWEST = "queries-slowest"
    REPLAY = "replay"
    REPLAY_PROPOSED = "replay-proposed"


class Measured(Struct, frozen=True):
    """One figure of one round, ours and, where the same can be asked of it, Mosquitto's."""

    innwatch: float
    mosquitto: float | None = None


Findings = dict[Key, Measured]


class Target(Struct, frozen=True):
    """What a figure must not cross, and what it should not: our value, or its ratio to Mosquitto's in the same run."""

    bound: Literal["≤", "≥"]
    must: float
    goal: float | None = None
    of_ratio: bool = False

    def holds(self, value: float, limit: float) -> bool:
        return value <= limit if self.bound == "≤" else value >= limit


class Figure(Struct, frozen=True):
    """A line of the table; `name` may name fields of the plan, `digits` stand behind the point."""

    key: Key
    name: str
    digits: int = 0
    target: Target | None = None


RATE = 500
"""Messages a second in the phases that measure latency: a hotel group of 5,000 tablets in the normal profile."""

EVERY = 10
"""In the phase of mixed load every tenth message is a breach Report."""

BUSY = 1000
"""Heartbeats a second where the number of tablets is what varies: 10,000 tablets in the normal profile."""

BUSY_IN_FLIGHT = 4
"""So that two hundred tablets can send so many through a pause of half a second."""

_OURS, _THEIRS = "one server", "one server on Mosquitto"
_MIXED = f"{RATE}/s, every {EVERY}th a Report"

FIGURES: Sequence[Figure] = (
    Figure(Key.STORED, "stored heartbeats/s, QoS 1, {some:,} tablets", 0, Target("≥", 0.28, 0.38, of_ratio=True)),
    Figure(Key.CPU_FEW, "CPU s per 10,000 stored, saturated, {few:,} tablets", 3, Target("≤", 0.35, 0.25)),
    Figure(Key.CPU_SATURATED, "CPU s per 10,000 stored, saturated, {some:,} tablets", 3, Target("≤", 0.35, 0.25)),
    Figure(Key.CPU_PACED, f"CPU s per 10,000 stored at {RATE}/s", 3, Target("≤", 2.2, 1.8)),
    Figure(Key.ACK_P50, f"acknowledgment at {RATE}/s, p50 ms", 2, Target("≤", 5, 3)),
    Figure(Key.ACK_P99, f"acknowledgment at {RATE}/s, p99 ms", 2, Target("≤", 12, 8)),
    Figure(Key.WEBSOCKET_P50, f"breach → console by websocket, {_MIXED}, p50 ms", 2, Target("≤", 2, 1)),
    Figure(Key.WEBSOCKET_P99, f"breach → console by websocket, {_MIXED}, p99 ms", 2, Target("≤", 8, 4)),
    Figure(Key.STREAM_P50, f"breach → console by event stream, {_MIXED}, p50 ms", 2),
    Figure(Key.STREAM_P99, f"breach → console by event stream, {_MIXED}, p99 ms", 2),
    Figure(Key.STREAM_MORE, "the event stream's p50 less the websocket's, ms", 2, Target("≤", 1)),
    Figure(Key.STORM_WEBSOCKET_P50, f"breach → console by websocket, {RATE} Reports/s, p50 ms", 2),
    Figure(Key.STORM_WEBSOCKET_P99, f"breach → console by websocket, {RATE} Reports/s, p99 ms", 2),
    Figure(Key.STORM_STREAM_P50, f"breach → console by event stream, {RATE} Reports/s, p50 ms", 2),
    Figure(Key.STORM_STREAM_P99, f"breach → console by event stream, {RATE} Reports/s, p99 ms", 2),
    Figure(Key.MEMORY_ALONE, "memory of the whole process, no tablets, MB", 1, Target("≤", 170, 120)),
    Figure(Key.MEMORY_SOME, "memory with {some:,} tablets connected and heard, MB", 1),
    Figure(Key.MEMORY_MANY, "memory with {many:,} tablets connected and heard, MB", 1),
    Figure(Key.MEMORY_TABLET, "memory for a connected tablet with its state, kB", 1, Target("≤", 14, 8)),
    Figure(Key.LOGINS, "CONNECTs/s with one subscription each, ours with JWT", 0, Target("≥", 2500, 4000)),
    Figure(
        Key.HEARTBEAT_GROWTH, f"CPU of a heartbeat at {BUSY:,}/s, {{few:,}} → {{many:,}} tablets, ×", 2,
        Target("≤", 1.5, 1.35),
    ),
    Figure(Key.IDLE, "{many:,} idle tablets, keep-alive 60 s, % of a core", 2, Target("≤", 3)),
    Figure(Key.ALERT, "a retained alert to {consoles:,} consoles, CPU µs each", 1, Target("≤", 20)),
    Figure(Key.IDLE_CONSOLES, "what {consoles:,} idle consoles cost a heartbeat, saturated, %", 1, Target("≤", 5)),
    Figure(Key.OVERLOAD_STORED, "3 × overload: stored/s", 0),
    Figure(Key.OVERLOAD_ACK_P99, "3 × overload: acknowledgment, p99 ms", 0),
    Figure(Key.OVERLOAD_MEMORY, "3 × overload: highest memory, MB", 1),
    Figure(Key.OVERLOAD_GROWTH, "3 × overload: its growth in the second half, %", 1, Target("≤", 10)),
    Figure(Key.OVERLOAD_RECOVERY, "3 × overload: s until acknowledged as before", 0, Target("≤", 10)),
    Figure(Key.SERVER_STORED, f"{_OURS}: stored heartbeats/s, {{some:,}} tablets", 0, Target("≥", 8000)),
    Figure(Key.SERVER_CPU, f"{_OURS}: CPU s per 10,000, all processes", 2, Target("≤", 1.8)),
    Figure(Key.SERVER_CPU_BRIDGE, f"{_OURS}: CPU s per 10,000, the bridge", 2, Target("≤", 1.3)),
    Figure(Key.SERVER_CPU_BROKER, f"{_OURS}: CPU s per 10,000, the broker", 2),
    Figure(Key.SERVER_CPU_DATABASE, f"{_OURS}: CPU s per 10,000, PostgreSQL", 2),
    Figure(Key.SERVER_P50, f"{_OURS}: breach → console by websocket, {_MIXED}, p50 ms", 2, Target("≤", 4)),
    Figure(Key.SERVER_P99, f"{_OURS}: breach → console by websocket, {_MIXED}, p99 ms", 2, Target("≤", 12)),
    Figure(Key.FOREIGN_STORED, f"{_THEIRS}: stored heartbeats/s, {{some:,}} tablets", 0, Target("≥", 8000)),
    Figure(Key.FOREIGN_CPU, f"{_THEIRS}: CPU s per 10,000, all processes", 2, Target("≤", 1.8)),
    Figure(Key.FOREIGN_CPU_BRIDGE, f"{_THEIRS}: CPU s per 10,000, the bridge", 2, Target("≤", 1.3)),
    Figure(Key.FOREIGN_P50, f"{_THEIRS}: breach → console by websocket, {_MIXED}, p50 ms", 2, Target("≤", 4)),
    Figure(Key.FOREIGN_P99, f"{_THEIRS}: breach → console by websocket, {_MIXED}, p99 ms", 2, Target("≤", 12)),
    Figure(Key.SOAK_MEMORY, "soak: memory of the process that grew most, last third to first, %", 1, Target("≤", 5)),
    Figure(Key.SOAK_FILES, "soak: open files of the process that grew most, last third to first, %", 1, Target("≤", 5)),
    Figure(Key.SOAK_WAITING, "soak: messages that waited in the bridge, at most", 0, Target("≤", 1000)),
    Figure(Key.SOAK_ACK, "soak: acknowledgment, median of the last third to the first, %", 1, Target("≤", 25)),
    Figure(Key.QUERIES, "API: the question that grew most, 10 thousand → 1 million alerts, ×", 2, Target("≤", 2)),
    Figure(Key.QUERIES_SLOWEST, "API: the slowest question at 1 million alerts, ms", 2),
    Figure(Key.REPLAY, "replay of a million inputs as they were judged, inputs/s on one core", 0, Target("≥", 50_000)),
    Figure(Key.REPLAY_PROPOSED, "the same with another floor for the whole hotel", 0, Target("≥", 50_000)),
)  # fmt: skip


class Plan(Struct, frozen=True, kw_only=True):
    """How much is measured. Each tablet reports at most once a server, so that every Report opens an alert."""

    rounds: int
    seconds: float
    warm_up: float = 1.5
    few: int = 200
    some: int = 2000
    many: int = 10_000
    consoles: int = 500
    overload_s: float = 60
    calm_s: float = 15
    soak_s: float = 900
    soak_picture: Path | None = None
    plans: Path | None = None

    @property
    def mixed_reports(self) -> int:
        return min(int(self.seconds * RATE / EVERY), self.some // 4)

    @property
    def storm_reports(self) -> int:
        return min(int(self.seconds * RATE), self.some - self.mixed_reports)

    @property
    def sockets(self) -> int:
        """How many connections a server holds at once, at most."""
        return max(self.many, self.some + self.consoles)
