"""Events that come from memory: the same as from the database, and never past one that is not known."""

from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rules.ids import HotelId
from store import DataRefused, Store
from store.recent import KEPT, Recent
from store.records import Event, EventType, Recorded
from tests.store.given import HOTEL, OTHER, add_hotel, batch, cleared, opened

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def event(event_id: int, hotel: HotelId = HOTEL) -> Recorded:
    return Recorded(hotel, Event(event_id, NOW, EventType.ALERT_OPENED, "a", msgspec.Raw(b"{}")))


def ids(recent: Recent, after: int, *, limit: int = 1000, hotel: HotelId = HOTEL) -> list[int]:
    return [one.id for one in recent.after(hotel, after, limit=limit)]


@given(st.lists(st.integers(1, 40), unique=True), st.integers(0, 41), st.integers(1, 10))
def test_what_follows_is_answered_as_far_as_there_is_no_gap(known: list[int], after: int, limit: int) -> None:
    recent = Recent()
    for one in known:  # in any order: of two commits the later may be told of first
        recent.add([event(one)])
    expected: list[int] = []
    while after + 1 + len(expected) in known and len(expected) < limit:
        expected.append(after + 1 + len(expected))
    assert ids(recent, after, limit=limit) == expected


def test_hotels_are_kept_apart_and_only_the_last_events_of_each() -> None:
    recent = Recent()
    recent.add([*(event(one) for one in range(1, KEPT + 11)), event(1, OTHER)])
    assert recent.newest() == {HOTEL: KEPT + 10, OTHER: 1}
    assert ids(recent, 9) == []
    assert ids(recent, 10) == list(range(11, KEPT + 11))
    assert ids(recent, 0, hotel=OTHER) == [1]


async def test_what_another_process_adds_in_between_is_not_missed(store: Store, second: Store) -> None:
    (ours, theirs) = await add_hotel(store)  # two tablets: events 1 and 2
    await store.apply(batch(changes=[opened(ours, "A1")]))
    await second.apply(batch(changes=[opened(theirs, "B1")]))
    await store.apply(batch(changes=[cleared(ours, "A1")]))

    assert store.newest_events_here() == {HOTEL: 5}
    assert second.newest_events_here() == {HOTEL: 4}
    for reader in (store, second):
        told = [0]
        while more := (
            reader.events_here_after(HOTEL, told[-1], limit=10) or await reader.events_after(HOTEL, told[-1], limit=10)
        ):
            told += [one.id for one in more]
        assert told == [0, 1, 2, 3, 4, 5]


async def test_what_was_rolled_back_is_not_told(store: Store) -> None:
    (ours, _) = await add_hotel(store)
    refused = batch(changes=[opened(ours, "A1"), opened(ours, "A2")])  # one open alert of a family, not two
    with pytest.raises(DataRefused, match=r"(?i)unique"):
        await store.apply(refused)
    assert store.newest_events_here() == {HOTEL: 2}
