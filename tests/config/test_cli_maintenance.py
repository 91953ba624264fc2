"""`innwatch maintenance`, on an installation that nobody serves."""

import shutil
from datetime import datetime, timedelta
from pathlib import Path

from config.folder import Folder
from tests.config.command_line import CommandLine


def test_a_window_is_added_listed_and_ended_by_the_hotels_clocks(new_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(new_folder, tmp_path / "data")
    innwatch = CommandLine(Folder.find(tmp_path / "data"))
    innwatch("hotel", "add", "h", "--timezone", "Asia/Tokyo")
    innwatch("room", "add", "h", "101", "--floor", "1")

    added = innwatch("maintenance", "add", "h", "--room", "101", "--for", "2h", "--reason", "paint", "--json").json()
    begins, ends = (datetime.fromisoformat(added[name]) for name in ("startsAt", "endsAt"))
    tomorrow = (begins + timedelta(days=1)).date()
    later = innwatch(
        *("maintenance", "add", "h", "--floor", "1", "--json"),
        *("--from", f"{tomorrow}T22:00", "--until", f"{tomorrow}T23:00"),
    ).json()
    innwatch("maintenance", "end", "h", added["id"])
    listed = innwatch("maintenance", "list", "h", "--json").json()

    assert (ends - begins, added["reason"]) == (timedelta(hours=2), "paint")
    assert later["startsAt"] == f"{tomorrow}T13:00:00Z"
    assert [(one["id"], one["endedAt"] is None) for one in listed] == [(later["id"], True), (added["id"], False)]
    assert "floor 1" in innwatch("maintenance", "list", "h").out
    refused = innwatch.refused("maintenance", "add", "h", "--until", "2020-01-01T00:00")
    assert (refused.code, "ends after it begins" in refused.err) == (1, True)
    for words in (
        ("--for", "9999999d"),
        ("--from", "9999-12-31T23:00", "--for", "2h"),
        ("--until", "0001-01-01T00:00"),
    ):
        edge = innwatch.refused("maintenance", "add", "h", *words)
        assert (edge.code, "Traceback" in edge.err) == (2, False), edge.err
