"""A broker by itself, and the database that says whose tokens are revoked: not there yet, there, gone."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.settings_store import DatabaseUrl
from config.store_later import PATIENCE, StoreLater
from rules.ids import HotelId
from store import INNWATCH, LocalDoorbell, Store, StoreUnavailable
from store.records import Hotel

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Seconds:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_a_database_that_is_not_there_yet_is_waited_for_and_then_missed(tmp_path: Path) -> None:
    seconds, path = Seconds(), tmp_path / "innwatch.db"
    later = StoreLater(DatabaseUrl(f"sqlite+aiosqlite:///{path}"), monotonic=seconds)
    assert await later.revoked(0) == (0, ())

    seconds.now += PATIENCE
    with pytest.raises(StoreUnavailable, match="needs the data folder"):
        await later.revoked(0)

    store = await Store.open(f"sqlite+aiosqlite:///{path}", doorbell=LocalDoorbell())
    try:
        await store.add_hotel(Hotel(id=HotelId("h1"), name="H"), by=INNWATCH, now=NOW)
        await store.suspend_hotel(HotelId("h1"), by=INNWATCH, now=NOW)
        newest, (deed,) = await later.revoked(0)
        assert (newest, deed.hotel_id) == (1, "h1")
    finally:
        await store.close()
        await later.close()


async def test_a_database_that_was_there_is_missed_at_once(tmp_path: Path) -> None:
    path = tmp_path / "innwatch.db"
    await (await Store.open(f"sqlite+aiosqlite:///{path}", doorbell=LocalDoorbell())).close()
    later = StoreLater(DatabaseUrl(f"sqlite+aiosqlite:///{path}"))
    assert await later.revoked(0) == (0, ())
    for left in tmp_path.glob("innwatch.db*"):
        left.unlink()

    with pytest.raises(StoreUnavailable):
        await later.revoked(0)
