"""Policy: what a hotel, a room and a tablet decide, and what comes of it."""

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from rules.ids import DeviceId, RoomId
from rules.policy import DEFAULTS, NO_CHANGES, Policy, PolicyChanges, Profile
from store import INNWATCH, Deed, NotFound, SeenOtherwise, Store
from store.records import Room, RoomChanges
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, later
from tests.support import person

ROOM, TAB = RoomId("100"), DeviceId("tab-0")
HUSH = PolicyChanges(battery_low=5.0)


async def test_each_level_keeps_what_it_decides_and_inherits_the_rest(store: Store) -> None:
    await add_hotel(store)

    await store.put_policy(HOTEL, PolicyChanges(battery_low=30, sleep_longest=300), by=INNWATCH, now=NOW)
    await store.put_policy(HOTEL, PolicyChanges(rssi_floor=-65, battery_low=25), room_id=ROOM, by=INNWATCH, now=NOW)
    put = await store.put_policy(HOTEL, PolicyChanges(rssi_floor=-75), device_id=TAB, by=INNWATCH, now=NOW)

    assert (await store.policy(HOTEL)).own == PolicyChanges(profile=Profile.NORMAL, battery_low=30, sleep_longest=300)
    room = await store.policy(HOTEL, room_id=ROOM)
    assert (room.inherited.battery_low, room.effective.battery_low) == (30, 25)
    assert put == await store.policy(HOTEL, device_id=TAB)
    assert put.own == PolicyChanges(rssi_floor=-75)
    assert put.inherited == room.effective
    assert put.effective == replace(room.effective, rssi_floor=-75)


async def test_a_rooms_floor_and_profile_are_the_same_thing_by_either_way(store: Store) -> None:
    await add_hotel(store)

    await store.change_room(HOTEL, ROOM, RoomChanges(rssi_floor=-71, zone="east"), by=INNWATCH, now=NOW)
    await store.change_policy(HOTEL, PolicyChanges(profile=Profile.STRICT), room_id=ROOM, by=INNWATCH, now=NOW)

    assert (await store.policy(HOTEL, room_id=ROOM)).own == PolicyChanges(rssi_floor=-71, profile=Profile.STRICT)
    room = await store.room(HOTEL, ROOM)
    assert room is not None
    assert (room.rssi_floor, room.profile, room.zone, room.policy) == (-71, Profile.STRICT, "east", NO_CHANGES)
    put = await store.put_policy(HOTEL, NO_CHANGES, room_id=ROOM, by=INNWATCH, now=NOW)
    assert put.own == PolicyChanges(rssi_floor=-71)  # what was calibrated is given up by its name alone
    await store.change_policy(HOTEL, NO_CHANGES, unset=["rssi_floor"], room_id=ROOM, by=INNWATCH, now=NOW)
    assert (await store.policy(HOTEL, room_id=ROOM)).effective == DEFAULTS


async def test_what_is_not_named_in_a_change_stays(store: Store) -> None:
    await add_hotel(store)
    await store.put_policy(HOTEL, PolicyChanges(battery_low=30, rssi_floor=-70), device_id=TAB, by=INNWATCH, now=NOW)

    changed = await store.change_policy(
        HOTEL, PolicyChanges(bye_reboot=300), unset=["battery_low"], device_id=TAB, by=INNWATCH, now=NOW
    )

    assert changed.own == PolicyChanges(rssi_floor=-70, bye_reboot=300)


async def test_whoever_saw_another_policy_changes_nothing_and_learns_who_did(store: Store) -> None:
    await add_hotel(store)
    seen = (await store.policy(HOTEL, room_id=ROOM)).revision
    ann = person("ann")
    changed = await store.change_policy(HOTEL, HUSH, room_id=ROOM, if_revision=seen, by=ann, now=later(1))
    await store.put_policy(HOTEL, HUSH, device_id=DeviceId(TAB), by=person("eve"), now=later(2))
    await store.change_room(HOTEL, ROOM, RoomChanges(name="Corner"), by=person("eve"), now=later(3))

    for verb in (store.put_policy, store.change_policy):
        with pytest.raises(SeenOtherwise) as refused:
            await verb(HOTEL, NO_CHANGES, room_id=ROOM, if_revision=seen, by=INNWATCH, now=later(4))
        assert (refused.value.by, refused.value.at) == ("ann", later(1))

    assert await store.policy(HOTEL, room_id=ROOM) == changed
    kept = await store.change_policy(HOTEL, HUSH, room_id=ROOM, if_revision=changed.revision, by=INNWATCH, now=NOW)
    assert kept.revision == changed.revision


async def test_a_hotel_always_has_a_profile(store: Store) -> None:
    await add_hotel(store)

    await store.put_policy(HOTEL, PolicyChanges(profile=Profile.STRICT), by=INNWATCH, now=NOW)
    kept = await store.put_policy(HOTEL, PolicyChanges(battery_low=15), by=INNWATCH, now=NOW)

    assert kept.effective == Policy(profile=Profile.STRICT, battery_low=15)
    assert kept.inherited == DEFAULTS
    assert await store.change_policy(HOTEL, NO_CHANGES, unset=["profile"], by=INNWATCH, now=NOW) == kept
    assert (await store.hotel(HOTEL)).profile is Profile.STRICT


async def test_the_bridge_learns_of_a_policy_and_of_nothing_where_nothing_changed(store: Store) -> None:
    await add_hotel(store)
    before = (await store.load_hotel(HOTEL)).revision

    await store.put_policy(HOTEL, PolicyChanges(battery_low=30), device_id=TAB, by=INNWATCH, now=NOW)
    await store.put_policy(HOTEL, PolicyChanges(battery_low=30), device_id=TAB, by=INNWATCH, now=NOW)

    facts = await store.load_hotel(HOTEL)
    assert facts.revision == before + 1
    assert {row.device.id: row.device.policy.battery_low for row in facts.devices} == {TAB: 30, "tab-1": UNSET}


async def test_a_policy_follows_its_tablet_into_another_room(store: Store) -> None:
    await add_hotel(store)
    await store.put_policy(HOTEL, PolicyChanges(battery_low=30), device_id=TAB, by=INNWATCH, now=NOW)

    await store.move_device(HOTEL, TAB, room_id=RoomId("101"), by=INNWATCH, now=NOW)

    assert (await store.policy(HOTEL, device_id=TAB)).effective.battery_low == 30


async def test_the_audit_says_what_a_threshold_was_and_is(store: Store) -> None:
    await add_hotel(store)
    await store.put_policy(HOTEL, PolicyChanges(battery_low=30), room_id=ROOM, by=INNWATCH, now=NOW)
    await store.put_policy(HOTEL, PolicyChanges(profile=Profile.STRICT), room_id=ROOM, by=INNWATCH, now=NOW)

    newest, first = (await store.audit(HOTEL, deed=Deed.POLICY_CHANGED)).items

    assert first.detail == {"of": "room", "batteryLow": "inherited → 30 %"}
    assert newest.subject == ROOM
    assert newest.detail == {"of": "room", "profile": "inherited → strict", "batteryLow": "30 % → inherited"}


async def test_a_room_that_is_made_with_a_policy_has_it(store: Store) -> None:
    await add_hotel(store)
    suite = Room(id=RoomId("suite"), zone="west", policy=PolicyChanges(battery_low=40))

    await store.add_room(HOTEL, suite, by=INNWATCH, now=NOW)

    assert await store.room(HOTEL, suite.id) == suite


async def test_whoever_is_not_there_has_no_policy(store: Store) -> None:
    await add_hotel(store)
    await store.retire_device(HOTEL, TAB, by=INNWATCH, now=NOW)

    for place in ({"device_id": TAB}, {"device_id": DeviceId("nobody")}, {"room_id": RoomId("nowhere")}):
        with pytest.raises(NotFound):
            await store.put_policy(HOTEL, PolicyChanges(battery_low=30), by=INNWATCH, now=NOW, **place)


async def test_rooms_and_tablets_that_decide_otherwise_are_told_with_what_they_would_be_held_to(store: Store) -> None:
    for hotel in (HOTEL, OTHER):
        await add_hotel(store, hotel)
    await store.put_policy(HOTEL, PolicyChanges(battery_low=30), by=INNWATCH, now=NOW)
    assert await store.policy_exceptions(HOTEL) == []

    await store.put_policy(HOTEL, PolicyChanges(rssi_floor=-65), room_id=RoomId("101"), by=INNWATCH, now=NOW)
    strict = PolicyChanges(rssi_floor=-70, battery_low=30, profile=Profile.STRICT)
    await store.put_policy(HOTEL, strict, room_id=ROOM, by=INNWATCH, now=NOW)
    own = PolicyChanges(rssi_floor=-75, docked=True)
    await store.put_policy(HOTEL, own, device_id=TAB, by=INNWATCH, now=NOW)
    await store.put_policy(HOTEL, own, device_id=DeviceId("tab-1"), by=INNWATCH, now=NOW)
    await store.retire_device(HOTEL, DeviceId("tab-1"), by=INNWATCH, now=NOW)

    room, tablet = await store.policy_exceptions(HOTEL)
    assert (room.room_id, room.device_id, tablet.room_id, tablet.device_id) == (ROOM, None, ROOM, TAB)
    assert room.own == PolicyChanges(battery_low=30, profile=Profile.STRICT)
    assert room.inherited == PolicyChanges(battery_low=30, profile=Profile.NORMAL)
    assert (tablet.own, tablet.inherited) == (own, PolicyChanges(rssi_floor=-70, docked=False))
    assert await store.policy_exceptions(OTHER) == []
