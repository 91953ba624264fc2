"""Enrolment: a code is good once, for a while, for whom it was made for; a known tablet needs somebody's yes."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from rules.ids import DeviceId, EnrolmentId, HotelId, RoomId
from rules.revoked import Revoked, Subject
from store import Actor, ActorKind, EnrolmentRefused, NotFound, Store, Unusable
from store.enrolment import is_code, new_code
from store.records import Device, Enrolment, EnrolmentState, EventType, Room
from tests.store.given import HOTEL, NOW, OTHER, add_hotel, batch, later, online

ANN = Actor(ActorKind.USER, "ann", address="192.0.2.7", request_id="r-1")
CODE = "7K3M-9QXT-2WPA"
E1 = EnrolmentId("e1")
NEW, KNOWN, ROOM = DeviceId("tab-new"), DeviceId("tab-0"), RoomId("101")


def tablet(device_id: DeviceId) -> Actor:
    return Actor(ActorKind.DEVICE, device_id, address="192.0.2.8")


async def made(
    store: Store, *, device_id: DeviceId | None = None, again: bool = False, hotel_id: HotelId = HOTEL
) -> Enrolment:
    return await store.add_enrolment(
        hotel_id, E1, code=CODE, room_id=ROOM, device_id=device_id, again=again, by=ANN, now=NOW
    )


async def come(store: Store, device_id: DeviceId, *, room_id: RoomId | None = None, after: float = 60) -> Device | None:
    return await store.enrol(
        HOTEL,
        E1,
        device_id=device_id,
        room_id=room_id,
        token_expires_at=later(after) + timedelta(days=30),
        by=tablet(device_id),
        now=later(after),
    )


async def told(store: Store, *types: EventType) -> list[tuple[str, object]]:
    found = await store.events_after(HOTEL, 0, limit=100)
    return [(event.type, msgspec.json.decode(event.data)) for event in found if event.type in types]


async def refusal(store: Store, device_id: DeviceId, **how: object) -> Unusable:
    with pytest.raises(EnrolmentRefused) as refused:
        await come(store, device_id, **how)  # type: ignore[arg-type]
    return refused.value.why


@pytest.fixture
async def inn(store: Store) -> Store:
    await add_hotel(store)
    return store


@pytest.fixture
async def spoken(inn: Store) -> Device:
    """A tablet that has had a token."""
    return await inn.note_token(HOTEL, KNOWN, expires_at=later(3600), by=ANN, now=NOW)


async def test_a_tablet_that_nobody_knows_gets_its_place(inn: Store) -> None:
    await made(inn)

    device = await come(inn, NEW)

    assert device is not None
    assert (device.id, device.room_id, device.gen) == (NEW, ROOM, 1)
    assert (device.token_issued_at, device.token_expires_at) == (later(60), later(60) + timedelta(days=30))
    assert await inn.find_device(HOTEL, NEW) == device
    assert (await told(inn, EventType.DEVICE_ADDED))[-1] == (
        "device.added",
        {"deviceId": "tab-new", "roomId": "101"},
    )
    enrolment = await inn.enrolment(HOTEL, E1)
    assert enrolment is not None
    assert (enrolment.used_at, enrolment.enrolled_device_id) == (later(60), NEW)
    assert enrolment.state(later(60)) is EnrolmentState.USED


async def test_a_code_is_found_however_it_was_typed_and_is_nowhere_in_the_database(
    inn: Store, by_hand: Callable[[str], str]
) -> None:
    await made(inn)

    for typed in (CODE, "7k3m 9qxt 2wpa", "7K3M9QXT2WPA"):
        assert is_code(typed)
        assert await inn.enrolment_by_code(typed) == (HOTEL, E1)
    assert await inn.enrolment_by_code(new_code()) is None
    assert "9QXT" not in by_hand("SELECT * FROM enrolment")


def test_what_is_misread_is_the_same_code() -> None:
    assert is_code("oOiI-lL00-1111")
    for text in ("", "7K3M-9QXT", "7K3M-9QXT-2WPU", "7K3M-9QXT-2WPA-7", "é" * 12):
        assert not is_code(text)


async def test_a_code_is_used_once(inn: Store) -> None:
    await made(inn)
    await come(inn, NEW)

    assert await refusal(inn, NEW) is Unusable.USED
    assert await refusal(inn, DeviceId("tab-other")) is Unusable.USED


async def test_of_two_who_come_at_once_one_gets_in(inn: Store) -> None:
    await made(inn)

    ends = await asyncio.gather(*(come(inn, DeviceId(f"tab-{n}0")) for n in range(5)), return_exceptions=True)

    assert sum(isinstance(end, Device) for end in ends) == 1
    assert sum(isinstance(end, EnrolmentRefused) and end.why is Unusable.USED for end in ends) == 4


async def test_a_code_expires(inn: Store) -> None:
    await made(inn)

    assert await refusal(inn, NEW, after=15 * 60) is Unusable.EXPIRED
    assert await inn.find_device(HOTEL, NEW) is None


async def test_a_code_that_was_withdrawn_is_no_good(inn: Store) -> None:
    await made(inn)
    await inn.withdraw_enrolment(HOTEL, E1, by=ANN, now=later(1))
    await inn.withdraw_enrolment(HOTEL, E1, by=ANN, now=later(2))

    assert await refusal(inn, NEW) is Unusable.WITHDRAWN


async def test_what_was_used_cannot_be_withdrawn(inn: Store) -> None:
    await made(inn)
    await come(inn, NEW)

    with pytest.raises(EnrolmentRefused):
        await inn.withdraw_enrolment(HOTEL, E1, by=ANN, now=later(90))


async def test_a_code_for_one_tablet_is_no_good_for_another(inn: Store) -> None:
    await made(inn, device_id=NEW)

    assert await refusal(inn, DeviceId("tab-other")) is Unusable.FOREIGN
    assert await come(inn, NEW) is not None


async def test_a_tablet_that_believes_to_be_elsewhere_is_refused(inn: Store) -> None:
    await made(inn)

    assert await refusal(inn, NEW, room_id=RoomId("100")) is Unusable.FOREIGN
    assert await come(inn, NEW, room_id=ROOM) is not None


async def test_nobody_enrols_into_a_suspended_hotel(inn: Store) -> None:
    await made(inn)
    await inn.suspend_hotel(HOTEL, by=ANN, now=NOW)

    assert await refusal(inn, NEW) is Unusable.SUSPENDED


async def test_one_that_was_added_and_never_spoke_takes_its_place_without_asking(inn: Store) -> None:
    await made(inn)

    device = await come(inn, KNOWN)

    assert device is not None
    assert (device.gen, device.room_id) == (1, ROOM)
    assert await told(inn, EventType.DEVICE_MOVED) == [
        ("device.moved", {"deviceId": "tab-0", "roomId": "101", "fromRoomId": "100"})
    ]
    assert await inn.revoked(0) == (0, ())


async def test_a_known_tablet_waits_for_a_yes_keeps_its_history_and_voids_its_old_tokens(
    inn: Store, spoken: Device
) -> None:
    await inn.apply(batch(states={spoken.key: online()}))
    await made(inn)
    before = await inn.revisions()

    assert await come(inn, KNOWN, after=10) is None
    assert await come(inn, KNOWN, after=20) is None

    waiting = await inn.enrolment(HOTEL, E1)
    assert waiting is not None
    assert (waiting.state(later(20)), waiting.wanted_device_id, waiting.wanted_at) == (
        EnrolmentState.WAITING,
        KNOWN,
        later(10),
    )
    assert await inn.revisions() == before
    assert await inn.find_device(HOTEL, KNOWN) == spoken

    await inn.approve_enrolment(HOTEL, E1, by=ANN, now=later(30))
    device = await come(inn, KNOWN, after=40)

    assert device is not None
    assert (device.key, device.gen, device.revoked_at) == (spoken.key, 2, None)
    assert await inn.revoked(0) == (1, (Revoked(kind=Subject.DEVICE, hotel_id=HOTEL, name=KNOWN, gen=2, revision=1),))
    row = await inn.device(HOTEL, KNOWN)
    assert row is not None
    assert row.state == online()


async def test_one_that_only_spoke_is_known_too(inn: Store) -> None:
    (device, _) = (await inn.load_hotel(HOTEL)).devices
    await inn.apply(batch(states={device.device.key: online()}))
    await made(inn)

    assert await come(inn, KNOWN) is None


async def test_while_one_waits_the_code_is_no_good_for_others(inn: Store, spoken: Device) -> None:
    await made(inn)
    await come(inn, KNOWN, after=10)

    assert await refusal(inn, NEW) is Unusable.FOREIGN


async def test_a_yes_needs_somebody_who_waits(inn: Store) -> None:
    await made(inn)

    with pytest.raises(EnrolmentRefused) as refused:
        await inn.approve_enrolment(HOTEL, E1, by=ANN, now=later(1))

    assert refused.value.why is Unusable.NOBODY_WAITS


async def test_a_code_for_one_that_comes_again_asks_nobody(inn: Store, spoken: Device) -> None:
    await made(inn, device_id=KNOWN, again=True)

    device = await come(inn, KNOWN)

    assert device is not None
    assert (device.key, device.gen) == (spoken.key, 2)


async def test_a_code_for_whatever_comes_again_makes_nobody_the_tablet_of_another_room(
    inn: Store, spoken: Device
) -> None:
    await made(inn, again=True)  # for room 101; the tablet belongs to 100

    assert spoken.room_id != ROOM
    assert await come(inn, KNOWN) is None
    device = await inn.find_device(HOTEL, KNOWN)
    assert device is not None
    assert (device.gen, device.room_id) == (spoken.gen, spoken.room_id)


async def test_a_code_for_whatever_comes_again_takes_the_tablet_of_its_room(inn: Store, spoken: Device) -> None:
    await inn.move_device(HOTEL, KNOWN, room_id=ROOM, by=ANN, now=NOW)
    await made(inn, again=True)

    device = await come(inn, KNOWN)

    assert device is not None
    assert (device.key, device.gen) == (spoken.key, 2)


async def test_a_retired_tablet_comes_back_by_a_yes_with_its_history(inn: Store, spoken: Device) -> None:
    await inn.apply(batch(states={spoken.key: online()}))
    await inn.retire_device(HOTEL, KNOWN, by=ANN, now=later(1))
    await made(inn)

    assert await come(inn, KNOWN, after=10) is None
    await inn.approve_enrolment(HOTEL, E1, by=ANN, now=later(20))
    device = await come(inn, KNOWN, after=30)

    assert device is not None
    assert (device.key, device.gen, device.retired_at) == (spoken.key, 3, None)
    assert (await told(inn, EventType.DEVICE_ADDED))[-1] == ("device.added", {"deviceId": "tab-0", "roomId": "101"})


async def test_enrolments_are_listed_newest_first(inn: Store) -> None:
    for number in range(3):
        await inn.add_enrolment(
            HOTEL, EnrolmentId(f"e{number}"), code=new_code(), room_id=ROOM, by=ANN, now=later(number)
        )

    first = await inn.enrolments(HOTEL, limit=2)
    rest = await inn.enrolments(HOTEL, limit=2, cursor=first.next)

    assert [one.id for one in (*first.items, *rest.items)] == ["e2", "e1", "e0"]
    assert first.items[0].created_by == "ann"


async def test_an_enrolment_is_of_one_hotel(inn: Store) -> None:
    await add_hotel(inn, OTHER)
    await made(inn)

    assert await inn.enrolment(OTHER, E1) is None
    assert (await inn.enrolments(OTHER)).items == ()
    for deed in (inn.approve_enrolment, inn.withdraw_enrolment):
        with pytest.raises(NotFound):
            await deed(OTHER, E1, by=ANN, now=NOW)
    with pytest.raises(NotFound):
        await inn.enrol(OTHER, E1, device_id=NEW, token_expires_at=later(60), by=tablet(NEW), now=NOW)


async def test_an_enrolment_needs_a_room_of_the_hotel(inn: Store) -> None:
    await add_hotel(inn, OTHER)
    await inn.add_room(OTHER, Room(id=RoomId("attic")), by=ANN, now=NOW)

    with pytest.raises(NotFound, match="room attic"):
        await inn.add_enrolment(HOTEL, E1, code=CODE, room_id=RoomId("attic"), by=ANN, now=NOW)


async def test_each_step_stands_in_the_audit(inn: Store, spoken: Device) -> None:
    await made(inn)
    await come(inn, KNOWN, after=10)
    await inn.approve_enrolment(HOTEL, E1, by=ANN, now=later(20))
    await come(inn, KNOWN, after=30)

    lines = (await inn.audit(HOTEL, deed="enrolment.")).items
    (enrolled,) = (await inn.audit(HOTEL, deed="device.enrolled")).items
    assert [(line.deed, line.actor, line.subject) for line in lines] == [
        ("enrolment.approved", "ann", "e1"),
        ("enrolment.made", "ann", "e1"),
    ]
    assert (enrolled.actor_kind, enrolled.actor, enrolled.subject, enrolled.detail) == (
        ActorKind.DEVICE,
        "tab-0",
        "tab-0",
        {"enrolmentId": "e1", "roomId": "101", "known": True},
    )
