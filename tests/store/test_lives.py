"""A tablet's life: tokens are noted, rooms and hardware change without losing anything, and an end is an end."""

from datetime import timedelta

import msgspec
import pytest

from rules.alerts import AlertStatus, Because, Condition
from rules.ids import DeviceId, EnrolmentId, RoomId
from rules.revoked import Revoked, Subject
from rules.state import DeviceState
from store import Exists, NotFound, Store
from store.records import Device, EventType, InboxKind, NoticeKind
from tests.store.given import HOTEL, MAIL, NOW, OTHER, add_hotel, batch, heartbeat, later, online, opened
from tests.support import person

ANN = person("ann")
TAB, SECOND, NEW = DeviceId("tab-0"), DeviceId("tab-1"), DeviceId("tab-new")


@pytest.fixture
async def tablet(store: Store) -> Device:
    (device, _) = await add_hotel(store, channels=[MAIL])
    return device


async def events(store: Store) -> list[tuple[str, object]]:
    found = await store.events_after(HOTEL, 2, limit=100)
    return [(event.type, msgspec.json.decode(event.data)) for event in found]


def void(name: DeviceId, gen: int, revision: int) -> Revoked:
    return Revoked(kind=Subject.DEVICE, hotel_id=HOTEL, name=name, gen=gen, revision=revision)


async def test_a_token_is_noted_with_the_tablet_and_the_bridge_learns_of_it(store: Store, tablet: Device) -> None:
    before = (await store.revisions())[HOTEL]

    noted = await store.note_token(HOTEL, TAB, expires_at=later(3600), by=ANN, now=NOW)

    assert (noted.gen, noted.token_issued_at, noted.token_expires_at) == (1, NOW, later(3600))
    (row, _) = (await store.load_hotel(HOTEL)).devices
    assert row.device == noted
    assert (await store.revisions())[HOTEL] == before + 1
    (line,) = (await store.audit(HOTEL, deed="token.")).items
    assert (line.actor, line.subject, line.detail) == ("ann", "tab-0", {"expiresAt": later(3600).isoformat()})


async def test_of_many_tokens_there_is_one_line(store: Store, tablet: Device) -> None:
    noted = await store.note_tokens(HOTEL, [TAB, SECOND], expires_at=later(60), by=ANN, now=NOW)

    assert [device.token_expires_at for device in noted] == [later(60)] * 2
    assert [row.device for row in (await store.load_hotel(HOTEL)).devices] == list(noted)
    (line,) = (await store.audit(HOTEL, deed="token.")).items
    assert (line.subject, line.detail["count"], line.detail["last"]) == (TAB, 2, SECOND)


async def test_none_of_many_is_noted_when_one_is_unknown(store: Store, tablet: Device) -> None:
    with pytest.raises(NotFound):
        await store.note_tokens(HOTEL, [TAB, NEW], expires_at=later(60), by=ANN, now=NOW)

    assert await store.find_device(HOTEL, TAB) == tablet


async def test_a_move_keeps_all_but_the_room(store: Store, tablet: Device) -> None:
    await store.apply(batch(heartbeat(tablet, "m-1"), states={tablet.key: online()}))

    moved = await store.move_device(HOTEL, TAB, room_id=RoomId("101"), by=ANN, now=later(1))
    await store.move_device(HOTEL, TAB, room_id=RoomId("101"), by=ANN, now=later(2))

    assert (moved.key, moved.gen, moved.room_id) == (tablet.key, 1, "101")
    assert await events(store) == [("device.moved", {"deviceId": "tab-0", "roomId": "101", "fromRoomId": "100"})]
    assert [row.id async for row in store.messages(HOTEL)] == ["m-1"]
    assert await store.revoked(0) == (0, ())
    (line,) = (await store.audit(HOTEL, deed="device.moved")).items
    assert line.detail == {"fromRoomId": "100", "roomId": "101"}


async def test_a_move_needs_a_tablet_and_a_room_of_the_hotel(store: Store, tablet: Device) -> None:
    await add_hotel(store, OTHER)

    for hotel_id, device_id, room_id in ((HOTEL, TAB, "attic"), (HOTEL, NEW, "101"), (OTHER, NEW, "101")):
        with pytest.raises(NotFound):
            await store.move_device(hotel_id, device_id, room_id=RoomId(room_id), by=ANN, now=NOW)


async def test_new_hardware_has_the_history_and_none_of_the_tokens(store: Store, tablet: Device) -> None:
    await store.apply(batch(heartbeat(tablet, "m-1"), states={tablet.key: online()}, changes=[opened(tablet)]))

    after = await store.replace_device(HOTEL, TAB, new_id=NEW, by=ANN, now=later(1))

    assert (after.key, after.id, after.gen, after.room_id) == (tablet.key, NEW, 2, tablet.room_id)
    assert await store.find_device(HOTEL, TAB) is None
    assert await store.find_device(HOTEL, NEW) == after
    row = await store.device(HOTEL, NEW)
    assert row is not None
    assert row.state == online()
    assert [alert.device_id for alert in await store.open_alerts(HOTEL)] == [NEW]
    assert {(one.name, one.gen) for one in (await store.revoked(0))[1]} == {(TAB, 2), (NEW, 2)}
    assert (await events(store))[-2:] == [
        ("device.removed", {"deviceId": "tab-0", "roomId": "100"}),
        ("device.added", {"deviceId": "tab-new", "roomId": "100"}),
    ]


async def test_new_hardware_may_have_the_old_name(store: Store, tablet: Device) -> None:
    after = await store.replace_device(HOTEL, TAB, new_id=TAB, by=ANN, now=later(1))

    assert (after.key, after.id, after.gen, after.revoked_at) == (tablet.key, TAB, 2, later(1))
    assert await events(store) == []
    assert await store.revoked(0) == (1, (void(TAB, 2, 1),))


async def test_new_hardware_takes_no_name_of_another(store: Store, tablet: Device) -> None:
    with pytest.raises(Exists):
        await store.replace_device(HOTEL, TAB, new_id=SECOND, by=ANN, now=NOW)

    assert await store.find_device(HOTEL, TAB) == tablet


async def test_whoever_gets_a_name_that_was_given_up_is_not_taken_for_who_had_it(store: Store, tablet: Device) -> None:
    await store.replace_device(HOTEL, TAB, new_id=NEW, by=ANN, now=later(1))

    later_one = await store.add_device(HOTEL, TAB, room_id=RoomId("100"), by=ANN, now=later(2))

    assert (later_one.gen, later_one.key != tablet.key) == (2, True)
    assert await store.find_device(HOTEL, TAB) == later_one
    voided = await store.replace_device(HOTEL, NEW, new_id=DeviceId("tab-third"), by=ANN, now=later(3))
    assert voided.gen == 3


async def test_a_retired_tablet_is_known_to_nobody_and_its_history_stays(store: Store, tablet: Device) -> None:
    await store.note_token(HOTEL, TAB, expires_at=later(3600), by=ANN, now=NOW)
    await store.apply(batch(heartbeat(tablet, "m-1"), states={tablet.key: online()}))

    retired = await store.retire_device(HOTEL, TAB, by=ANN, now=later(1))

    assert (retired.gen, retired.retired_at, retired.token_expires_at) == (2, later(1), None)
    assert await store.device(HOTEL, TAB) is None
    assert [row.device.id for row in (await store.load_hotel(HOTEL)).devices] == [SECOND]
    assert [row.id async for row in store.messages(HOTEL)] == ["m-1"]
    assert await store.revoked(0) == (1, (void(TAB, 2, 1),))
    assert (await events(store))[-1] == ("device.removed", {"deviceId": "tab-0", "roomId": "100"})


async def test_a_retired_tablet_is_not_added_again_but_enrolled(store: Store, tablet: Device) -> None:
    await store.retire_device(HOTEL, TAB, by=ANN, now=later(1))

    with pytest.raises(Exists, match="device tab-0 was retired: only an enrolment brings it back"):
        await store.add_device(HOTEL, TAB, room_id=RoomId("100"), by=ANN, now=later(2))


async def test_nothing_is_done_with_a_retired_tablet(store: Store, tablet: Device) -> None:
    await store.retire_device(HOTEL, TAB, by=ANN, now=later(1))

    with pytest.raises(NotFound):
        await store.retire_device(HOTEL, TAB, by=ANN, now=later(2))
    with pytest.raises(NotFound):
        await store.note_token(HOTEL, TAB, expires_at=later(60), by=ANN, now=later(2))
    with pytest.raises(NotFound):
        await store.move_device(HOTEL, TAB, room_id=RoomId("101"), by=ANN, now=later(2))
    with pytest.raises(NotFound):
        await store.replace_device(HOTEL, TAB, new_id=NEW, by=ANN, now=later(2))
    with pytest.raises(NotFound):
        await store.rename_device(HOTEL, TAB, name="x", by=ANN, now=later(2))
    with pytest.raises(NotFound):
        await store.leave(HOTEL, TAB, InboxKind.HEARTBEAT, b"{}", now=later(2))


async def test_what_was_open_of_a_retired_tablet_is_over_and_told_to_who_heard_of_it(
    store: Store, tablet: Device
) -> None:
    await store.apply(batch(states={tablet.key: online()}, changes=[opened(tablet)]))

    await store.retire_device(HOTEL, TAB, by=ANN, now=later(1))

    (alert,) = (await store.alerts(HOTEL)).items
    assert (alert.status, alert.condition, alert.resolved_at) == (
        AlertStatus.RESOLVED,
        Condition.CLEARED,
        later(1),
    )
    assert alert.why[-1].because is Because.DEVICE_REMOVED
    assert [line.kind for line in (await store.notifications(HOTEL)).items] == [NoticeKind.RECOVERED, NoticeKind.OPENED]
    assert [type_ for type_, _ in await events(store)] == [
        EventType.ALERT_OPENED,
        EventType.ALERT_CLEARED,
        EventType.DEVICE_REMOVED,
    ]
    assert [line.type for line in await store.timeline(HOTEL, alert.id)][-1] is EventType.ALERT_CLEARED


async def test_what_opened_in_the_moment_of_the_retirement_is_ended_later(store: Store, tablet: Device) -> None:
    await store.retire_device(HOTEL, TAB, by=ANN, now=later(1))
    await store.apply(batch(states={tablet.key: online()}, changes=[opened(tablet)]))
    assert len(await store.open_alerts(HOTEL)) == 1

    assert await store.end_alerts_of_retired(HOTEL, now=later(2)) == 1
    assert await store.end_alerts_of_retired(HOTEL, now=later(3)) == 0

    assert await store.open_alerts(HOTEL) == []


async def test_alerts_of_tablets_that_are_there_are_left_alone(store: Store, tablet: Device) -> None:
    await store.apply(batch(states={tablet.key: online()}, changes=[opened(tablet)]))

    assert await store.end_alerts_of_retired(HOTEL, now=later(2)) == 0

    assert len(await store.open_alerts(HOTEL)) == 1


async def test_one_that_comes_back_begins_anew(store: Store, tablet: Device) -> None:
    await store.apply(batch(states={tablet.key: online()}))
    await store.retire_device(HOTEL, TAB, by=ANN, now=later(1))
    await enrol_again(store)

    row = await store.device(HOTEL, TAB)
    assert row is not None
    assert (row.device.key, row.device.gen, row.state) == (tablet.key, 3, DeviceState())


async def enrol_again(store: Store) -> None:
    one = EnrolmentId("e1")
    await store.add_enrolment(
        HOTEL, one, code="7K3M9QXT2WPA", room_id=RoomId("100"), device_id=TAB, again=True, by=ANN, now=later(2)
    )
    await store.enrol(HOTEL, one, device_id=TAB, token_expires_at=later(3) + timedelta(days=30), by=ANN, now=later(3))


async def test_a_tablet_has_a_name_for_people(store: Store, tablet: Device) -> None:
    named = await store.rename_device(HOTEL, TAB, name="Garden, left wall", by=ANN, now=NOW)

    assert named.name == "Garden, left wall"
    assert await store.find_device(HOTEL, TAB) == named
    assert (await store.rename_device(HOTEL, TAB, name=None, by=ANN, now=NOW)).name is None
