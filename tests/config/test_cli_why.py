"""`innwatch why`: in words, in the hotel's time, and as JSON."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from rules.ids import HotelId, MessageId
from rules.inputs import AssignmentRecord, InputKind, InventoryRecord, RoomRecord
from rules.policy import Policy, Profile
from store import Batch, Store, StoredMessage
from store.records import DeviceKey
from tests.config.command_line import CommandLine

H = HotelId("h")
BSSID = "aa:00:00:00:00:01"


@pytest.fixture
def hotel(cli: CommandLine) -> CommandLine:
    """Tablet t of hotel h, which was silent for 38 s two minutes ago and is well otherwise."""
    cli("hotel", "add", "h", "--timezone", "Europe/Vienna")
    cli("room", "add", "h", "101", "--ap", BSSID)
    cli("device", "add", "h", "t", "--room", "101")
    cli.with_store(_hear)
    return cli


async def _hear(store: Store) -> None:
    begins = datetime.now(UTC) - timedelta(minutes=5)
    (row,) = (await store.load_hotel(H)).devices
    inventory = InventoryRecord(1, Profile.NORMAL, (RoomRecord(id=row.device.room_id, access_points=(BSSID,)),))
    rows = [
        _row(None, InputKind.INVENTORY, "inventory:1", begins, inventory),
        _row(
            row.device.key,
            InputKind.ASSIGNMENT,
            "assignment:1",
            begins,
            AssignmentRecord(1, row.device.room_id, Policy()),
        ),
    ]
    for number, second in enumerate([*range(0, 180, 10), *range(208, 300, 10)]):
        at = begins + timedelta(seconds=second)
        body = {"id": f"m-{number}", "ts": at, "rssi": -50, "wifiBssid": BSSID, "battery": 80}
        rows.append(_row(row.device.key, InputKind.HEARTBEAT, f"m-{number}", at, body))
    await store.apply(Batch(received_at=begins, messages=rows))


def _row(device: DeviceKey | None, kind: InputKind, name: str, at: datetime, body: object) -> StoredMessage:
    return StoredMessage(
        hotel_id=H,
        device_key=device,
        kind=kind,
        message_id=MessageId(name),
        received_at=at,
        body=msgspec.json.encode(body),
    )


def test_it_says_what_held_the_alert_back(hotel: CommandLine) -> None:
    said = hotel("why", "h", "t").out

    assert "it was silent for no longer than it may be (38 s, threshold 40 s)" in said
    assert "judged by: profile normal" in said


def test_a_stretch_without_a_sign_of_trouble_says_so(hotel: CommandLine) -> None:
    assert "nothing spoke for trouble of t; it was heard" in hotel("why", "h", "t", "--from", "80s", "--to", "20s").out


def test_programs_get_all_of_it(hotel: CommandLine) -> None:
    why = hotel("why", "h", "t", "--json").json()

    assert [one["because"]["because"] for one in why["findings"]] == ["within-allowance"]
    assert (why["deviceId"], why["roomId"], why["complete"], why["heardInAll"]) == ("t", "101", True, 28)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ((), "name a tablet, or an alert with --alert"),
        (("t", "--alert", "A1"), "name a tablet, or an alert with --alert"),
        (("t", "--from", "2d"), "24 hours at most"),
        (("t", "--from", "yesterday"), "is no time"),
        (("t", "--from", "1h", "--to", "2h"), "--from must be before --to"),
        (("nobody",), "nobody"),
        (("--alert", "A1"), "A1"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_a_line(
    hotel: CommandLine, words: tuple[str, ...], complaint: str
) -> None:
    refused = hotel.refused("why", "h", *words)

    assert refused.code in (1, 2)
    assert complaint in refused.err
