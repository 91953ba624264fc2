"""The CSV that `innwatch device add HOTEL --count N --prefix P --tokens --csv` prints, and others like it."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from msgspec import Struct

from bench.failure import BenchFailed


class Tablet(Struct, frozen=True):
    """One line: a device that may log in, and the topic of its heartbeats."""

    client_id: str
    username: str
    password: str
    topic: str
    device_id: str
    room_id: str
    bssid: str


def read_tablets(text: str) -> list[Tablet]:
    """Return the tablets of a CSV, with or without headings, in its order.

    Raises BenchFailed, naming the line but never a token, where a field or a heartbeat topic is wrong or a device comes
    twice.
    """
    tablets: dict[str, Tablet] = {}
    for number, row in enumerate(csv.reader(io.StringIO(text)), start=1):
        if number == 1 and row == list(Tablet.__struct_fields__):
            continue
        tablet = _tablet(row, number)
        if tablet.device_id in tablets:
            raise BenchFailed(f"line {number} of the credentials: {tablet.device_id} comes twice")
        tablets[tablet.device_id] = tablet
    return list(tablets.values())


def anonymous_tablets(count: int) -> list[Tablet]:
    """Return tablets like those of Innwatch for a broker that asks for no login."""
    return [
        Tablet(
            client_id=f"bench/tab-{n:05}",
            username="",
            password="",
            topic=f"hotels/bench/devices/tab-{n:05}/heartbeat",
            device_id=f"tab-{n:05}",
            room_id=f"room-{n:05}",
            bssid=f"02:00:00:00:{n >> 8:02x}:{n & 255:02x}",
        )
        for n in range(count)
    ]


def write_tablets(path: Path, tablets: Sequence[Tablet]) -> Path:
    lines = [Tablet.__struct_fields__, *(_fields(tablet) for tablet in tablets)]
    return _write(path, lines)


def write_login(path: Path, *, client_id: str, username: str, password: str) -> Path:
    """Write what a console logs in with: headings and one line."""
    return _write(path, [("client_id", "username", "password"), (client_id, username, password)])


def _tablet(row: Sequence[str], number: int) -> Tablet:
    if len(row) != len(Tablet.__struct_fields__):
        raise BenchFailed(f"line {number} of the credentials has {len(row)} fields")
    tablet = Tablet(*row)
    if not tablet.client_id or not tablet.device_id or not tablet.bssid:
        raise BenchFailed(f"line {number} of the credentials lacks a client id, a device or an access point")
    if not tablet.topic.endswith(f"/devices/{tablet.device_id}/heartbeat"):
        raise BenchFailed(f"line {number} of the credentials: {tablet.topic} is no heartbeat topic of the device")
    return tablet


def _fields(tablet: Tablet) -> tuple[str, ...]:
    return tuple(getattr(tablet, name) for name in Tablet.__struct_fields__)


def _write(path: Path, lines: Sequence[Sequence[str]]) -> Path:
    # The generator cuts at commas and knows no quotes; nothing that we write holds either.
    path.write_text("".join(",".join(line) + "\n" for line in lines))
    path.chmod(0o600)
    return path
