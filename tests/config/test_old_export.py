"""A line of the old system's export is read in either spelling, or told with the reason why it cannot be used."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.old_export import LONGEST_LINE, Found, Unusable, Useless, read
from rules.alerts import Acknowledgment, Because, Family, Reason, Rule, Severity
from rules.ids import DeviceId, HotelId, RoomId
from store.importing import OldAlert, OldDevice
from store.records import Room

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
GRAND = HotelId("grand")
AT = datetime(2026, 10, 1, 3, tzinfo=UTC)


def of(**fields: object) -> Found:
    return read(json.dumps(fields).encode(), hotel_id=GRAND, now=NOW)


def refused(**fields: object) -> Useless:
    with pytest.raises(Unusable) as caught:
        of(**fields)
    return caught.value.why


@pytest.mark.parametrize(
    "fields",
    [
        {"deviceId": "tab-1", "roomId": "101"},
        {"device_id": "tab-1", "room_id": "101"},
        {"type": "device", "device_id": "tab-1", "room_id": 101},
        {"table": "devices", "id": "tab-1", "roomId": "101", "status": "ok", "last_seen": "2026-10-01T03:00:00Z"},
        {"record": "tablet", "deviceId": "tab-1", "roomId": "101", "hotelId": "grand", "battery": 20},
        {"deviceId": "tab-1", "roomId": "101", "createdAt": "2026-10-01", "name": None},
    ],
)
def test_a_tablet(fields: dict[str, object]) -> None:
    assert of(**fields) == OldDevice(DeviceId("tab-1"), RoomId("101"))


@pytest.mark.parametrize(
    "fields",
    [
        {"roomId": "101", "name": "Garden", "floor": 1, "bssid": "AA-BB-CC-00-00-01", "minRssi": -71},
        {"type": "room", "id": 101, "name": " Garden ", "floor": "1", "bssid": "aabbcc000001", "min_rssi": -71},
        {"table": "rooms", "room_id": "101", "room_name": "Garden", "floor": "1", "bssids": ["aa:bb:cc:00:00:01"],
         "rssi_threshold": -71},
    ],
)  # fmt: skip
def test_a_room(fields: dict[str, object]) -> None:
    assert of(**fields) == Room(
        id=RoomId("101"), name="Garden", floor="1", access_points=("aa:bb:cc:00:00:01",), rssi_floor=-71
    )


@pytest.mark.parametrize("bssid", [None, "", []])
def test_a_room_without_an_access_point(bssid: object) -> None:
    assert of(roomId="101", bssid=bssid) == Room(id=RoomId("101"))


BREACH = {"id": 17, "deviceId": "tab-1", "type": "breach", "rssi": -88, "ts": "2026-10-01T03:00:00Z"}


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"ts": 1790823600},
        {"ts": 1790823600000},
        {"ts": "2026-10-01T05:00:00+02:00"},
        {"ts": "2026-10-01T03:00:00"},
        {"ts": None, "created_at": "2026-10-01 03:00:00"},
        {"id": None, "alert_id": "17"},
        {"type": "alert", "alert_type": "BREACH"},
        {"deviceId": None, "device_id": "tab-1", "acknowledged": False},
        {"acknowledged": 0},
    ],
)
def test_an_alert(change: dict[str, object]) -> None:
    assert of(**BREACH | change) == OldAlert(
        number=17,
        device_id=DeviceId("tab-1"),
        family=Family.BREACH,
        rule=Rule.BREACH_REPORTED,
        severity=Severity.HIGH,
        at=AT,
        why=Reason(Because.REPORTED, observed=-88.0),
    )


@pytest.mark.parametrize(
    ("fields", "rule", "severity", "why"),
    [
        ({"type": "battery", "level": 18}, Rule.BATTERY_LOW, Severity.LOW, Reason(Because.BATTERY_LOW, observed=18.0)),
        (
            {"type": "low-battery", "level": 7},
            Rule.BATTERY_CRITICAL,
            Severity.MEDIUM,
            Reason(Because.BATTERY_CRITICAL, observed=7.0),
        ),
        ({"type": "offline"}, Rule.SILENCE, Severity.HIGH, Reason(Because.NOTHING_HEARD)),
    ],
)
def test_each_kind_of_alert_is_what_our_rules_would_have_made_of_it(
    fields: dict[str, object], rule: Rule, severity: Severity, why: Reason
) -> None:
    alert = of(**BREACH | fields)

    assert isinstance(alert, OldAlert)
    assert (alert.rule, alert.severity, alert.why) == (rule, severity, why)


@pytest.mark.parametrize(
    ("fields", "answer"),
    [
        ({"acknowledged": True}, Acknowledgment("old system", AT)),
        (
            {"acknowledged_by": "rosa", "acknowledged_at": "2026-10-01T04:00:00Z", "notes": "a guest"},
            Acknowledgment("rosa", AT + timedelta(hours=1), "a guest"),
        ),
        ({"acknowledged": 1, "ackBy": "rosa"}, Acknowledgment("rosa", AT)),
    ],
)
def test_who_answered_it_is_kept(fields: dict[str, object], answer: Acknowledgment) -> None:
    alert = of(**BREACH | fields)

    assert isinstance(alert, OldAlert)
    assert alert.acknowledged == answer


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"deviceId": "tab 1", "roomId": "101"}, Useless.DEVICE_ID),
        ({"deviceId": "tab-1", "roomId": "1.01"}, Useless.ROOM_ID),
        ({"deviceId": "tab-1", "roomId": True}, Useless.ROOM_ID),
        ({"type": "device", "deviceId": "tab-1"}, Useless.ROOM_ID),
        ({"deviceId": "tab-1", "roomId": "101", "hotelId": "other"}, Useless.OTHER_HOTEL),
        ({"deviceId": "tab-1", "roomId": "101", "rssi": -60, "ts": 1790823600}, Useless.HEARTBEAT),
        ({"table": "heartbeats", "deviceId": "tab-1"}, Useless.HEARTBEAT),
        ({"table": "users", "username": "rosa"}, Useless.PERSON),
        ({"username": "rosa", "password": "x"}, Useless.PERSON),
        ({"roomId": "101", "bssid": "aa:bb"}, Useless.ACCESS_POINT),
        ({"roomId": "101", "bssid": 7}, Useless.ACCESS_POINT),
        ({"roomId": "101", "minRssi": 12}, Useless.SIGNAL),
        ({"roomId": "101", "minRssi": -(10**400)}, Useless.SIGNAL),
        (BREACH | {"type": "tamper"}, Useless.TAMPER),
        (BREACH | {"table": "alerts", "type": "weather"}, Useless.ALERT),
        (BREACH | {"ts": "yesterday"}, Useless.TIME),
        (BREACH | {"ts": None}, Useless.TIME),
        (BREACH | {"ts": True}, Useless.TIME),
        (BREACH | {"ts": 10**400}, Useless.TIME),
        (BREACH | {"ts": "2026-11-25T00:00:00Z"}, Useless.TIME),
        (BREACH | {"id": "seventeen"}, Useless.NUMBER),
        (BREACH | {"id": -1}, Useless.NUMBER),
        (BREACH | {"id": 2**63}, Useless.NUMBER),
        (BREACH | {"id": 1.5}, Useless.NUMBER),
        ({"colour": "green"}, Useless.UNKNOWN),
        ({}, Useless.UNKNOWN),
    ],
)
def test_what_cannot_be_used_is_told_with_the_reason(fields: dict[str, object], why: Useless) -> None:
    assert refused(**fields) is why


@pytest.mark.parametrize("line", [b"{", b"[]", b"17", b"null", b"\xff", b"[" * 5000, b'{"a": NaN}'])
def test_what_is_no_json_object_is_told(line: bytes) -> None:
    with pytest.raises(Unusable, match="no JSON object"):
        read(line, hotel_id=GRAND, now=NOW)


def test_a_line_without_end_is_not_read() -> None:
    with pytest.raises(Unusable, match="longer than 64 KiB"):
        read(b" " * LONGEST_LINE + b"{}", hotel_id=GRAND, now=NOW)


VALUES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.lists(st.text(), max_size=2)
NAMES = st.sampled_from(
    ["type", "table", "deviceId", "device_id", "roomId", "id", "ts", "rssi", "level", "bssid", "acknowledged", "notes"]
)
WORDS = st.sampled_from(["breach", "battery", "offline", "tamper", "room", "devices", "alerts", "tab-1", "101"])


@given(st.dictionaries(NAMES, VALUES | WORDS))
def test_no_line_does_anything_else_than_be_used_or_be_told(fields: dict[str, object]) -> None:
    try:
        found = read(json.dumps(fields).encode(), hotel_id=GRAND, now=NOW)
    except Unusable:
        return
    assert isinstance(found, Room | OldDevice | OldAlert)
