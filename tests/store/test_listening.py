"""The journal of when the bridge was listening."""

from rules.ids import MessageId
from store import Batch, InputKind, Store, StoredMessage
from store.batch import Stretch
from store.listening import Listened
from tests.store.given import HOTEL, NOW, add_hotel, later


def beginning(seconds: float, *, why: str | None = None) -> Batch:
    at = later(seconds)
    name = MessageId(f"watching:{seconds:.0f}")
    row = StoredMessage(
        hotel_id=HOTEL, device_key=None, kind=InputKind.WATCHING, message_id=name, received_at=at, body=b"{}"
    )
    return Batch(received_at=at, messages=[row], listening=Stretch(at, why))


async def test_nobody_ever_listened_where_no_bridge_ran(store: Store) -> None:
    assert await store.listened() == []
    await store.keep_listening(until=NOW)
    assert await store.listened() == []


async def test_a_stretch_begins_with_its_batch_and_goes_on(store: Store) -> None:
    await add_hotel(store)
    await store.apply(beginning(0))
    assert (await store.listened())[-1].until == NOW
    await store.keep_listening(until=later(3))
    assert (await store.listened())[-1].until == later(3)


async def test_the_last_stretches_are_told_in_order(store: Store) -> None:
    await add_hotel(store)
    await store.apply(beginning(0))
    await store.keep_listening(until=later(3))
    await store.apply(beginning(600))
    await store.keep_listening(until=later(609))
    assert await store.listened() == [Listened(NOW, later(3)), Listened(later(600), later(609))]


async def test_after_a_gap_a_new_stretch_begins_even_where_the_clock_was_set_back(store: Store) -> None:
    await add_hotel(store)
    await store.apply(beginning(0))
    await store.apply(beginning(600, why="Innwatch was not running"))
    assert (await store.listened())[-1].until == later(600)
    await store.apply(beginning(-3600, why="the clock was set"))
    assert (await store.listened())[-1].until == later(-3600)
