"""A past to look back on, as the bridge would have stored it."""

from datetime import datetime, timedelta

import msgspec

from rules.ids import HotelId, MessageId
from rules.inputs import AssignmentRecord, InputKind, InventoryRecord, RoomRecord
from rules.policy import Policy, Profile
from store import Batch, Store, StoredMessage
from store.records import Device, DeviceKey

BSSID = "aa:00:00:00:00:01"
FIVE_MINUTES = (*range(0, 180, 10), *range(208, 300, 10))
"""Seconds at which a tablet of the normal profile was heard that was silent for 38 s, which it may be."""


async def have_heard(
    store: Store,
    device: Device,
    *,
    begins: datetime,
    at: tuple[int, ...] = FIVE_MINUTES,
    silence_grace: timedelta | None = None,
) -> None:
    """Heartbeats `at` seconds after `begins`, all of them good, in a room with a floor of -70 dBm."""
    hotel, room = device.hotel_id, device.room_id
    inventory = InventoryRecord(1, Profile.NORMAL, (RoomRecord(id=room, access_points=(BSSID,)),))
    assignment = AssignmentRecord(1, room, Policy(rssi_floor=-70, silence_grace=silence_grace))
    rows = [
        _row(hotel, None, InputKind.INVENTORY, "inventory:1", begins, inventory),
        _row(hotel, device.key, InputKind.ASSIGNMENT, "assignment:1", begins, assignment),
    ]
    for number, second in enumerate(at):
        received = begins + timedelta(seconds=second)
        body = {"id": f"past-{number}", "ts": received, "rssi": -50, "wifiBssid": BSSID, "battery": 80}
        rows.append(_row(hotel, device.key, InputKind.HEARTBEAT, f"past-{number}", received, body))
    await store.apply(Batch(received_at=begins, messages=rows))


def _row(
    hotel: HotelId, device: DeviceKey | None, kind: InputKind, name: str, at: datetime, body: object
) -> StoredMessage:
    return StoredMessage(
        hotel_id=hotel,
        device_key=device,
        kind=kind,
        message_id=MessageId(name),
        received_at=at,
        body=msgspec.json.encode(body),
    )
