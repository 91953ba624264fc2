"""What the tests of the store begin with: a hotel with tablets in a real file, and batches to write into it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rules.alerts import AlertChange, Because, ChangeKind, Family, OpenAlert, Reason, Rule, Severity
from rules.ids import AlertId, DeviceId, HotelId, MessageId, RoomId
from rules.state import DeviceState, LinkState
from store import INNWATCH, Batch, InputKind, Limits, LocalDoorbell, Store, StoredMessage
from store.batch import DeviceChange
from store.limits import USUAL
from store.records import (
    Channel,
    Device,
    DeviceKey,
    EmailChannel,
    Hotel,
    NewDevice,
    NotificationState,
    Room,
    SlackChannel,
)
from store.sqlite import WriteLane
from store.sqlite_database import SqliteDatabase

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
HOTEL = HotelId("seaview")
OTHER = HotelId("hilltop")
MAIL = EmailChannel(("night@seaview.example",))
SLACK = SlackChannel("https://hooks.slack.example/services/T0/B0/secret")
WHY = (Reason(because=Because.SIGNAL_BELOW_FLOOR, observed=-88.0, limit=-80.0),)
ENDED = (Reason(because=Because.SIGNAL_RECOVERED),)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def url_of(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / 'innwatch.db'}"


ON_SQLITE = pytest.mark.parametrize("kind", ["sqlite"])
ON_POSTGRESQL = pytest.mark.parametrize("kind", [pytest.param("postgresql", marks=pytest.mark.server)])


async def open_at(url: str, *, limits: Limits = USUAL) -> Store:
    return await Store.open(url, doorbell=LocalDoorbell(), limits=limits)


async def open_store(folder: Path, *, lock_timeout: timedelta = timedelta(seconds=5)) -> Store:
    return await open_at(url_of(folder), limits=Limits(lock_timeout=lock_timeout))


def writer_of(store: Store) -> WriteLane:
    assert isinstance(store._database, SqliteDatabase)
    return store._database._writer


async def add_hotel(
    store: Store, hotel_id: HotelId = HOTEL, *, tablets: int = 2, channels: Sequence[Channel] = ()
) -> tuple[Device, ...]:
    """Add a hotel with tablets tab-0, tab-1, … in rooms 100, 101, …"""
    await store.add_hotel(Hotel(id=hotel_id, name=f"Hotel {hotel_id}"), channels=channels, by=INNWATCH, now=NOW)
    return await store.add_devices(hotel_id, [new_tablet(number) for number in range(tablets)], by=INNWATCH, now=NOW)


def new_tablet(number: int) -> NewDevice:
    room = Room(id=RoomId(str(100 + number)), floor="1", access_points=(f"aa:bb:cc:00:00:{number:02x}",))
    return NewDevice(id=DeviceId(f"tab-{number}"), room=room)


def heartbeat(
    device: Device,
    name: str,
    *,
    at: datetime = NOW,
    rssi: float | None = -60.0,
    battery: float | None = 80.0,
    late: bool = False,
) -> StoredMessage:
    return StoredMessage(
        hotel_id=device.hotel_id,
        device_key=device.key,
        kind=InputKind.HEARTBEAT,
        message_id=MessageId(name),
        received_at=at,
        ts=at - timedelta(milliseconds=150),
        late=late,
        body=b'{"id":"' + name.encode() + b'"}',
        rssi=rssi,
        bssid="aa:bb:cc:00:00:01",
        battery=battery,
        charging=False,
    )


def batch(
    *messages: StoredMessage,
    changes: Iterable[DeviceChange] = (),
    states: dict[DeviceKey, DeviceState] | None = None,
    at: datetime = NOW,
) -> Batch:
    return Batch(received_at=at, messages=list(messages), changes=list(changes), states=states or {})


def online(battery: float = 80.0) -> DeviceState:
    return DeviceState(link=LinkState.ONLINE, since=NOW, last_heard=NOW, battery=battery)


def an_alert(
    name: str = "A1",
    *,
    family: Family = Family.BREACH,
    severity: Severity = Severity.HIGH,
    opened_at: datetime = NOW,
    count: int = 1,
) -> OpenAlert:
    return OpenAlert(
        id=AlertId(name),
        family=family,
        rule=Rule.BREACH_SIGNAL,
        severity=severity,
        opened_at=opened_at,
        last_at=opened_at,
        count=count,
        why=WHY,
    )


def change(device: Device, kind: ChangeKind, alert: OpenAlert, *, at: datetime = NOW) -> DeviceChange:
    why = ENDED if kind is ChangeKind.CLEARED else alert.why
    return DeviceChange(
        hotel_id=device.hotel_id,
        device_key=device.key,
        device_id=device.id,
        room_id=device.room_id,
        floor="1",
        change=AlertChange(kind=kind, alert=alert, at=at, why=why),
    )


def opened(device: Device, name: str = "A1", **with_: object) -> DeviceChange:
    alert = an_alert(name, **with_)  # type: ignore[arg-type]
    return change(device, ChangeKind.OPENED, alert, at=alert.opened_at)


def cleared(device: Device, name: str = "A1", *, at: datetime = NOW, family: Family = Family.BREACH) -> DeviceChange:
    return change(device, ChangeKind.CLEARED, an_alert(name, family=family), at=at)


async def count_notifications(store: Store, hotel_id: HotelId) -> dict[NotificationState, int]:
    """How many stand in each state (those with none are absent)."""
    rows = await store._database.ask(
        "SELECT notification.state, count(*) FROM notification JOIN hotel ON hotel.key = notification.hotel_key"
        " WHERE hotel.id = :hotel GROUP BY notification.state",
        hotel=hotel_id,
    )
    return {NotificationState(row[0]): row[1] for row in rows}
