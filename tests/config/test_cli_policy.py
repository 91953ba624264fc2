"""`innwatch policy` and `innwatch access-point`, on an installation that nobody serves."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from config.cli.policy import changes_of
from config.folder import Folder
from rules.ids import HotelId, RoomId
from rules.thresholds import THRESHOLDS
from store import INNWATCH
from tests.config.command_line import CommandLine

BSSID = "aa:bb:cc:00:00:77"


@pytest.fixture
def hotel(new_folder: Path, tmp_path: Path) -> CommandLine:
    """An installation with hotel `h`, room `101` and tablet `t` in it."""
    shutil.copytree(new_folder, tmp_path / "data")
    made = CommandLine(Folder.find(tmp_path / "data"))
    made("hotel", "add", "h")
    made("room", "add", "h", "101", "--zone", "east")
    made("device", "add", "h", "t", "--room", "101")
    return made


def test_what_was_learned_is_listed_and_a_person_says_whose_it_is(hotel: CommandLine) -> None:
    rooms, now = [RoomId("101")], datetime(2026, 11, 23, tzinfo=UTC)
    hotel.with_store(
        lambda store: store.learn_access_point(HotelId("h"), BSSID, ssid="Guests", rooms=rooms, by=INNWATCH, now=now)
    )

    assert hotel("access-point", "confirm", "h", BSSID.upper()).out == f"access point {BSSID} is the hotel's\n"
    assert hotel("access-point", "forget", "h", BSSID, "--json").json()["state"] == "forgotten"
    (line,) = (line for line in hotel("access-point", "list", "h").out.splitlines() if BSSID in line)
    assert line.split()[1:3] == ["Guests", "1"]
    assert line.split()[-3:] == ["forgotten", "command", "line"]
    assert hotel.refused("access-point", "forget", "h", "aa:bb:cc:00:00:78").code == 1
    assert hotel.refused("access-point", "forget", "h", "wifi").code == 2


def test_thresholds_are_set_shown_and_inherited_again(hotel: CommandLine) -> None:
    hotel("policy", "set", "h", "profile=strict", "byeReboot=5m")
    hotel("policy", "set", "h", "rssiFloor=-72.5", "batteryLow=30", "--room", "101")
    told = hotel("policy", "set", "h", "batteryLow=15", "--device", "t", "--json").json()

    assert told["own"] == {"batteryLow": 15.0}
    assert told["inherited"]["batteryLow"] == 30.0
    assert told["inherited"]["batteryLowClear"] == 31.0  # moved, and here it need not be
    assert told["effective"] == told["inherited"] | {"batteryLow": 15.0, "batteryLowClear": 25.0}
    assert (told["effective"]["profile"], told["effective"]["byeReboot"]) == ("strict", 300.0)
    assert hotel("room", "list", "h", "--json").json()[0]["zone"] == "east"

    listed = [line.split() for line in hotel("policy", "exceptions", "h").lines]
    assert [line for line in listed if "batteryLow" in line] == [
        ["101", "–", "batteryLow", "30", "20"],
        ["101", "t", "batteryLow", "15", "30"],
    ]
    assert not any("rssiFloor" in line for line in listed)
    (room, tablet) = hotel("policy", "exceptions", "h", "--json").json()
    assert (room["deviceId"], tablet["own"]) == (None, {"batteryLow": 15.0})

    hotel("policy", "unset", "h", "rssiFloor", "batteryLow", "--room", "101")
    revision = hotel("policy", "show", "h", "--room", "101", "--json").json()["revision"]
    told = hotel("policy", "show", "h", "--device", "t", "--json").json()
    assert "rssiFloor" not in told["effective"]

    lines = {line.split()[0]: line.split()[1:] for line in hotel("policy", "show", "h").out.splitlines() if line}
    assert lines["byeReboot"][:4] == ["5m", "3m", "5m", "s"]
    assert lines["silenceHighAfter"][:3] == ["–", "30s", "30s"]
    assert " ".join(lines["batteryLow"]).endswith("20 20 % Battery is low at: Twice in a row, and not charging.")
    moved = hotel("policy", "set", "h", "batteryCritical=50", "--device", "t").out.splitlines()[-2]
    assert moved.startswith("batteryCritical is 15 in effect, since batteryLow is 15: ")
    told = hotel("policy", "set", "h", "docked=true", "--room", "101", "--if-revision", revision, "--json").json()
    assert told["own"] == {"docked": True}
    refused = hotel.refused("policy", "unset", "h", "docked", "--room", "101", "--if-revision", revision)
    assert refused.err == "innwatch: the policy has changed since it was seen: by command line\n"
    assert hotel.refused("policy", "show", "h", "--room", "9").err == "innwatch: no room 9\n"


def test_every_threshold_can_be_set_to_each_of_its_limits() -> None:
    for name, threshold in THRESHOLDS.items():
        for limit in threshold.choices or (f"{threshold.least:.12g}", f"{threshold.most:.12g}"):
            assert list(msgspec.to_builtins(changes_of([f"{name}={limit}"]))) == [name]
