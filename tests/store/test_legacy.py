"""The token that old tablets share: for whom it speaks, whose first token it fetches, and what it never does."""

import asyncio

import pytest

from rules.ids import DeviceId, RoomId
from rules.policy import Policy
from store import INNWATCH, Actor, ActorKind, Deed, Exists, HadToken, NotFound, Store, legacy
from store.records import Home, Room
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later

TAB = DeviceId("tab-0")
OLD = Actor(ActorKind.LEGACY, "shared token")


async def test_it_speaks_for_a_tablet_that_it_was_allowed_for_and_for_no_other(store: Store) -> None:
    await add_hotel(store)
    await add_hotel(store, OTHER)

    assert not await store.is_spoken_for(HOTEL, TAB)
    assert await store.let_shared_token_speak(HOTEL, TAB, allowed=True, by=INNWATCH, now=NOW)
    assert await store.is_spoken_for(HOTEL, TAB)
    assert not await store.is_spoken_for(HOTEL, DeviceId("tab-1"))
    assert not await store.is_spoken_for(OTHER, TAB)


async def test_what_is_ended_is_ended_and_said_twice_changes_nothing(store: Store) -> None:
    await add_hotel(store)
    await store.let_shared_token_speak(HOTEL, TAB, allowed=True, by=INNWATCH, now=NOW)

    assert await store.let_shared_token_speak(HOTEL, TAB, allowed=False, by=INNWATCH, now=NOW)
    assert not await store.let_shared_token_speak(HOTEL, TAB, allowed=False, by=INNWATCH, now=NOW)
    assert not await store.is_spoken_for(HOTEL, TAB)
    lines = (await store.audit(HOTEL, deed="device.legacy")).items
    assert [line.deed for line in lines] == [Deed.LEGACY_ENDED, Deed.LEGACY_ALLOWED]


async def test_it_speaks_for_nobody_in_a_hotel_that_is_suspended(store: Store) -> None:
    await add_hotel(store)
    await store.let_shared_token_speak(HOTEL, TAB, allowed=True, by=INNWATCH, now=NOW)

    await store.suspend_hotel(HOTEL, by=INNWATCH, now=NOW)

    assert not await store.is_spoken_for(HOTEL, TAB)
    with pytest.raises(NotFound):
        await store.take_first_token(HOTEL, TAB, expires_at=later(60), by=OLD, now=NOW)


async def test_a_tablet_that_nobody_knows_cannot_be_allowed(store: Store) -> None:
    await add_hotel(store)

    with pytest.raises(NotFound):
        await store.let_shared_token_speak(HOTEL, DeviceId("stranger"), allowed=True, by=INNWATCH, now=NOW)


async def test_it_fetches_the_first_token_and_never_a_second(store: Store) -> None:
    await add_hotel(store)
    await store.let_shared_token_speak(HOTEL, TAB, allowed=True, by=INNWATCH, now=NOW)

    device = await store.take_first_token(HOTEL, TAB, expires_at=later(60), by=OLD, now=NOW)

    assert (device.id, device.gen) == (TAB, 1)
    with pytest.raises(HadToken):
        await store.take_first_token(HOTEL, TAB, expires_at=later(60), by=OLD, now=NOW)
    (line,) = (await store.audit(HOTEL, deed=Deed.TOKEN_MINTED)).items
    assert (line.actor_kind, line.subject) == (ActorKind.LEGACY, TAB)


async def test_of_many_who_fetch_a_first_token_at_once_one_gets_it(store: Store, second: Store) -> None:
    await add_hotel(store)
    await store.let_shared_token_speak(HOTEL, TAB, allowed=True, by=INNWATCH, now=NOW)

    tries = [door.take_first_token(HOTEL, TAB, expires_at=later(60), by=OLD, now=NOW) for door in [store, second] * 4]
    done = await asyncio.gather(*tries, return_exceptions=True)

    assert sum(not isinstance(one, BaseException) for one in done) == 1
    assert sum(isinstance(one, HadToken) for one in done) == 7


async def test_it_fetches_none_for_a_tablet_that_it_may_not_speak_for(store: Store) -> None:
    await add_hotel(store)

    with pytest.raises(NotFound):
        await store.take_first_token(HOTEL, TAB, expires_at=later(60), by=OLD, now=NOW)


async def test_a_tablet_is_added_with_its_room_where_that_is_missing(store: Store) -> None:
    await add_hotel(store)
    attic = Room(id=RoomId("attic"), floor="9", access_points=("aa:bb:cc:00:00:99",), rssi_floor=-70.0)

    await store.quick_add(HOTEL, DeviceId("tab-9"), room=attic, shared_token=True, by=INNWATCH, now=NOW)
    await store.quick_add(HOTEL, DeviceId("tab-8"), room=Room(id=attic.id), shared_token=False, by=INNWATCH, now=NOW)

    assert await store.home(HOTEL, DeviceId("tab-8")) == Home(
        room_id=attic.id, access_points=attic.access_points, policy=Policy(rssi_floor=-70.0)
    )
    assert await store.is_spoken_for(HOTEL, DeviceId("tab-9"))
    assert not await store.is_spoken_for(HOTEL, DeviceId("tab-8"))


async def test_what_is_there_is_not_added_again_and_no_room_is_made_for_it(store: Store) -> None:
    await add_hotel(store)

    with pytest.raises(Exists):
        await store.quick_add(HOTEL, TAB, room=Room(id=RoomId("new")), shared_token=True, by=INNWATCH, now=NOW)

    assert "new" not in {room.id for room in (await store.rooms(HOTEL)).items}
    assert not await store.is_spoken_for(HOTEL, TAB)


async def test_strangers_are_listed_up_to_a_bound_and_known_ones_are_counted(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add_hotel(store)
    monkeypatch.setattr(legacy, "STRANGERS", 2)
    for seconds, name in enumerate(("a", "b", "c", "a")):
        await store.note_stranger(HOTEL, DeviceId(name), now=later(seconds))

    found = await store.orphans(HOTEL)
    assert [(one.device_id, one.count, one.last_at) for one in found] == [("a", 2, later(3)), ("b", 1, later(1))]
