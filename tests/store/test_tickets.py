"""Tickets, as the database has them."""

import asyncio
from collections.abc import Callable

from store import Store
from tests.store.given import NOW, later

ByHand = Callable[[str], str]


async def test_a_ticket_is_taken_once_and_by_one(store: Store) -> None:
    ticket = await store.make_ticket(b"{}", now=NOW)

    taken = await asyncio.gather(*(store.take_ticket(ticket, now=later(59)) for _ in range(4)))

    assert sorted(taken, key=str) == sorted([b"{}", None, None, None], key=str)


async def test_a_ticket_expires_and_leaves_nothing_behind(store: Store, by_hand: ByHand) -> None:
    ticket = await store.make_ticket(b"{}", now=NOW)
    assert ticket not in by_hand("SELECT * FROM ticket")

    assert await store.take_ticket(ticket, now=later(60)) is None
    await store.make_ticket(b"{}", now=later(61))

    assert by_hand("SELECT count(*) FROM ticket").strip() == "1"
