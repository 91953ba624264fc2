"""`innwatch prune`, on an installation that nobody serves."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from config.folder import Folder
from rules.ids import HotelId
from store import Batch, Store
from store.batch import Quarantined
from tests.config.command_line import CommandLine


def test_what_is_too_old_goes_a_days_worth_at_a_time_or_all_of_it(new_folder: Path, tmp_path: Path) -> None:
    shutil.copytree(new_folder, tmp_path / "data")
    innwatch = CommandLine(Folder.find(tmp_path / "data"))
    innwatch("hotel", "add", "h")

    async def refuse(store: Store) -> None:
        for days in (90, 89.5, 60, 1):
            at = datetime.now(UTC) - timedelta(days=days)
            refused = Quarantined(
                hotel_id=HotelId("h"), device_id=None, topic="t", reason="not-json", detail="", head=b"", at=at
            )
            await store.apply(Batch(received_at=at, quarantined=[refused]))

    innwatch.with_store(refuse)

    careful = innwatch("prune", "--json").json()
    everything = innwatch("prune", "--believe-clock").out

    assert careful["gone"]["quarantine"] == 2
    assert careful["heldBackDays"] == 0
    assert [line.split()[-1] for line in everything.splitlines() if line.startswith("refused messages")] == ["1"]
