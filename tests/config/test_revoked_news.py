"""A broker is told who is shut out: everybody at the start, then each deed, whatever becomes of the database."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config import revoked_news
from config.folder import Folder
from config.revoked_news import WORRY, RevokedNews
from rules.ids import DeviceId, HotelId, RoomId
from rules.revoked import Revoked
from store import INNWATCH, LocalDoorbell, Store, StoreUnavailable
from store.records import Hotel, NewDevice, Room
from tests.config.command_line import CommandLine
from tests.support import eventually

INN, NOW = HotelId("inn"), datetime(2026, 11, 23, 10, tzinfo=UTC)
TABLETS = [DeviceId(f"t{number}") for number in (1, 2, 3)]


class Inn:
    """A hotel with three tablets, and a broker that remembers what it was told."""

    def __init__(self, store: Store, doorbell: LocalDoorbell, folder: Folder) -> None:
        self.store = store
        self.folder = folder
        self.told: list[Revoked] = []
        self.time = 0.0
        self.news = RevokedNews(store=store, doorbell=doorbell, tell=self._tell, monotonic=lambda: self.time)

    def _tell(self, deeds: Iterable[Revoked]) -> None:
        self.told.extend(deeds)

    @property
    def out(self) -> list[str]:
        return [deed.name for deed in self.told]

    async def revoke(self, device: DeviceId) -> None:
        await self.store.revoke_device(INN, device, by=INNWATCH, now=NOW)

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(self.news.run())
            yield
            running.cancel()


@pytest.fixture
async def inn(cli: CommandLine) -> AsyncIterator[Inn]:
    doorbell = LocalDoorbell()
    store = await Store.open(cli.folder.database_url, doorbell=doorbell)
    await store.add_hotel(Hotel(id=INN, name="Inn"), by=INNWATCH, now=NOW)
    await store.add_devices(
        INN, [NewDevice(id=one, room=Room(id=RoomId(one))) for one in TABLETS], by=INNWATCH, now=NOW
    )
    yield Inn(store, doorbell, cli.folder)
    await store.close()


async def test_at_the_start_everybody_who_is_out_is_told(inn: Inn) -> None:
    await inn.revoke(TABLETS[0])
    await inn.revoke(TABLETS[1])
    assert inn.news.problems() == ["it is not known yet whose tokens are revoked"]
    await inn.news.load()
    assert inn.out == ["t1", "t2"]
    assert inn.news.problems() == []


async def test_each_deed_is_told_once_and_before_the_next_look(inn: Inn, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(revoked_news, "LOOK", 3600)
    await inn.revoke(TABLETS[0])
    await inn.news.load()
    async with inn.following():
        await asyncio.sleep(0)  # it hears the doorbell from now on
        await inn.revoke(TABLETS[1])
        await eventually(lambda: inn.out == ["t1", "t2"])
        await inn.revoke(TABLETS[2])
        await eventually(lambda: inn.out == ["t1", "t2", "t3"])


async def test_a_deed_of_another_process_is_told_without_a_bell(inn: Inn) -> None:
    await inn.news.load()
    async with inn.following():
        other = await Store.open(inn.folder.database_url, doorbell=LocalDoorbell())
        await other.revoke_device(INN, TABLETS[0], by=INNWATCH, now=NOW)
        await other.close()
        await eventually(lambda: inn.out == ["t1"])


async def test_a_database_that_does_not_answer_stops_nothing_and_is_a_problem_after_half_a_minute(inn: Inn) -> None:
    await inn.news.load()
    async with inn.following():
        await inn.store.close()
        inn.time += WORRY - 1
        assert inn.news.problems() == []
        inn.time += 2
        (problem,) = inn.news.problems()
        assert problem.startswith("the database has not said for 31 s whose tokens are revoked")


async def test_a_start_without_an_answer_is_refused(inn: Inn) -> None:
    await inn.store.close()
    with pytest.raises(StoreUnavailable):
        await inn.news.load()


async def test_it_asks_anew_when_a_backup_was_put_in_the_databases_place(inn: Inn) -> None:
    for tablet in TABLETS:
        await inn.revoke(tablet)
    await inn.news.load()
    inn.told.clear()
    _forget_after(inn.folder.database, revision=1)
    async with inn.following():
        await eventually(lambda: inn.out == ["t1"])


def _forget_after(database: Path, *, revision: int) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM revocation WHERE revision > ?", (revision,))
