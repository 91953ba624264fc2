"""Maintenance windows: added, withdrawn, ended, and what the bridge gets of them."""

from datetime import timedelta

import pytest

from rules.ids import RoomId, WindowId
from rules.policy import Window
from store import INNWATCH, Deed, NotFound, NoWindow, Store, TooManyWindows
from store.maintenance import AT_MOST
from store.records import MaintenanceWindow, NewWindow, WindowState
from tests.store.given import HOTEL, NOW, add_hotel, later

ROOM = RoomId("100")


async def added(store: Store, name: str, asked: NewWindow) -> MaintenanceWindow:
    return await store.add_window(HOTEL, WindowId(name), asked, by=INNWATCH, now=NOW)


async def test_a_window_is_kept_as_it_was_asked_for_and_the_bridge_gets_it(store: Store) -> None:
    await add_hotel(store)
    before = (await store.revisions())[HOTEL]

    window = await added(store, "w1", NewWindow(floor="1", starts_at=later(60), ends_at=later(3600), reason="Wi-Fi"))

    assert (await store.maintenance(HOTEL)).items == (window,)
    assert (window.starts_at, window.ends_at, window.reason) == (later(60), later(3600), "Wi-Fi")
    facts = await store.load_hotel(HOTEL)
    assert facts.windows == (Window(id=window.id, starts_at=later(60), ends_at=later(3600), floor="1"),)
    assert facts.revision == before + 1


async def test_no_window_reaches_back_and_none_lasts_for_ever(store: Store) -> None:
    await add_hotel(store)

    window = await added(store, "w1", NewWindow(room_id=ROOM, starts_at=later(-3600), ends_at=later(60)))

    assert window.starts_at == NOW
    for ends_at in (NOW, later(-1), NOW + timedelta(days=32)):
        with pytest.raises(NoWindow):
            await added(store, "w2", NewWindow(ends_at=ends_at))


async def test_a_window_that_is_ended_is_over_at_that_moment_and_one_to_come_never_was(store: Store) -> None:
    await add_hotel(store)
    await added(store, "runs", NewWindow(ends_at=later(3600)))
    await added(store, "comes", NewWindow(starts_at=later(7200), ends_at=later(9000)))

    for name in ("runs", "comes"):
        ended = await store.end_window(HOTEL, WindowId(name), by=INNWATCH, now=later(600))
        assert ended.state_at(later(600)) is WindowState.OVER
        assert await store.end_window(HOTEL, ended.id, by=INNWATCH, now=later(900)) == ended

    facts = await store.load_hotel(HOTEL)
    assert [(window.id, window.ends_at) for window in facts.windows] == [("runs", later(600))]
    assert len((await store.audit(HOTEL, deed=Deed.MAINTENANCE_ENDED)).items) == 2


async def test_one_that_is_over_by_itself_stays_as_it_is(store: Store) -> None:
    await add_hotel(store)
    window = await added(store, "w1", NewWindow(ends_at=later(60)))

    assert await store.end_window(HOTEL, window.id, by=INNWATCH, now=later(60)) == window


async def test_those_that_run_are_loaded_however_many_came_and_went_since(store: Store) -> None:
    await add_hotel(store)
    await added(store, "long", NewWindow(ends_at=later(86_400)))
    for number in range(110):
        name = WindowId(f"w{number}")
        await store.add_window(HOTEL, name, NewWindow(ends_at=later(3600)), by=INNWATCH, now=later(number))
        await store.end_window(HOTEL, name, by=INNWATCH, now=later(number + 0.5))

    windows = (await store.load_hotel(HOTEL)).windows

    assert windows[0].id == "long"
    assert windows[1].id == "w109"
    assert len(windows) == 100


async def test_a_hotel_has_so_many_that_are_not_over_and_no_more(store: Store) -> None:
    await add_hotel(store)
    for number in range(AT_MOST):
        await added(store, f"w{number}", NewWindow(ends_at=later(60)))

    with pytest.raises(TooManyWindows):
        await added(store, "one-more", NewWindow(ends_at=later(60)))
    await store.add_window(HOTEL, WindowId("later"), NewWindow(ends_at=later(90)), by=INNWATCH, now=later(60))


async def test_where_nothing_is_there_is_no_maintenance(store: Store) -> None:
    await add_hotel(store)

    for asked in (NewWindow(room_id=RoomId("9"), ends_at=later(9)), NewWindow(floor="attic", ends_at=later(9))):
        with pytest.raises(NotFound):
            await added(store, "w1", asked)
    with pytest.raises(NotFound):
        await store.end_window(HOTEL, WindowId("w1"), by=INNWATCH, now=NOW)


async def test_windows_come_in_pages_the_newest_first(store: Store) -> None:
    await add_hotel(store)
    for number in range(3):
        await added(store, f"w{number}", NewWindow(ends_at=later(60)))

    first = await store.maintenance(HOTEL, limit=2)
    rest = await store.maintenance(HOTEL, limit=2, cursor=first.next)

    assert [window.id for window in first.items + rest.items] == ["w2", "w1", "w0"]
