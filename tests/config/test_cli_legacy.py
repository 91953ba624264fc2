"""`innwatch import` and `innwatch legacy`: what the old system knew is taken over, and its shared token ends."""

import json
from pathlib import Path

import pytest

from rules.ids import DeviceId, HotelId
from store.records import Way
from tests.config.command_line import CommandLine
from tests.store.given import NOW

H, T = HotelId("h"), DeviceId("t")

EXPORT = [
    {"type": "alert", "id": 17, "device_id": "t", "alert_type": "breach", "rssi": -88, "ts": "2026-10-01T03:00:00Z"},
    {"device_id": "t", "room_id": 101},
    {"roomId": "101", "name": "Garden", "floor": "1", "bssid": "aa:bb:cc:00:00:01", "minRssi": -71},
    {"deviceId": "u", "roomId": "102"},
    {"table": "users", "username": "rosa"},
    {"deviceId": "t", "rssi": -60, "ts": 1790823600, "roomId": "101"},
    {"deviceId": "t", "rssi": -61, "ts": 1790823604, "roomId": "101"},
    {"id": 18, "deviceId": "stranger", "type": "battery", "level": 9, "ts": 1790823600},
]


@pytest.fixture
def hotel(cli: CommandLine) -> CommandLine:
    cli("hotel", "add", "h")
    return cli


@pytest.fixture
def export(tmp_path: Path) -> Path:
    file = tmp_path / "export.jsonl"
    lines = [json.dumps(line) for line in EXPORT]
    file.write_text("\n".join([*lines[:4], "", "{ no json", *lines[4:]]), encoding="utf-8")
    return file


def test_an_export_is_taken_over_and_what_is_of_no_use_is_told(hotel: CommandLine, export: Path) -> None:
    ended = hotel("import", export, "--hotel", "h")

    assert ended.lines[0] == f"taken over from {export} into h:"
    told = [" ".join(line.split()) for line in ended.lines]
    for line in (
        "rooms 2 0",
        "tablets 2 0",
        "alerts 1 0",
        "1 no JSON object 6",
        "2 heartbeats and events are not taken over 8, 9",
        "1 an alert of a tablet that nobody knows 10",
    ):
        assert line in told
    assert {room["id"] for room in hotel("room", "list", "h", "--json").json()} == {"101", "102"}
    (device, _) = hotel("device", "list", "h", "--json").json()
    assert (device["id"], device["roomId"], device["floor"]) == ("t", "101", "1")


def test_a_second_time_changes_nothing(hotel: CommandLine, export: Path) -> None:
    hotel("import", export, "--hotel", "h")

    again = hotel(
        "import", export, "--json", INNWATCH_LEGACY_HOTEL="h", API_TOKEN="b0arding-pass-0f-the-0ld-days"
    ).json()

    assert [again[name] for name in ("rooms", "devices", "alerts")] == [0, 0, 0]
    assert [again[name] for name in ("roomsThere", "devicesThere", "alertsThere")] == [1, 2, 1]
    assert again["notUsed"]["no JSON object"] == {"count": 1, "lines": [6]}


def test_what_was_imported_may_use_the_shared_token_unless_that_is_not_wanted(hotel: CommandLine, export: Path) -> None:
    hotel("import", export, "--hotel", "h", "--no-shared-token")

    assert [row["sharedToken"] for row in hotel("legacy", "show", "h", "--json").json()["items"]] == [False, False]


@pytest.mark.parametrize("words", [["--hotel", "nowhere"], []])
def test_an_export_needs_its_hotel(cli: CommandLine, export: Path, words: list[str]) -> None:
    ended = cli.refused("import", export, *words)

    assert ended.code != 0
    assert len(ended.err.splitlines()[-1:]) == 1
    assert "hotel" in ended.err


def test_a_file_that_is_not_there_is_told(hotel: CommandLine, tmp_path: Path) -> None:
    ended = hotel.refused("import", tmp_path / "nothing", "--hotel", "h")

    assert (ended.code, ended.err) == (1, f"innwatch: {tmp_path}/nothing: No such file or directory\n")


def test_the_way_over_is_shown_tablet_by_tablet(hotel: CommandLine, export: Path) -> None:
    hotel("import", export, "--hotel", "h")

    hotel.with_store(lambda store: store.note_contact(H, T, Way.MQTT, now=NOW))

    ended = hotel("legacy", "show", "h")

    assert ended.lines[-1] == (
        "2 tablets: 1 by MQTT, 0 by HTTP with a token of their own, 0 by the shared token, 1 never heard;"
        " its end would cut 1"
    )
    assert [row["deviceId"] for row in hotel("legacy", "show", "h", "--cut", "--json").json()["items"]] == ["u"]


def test_the_shared_token_ends_for_one_and_for_all(hotel: CommandLine, export: Path) -> None:
    hotel("import", export, "--hotel", "h")

    assert hotel("legacy", "end", "h", "t").lines == ["the shared token speaks for 1 fewer of h; felt at once"]
    assert hotel("legacy", "end", "h", "--all").lines == ["the shared token speaks for 1 fewer of h; felt at once"]
    assert hotel("legacy", "allow", "h", "t", "u").lines == ["the shared token may speak for 2 more of h"]


def test_where_one_of_several_is_unknown_none_is_cut_off(hotel: CommandLine, export: Path) -> None:
    hotel("import", export, "--hotel", "h")

    assert hotel.refused("legacy", "end", "h", "t", "stranger").err == "innwatch: no device stranger\n"
    assert hotel("legacy", "end", "h", "--all").lines == ["the shared token speaks for 2 fewer of h; felt at once"]


@pytest.mark.parametrize(
    "words",
    [["end", "h"], ["allow", "h", "t", "--all"], ["end", "h", "stranger"], ["show", "nowhere"], ["end", "x", "--all"]],
)
def test_what_cannot_be_meant_is_refused_in_one_line(hotel: CommandLine, words: list[str]) -> None:
    ended = hotel.refused("legacy", *words)

    assert ended.code != 0
    assert len(ended.err.splitlines()) == 1


def test_tablets_that_came_and_are_not_let_in_are_named(hotel: CommandLine) -> None:
    hotel.with_store(lambda store: store.note_stranger(H, DeviceId("tab-77"), now=NOW))

    ended = hotel("legacy", "show", "h")

    assert ended.err == "innwatch: 1 came and are unknown, or not allowed: tab-77\n"
