"""The audit: what is written in it, who reads it, and that nobody changes it."""

from collections.abc import Callable

import pytest

from rules.ids import HotelId
from store import Actor, ActorKind, AuditEntry, Deed, Store
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later

ANN = Actor(ActorKind.USER, "ann", address="192.0.2.7", request_id="r-1")

ByHand = Callable[[str], str]


async def test_a_deed_is_found_as_it_was_written(store: Store) -> None:
    await add_hotel(store)

    await store.write_audit(HOTEL, Deed.HOTEL_ENTERED, by=ANN, subject="ann", now=NOW, detail={"from": "lodge"})

    (line,) = (await store.audit(HOTEL)).items
    assert line == AuditEntry(
        id=line.id,
        at=NOW,
        hotel_id=HOTEL,
        actor_kind=ActorKind.USER,
        actor="ann",
        address="192.0.2.7",
        request_id="r-1",
        deed="session.hotel-entered",
        subject="ann",
        detail={"from": "lodge"},
    )


async def test_the_newest_comes_first_and_a_page_ends_where_the_next_begins(store: Store) -> None:
    for second in range(5):
        await store.write_audit(HOTEL, Deed.LOGGED_IN, by=ANN, subject=f"u{second}", now=later(second))

    first = await store.audit(HOTEL, limit=3)
    second_page = await store.audit(HOTEL, limit=3, cursor=first.next)

    assert [line.subject for line in first.items + second_page.items] == ["u4", "u3", "u2", "u1", "u0"]
    assert second_page.next is None


async def test_what_belongs_to_no_hotel_stands_apart(store: Store) -> None:
    await store.write_audit(None, Deed.KEY_ADDED, by=ANN, subject="k1", now=NOW)
    await store.write_audit(OTHER, Deed.LOGGED_IN, by=ANN, subject="ann", now=NOW)

    assert [line.subject for line in (await store.platform_audit()).items] == ["k1"]
    assert (await store.audit(HOTEL)).items == ()


@pytest.mark.parametrize(("deed", "found"), [("device.", ["t2", "t1"]), ("device.moved", ["t2"]), ("dev_ce.", [])])
async def test_a_deed_is_asked_for_by_its_name_or_by_its_beginning(store: Store, deed: str, found: list[str]) -> None:
    for subject, done in (("t1", Deed.DEVICE_ADDED), ("t2", Deed.DEVICE_MOVED), ("ann", Deed.USER_ADDED)):
        await store.write_audit(HotelId("inn"), done, by=ANN, subject=subject, now=NOW)

    assert [line.subject for line in (await store.audit(HotelId("inn"), deed=deed)).items] == found


@pytest.mark.parametrize("statement", ["UPDATE audit SET actor = 'bob'", "DELETE FROM audit"])
async def test_nobody_changes_what_was_written(store: Store, by_hand: ByHand, statement: str) -> None:
    await store.write_audit(HOTEL, Deed.LOGGED_IN, by=ANN, subject="ann", now=NOW)

    with pytest.raises(Exception, match="audit is append-only"):
        by_hand(statement)

    assert [line.actor for line in (await store.audit(HOTEL)).items] == ["ann"]
