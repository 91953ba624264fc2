"""`innwatch policy`, on an installation that nobody serves."""

import shutil
from pathlib import Path

import pytest

from config.folder import Folder
from tests.config.command_line import CommandLine


@pytest.fixture
def hotel(new_folder: Path, tmp_path: Path) -> CommandLine:
    """An installation with hotel `h`, room `101` and tablet `t` in it."""
    shutil.copytree(new_folder, tmp_path / "data")
    made = CommandLine(Folder.find(tmp_path / "data"))
    made("hotel", "add", "h")
    made("room", "add", "h", "101", "--zone", "east")
    made("device", "add", "h", "t", "--room", "101")
    return made


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

    hotel("policy", "unset", "h", "rssiFloor", "batteryLow", "--room", "101")
    told = hotel("policy", "show", "h", "--device", "t", "--json").json()
    assert "rssiFloor" not in told["effective"]

    lines = {line.split()[0]: line.split()[1:] for line in hotel("policy", "show", "h").out.splitlines() if line}
    assert lines["byeReboot"] == ["5m", "3m", "5m"]
    assert lines["silenceHighAfter"] == ["–", "30s", "30s"]
    assert hotel.refused("policy", "show", "h", "--room", "9").err == "innwatch: no room 9\n"
