"""`innwatch replay`: stored history, judged again with the thresholds that it was judged by and with others."""

from datetime import UTC, datetime, timedelta

import pytest

from rules.ids import DeviceId, HotelId, MessageId, RoomId
from rules.inputs import InputKind
from store import Batch, Store, StoredMessage
from store.batch import DeviceChange
from store.gathering import gather
from tests.config.command_line import CommandLine
from tests.rules.given import CALIBRATED, NOON, OWN
from tests.rules.history import Recorded

SPAN = ("--from", "2026-11-23T11:00Z", "--to", "2026-11-23T14:00Z")


@pytest.fixture
def watched(cli: CommandLine) -> CommandLine:
    """Hotel demo: a tablet that was weak for a while, by a floor of -70 dBm, and its alert."""
    cli("hotel", "add", "demo", "--timezone", "Europe/Vienna")
    cli("room", "add", "demo", "204", "--floor", "2")
    cli("room", "add", "demo", "205", "--floor", "2")
    cli("device", "add", "demo", "tab-1", "--room", "204")
    tablet = Recorded(CALIBRATED)
    for second in range(0, 120, 10):
        tablet.beat(second, rssi=-74 if second < 60 else -50)
    cli.with_store(lambda store: keep(store, tablet))
    return cli


async def keep(store: Store, tablet: Recorded) -> None:
    """What the bridge would have written."""
    device = await store.find_device(HotelId("demo"), DeviceId("tab-1"))
    assert device is not None
    rows = [
        StoredMessage(
            hotel_id=device.hotel_id,
            device_key=None if row.device is None else device.key,
            kind=row.kind,
            message_id=row.name,
            received_at=row.at,
            ts=row.ts,
            body=row.body,
            rssi=-74.0 if row.kind is InputKind.HEARTBEAT else None,
            bssid=OWN,
        )
        for row in tablet.rows
    ]
    changes = [
        DeviceChange(
            hotel_id=device.hotel_id,
            device_key=device.key,
            device_id=device.id,
            room_id=RoomId("204"),
            floor="2",
            change=change,
        )
        for change in tablet.changes
    ]
    await store.apply(Batch(received_at=NOON, messages=rows, changes=changes))
    await gather(store._database)


async def heard_lately(store: Store, *, beats: int) -> None:
    """Of tab-1 in hotel demo, in turn on the last days, three of them."""
    device = await store.find_device(HotelId("demo"), DeviceId("tab-1"))
    assert device is not None
    now = datetime.now(UTC)
    rows = [
        StoredMessage(
            hotel_id=device.hotel_id,
            device_key=device.key,
            kind=InputKind.HEARTBEAT,
            message_id=MessageId(f"lately-{number}"),
            received_at=now - timedelta(days=number % 3),
            body=b"{}",
            rssi=-74.0,
            bssid=OWN,
        )
        for number in range(beats)
    ]
    await store.apply(Batch(received_at=now, messages=rows))
    await gather(store._database)


def test_as_it_was_nothing_is_gained_or_lost_and_another_floor_loses_what_it_raised(watched: CommandLine) -> None:
    as_it_was = watched("replay", "demo", *SPAN, "--json").json()
    lower = watched("replay", "demo", *SPAN, "--set", "rssiFloor=-80", "--json").json()
    elsewhere = watched("replay", "demo", *SPAN, "--set", "rssiFloor=-80", "--room", "205", "--json").json()

    assert (as_it_was["kept"], as_it_was["gained"], as_it_was["lost"]) == (
        1, [], [],
    )  # fmt: skip
    assert (as_it_was["inputs"], as_it_was["whole"], as_it_was["diverged"], as_it_was["strange"]) == (15, True, 0, 0)
    assert (lower["kept"], lower["gained"]) == (0, [])
    (lost,) = lower["lost"]
    assert (lost["deviceId"], lost["roomId"]) == ("tab-1", "204")
    assert (lost["rule"], lost["severity"]) == ("breach.signal", "high")
    assert (elsewhere["kept"], elsewhere["lost"]) == (1, [])


def test_what_is_tried_is_what_would_be_saved_unless_it_overrides_all(watched: CommandLine) -> None:
    watched("policy", "set", "demo", "rssiFloor=-70", "--device", "tab-1")
    lower = ("--set", "rssiFloor=-80", "--json")

    of_hotel = watched("replay", "demo", *SPAN, *lower).json()
    of_room = watched("replay", "demo", *SPAN, *lower, "--room", "204").json()
    of_tablet = watched("replay", "demo", *SPAN, *lower, "--device", "tab-1").json()
    of_all = watched("replay", "demo", *SPAN, *lower, "--override-all").json()
    inherited = watched("replay", "demo", *SPAN, "--unset", "rssiFloor", "--device", "tab-1", "--json").json()

    assert [one["lostCount"] for one in (of_hotel, of_room, of_tablet, of_all)] == [0, 0, 1, 1]
    assert (inherited["kept"], inherited["lostCount"]) == (0, 1)  # not calibrated: -80 dBm, and info at most


def test_another_battery_threshold_gains_an_alert_and_people_read_of_it_in_their_own_time(watched: CommandLine) -> None:
    told = watched("replay", "demo", "--from", "2026-11-23T13:00", "--to", "2026-11-23T15:00", "--set", "batteryLow=85")

    assert told.lines[0] == "1 gained"
    assert any(line.startswith("2026-11-23 13:00:10") and "battery.low" in line for line in told.lines), told.out
    assert "0 lost" in told.lines
    assert "caution" not in told.out
    long_ago = watched("replay", "demo", "--from", "2020-01-01", "--to", "2020-01-02")
    assert "nothing is stored of that time" in long_ago.out


def test_what_cannot_be_tried_is_said(watched: CommandLine) -> None:
    for words, why in (
        (("--from", "yesterday"), "'yesterday' is no time"),
        (("--from", "1h", "--to", "2h"), "--from must be before --to"),
        (("--from", "1h", "--to", "8000-01-01T00:00Z"), "--to is in the future"),
        (("--room", "204", "--room", "999"), "demo has no room 999"),
        (("--device", "tab-9"), "demo has no tablet tab-9"),
        (("--device", "tab-1", "--room", "204"), "give --room or --device"),
        (("--unset", "rssiFlor"), "is it rssiFloor?"),
        (("--unset", "profile"), "a hotel always has a profile"),
        (("--set", "batteryLow=30", "--unset", "batteryLow"), "not both"),
        (("--set", "rssiFlor=-70"), "is it rssiFloor?"),
        (("--set", "rssiFloor=9"), "rssiFloor=9"),
    ):
        ended = watched.refused("replay", "demo", *words)
        assert (ended.code, why in ended.err) == (2, True), ended.err
    assert "demo has no room 999" in watched.refused("calibrate", "demo", "--room", "999").err
    assert "no hotel nowhere" in watched.refused("replay", "nowhere").err


def test_rooms_are_calibrated_by_what_was_heard_tried_and_set_when_asked_to(cli: CommandLine) -> None:
    cli("hotel", "add", "demo")
    cli("room", "add", "demo", "204", "--ap", OWN)
    cli("device", "add", "demo", "tab-1", "--room", "204")
    tablet = Recorded(CALIBRATED)
    for second in range(0, 60, 10):
        tablet.beat(second, rssi=-74)
    cli.with_store(lambda store: keep(store, tablet))
    cli.with_store(lambda store: heard_lately(store, beats=1000))

    proposed = cli("calibrate", "demo", "--from", "2026-11-23T11:00Z", "--json").json()
    told = cli("calibrate", "demo", "--from", "2026-11-23T11:00Z", "--apply", proposed["revision"])
    stale = cli.refused("calibrate", "demo", "--from", "2026-11-23T11:00Z", "--apply", proposed["revision"])
    again = cli("calibrate", "demo", "--from", "2026-11-23T11:00Z", "--json").json()

    (room,) = proposed["rooms"]
    assert (room["rssiFloor"], room["wasFloor"], room["ready"]) == (-80.0, None, True)
    assert (proposed["applied"], proposed["replay"]["unreadable"]) == (False, 1000)  # it was tried
    assert told.lines[-1] == "1 room changed"
    assert (stale.code, "nothing is proposed by now; nothing to change" in stale.err) == (1, True)
    assert (again["rooms"][0]["ready"], again["replay"]) == (False, None)  # nothing to try
    assert cli("room", "show", "demo", "204", "--json").json()["rssiFloor"] == -80.0


def test_of_a_room_in_which_too_little_was_heard_it_says_what_is_missing_and_tries_nothing(
    cli: CommandLine,
) -> None:
    cli("hotel", "add", "demo")
    cli("room", "add", "demo", "204", "--ap", OWN)
    cli("device", "add", "demo", "tab-1", "--room", "204")
    cli.with_store(lambda store: heard_lately(store, beats=2))

    told = cli("calibrate", "demo")
    refused = cli.refused("calibrate", "demo", "--apply", "foo")

    assert told.lines[-1] == "too little heard yet: 2 of 1,000 heartbeats, on 2 of 3 days in room 204"
    assert "gained" not in told.out
    assert "nothing is proposed by now; too little heard yet: 2 of 1,000" in refused.err
